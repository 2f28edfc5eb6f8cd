/* SPDX-License-Identifier: MIT
 *
 * connect_rate: connections made and closed per second of CPU, user and system, of the connecting
 * process: go_tcp_connect to a numeric loopback address, 32 fibers at once, against a raw epoll
 * connector with 32 descriptors in flight. The two take turns, and the ratio is the CPU per
 * connection, the median of the rounds'. A child on another core accepts and closes. Connections
 * end by the connector's reset (SO_LINGER 0): TIME_WAIT would use up the ports. */
#include "bench/bench.h"
#include <arpa/inet.h>
#include <errno.h>
#include <gosling.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { AT_ONCE = 32, CONNECTS = 3200 };

static struct sockaddr_in target = {.sin_family = AF_INET};
static char port[8];

/* Closing it will reset the connection. */
static void end_hard(int fd)
{
    struct linger now = {1, 0};

    setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

/* ---- who is connected to ---- */

static pid_t start_listener(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    socklen_t len = sizeof target;
    pid_t parent = getpid(), pid;

    target.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || bind(fd, (struct sockaddr *)&target, sizeof target) < 0 || listen(fd, 1024) < 0 ||
        getsockname(fd, (struct sockaddr *)&target, &len) < 0 || (pid = fork()) < 0)
        bench_die("listener", errno);
    snprintf(port, sizeof port, "%d", ntohs(target.sin_port));
    if (pid > 0) {
        close(fd);
        return pid;
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(1);
    bench_pin(1);
    for (;;) {
        int conn = accept(fd, NULL, NULL);

        if (conn >= 0)
            close(conn);
    }
}

/* ---- gosling ---- */

static int connector(void *arg)
{
    for (int i = 0; i < CONNECTS / AT_ONCE; i++) {
        int fd = go_tcp_connect("127.0.0.1", port, NULL);

        (void)arg;
        if (fd < 0)
            return fd;
        end_hard(fd);
        go_close(fd);
    }
    return 0;
}

static int round_of_ours(void *arg)
{
    int rc;

    GO_NURSERY(n, rc) {
        for (int i = 0; i < AT_ONCE; i++)
            go_spawn(n, connector, arg);
    }
    return rc;
}

/* ---- raw epoll ---- */

static int raw_begin(int epoll)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
    struct epoll_event e = {.events = EPOLLOUT, .data.fd = fd};

    if (fd < 0)
        return -errno;
    if (connect(fd, (struct sockaddr *)&target, sizeof target) < 0 && errno != EINPROGRESS)
        return -errno;
    return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e) < 0 ? -errno : 0;
}

static int raw_end(int fd)
{
    socklen_t len = sizeof(int);
    int err = 0;

    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len) < 0)
        return -errno;
    end_hard(fd);
    close(fd);
    return -err;
}

static int round_of_raw(void *arg)
{
    int epoll = epoll_create1(EPOLL_CLOEXEC), begun = 0, ended = 0, rc = 0;
    struct epoll_event events[AT_ONCE];

    (void)arg;
    while (rc == 0 && begun < AT_ONCE) {
        rc = raw_begin(epoll);
        begun++;
    }
    while (rc == 0 && ended < CONNECTS) {
        int n = epoll_wait(epoll, events, AT_ONCE, -1);

        for (int i = 0; rc == 0 && i < n; i++) {
            rc = raw_end(events[i].data.fd);
            ended++;
            if (rc == 0 && begun < CONNECTS) {
                rc = raw_begin(epoll);
                begun++;
            }
        }
    }
    close(epoll);
    return rc;
}

/* ---- rounds ---- */

static double cpu_each(go_fn *round)
{
    int64_t began = bench_cpu();
    int rc = round(NULL);

    if (rc < 0)
        bench_die("connect", rc);
    return (double)(bench_cpu() - began) / CONNECTS;
}

static int measure(void *arg)
{
    double ours[BENCH_ROUNDS], raw[BENCH_ROUNDS], ratio[BENCH_ROUNDS];

    (void)arg;
    cpu_each(round_of_ours);
    cpu_each(round_of_raw);
    for (int i = 0; i < BENCH_ROUNDS; i++) {
        /* each is first as often as the other: what follows on the other's heels may suffer */
        if (i % 2)
            raw[i] = cpu_each(round_of_raw);
        ours[i] = cpu_each(round_of_ours);
        if (i % 2 == 0)
            raw[i] = cpu_each(round_of_raw);
        ratio[i] = ours[i] / raw[i];
    }
    bench_ratio("connect_rate", 1e9 / bench_median(ours, BENCH_ROUNDS), "per_cpu_s",
                bench_median(ratio, BENCH_ROUNDS), "raw_epoll");
    bench_result("connect_raw_rate", 1e9 / bench_median(raw, BENCH_ROUNDS), "per_cpu_s");
    return 0;
}

int main(void)
{
    pid_t listener = start_listener();
    int rc;

    bench_pin(0);
    rc = go_run_with(&(go_run_opts){.watchdog = -1}, measure, NULL);
    kill(listener, SIGKILL);
    waitpid(listener, NULL, 0);
    return rc < 0;
}
