/* SPDX-License-Identifier: MIT
 *
 * scope_deadline: a scope with a deadline, entered and left while nothing parks beneath it.
 * clock_reading: the part of it that nobody can save, since a relative time-out counts from now. */
#include "bench/bench.h"
#include <gosling.h>

enum { SCOPES = 200000 };

static double scope_round(void)
{
    int64_t start = bench_cpu();
    int rc;

    for (int i = 0; i < SCOPES; i++)
        GO_TIMEOUT(GO_SEC, rc) {
            __asm__ volatile("" ::: "memory");
        }
    return (double)(bench_cpu() - start) / SCOPES;
}

static double clock_round(void)
{
    int64_t start = bench_cpu();
    struct timespec t;

    for (int i = 0; i < SCOPES; i++)
        clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)(bench_cpu() - start) / SCOPES;
}

static int measure(void *arg)
{
    double scope[BENCH_ROUNDS], clock[BENCH_ROUNDS], ratio[BENCH_ROUNDS];

    (void)arg;
    for (int i = 0; i < BENCH_ROUNDS; i++) {
        scope[i] = scope_round();
        clock[i] = clock_round();
        ratio[i] = scope[i] / clock[i];
        go_yield();
    }
    bench_ratio("scope_deadline", bench_median(scope, BENCH_ROUNDS), "ns",
                bench_median(ratio, BENCH_ROUNDS), "clock_reading");
    bench_result("clock_reading", bench_median(clock, BENCH_ROUNDS), "ns");
    return 0;
}

int main(void)
{
    return go_run(measure, NULL) < 0;
}
