/* SPDX-License-Identifier: MIT */
#include "core/hold.h"
#include "sync/lot.h"
#include <errno.h>
#include <gosling/once.h>
#include <limits.h>

enum { FRESH, RUNS, DONE, YOUR_TURN = INT_MIN };

#define STATE(o) ((_Atomic int *)&(o)->state)

static const struct waitable once_waitable = {.name = "once", .disarm = lot_disarm, .lot = true};

/* All zeroes are a lock that is free, and a line that has yet to be made. */
static void enter(go_once *o, struct lot_turn *t)
{
    *t = (struct lot_turn){.s = sched_self()};
    list_init(&t->won);
    lot_lock(&o->lot, t->s);
    if (unlikely(!o->lot.shared)) {
        o->lot.shared = true;
        list_init(&o->lot.waiters);
    }
}

static int run(go_once *o, go_fn *fn, void *arg)
{
    struct lot_turn t;
    struct wait *w;
    int rc;

    rc = fn(arg);
    enter(o, &t);
    if (rc == -ECANCELED) { /* it has not happened */
        w = lot_pop(&o->lot.waiters, &t);
        o->runner = w ? (uint64_t)w->arg : 0;
        if (w)
            lot_win(&o->lot, &t, w, YOUR_TURN);
        else
            o->state = FRESH;
    } else {
        o->result = rc;
        san_release(o);
        /* release: what fn did, and the result, come before whoever finds it done */
        atomic_store_explicit(STATE(o), DONE, memory_order_release);
        while ((w = lot_pop(&o->lot.waiters, &t)))
            lot_win(&o->lot, &t, w, rc);
    }
    lot_leave(&o->lot, &t);
    return rc;
}

int go_once_run(go_once *o, go_fn *fn, void *arg)
{
    go_sched *s = sched_self();
    uint64_t me;
    struct wait w = {.ops = &once_waitable, .object = o};
    struct lot_turn t;
    int rc = s ? checkpoint(s) : 0;

    if (rc < 0)
        return rc;
    if (likely(atomic_load_explicit(STATE(o), memory_order_acquire) == DONE)) {
        san_acquire(o);
        return o->result;
    }
    me = holder_self(s);
    enter(o, &t);
    if (o->state == RUNS && o->runner != me) {
        w.arg = (int64_t)me;
        rc = lot_wait(&o->lot, &o->lot.waiters, &w, &t, WAIT_CANCEL | PARK_LOCK);
        return rc == YOUR_TURN ? run(o, fn, arg) : rc;
    }
    if (o->state == FRESH) {
        o->state = RUNS;
        o->runner = me;
        lot_leave(&o->lot, &t);
        return run(o, fn, arg);
    }
    rc = o->state == DONE ? o->result : -EDEADLK;
    lot_leave(&o->lot, &t);
    return rc;
}
