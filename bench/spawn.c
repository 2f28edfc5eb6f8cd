/* SPDX-License-Identifier: MIT
 *
 * spawn_join: a nursery opened, one fiber spawned into it, run, and awaited by the close; its stack
 * comes from the pool. spawn_run: the same without the nursery's part, into one that stays open. */
#include "bench/bench.h"
#include <errno.h>
#include <gosling.h>

enum { SPAWNS = 200000 };

static int child(void *count)
{
    ++*(unsigned *)count;
    return 0;
}

static double join_round(unsigned *count)
{
    int64_t start = bench_cpu();

    for (int i = 0; i < SPAWNS; i++) {
        int rc;

        GO_NURSERY(n, rc) {
            go_spawn(n, child, count);
        }
    }
    return (double)(bench_cpu() - start) / SPAWNS;
}

static double run_round(go_nursery *n, unsigned *count)
{
    int64_t start = bench_cpu();

    for (int i = 0; i < SPAWNS; i++) {
        go_spawn(n, child, count);
        go_yield();
    }
    return (double)(bench_cpu() - start) / SPAWNS;
}

static int measure(void *arg)
{
    double join[BENCH_ROUNDS], run[BENCH_ROUNDS];
    unsigned count = 0;
    int rc;

    (void)arg;
    GO_NURSERY(n, rc) {
        for (int i = 0; i < BENCH_ROUNDS; i++) {
            join[i] = join_round(&count);
            run[i] = run_round(n, &count);
        }
    }
    if (rc == 0 && count != 2U * BENCH_ROUNDS * SPAWNS)
        return go_fail(EPROTO, "%u children ran", count);
    bench_result("spawn_join", bench_median(join, BENCH_ROUNDS), "ns");
    bench_result("spawn_run", bench_median(run, BENCH_ROUNDS), "ns");
    return rc;
}

int main(void)
{
    return go_run(measure, NULL) < 0;
}
