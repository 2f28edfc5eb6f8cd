/* SPDX-License-Identifier: MIT */
#include "core/sched.h"
#include "core/scope.h"
#include <gosling/fiber.h>

int go_checkpoint(void)
{
    return checkpoint(sched_self());
}

int go_checkpoint_cancelled(void)
{
    go_sched *s = sched_self();

    if (!s)
        return -ESHUTDOWN;
    if (s->current->alarm != GO_FOREVER && scope_due(s->current, sched_now(s)))
        return scope_deliver(s->current);
    return 0;
}

int go_checkpoint_shielded(void)
{
    go_sched *s = sched_self();

    if (!s)
        return -ESHUTDOWN;
    sched_yield_now(s);
    return 0;
}

/* ---- sleeping ---- */

static void sleep_describe(const struct wait *w, FILE *out)
{
    if (w->fiber->until == GO_FOREVER)
        fputs("cancellation only: it sleeps for ever", out);
    else
        fprintf(out, "its sleep of %.3f s more",
                (double)(w->fiber->until - w->fiber->sched->now) / 1e9);
}

static void sleep_disarm(struct wait *w)
{
    (void)w;
}

static const struct waitable sleep_waitable = {.name = "sleep",
                                               .disarm = sleep_disarm,
                                               .describe = sleep_describe};

static int sleep_until_time(go_sched *s, go_time now, go_time until)
{
    struct wait w = {.ops = &sleep_waitable};
    int rc;

    if (until <= now)
        return go_yield();
    rc = checkpoint(s);
    if (rc < 0)
        return rc;
    rc = wait_park(&w, 1, WAIT_CANCEL | PARK_SLEEP, until);
    return rc == -ETIMEDOUT ? 0 : rc;
}

int go_sleep(go_time ns)
{
    go_sched *s = sched_self();
    go_time now;

    if (!s)
        return -ESHUTDOWN;
    now = sched_now(s);
    return sleep_until_time(s, now, ns < GO_FOREVER - now ? now + ns : GO_FOREVER);
}

int go_sleep_until(go_time t)
{
    go_sched *s = sched_self();

    return s ? sleep_until_time(s, sched_now(s), t) : -ESHUTDOWN;
}
