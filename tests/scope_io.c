/* SPDX-License-Identifier: MIT
 *
 * Section 4: the operations that may have moved a part when they are cancelled. */
#include "tests/kit.h"
#include <netinet/in.h>

static char big[1 << 20];

/* Reads what lies in fd, without waiting. */
static size_t drain(int fd)
{
    static char buf[1 << 16];
    size_t total = 0;
    ssize_t n;

    while ((n = recv(fd, buf, sizeof buf, MSG_DONTWAIT)) > 0)
        total += (size_t)n;
    return total;
}

LAW_VIRTUAL(write_some, "S4.16 a cancelled go_write_some says how much it has written")
{
    int fds[2], rc, err = 0;
    size_t done = 12345;

    CHECK_EQ(go_socketpair(fds), 0);
    GO_TIMEOUT(GO_MS, rc) {
        err = go_write_some(fds[0], big, sizeof big, &done); /* more than the socket takes */
    }
    CHECK_EQ(err, -ECANCELED);
    CHECK_EQ(rc, -ETIMEDOUT);
    CHECK(done > 0 && done < sizeof big);
    CHECK_EQ(drain(fds[1]), done);
    go_close(fds[0]);
    go_close(fds[1]);
}

LAW_VIRTUAL(write_some_before,
            "S4.16 cancelled before it began, go_write_some has written nothing, and says so")
{
    int fds[2], rc, err = 0;
    size_t done = 12345;

    CHECK_EQ(go_socketpair(fds), 0);
    GO_TIMEOUT(-1, rc) {
        err = go_write_some(fds[0], "abc", 3, &done);
    }
    CHECK_EQ(err, -ECANCELED);
    CHECK_EQ(done, 0);
    CHECK_EQ(drain(fds[1]), 0);
    CHECK_EQ(go_write_some(fds[0], "abc", 3, &done), 0);
    CHECK_EQ(done, 3);
    go_close(fds[0]);
    go_close(fds[1]);
}

LAW_VIRTUAL(write_all, "S4.16 a cancelled go_write_all may have written a part")
{
    int fds[2], rc, err = 0;
    size_t there;

    CHECK_EQ(go_socketpair(fds), 0);
    GO_TIMEOUT(GO_MS, rc) {
        err = go_write_all(fds[0], big, sizeof big);
    }
    CHECK_EQ(err, -ECANCELED);
    there = drain(fds[1]);
    CHECK(there > 0 && there < sizeof big);
    go_close(fds[0]);
    go_close(fds[1]);
}

LAW_VIRTUAL(read_exact, "S4.17 a cancelled go_read_exact may have read a part")
{
    char buf[10] = "";
    int fds[2], rc, err = 0;

    CHECK_EQ(go_socketpair(fds), 0);
    CHECK_EQ(go_write_all(fds[0], "abc", 3), 0);
    GO_TIMEOUT(GO_MS, rc) {
        err = go_read_exact(fds[1], buf, sizeof buf);
    }
    CHECK_EQ(err, -ECANCELED);
    CHECK_EQ(rc, -ETIMEDOUT);
    CHECK_EQ(drain(fds[1]), 0);
    CHECK_EQ(memcmp(buf, "abc", 3), 0);
    go_close(fds[0]);
    go_close(fds[1]);
}

LAW_VIRTUAL(read_keeps, "S4.14 a cancelled go_read has taken nothing")
{
    char buf[10] = "";
    int fds[2], rc;
    ssize_t n = 0;

    CHECK_EQ(go_socketpair(fds), 0);
    CHECK_EQ(go_write_all(fds[0], "abc", 3), 0);
    GO_TIMEOUT(0, rc) {
        n = go_read(fds[1], buf, sizeof buf);
    }
    CHECK_EQ(n, -ECANCELED);
    CHECK_EQ(drain(fds[1]), 3);
    go_close(fds[0]);
    go_close(fds[1]);
}

LAW_VIRTUAL(copy, "S4.17 a cancelled go_copy may have copied a part")
{
    int from[2], to[2], rc;
    int64_t err = 0;

    CHECK_EQ(go_socketpair(from), 0);
    CHECK_EQ(go_socketpair(to), 0);
    CHECK_EQ(go_write_all(from[0], "abc", 3), 0);
    GO_TIMEOUT(GO_MS, rc) {
        err = go_copy(from[1], to[0]); /* the end does not come */
    }
    CHECK_EQ(err, -ECANCELED);
    CHECK_EQ(rc, -ETIMEDOUT);
    CHECK_EQ(drain(to[1]), 3);
    for (int i = 0; i < 2; i++) {
        go_close(from[i]);
        go_close(to[i]);
    }
}

LAW_VIRTUAL(connect_cancelled,
            "S4.18 a cancelled go_connect leaves an fd that is only good for closing")
{
    struct sockaddr_in full = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), fds[64], rc, n = 0, last = 0;
    socklen_t len = sizeof full;

    CHECK_EQ(bind(listener, (struct sockaddr *)&full, sizeof full), 0);
    CHECK_EQ(listen(listener, 0), 0);
    getsockname(listener, (struct sockaddr *)&full, &len);
    while (n < 64 && last == 0) { /* its backlog fills, since nobody accepts; then a connect waits
                                   */
        fds[n] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        GO_TIMEOUT(GO_MS, rc) {
            rc = last = go_connect(fds[n], (struct sockaddr *)&full, sizeof full);
        }
        n++;
    }
    CHECK_EQ(last, -ECANCELED);
    CHECK_EQ(rc, -ETIMEDOUT);
    CHECK_EQ(fcntl(fds[n - 1], F_GETFL) & O_NONBLOCK, 0);
    while (n > 0)
        CHECK_EQ(go_close(fds[--n]), 0);
    close(listener);
}

TAP_MAIN
