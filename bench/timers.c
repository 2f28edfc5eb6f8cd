/* SPDX-License-Identifier: MIT
 *
 * timers [N]: N fibers (default: 100,000), each sleeps for a random part of a second, and then for
 * another.
 *   timer_early                 sleeps that ended before their time
 *   timer_burst_cpu             CPU until everybody has slept once, making the fibers included
 *   timer_steady_lateness_p99   by how much the second sleeps ended late */
#include "bench/bench.h"
#include <gosling.h>

static size_t sleepers = 100000;
static size_t early;
static size_t asleep;    /* in their first sleep */
static int64_t burst;    /* CPU when that is over for all */
static double *lateness; /* of the second sleeps, ms */
static size_t late_count;

/* Judged by the kernel's clock, not by gosling's idea of the time. Returns how late it was, ms. */
static double random_sleep(void)
{
    int64_t wanted = random() % GO_SEC, late;
    int64_t end = bench_wall() + wanted;

    go_sleep(wanted);
    late = bench_wall() - end;
    early += late < 0;
    return (double)late / 1e6;
}

static int sleeper(void *arg)
{
    (void)arg;
    random_sleep();
    if (--asleep == 0)
        burst = bench_cpu();
    lateness[late_count++] = random_sleep();
    return 0;
}

static int measure(void *arg)
{
    int64_t start = bench_cpu();
    int rc;

    (void)arg;
    GO_NURSERY(n, rc) {
        asleep = sleepers;
        for (size_t i = 0; rc == 0 && i < sleepers; i++) {
            rc = go_spawn(n, sleeper, NULL);
            go_checkpoint();
        }
    }
    if (rc < 0)
        bench_die("sleepers", rc);
    bench_result("timer_early", (double)early, "sleeps");
    bench_result("timer_burst_cpu", (double)(burst - start) / 1e9, "s");
    bench_result("timer_steady_lateness_p99", bench_quantile(lateness, late_count, 0.99), "ms");
    bench_result("timer_steady_lateness_max", lateness[late_count - 1], "ms");
    return early != 0;
}

int main(int argc, char **argv)
{
    if (argc > 1 && (sleepers = strtoull(argv[1], NULL, 10)) == 0) {
        fprintf(stderr, "usage: timers [number of fibers]\n");
        return 2;
    }
    lateness = calloc(sleepers, sizeof *lateness);
    return !lateness || go_run(measure, NULL) != 0;
}
