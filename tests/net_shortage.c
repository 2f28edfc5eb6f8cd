/* SPDX-License-Identifier: MIT
 *
 * go_serve: out of descriptors, out of memory. */
#include "tests/net_serve_kit.h"
#include "tests/probe.h"

/* Clients in a process of their own, since the limit is this one's: `count` of them connect, each
 * says "x" and wants it back; how many had it. */
static int clients(int port, int count, pid_t *pid)
{
    int out[2];

    plain_pipe(out);
    *pid = fork();
    if (*pid == 0) {
        struct rlimit high = {4096, 4096};
        int good = 0, fds[1200];
        char byte;

        setrlimit(RLIMIT_NOFILE, &high);
        alarm(tap_patience(20));
        for (int i = 0; i < count; i++) {
            fds[i] = connect_local(port);
            fcntl(fds[i], F_SETFL, 0);
            (void)!write(fds[i], "x", 1);
        }
        for (int i = 0; i < count; i++) {
            good += read(fds[i], &byte, 1) == 1;
            close(fds[i]);
        }
        (void)!write(out[1], &good, sizeof good);
        _exit(0);
    }
    close(out[1]);
    return out[0];
}

static int hush(void)
{
    int copy = dup(2), null = open("/dev/null", O_WRONLY);

    dup2(null, 2);
    close(null);
    return copy;
}

static void unhush(int copy)
{
    dup2(copy, 2);
    close(copy);
}

LAW_REAL(out_of_fds,
         "S8.24 out of descriptors, go_serve backs off, and recovers when there are some")
{
    struct rlimit old, low;
    int rc, in, good = 0, status, stderr_copy;
    pid_t pid;

    if (!probe_few_fds()) {
        TAP_SKIP(PROBE_NO_FEW_FDS);
        return;
    }
    prepare(echoes);
    getrlimit(RLIMIT_NOFILE, &old);
    GO_NURSERY(n, rc) {
        go_spawn(n, server, NULL);
        settle_io();
        in = clients(sv.port, 40, &pid);
        stderr_copy = hush();
        low = old;
        low.rlim_cur = (rlim_t)stderr_copy + 11; /* ten connections at once, about */
        setrlimit(RLIMIT_NOFILE, &low);
        CHECK_EQ(go_read_exact(in, &good, sizeof good), 1);
        setrlimit(RLIMIT_NOFILE, &old);
        unhush(stderr_copy);
        CHECK_EQ(good, 40);
        CHECK_EQ(sv.handled, 40);
        CHECK(sv.most < 20);
        CHECK_EQ(sv.result, NOT_YET);
        go_nursery_cancel(n, NULL);
    }
    waitpid(pid, &status, 0);
    close_both((int[]){in, sv.fd});
}

LAW_REAL(out_of_fds_idle,
         "S8.24 the same when no connection of its own ends: it goes on when the limit is raised")
{
    struct rlimit old, low;
    int rc, fd, stderr_copy;

    if (!probe_few_fds()) {
        TAP_SKIP(PROBE_NO_FEW_FDS);
        return;
    }
    prepare(echoes);
    getrlimit(RLIMIT_NOFILE, &old);
    GO_NURSERY(n, rc) {
        go_spawn(n, server, NULL);
        settle_io();
        fd = connect_local(sv.port);
        stderr_copy = hush();
        low = old;
        low.rlim_cur = (rlim_t)fd;
        setrlimit(RLIMIT_NOFILE, &low);
        settle_io();
        CHECK_EQ(sv.handled, 0);
        CHECK_EQ(sv.result, NOT_YET);
        setrlimit(RLIMIT_NOFILE, &old);
        unhush(stderr_copy);
        CHECK(answers(fd));
        close(fd);
        go_nursery_cancel(n, NULL);
    }
    go_close(sv.fd);
}

static int out_of_memory(void *arg)
{
    struct rlimit low;
    int rc, fd[64], good = 0;
    FILE *maps = fopen("/proc/self/statm", "r");
    unsigned long pages = 0;

    (void)arg;
    prepare(echoes);
    sv.opts.stack_size = 64 << 20;
    GO_NURSERY(n, rc) {
        go_spawn(n, server, NULL);
        settle_io();
        CHECK_EQ(fscanf(maps, "%lu", &pages), 1);
        fclose(maps);
        low.rlim_max = RLIM_INFINITY;
        low.rlim_cur = pages * 4096 + ((rlim_t)300 << 20); /* a few such stacks */
        setrlimit(RLIMIT_AS, &low);
        for (int i = 0; i < 20; i++)
            fd[i] = connect_local(sv.port);
        settle_io();
        CHECK(sv.handled < 20);
        for (int i = 0; i < 20; i++) {
            good += answers(fd[i]);
            close(fd[i]);
        }
        CHECK_EQ(good, 20);
        CHECK_EQ(sv.result, NOT_YET);
        go_nursery_cancel(n, NULL);
    }
    go_close(sv.fd);
    return 0;
}

static int out_of_memory_run(void *arg)
{
    return real_run(out_of_memory, arg);
}

LAW(no_stack, "S8.24 out of memory for stacks, go_serve backs off, and loses no connection")
{
    if (TAP_SANITIZED) {
        TAP_SKIP("address space is not only ours");
        return;
    }
    if (!probe_address_space()) {
        TAP_SKIP(PROBE_NO_ADDRESS_SPACE);
        return;
    }
    CHECK_EXITS(out_of_memory_run, NULL, 0);
    CHECK_HAS(kit_output, "gosling: go_serve: out of memory");
}

TAP_MAIN
