/* SPDX-License-Identifier: MIT */
#include "core/sched.h"
#include <errno.h>
#include <gosling/breaker.h>
#include <gosling/error.h>

void go_breaker_init(go_breaker *b, unsigned limit, go_time cool_down)
{
    *b = (go_breaker){.limit = limit ? limit : 5,
                      .cool_down = cool_down > 0 ? cool_down : 30 * GO_SEC};
}

/* How much longer it is open; 0: a call may go through. */
static go_time open_for(const go_breaker *b, go_time now)
{
    go_time since = now - b->opened_at;

    if (b->failures < b->limit)
        return 0;
    if (since < b->cool_down)
        return b->cool_down - since;
    return b->probing ? 1 : 0;
}

bool go_breaker_is_open(const go_breaker *b)
{
    go_sched *s = sched_self();

    return s && open_for(b, sched_now(s)) > 0;
}

int go_breaker_call(go_breaker *b, go_fn *fn, void *arg)
{
    go_sched *s = sched_self();
    bool probe;
    go_time left;
    int rc;

    if (!s)
        return -ESHUTDOWN;
    left = open_for(b, sched_now(s));
    if (left > 0)
        return go_fail(EAGAIN,
                       "the circuit breaker is open after %u failures: asked again in %.3f s",
                       b->failures, (double)left / 1e9);
    probe = b->failures >= b->limit;
    b->probing |= probe;
    rc = fn(arg);
    if (probe)
        b->probing = false;
    if (rc >= 0) {
        b->failures = 0;
    } else if (rc != -ECANCELED && (probe || ++b->failures == b->limit)) {
        b->opened_at = sched_now(s);
    }
    return rc;
}
