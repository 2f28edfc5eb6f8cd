/* SPDX-License-Identifier: MIT */
#include "sync/lot.h"
#include "sync/mutex.h"
#include <errno.h>
#include <gosling/cond.h>
#include <limits.h>

void go_cond_init(go_cond *c, int flags)
{
    lot_init(&c->lot, flags, 0);
}

static const struct waitable cond_waitable = {.name = "condition",
                                              .disarm = lot_disarm,
                                              .lot = true};

int go_cond_wait(go_cond *c, go_mutex *m)
{
    struct wait w = {.ops = &cond_waitable, .object = c};
    struct claim claim;
    struct lot_turn t;
    int rc = lot_begin(&c->lot, &t, "go_cond_wait"), locked;

    if (rc < 0)
        return rc;
    if (!mutex_is_mine(m, t.s)) {
        lot_leave(&c->lot, &t);
        return -EPERM;
    }
    lot_line_up(&c->lot, &c->lot.waiters, &w, &claim, &t);
    go_mutex_unlock(m); /* who locks it next, and notifies, finds us in line */
    rc = lot_sleep(&w, &t, WAIT_CANCEL);
    locked = mutex_lock_how(m, t.s, 0);
    return locked < 0 ? locked : rc;
}

void go_cond_notify(go_cond *c, unsigned n)
{
    struct lot_turn t;
    struct wait *w;

    lot_enter(&c->lot, &t, sched_self(), "go_cond_notify");
    for (; n > 0 && (w = lot_pop(&c->lot.waiters, &t)); n--)
        lot_win(&c->lot, &t, w, 0);
    lot_leave(&c->lot, &t);
}

void go_cond_notify_all(go_cond *c)
{
    go_cond_notify(c, UINT_MAX);
}
