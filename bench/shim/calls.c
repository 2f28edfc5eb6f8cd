/* SPDX-License-Identifier: MIT
 *
 * What a call under the shim costs more than the bare system call, in nanoseconds of CPU time: a
 * recv that finds its byte: in a fiber by its symbol and by libc's own call site; and outside
 * of fibers. Rounds of the two take turns; the median of the rounds' differences. */
#include "bench/bench.h"
#include <dlfcn.h>
#include <gosling.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { BYTES = 20000 };

typedef ssize_t recv_fn(int fd, void *buf, size_t n, int flags);

#ifndef __x86_64__
#error "x86-64's instructions are below"
#endif

/* The bare system call, made here and now: a program that has one in its code is one that the shim
 * has to watch, which costs something itself. */
static recv_fn *bare(void)
{
    static const unsigned char code[] = {
        0x49, 0x89,         0xca,       /* mov %rcx, %r10 */
        0x45, 0x31,         0xc0,       /* xor %r8d, %r8d */
        0x45, 0x31,         0xc9,       /* xor %r9d, %r9d */
        0xb8, SYS_recvfrom, 0,    0, 0, /* mov $SYS_recvfrom, %eax */
        0x0f, 0x04 + 1,                 /* syscall */
        0xc3                            /* ret */
    };
    void *at = mmap(NULL, sizeof code, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (at == MAP_FAILED)
        exit(1);
    memcpy(at, code, sizeof code);
    if (mprotect(at, sizeof code, PROT_READ | PROT_EXEC) < 0)
        exit(1);
    return (recv_fn *)at;
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

static recv_fn *measured, *native;
static double took;

static int in_a_fiber(void *arg)
{
    (void)arg;
    took = round_of(measured);
    return 0;
}

/* The bare call always outside of fibers, where nothing stops it. */
static void measure(const char *name, recv_fn *fn, bool fiber)
{
    double more[BENCH_ROUNDS], peer[BENCH_ROUNDS];

    measured = fn;
    for (int i = 0; i < BENCH_ROUNDS; i++) {
        peer[i] = round_of(native);
        if (!fiber)
            in_a_fiber(NULL);
        else if (go_run(in_a_fiber, NULL) < 0)
            exit(1);
        more[i] = took - peer[i];
    }
    bench_result(name, bench_median(more, BENCH_ROUNDS), "ns");
}

int main(void)
{
    void *libc = dlopen("libc.so.6", RTLD_NOW | RTLD_NOLOAD);
    recv_fn *by_site = libc ? (recv_fn *)dlsym(libc, "recv") : NULL;

    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) < 0)
        return 1;
    native = bare();
    measure("shim_outside", recv, false);
    measure("shim_recv_ready", recv, true);
    if (by_site)
        measure("shim_site_ready", by_site, true);
    return 0;
}
