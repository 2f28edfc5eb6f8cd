/* SPDX-License-Identifier: MIT
 *
 * Many connections at once, from a process of their own: 1,000 that stay, and 10,000 that come and
 * go while descriptors run out. */
#include "tests/net_kit.h"
#include <sys/epoll.h>

static int handled, live, most;

static int echoes(int fd, void *arg)
{
    char buf[256];
    ssize_t n;
    int rc = 0;

    (void)arg;
    handled++;
    most = ++live > most ? live : most;
    while (rc == 0 && (n = go_read(fd, buf, sizeof buf)) > 0)
        rc = go_write_all(fd, buf, (size_t)n);
    live--;
    return 0;
}

static int server(void *fd)
{
    return go_serve(*(int *)fd, echoes, NULL, NULL);
}

/* One client: says its number, and has it back. */
static bool asks(int fd, int number)
{
    int back = -1;

    return write(fd, &number, sizeof number) == sizeof number &&
           recv(fd, &back, sizeof back, MSG_WAITALL) == sizeof back && back == number;
}

static int thousand(int port)
{
    enum { COUNT = 1000, TIMES = 3 };
    static int fds[COUNT];
    int good = 0;

    for (int i = 0; i < COUNT; i++) {
        fds[i] = connect_local(port);
        if (fds[i] >= 0)
            fcntl(fds[i], F_SETFL, 0);
    }
    for (int t = 0; t < TIMES; t++)
        for (int i = 0; i < COUNT; i++)
            good += asks(fds[i], t * COUNT + i);
    for (int i = 0; i < COUNT; i++)
        end_hard(fds[i]);
    return good;
}

static int ten_thousand(int port)
{
    enum { COUNT = 10000, WIDTH = 200 };
    static int fds[WIDTH];
    int good = 0;

    for (int i = 0; i < COUNT + WIDTH; i++) {
        int *fd = &fds[i % WIDTH], number = i - WIDTH, back = -1;

        if (i >= WIDTH) {
            good += recv(*fd, &back, sizeof back, MSG_WAITALL) == sizeof back && back == number;
            end_hard(*fd);
        }
        if (i < COUNT) {
            while ((*fd = connect_local(port)) < 0)
                usleep(1000);
            fcntl(*fd, F_SETFL, 0);
            (void)!write(*fd, &i, sizeof i);
        }
    }
    return good;
}

/* What clients(port) returns in a process of its own. */
static int elsewhere(int (*clients)(int port), int port, pid_t *pid)
{
    int out[2];

    plain_pipe(out);
    *pid = fork();
    if (*pid == 0) {
        struct rlimit high;
        int good;

        getrlimit(RLIMIT_NOFILE, &high);
        high.rlim_cur = 4096; /* and no other maximum, which valgrind refuses */
        setrlimit(RLIMIT_NOFILE, &high);
        alarm(tap_patience(30));
        good = clients(port);
        (void)!write(out[1], &good, sizeof good);
        _exit(0);
    }
    close(out[1]);
    return out[0];
}

static void serve_them(int (*clients)(int port), int want)
{
    int port, fd = listen_local(&port), rc, in, good = -1, status;
    pid_t pid;

    handled = live = most = 0;
    in = elsewhere(clients, port, &pid);
    GO_NURSERY(n, rc) {
        go_spawn(n, server, &fd);
        CHECK_EQ(go_read_exact(in, &good, sizeof good), 1);
        go_nursery_cancel(n, NULL);
    }
    CHECK_EQ(good, want);
    waitpid(pid, &status, 0);
    close_both((int[]){in, fd});
}

LAW_REAL(stay, "S8.01 a thousand connections at once, each served")
{
    struct rlimit old, high = {4096, 4096};

    getrlimit(RLIMIT_NOFILE, &old);
    high.rlim_max = old.rlim_max;
    setrlimit(RLIMIT_NOFILE, &high);
    serve_them(thousand, 3000);
    CHECK_EQ(handled, 1000);
    CHECK_EQ(most, 1000);
    setrlimit(RLIMIT_NOFILE, &old);
}

LAW_REAL(
    come_and_go,
    "S8.24 ten thousand connections come and go while descriptors run out: every one is served")
{
    struct rlimit old, low;
    int copy, null;

    if (RUNNING_ON_VALGRIND) {
        TAP_SKIP("valgrind keeps the limit itself: it accepts, and then closes what is too many");
        return;
    }
    copy = dup(2);
    null = open("/dev/null", O_WRONLY);
    getrlimit(RLIMIT_NOFILE, &old);
    low = old;
    low.rlim_cur = 64;
    dup2(null, 2);
    setrlimit(RLIMIT_NOFILE, &low);
    serve_them(ten_thousand, 10000);
    setrlimit(RLIMIT_NOFILE, &old);
    dup2(copy, 2);
    close(copy);
    close(null);
    CHECK_EQ(handled, 10000);
    CHECK(most < 64);
}

TAP_MAIN
