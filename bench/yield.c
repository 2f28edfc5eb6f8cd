/* SPDX-License-Identifier: MIT
 *
 * yield: two fibers that alternate through the scheduler, one way, against Boost.Context's raw
 * jump, which has no scheduler at all. Both run the same code, as the many fibers of a server do.
 * yield_unlike: they yield at different places, and the processor, which expects every return to go
 * where the last call came from, is wrong each time. */
#include "bench/bench.h"
#include <gosling.h>

enum { YIELDS = 500000, BOOST_STACK = 64 * 1024 };

/* ---- the peer ---- */

typedef struct {
    void *fctx;
    void *data;
} transfer_t;

extern transfer_t jump_fcontext(void *to, void *data);
extern void *make_fcontext(void *top, size_t size, void (*fn)(transfer_t));

static void jump_back(transfer_t from)
{
    for (;;)
        from = jump_fcontext(from.fctx, NULL);
}

static double boost_round(void)
{
    static _Alignas(64) char stack[BOOST_STACK];
    /* Made anew for each round, so that both sides have the same MXCSR: the raw jump always loads
     * it, and that takes 60 ns when only a sticky bit differs, which any arithmetic may set. */
    void *other = make_fcontext(stack + sizeof stack, sizeof stack, jump_back);
    int64_t start = bench_cpu();

    for (int i = 0; i < YIELDS; i++)
        other = jump_fcontext(other, NULL).fctx;
    return (double)(bench_cpu() - start) / (2.0 * YIELDS);
}

/* ---- ours ---- */

static int yielder(void *arg)
{
    (void)arg;
    for (int i = 0; i < YIELDS; i++)
        go_yield();
    return 0;
}

static int other_yielder(void *arg)
{
    (void)arg;
    for (int i = YIELDS; i > 0; i--)
        go_yield();
    return 0;
}

static double yield_round(go_fn *one, go_fn *two)
{
    int64_t start = bench_cpu();
    int rc;

    GO_NURSERY(n, rc) {
        go_spawn(n, one, NULL);
        go_spawn(n, two, NULL);
    }
    if (rc < 0)
        bench_die("yield", rc);
    return (double)(bench_cpu() - start) / (2.0 * YIELDS);
}

static int measure(void *arg)
{
    double boost[BENCH_ROUNDS], alike[BENCH_ROUNDS], unlike[BENCH_ROUNDS];
    double ratio[BENCH_ROUNDS], ratio_unlike[BENCH_ROUNDS];

    (void)arg;
    for (int i = 0; i < BENCH_ROUNDS; i++) {
        boost[i] = boost_round();
        alike[i] = yield_round(yielder, yielder);
        unlike[i] = yield_round(yielder, other_yielder);
        ratio[i] = alike[i] / boost[i];
        ratio_unlike[i] = unlike[i] / boost[i];
    }
    bench_ratio("yield", bench_median(alike, BENCH_ROUNDS), "ns", bench_median(ratio, BENCH_ROUNDS),
                "boost");
    bench_ratio("yield_unlike", bench_median(unlike, BENCH_ROUNDS), "ns",
                bench_median(ratio_unlike, BENCH_ROUNDS), "boost");
    bench_result("boost_jump", bench_median(boost, BENCH_ROUNDS), "ns");
    return 0;
}

int main(void)
{
    return go_run(measure, NULL) < 0;
}
