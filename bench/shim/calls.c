/* SPDX-License-Identifier: MIT
 *
 * What a call under the shim costs more than the bare system call, in nanoseconds of CPU time: a
 * recv that finds its byte, in a fiber by its symbol and by libc's own call site, and outside of
 * fibers. Rounds of the two take turns; the median of the rounds' differences. */
#include "bench/bench.h"
#include "syscall.h"
#include <dlfcn.h>
#include <gosling.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { BYTES = 20000 };

typedef ssize_t recv_fn(int fd, void *buf, size_t n, int flags);

static ssize_t bare(int fd, void *buf, size_t n, int flags)
{
    return arch_syscall6(SYS_recvfrom, fd, (long)buf, (long)n, flags, 0, 0);
}

static int ends[2];

/* Nanoseconds a byte. */
static double round_of(recv_fn *fn)
{
    static char text[BYTES];
    int64_t began;
    char c;

    for (size_t done = 0; done < BYTES;) {
        ssize_t n = write(ends[1], text + done, BYTES - done);

        if (n < 0)
            exit(1);
        done += (size_t)n;
    }
    began = bench_cpu();
    for (int i = 0; i < BYTES; i++)
        if (fn(ends[0], &c, 1, 0) != 1)
            exit(1);
    return (double)(bench_cpu() - began) / BYTES;
}

static void measure(const char *name, recv_fn *fn)
{
    double more[BENCH_ROUNDS], peer[BENCH_ROUNDS];

    for (int i = 0; i < BENCH_ROUNDS; i++) {
        peer[i] = round_of(bare);
        more[i] = round_of(fn) - peer[i];
    }
    bench_result(name, bench_median(more, BENCH_ROUNDS), "ns");
}

static recv_fn *by_site;

static int in_a_fiber(void *arg)
{
    (void)arg;
    measure("shim_recv_ready", recv);
    if (by_site)
        measure("shim_site_ready", by_site);
    return 0;
}

int main(void)
{
    void *libc = dlopen("libc.so.6", RTLD_NOW | RTLD_NOLOAD);

    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) < 0)
        return 1;
    by_site = libc ? (recv_fn *)dlsym(libc, "recv") : NULL;
    measure("shim_outside", recv);
    return go_run(in_a_fiber, NULL) < 0;
}
