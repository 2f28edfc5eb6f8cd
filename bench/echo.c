/* SPDX-License-Identifier: MIT
 *
 * echo [--quick]: what serving costs. An echo server and a load generator, each a process on a core
 * of its own, 64 connections of 64 bytes in ping-pong. The servers: gosling's go_serve, raw
 * level-triggered epoll, raw libev; and raw epoll a second time, so that the noise between two
 * equal servers is seen beside the difference between two that are not. They take turns of 50 ms,
 * so that whatever else the machine does meets them alike, and after some turns are started anew,
 * so that nobody keeps the good or bad luck of where his memory lies.
 *
 * echo_cpu_per_request: the server's CPU, user and system, per request answered; the ratio is the
 * median of the rounds', each against the mean of that round's two raw ones. echo_rate and
 * echo_p99: as the load generator sees it. echo_raw_spread: how far the two raw ones are apart by
 * the same rule, which a difference must exceed to mean anything. echo_syscalls_per_request: from a
 * run of its own, since counting costs.
 *
 * With --quick: 1,000 connections, gosling and raw epoll, fewer rounds, the first lines only. */
#include "bench/bench.h"
#include "bench/calls.h"
#include "bench/load.h"
#include <ev.h>
#include <gosling.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

enum { SIZE = 64, BUFFER = 4096, EVENTS = 256 };

/* ---- the servers: each runs until it is killed ---- */

static int gosling_echo(int fd, void *arg)
{
    char buf[BUFFER];
    ssize_t n;
    int rc = 0;

    (void)arg;
    while (rc == 0 && (n = go_read(fd, buf, sizeof buf)) > 0)
        rc = go_write_all(fd, buf, (size_t)n);
    return n < 0 ? (int)n : rc;
}

static int gosling_serve(void *listener)
{
    return go_serve(*(int *)listener, gosling_echo, NULL, NULL);
}

static void gosling_server(int listener)
{
    go_run(gosling_serve, &listener);
}

/* False: the connection has ended. */
static bool raw_echo(int fd)
{
    char buf[BUFFER];
    ssize_t n = read(fd, buf, sizeof buf);

    return n > 0 ? write(fd, buf, (size_t)n) == n : n < 0 && errno == EAGAIN;
}

static int raw_accept(int listener)
{
    return accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

static void epoll_server(int listener)
{
    struct epoll_event events[EVENTS], e = {.events = EPOLLIN, .data.fd = listener};
    int epoll = epoll_create1(EPOLL_CLOEXEC), fd;

    epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &e);
    for (;;) {
        int n = epoll_wait(epoll, events, EVENTS, -1);

        for (int i = 0; i < n; i++) {
            fd = events[i].data.fd;
            if (fd != listener) {
                if (!raw_echo(fd))
                    close(fd);
            } else if ((fd = raw_accept(listener)) >= 0) {
                e.data.fd = fd;
                epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e);
            }
        }
    }
}

static void libev_readable(struct ev_loop *loop, ev_io *w, int events)
{
    (void)events;
    if (!raw_echo(w->fd)) {
        ev_io_stop(loop, w);
        close(w->fd);
        free(w);
    }
}

static void libev_acceptable(struct ev_loop *loop, ev_io *w, int events)
{
    int fd = raw_accept(w->fd);
    ev_io *conn = fd < 0 ? NULL : malloc(sizeof *conn);

    (void)events;
    if (!conn)
        return;
    ev_io_init(conn, libev_readable, fd, EV_READ);
    ev_io_start(loop, conn);
}

static void libev_server(int listener)
{
    struct ev_loop *loop = ev_loop_new(EVBACKEND_EPOLL | EVFLAG_NOENV);
    ev_io w;

    ev_io_init(&w, libev_acceptable, listener, EV_READ);
    ev_io_start(loop, &w);
    ev_run(loop, 0);
}

/* ---- a server in a process of its own ---- */

struct server {
    pid_t pid;
    int port;
    clockid_t cpu; /* its process's CPU clock */
};

