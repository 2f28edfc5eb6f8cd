/* SPDX-License-Identifier: MIT
 *
 * mutex_uncontended: lock and unlock, with nobody else about. mutex_handoff: two fibers that take
 * it in turns, one way: each unlock hands it to the other. */
#include "bench/bench.h"
#include <gosling.h>

enum { LOCKS = 2000000, TURNS = 200000 };

static double lock_round(go_mutex *m)
{
    int64_t start = bench_cpu();

    for (int i = 0; i < LOCKS; i++) {
        go_mutex_lock(m);
        go_mutex_unlock(m);
    }
    return (double)(bench_cpu() - start) / LOCKS;
}

static int contender(void *mutex)
{
    for (int i = 0; i < TURNS; i++) {
        go_mutex_lock(mutex);
        go_yield(); /* the other one asks for it meanwhile, and waits */
        go_mutex_unlock(mutex);
    }
    return 0;
}

static double handoff_round(go_mutex *m)
{
    int64_t start = bench_cpu();
    int rc;

    GO_NURSERY(n, rc) {
        go_spawn(n, contender, m);
        go_spawn(n, contender, m);
    }
    if (rc < 0)
        bench_die("contenders", rc);
    return (double)(bench_cpu() - start) / (2.0 * TURNS);
}

static int measure(void *arg)
{
    double lock[BENCH_ROUNDS], handoff[BENCH_ROUNDS];
    go_mutex m;

    (void)arg;
    go_mutex_init(&m, 0);
    for (int i = 0; i < BENCH_ROUNDS; i++) {
        lock[i] = lock_round(&m);
        handoff[i] = handoff_round(&m);
    }
    bench_result("mutex_uncontended", bench_median(lock, BENCH_ROUNDS), "ns");
    bench_result("mutex_handoff", bench_median(handoff, BENCH_ROUNDS), "ns");
    return 0;
}

int main(void)
{
    return go_run(measure, NULL) < 0;
}
