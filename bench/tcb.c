/* SPDX-License-Identifier: MIT
 *
 * What a thread control block of a fiber's own costs. tcb_made: per block, when there is none to be
 * had. tcb_reused: a fiber with one that was used before, less a fiber without. tcb_switch: a
 * yield between two fibers with their own, less one between two without. */
#include "bench/bench.h"
#include <gosling.h>

enum { MADE = 1000, SPAWNS = 20000, YIELDS = 300000 };

static int waits(void *arg)
{
    (void)arg;
    return go_yield();
}

static int yields(void *arg)
{
    (void)arg;
    for (int i = 0; i < YIELDS; i++)
        go_yield();
    return 0;
}

/* `times` times `fibers` fibers of one kind; nanoseconds of CPU time. */
static double round_of(int foreign, go_fn *fn, int times, int fibers)
{
    const go_spawn_opts opts = {.foreign = foreign};
    int64_t start = bench_cpu();

    for (int i = 0; i < times; i++) {
        int rc;

        GO_NURSERY(n, rc) {
            for (int k = 0; k < fibers; k++)
                go_spawn_with(n, &opts, fn, NULL);
        }
        if (rc < 0)
            bench_die("fiber", rc);
    }
    return (double)(bench_cpu() - start);
}

static int measure(void *arg)
{
    double reused[BENCH_ROUNDS], switched[BENCH_ROUNDS];

    (void)arg;
    bench_result("tcb_made", round_of(1, waits, 1, MADE) / MADE / 1000, "us");
    for (int i = 0; i < BENCH_ROUNDS; i++) {
        reused[i] =
            (round_of(1, waits, SPAWNS, 1) - round_of(-1, waits, SPAWNS, 1)) / SPAWNS / 1000;
        switched[i] = (round_of(1, yields, 1, 2) - round_of(-1, yields, 1, 2)) / YIELDS / 2;
    }
    bench_result("tcb_reused", bench_median(reused, BENCH_ROUNDS), "us");
    bench_result("tcb_switch", bench_median(switched, BENCH_ROUNDS), "ns");
    return 0;
}

int main(void)
{
    return go_run(measure, NULL) < 0;
}
