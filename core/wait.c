/* SPDX-License-Identifier: MIT */
#include "core/wait.h"
#include "core/claim.h"
#include "core/sched.h"
#include "core/scope.h"
#include "core/switch.h"
#include <errno.h>

static inline void disarm(struct wait *w)
{
    if (w->ops->disarm)
        w->ops->disarm(w);
    else
        list_remove(&w->link);
}

/* f's park is over: it takes no part in the outside any more, and can be made ready. */
static inline void unpark(fiber *f, enum fiber_wake why)
{
    if (f->how & WAIT_OUTSIDE)
        f->sched->outside--;
    f->wake = why;
    f->nwaits = 0;
    f->state = FIBER_READY;
    queue_push(f->sched, f);
}

void wait_win(struct wait *w, int result)
{
    fiber *f = w->fiber;

    w->result = result;
    f->won = w;
    if (f->nwaits > 1)
        for (uint32_t i = 0; i < f->nwaits; i++)
            if (&f->waits[i] != w)
                disarm(&f->waits[i]);
    unpark(f, WAKE_WON);
}

static bool may_leave(struct wait *w)
{
    return w->claim ? claim_take(w->claim) : w->ops->withdraw(w);
}

void fiber_wake_up(fiber *f, enum fiber_wake why)
{
    if (unlikely(f->how & WAIT_ASK) && !may_leave(f->waits)) {
        f->how &= (uint8_t) ~(WAIT_CANCEL | WAIT_SOURCE);
        return;
    }
    for (uint32_t i = 0; i < f->nwaits; i++)
        disarm(&f->waits[i]);
    unpark(f, why);
}

void wait_set_until(struct wait *w, go_time until)
{
    w->fiber->until = until;
    fiber_timer_set(w->fiber->sched, w->fiber);
}

int wait_park(struct wait *waits, unsigned n, unsigned how, go_time until)
{
    return wait_park_inline(waits, n, how, until);
}
