/* SPDX-License-Identifier: MIT */
#include "sync/lot.h"
#include "sync/waitables.h"
#include <errno.h>

#define SET(e) ((_Atomic bool *)&(e)->set)

void go_event_init(go_event *e, int flags)
{
    lot_init(&e->lot, flags, 0);
    e->set = false;
}

static int event_now(struct wait *w, struct lot_turn *t)
{
    (void)t;
    return ((go_event *)w->object)->set ? 0 : -EAGAIN;
}

static int event_commit(struct wait *w)
{
    return lot_commit(w, event_now);
}

static int event_arm(struct wait *w)
{
    return lot_arm(w, &((go_event *)w->object)->lot.waiters, event_now);
}

const struct waitable event_waitable = {
    .name = "event", .commit = event_commit, .arm = event_arm, .disarm = lot_disarm, .lot = true};

int go_event_wait(go_event *e)
{
    struct wait w = {.ops = &event_waitable, .object = e};
    struct lot_turn t;
    int rc = lot_begin(&e->lot, &t, "go_event_wait");

    if (rc < 0)
        return rc;
    if (!e->set)
        return lot_wait(&e->lot, &e->lot.waiters, &w, &t, WAIT_CANCEL);
    lot_leave(&e->lot, &t);
    return 0;
}

static void put(go_event *e, bool set)
{
    /* relaxed: for go_event_is_set alone, which orders nothing; the others have the lot's lock */
    atomic_store_explicit(SET(e), set, memory_order_relaxed);
}

void go_event_set(go_event *e)
{
    struct lot_turn t;
    struct wait *w;

    lot_enter(&e->lot, &t, sched_self(), "go_event_set");
    put(e, true);
    while ((w = lot_pop(&e->lot.waiters, &t)))
        lot_win(&e->lot, &t, w, 0);
    lot_leave(&e->lot, &t);
}

void go_event_clear(go_event *e)
{
    struct lot_turn t;

    lot_enter(&e->lot, &t, sched_self(), "go_event_clear");
    put(e, false);
    lot_leave(&e->lot, &t);
}

bool go_event_is_set(const go_event *e)
{
    return atomic_load_explicit((const _Atomic bool *)&e->set, memory_order_relaxed);
}
