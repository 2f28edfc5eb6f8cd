/* SPDX-License-Identifier: MIT
 *
 * What the benchmarks share: CPU time, medians, and the one line that each result is printed on:
 *
 *     name value unit [ratio=R vs=PEER]
 *
 * Small things are measured in rounds of some milliseconds, in CPU time of the measuring thread, so
 * that whatever else runs on the machine disturbs little; with a peer, the two take turns, and the
 * ratio is the median of the rounds' ratios. */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { BENCH_ROUNDS = 15 };

static inline int64_t bench_clock(clockid_t clock)
{
    struct timespec t;

    clock_gettime(clock, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Nanoseconds of CPU, user and system, that this thread has used. */
static inline int64_t bench_cpu(void)
{
    return bench_clock(CLOCK_THREAD_CPUTIME_ID);
}

/* Nanoseconds that have passed. */
static inline int64_t bench_wall(void)
{
    return bench_clock(CLOCK_MONOTONIC);
}

static inline int bench_compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* The p-th part (0.5: the median) of v[0..n), which it sorts. */
static inline double bench_quantile(double *v, size_t n, double p)
{
    size_t i = (size_t)(p * (double)n);

    qsort(v, n, sizeof *v, bench_compare);
    return v[i < n ? i : n - 1];
}

static inline double bench_median(double *v, size_t n)
{
    return bench_quantile(v, n, 0.5);
}

/* Enough digits for a figure of any size. */
static inline int bench_digits(double value)
{
    return value == (double)(int64_t)value ? 0 : value < 1000 ? 3 : 1;
}

static inline void bench_result(const char *name, double value, const char *unit)
{
    printf("%s %.*f %s\n", name, bench_digits(value), value, unit);
    fflush(stdout);
}

static inline void bench_ratio(const char *name, double value, const char *unit, double ratio,
                               const char *peer)
{
    printf("%s %.*f %s ratio=%.3f vs=%s\n", name, bench_digits(value), value, unit, ratio, peer);
    fflush(stdout);
}

/* Keeps this process on one core, where there is more than one. */
static inline void bench_pin(int cpu)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    sched_setaffinity(0, sizeof set, &set);
}

_Noreturn static inline void bench_die(const char *what, int err)
{
    fprintf(stderr, "bench: %s: %s\n", what, strerror(err < 0 ? -err : err));
    exit(1);
}

#endif
