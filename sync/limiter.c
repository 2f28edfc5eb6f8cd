/* SPDX-License-Identifier: MIT */
#include "core/hold.h"
#include "sync/lot.h"
#include <errno.h>
#include <gosling/limiter.h>

void go_limiter_init(go_limiter *l, unsigned tokens, int flags)
{
    lot_init(&l->lot, flags, 0);
    l->tokens = tokens;
    l->lent = 0;
}

static void admit(go_limiter *l, struct lot_turn *t)
{
    struct wait *w;

    while (l->lent < l->tokens && (w = lot_pop(&l->lot.waiters, t))) {
        l->lent++;
        lot_win(&l->lot, t, w, 0);
    }
}

static void give_back(void *object, int how)
{
    go_limiter *l = object;
    struct lot_turn t;

    (void)how;
    lot_enter(&l->lot, &t, sched_self(), "go_limiter_release");
    l->lent--;
    admit(l, &t);
    lot_leave(&l->lot, &t);
}

static void limiter_describe(const struct wait *w, FILE *out)
{
    const go_limiter *l = w->object;

    fprintf(out, "a token of limiter %p, %u of %u lent", w->object, l->lent, l->tokens);
}

static const struct waitable limiter_waitable = {.name = "limiter",
                                                 .describe = limiter_describe,
                                                 .disarm = lot_disarm,
                                                 .lot = true};

int go_limiter_acquire(go_limiter *l)
{
    go_sched *s = sched_self();
    struct wait w = {.ops = &limiter_waitable, .object = l};
    struct go_hold *h;
    struct lot_turn t;
    int rc = s ? checkpoint(s) : l->lot.shared ? 0 : -ESHUTDOWN;

    if (rc < 0)
        return rc;
    if (hold_find(s, l))
        return -EDEADLK;
    h = hold_new(s);
    if (!h)
        return -ENOMEM;
    lot_enter(&l->lot, &t, s, "go_limiter_acquire");
    if (l->lent < l->tokens) { /* then nobody waits */
        l->lent++;
        lot_leave(&l->lot, &t);
    } else {
        rc = lot_wait(&l->lot, &l->lot.waiters, &w, &t, WAIT_CANCEL | PARK_LOCK);
    }
    if (rc == 0)
        hold_add(s, h, l, 0, give_back);
    else
        hold_unused(s, h);
    return rc;
}

int go_limiter_release(go_limiter *l)
{
    go_sched *s = sched_self();

    if (!s && !l->lot.shared)
        return -ESHUTDOWN;
    if (!hold_find(s, l))
        return -EPERM;
    hold_drop(s, l);
    give_back(l, 0);
    return 0;
}

void go_limiter_resize(go_limiter *l, unsigned tokens)
{
    struct lot_turn t;

    lot_enter(&l->lot, &t, sched_self(), "go_limiter_resize");
    l->tokens = tokens;
    admit(l, &t);
    lot_leave(&l->lot, &t);
}