static void server_start(struct server *s, void (*serve)(int listener))
{
    struct sockaddr_in at = {.sin_family = AF_INET};
    socklen_t len = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof at) < 0 || listen(fd, SOMAXCONN) < 0 ||
        getsockname(fd, (struct sockaddr *)&at, &len) < 0 || (s->pid = fork()) < 0)
        bench_die("server", errno);
    if (s->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        bench_pin(0);
        serve(fd);
        _exit(1);
    }
    close(fd);
    s->port = ntohs(at.sin_port);
    clock_getcpuclockid(s->pid, &s->cpu);
}

static void server_stop(struct server *s)
{
    kill(s->pid, SIGKILL);
    waitpid(s->pid, NULL, 0);
}

/* ---- system calls ---- */

enum { COUNTS = 9 };

struct call_count {
    _Atomic int phase; /* 0: warming up, 1: the window, 2: over */
    uint64_t requests;
    struct calls calls;
    struct calls_counters counters; /* -1: none, it is traced */
};

static void count_window(void *arg, bool begins)
{
    struct call_count *c = arg;
    struct calls now;

    c->phase = begins ? 1 : 2;
    if (c->counters.all < 0)
        return;
    calls_read(&c->counters, &now);
    c->calls.all = now.all - c->calls.all;
    c->calls.epoll_ctl = now.epoll_ctl - c->calls.epoll_ctl;
}

static void count_load(int port, struct call_count *c)
{
    static struct load l;

    l = (struct load){.port = port,
                      .connections = 64,
                      .seconds = 0.15,
                      .warm_up = 0.05,
                      .size = SIZE,
                      .reset = true,
                      .at = count_window,
                      .arg = c};
    if (load_open(&l) == 0)
        load_window(&l);
    load_close(&l);
    c->requests = l.requests;
    c->phase = 2;
}

/* A tracer can do nothing but wait for the traced, so that the load comes from one process more. */
static bool count_traced(const struct server *s, struct call_count *c)
{
    pid_t generator = fork();
    bool traced;

    if (generator < 0)
        bench_die("load", errno);
    if (generator == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        count_load(s->port, c);
        _exit(0);
    }
    traced = calls_trace(s->pid, &c->phase, &c->calls);
    waitpid(generator, NULL, 0);
    return traced;
}

