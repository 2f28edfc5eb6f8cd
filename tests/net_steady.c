/* SPDX-License-Identifier: MIT
 *
 * What a request costs in system calls. libev calls epoll_ctl by its name, and so finds this
 * program's. */
#include "tests/net_kit.h"
#include <sys/epoll.h>
#include <sys/syscall.h>

static int controls; /* calls of epoll_ctl */

int epoll_ctl(int epfd, int op, int fd, struct epoll_event *event)
{
    controls++;
    return (int)syscall(SYS_epoll_ctl, epfd, op, fd, event);
}

enum { PAIRS = 16, ROUNDS = 50 };

static int pairs[PAIRS][2], requests;

static int echoes(void *arg)
{
    int fd = *(int *)arg;
    char buf[256];
    ssize_t n;
    int rc = 0;

    while (rc == 0 && (n = go_read(fd, buf, sizeof buf)) > 0)
        rc = go_write_all(fd, buf, (size_t)n);
    return 0;
}

static int asks(void *arg)
{
    int fd = *(int *)arg;
    char buf[256];

    for (int i = 0; i < ROUNDS; i++) {
        CHECK_EQ(go_write(fd, "hello", 5), 5);
        CHECK_EQ(go_read(fd, buf, sizeof buf), 5);
        requests++;
    }
    return 0;
}

LAW_VIRTUAL(no_epoll_ctl, "S8.27 no system call re-registers an fd in the steady state: one "
                          "epoll_ctl per fd, whatever the requests")
{
    int all, rc;

    controls = requests = 0;
    for (int i = 0; i < PAIRS; i++)
        CHECK_EQ(go_socketpair(pairs[i]), 0);
    GO_NURSERY(servers, all) {
        for (int i = 0; i < PAIRS; i++)
            go_spawn(servers, echoes, &pairs[i][0]);
        GO_NURSERY(clients, rc) {
            for (int i = 0; i < PAIRS; i++)
                go_spawn(clients, asks, &pairs[i][1]);
        }
        go_nursery_cancel(servers, NULL);
    }
    CHECK_EQ(requests, PAIRS * ROUNDS);
    CHECK(controls >= PAIRS);
    CHECK(controls <= 2 * PAIRS + 4);
    for (int i = 0; i < PAIRS; i++)
        close_both(pairs[i]);
}

LAW_REAL(disarmed,
         "S8.27 an event that nobody waits for ends the registration, and the next wait renews it")
{
    int fds[2], rc;
    struct call c;

    CHECK_EQ(go_socketpair(fds), 0);
    for (int i = 0; i < 3; i++) {
        c = CALL(fds[0]);
        GO_NURSERY(n, rc) {
            go_spawn(n, reads, &c);
            settle_io();
            CHECK_EQ(c.result, NOT_YET);
            put(fds[1], "abc");
        }
        CHECK_EQ(c.result, 3);
        put(fds[1], "def"); /* nobody waits */
        controls = 0;
        settle_io();
        settle_io();
        CHECK(controls >= 1 && controls <= 2);
        CHECK_EQ(go_read(fds[0], c.buf, 9), 3);
    }
    close_both(fds);
}

LAW_VIRTUAL(
    drained,
    "S8.27 after a short read the next one waits without trying, and sees what comes, and the end")
{
    int fds[2], rc;
    struct call c;

    for (int kind = 0; kind < 2; kind++) {
        CHECK_EQ(kind ? go_pipe(fds) : go_socketpair(fds), 0);
        put(fds[1], "abc");
        c = CALL(fds[0]);
        CHECK_EQ(go_read(fds[0], c.buf, 64), 3); /* short */
        put(fds[1], "d");
        CHECK_EQ(go_read(fds[0], c.buf, 64), 1); /* what came before the wait */
        GO_NURSERY(n, rc) {
            go_spawn(n, reads, &c);
            settle_io();
            CHECK_EQ(c.result, NOT_YET);
            put(fds[1], "ef");
        }
        CHECK_EQ(c.result, 2);
        put(fds[1], "g");
        go_close(fds[1]);
        CHECK_EQ(go_read(fds[0], c.buf, 64), 1);
        CHECK_EQ(go_read(fds[0], c.buf, 64), 0);
        CHECK_EQ(go_read(fds[0], c.buf, 64), 0);
        go_close(fds[0]);
    }
}

TAP_MAIN
