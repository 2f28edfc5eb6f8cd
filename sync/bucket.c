/* SPDX-License-Identifier: MIT
 *
 * The token bucket. Tokens are counted when somebody looks, not as time goes by. A waiter's time is
 * rounded up to a whole nanosecond; what comes in during the rest of it stays in the bucket, so
 * that the rate is exact in the long run. */
#include "sync/gate.h"
#include <errno.h>
#include <gosling/bucket.h>

/* An amount within this part of its size is there: sums of doubles are not exact. */
#define NEARLY 1e-12

static go_time bucket_due(const go_gate *g, double n)
{
    const go_bucket *b = list_entry(g, go_bucket, gate);
    double missing = n - b->tokens;
    go_time wait;

    if (missing <= n * NEARLY)
        return b->at;
    missing = missing * 1e9 / b->per_second;
    if (!(missing < (double)(GO_FOREVER - b->at) - 1))
        return GO_FOREVER;
    wait = (go_time)missing;
    return b->at + wait + ((double)wait < missing); /* rounded up */
}

/* Who waited has had its tokens when they were there, however late it is told: what came in since
 * then is the next one's. */
static void bucket_pass(go_gate *g, double n, go_time now, go_time due)
{
    go_bucket *b = list_entry(g, go_bucket, gate);

    go_time then = due < 0 ? now : due;

    if (then > b->at) {
        b->tokens += (double)(then - b->at) * b->per_second / 1e9;
        b->at = then;
    }
    if (due < 0 && b->tokens > b->burst) /* nothing overflows while somebody waits */
        b->tokens = b->burst;
    b->tokens = b->tokens > n ? b->tokens - n : 0;
}

static const struct gate_kind bucket_kind = {.name = "token bucket",
                                             .due = bucket_due,
                                             .pass = bucket_pass};

static double counted(double x)
{
    return x > 0 ? x : 0;
}

void go_bucket_init(go_bucket *b, double per_second, double burst)
{
    gate_init(&b->gate, &bucket_kind);
    b->per_second = counted(per_second);
    b->burst = b->tokens = counted(burst);
    b->at = 0;
}

int go_bucket_take(go_bucket *b, double n)
{
    if (!(n >= 0) || n > b->burst)
        return sched_self() ? -EINVAL : -ESHUTDOWN;
    return gate_pass(&b->gate, n, "go_bucket_take");
}