/* Calls per request; 0: they cannot be counted here. */
static double count_calls(void (*serve)(int), double *epoll_ctls)
{
    struct call_count *c =
        mmap(NULL, sizeof *c, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct server s;
    double calls = 0;

    if (c == MAP_FAILED)
        bench_die("counting", errno);
    server_start(&s, serve);
    if (calls_open(&c->counters, s.pid)) {
        count_load(s.port, c);
    } else {
        calls_close(&c->counters);
        c->counters = (struct calls_counters){-1, -1};
        if (!count_traced(&s, c))
            c->requests = 0;
    }
    calls_close(&c->counters);
    server_stop(&s);
    if (c->requests) {
        calls = (double)c->calls.all / (double)c->requests;
        *epoll_ctls = (double)c->calls.epoll_ctl / (double)c->requests;
    }
    munmap(c, sizeof *c);
    return calls;
}

/* How many events a turn finds depends on how the two processes keep step. So: several runs, and of
 * each server's the one with the fullest turns. */
static void report_calls(void)
{
    double ours[COUNTS], raw[COUNTS], ctls[COUNTS], unused;

    for (int i = 0; i < COUNTS; i++) {
        ours[i] = count_calls(gosling_server, &ctls[i]);
        raw[i] = count_calls(epoll_server, &unused);
        if (ours[i] == 0 || raw[i] == 0) {
            fputs("echo: system calls not counted: no tracepoints, no ptrace\n", stderr);
            return;
        }
    }
    bench_ratio("echo_syscalls_per_request", bench_quantile(ours, COUNTS, 0), "calls",
                bench_quantile(ours, COUNTS, 0) / bench_quantile(raw, COUNTS, 0), "raw_epoll");
    bench_result("echo_epoll_ctl_per_request", bench_median(ctls, COUNTS), "calls");
}

/* ---- rounds ---- */

enum { OURS, RAW, RAW_AGAIN, LIBEV, CONTESTANTS };
enum { MOST_ROUNDS = 100 };

static struct contestant {
    const char *name;
    void (*serve)(int listener);
    struct server server;
    struct load load;
    int64_t cpu_mark;
    double cpu[MOST_ROUNDS]; /* ns per request */
    double rate[MOST_ROUNDS];
    double p99[MOST_ROUNDS];
    double ratio[MOST_ROUNDS];
} contestants[CONTESTANTS] = {{.name = "gosling", .serve = gosling_server},
                              {.name = "raw epoll", .serve = epoll_server},
                              {.name = "raw epoll again", .serve = epoll_server},
                              {.name = "raw libev", .serve = libev_server}};

static void mark_cpu(void *arg, bool begins)
{
    struct contestant *c = arg;

    c->cpu_mark = bench_clock(c->server.cpu) - (begins ? 0 : c->cpu_mark);
}

static void contestant_start(struct contestant *c, unsigned connections)
{
    int rc;

    server_start(&c->server, c->serve);
    c->load = (struct load){.port = c->server.port,
                            .connections = connections,
                            .size = SIZE,
                            .warm_up = 0.01,
                            .seconds = 0.05,
                            .reset = true,
                            .at = mark_cpu,
                            .arg = c};
    rc = load_open(&c->load);
    if (rc < 0)
        bench_die("connections", rc);
}

static void contestant_run(struct contestant *c, int round)
{
    struct load *l = &c->load;

    for (int tries = 0; tries < 100; tries++) {
        load_window(l);
        if (l->errors || l->requests)
            break; /* else somebody else had the core all the time */
    }
    if (l->errors || !l->requests) {
        fprintf(stderr, "echo: %s: %llu requests, %llu errors\n", c->name,
                (unsigned long long)l->requests, (unsigned long long)l->errors);
        exit(1);
    }
    c->cpu[round] = (double)c->cpu_mark / (double)l->requests;
    c->rate[round] = (double)l->requests / l->elapsed;
    c->p99[round] = l->p99;
}

static void run_round(int round, int count)
{
    double raw;

    for (int i = 0; i < count; i++)
        contestant_run(&contestants[(i + round) % count], round); /* nobody is always first */
    raw = (contestants[RAW].cpu[round] + contestants[RAW_AGAIN].cpu[round]) / 2;
    for (int i = 0; i < count; i++)
        contestants[i].ratio[round] = contestants[i].cpu[round] / raw;
}

static void run_rounds(int generations, int rounds, int count, unsigned connections)
{
    for (int g = 0; g < generations; g++) {
        for (int i = 0; i < count; i++)
            contestant_start(&contestants[i], connections);
        for (int i = 0; i < rounds; i++)
            run_round(g * rounds + i, count);
        for (int i = 0; i < count; i++) {
            load_close(&contestants[i].load);
            server_stop(&contestants[i].server);
        }
    }
}

static void report(const char *what, double *ours, double *raw, const char *unit, size_t n)
{
    double x = bench_median(ours, n);

    bench_ratio(what, x, unit, x / bench_median(raw, n), "raw_epoll");
}

int main(int argc, char **argv)
{
    struct contestant *c = contestants;
    bool quick = argc > 1 && strcmp(argv[1], "--quick") == 0;
    int generations = quick ? 4 : 8, rounds = quick ? 7 : 12;
    size_t n = (size_t)(generations * rounds);
    double apart;

    load_raise_fd_limit();
    bench_pin(1); /* the servers go to 0; with one core, both calls fail and change nothing */
    run_rounds(generations, rounds, quick ? LIBEV : CONTESTANTS, quick ? 1000 : 64);

    bench_ratio("echo_cpu_per_request", bench_median(c[OURS].cpu, n), "ns",
                bench_median(c[OURS].ratio, n), "raw_epoll");
    apart = 200 * (bench_median(c[RAW].ratio, n) - 1);
    bench_result("echo_raw_spread", apart < 0 ? -apart : apart, "%");
    if (quick)
        return 0;
    bench_ratio("echo_cpu_libev", bench_median(c[LIBEV].cpu, n), "ns",
                bench_median(c[LIBEV].ratio, n), "raw_epoll");
    bench_result("echo_cpu_raw", bench_median(c[RAW].cpu, n), "ns");
    report("echo_rate", c[OURS].rate, c[RAW].rate, "req/s", n);
    report("echo_p99", c[OURS].p99, c[RAW].p99, "us", n);
    report_calls();
    return 0;
}
