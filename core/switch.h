/* SPDX-License-Identifier: MIT
 *
 * The run queue and the switch, inline, for the three places where a fiber stops running: a yield
 * (sched.c), a park (wait.c) and its end (fiber.c). Each has a copy of its own, so that the
 * compiler saves only what lives across it there, and so that no call is made whose return the
 * processor would predict for the wrong fiber: what is called and never returned from shifts the
 * predictor's stack, and every return after the switch is mispredicted then (measured: 7 ns
 * each). */
#ifndef CORE_SWITCH_H
#define CORE_SWITCH_H

#include "core/debug.h"
#include "core/san.h"
#include "core/sched.h"
#include "core/scope.h"

bool sched_look(go_sched *s); /* every 16th dispatch; true: the loop comes first */
/* the ring is empty: with a seed the next batch's first; else the loop */
fiber *sched_next_batch(go_sched *s);
void sched_push_pending(go_sched *s, fiber *f);

/* At the end: just before whoever runs. */
static inline void queue_push(go_sched *s, fiber *f)
{
    fiber *tail = s->tail;

    if (unlikely(s->seeded)) {
        sched_push_pending(s, f);
        return;
    }
    if (tail) {
        f->next = tail->next;
        tail->next = f;
    } else {
        f->next = f;
    }
    s->tail = f;
}

/* f, which runs and so stands first, leaves the ring. Returns the next, NULL: none. */
static inline fiber *ring_leave(go_sched *s, fiber *f)
{
    fiber *tail = s->tail;

    if (tail == f) {
        s->tail = NULL;
        return NULL;
    }
    tail->next = f->next;
    return f->next;
}

/* f stops running. Returns who runs next. */
static inline fiber *queue_leave(go_sched *s, fiber *f)
{
    bool loop_first = unlikely(--s->until_look <= 0) && sched_look(s);
    fiber *to = ring_leave(s, f);

    if (unlikely(loop_first))
        return s->loop_fiber;
    return likely(to) ? to : sched_next_batch(s);
}

/* errno and C++'s exception state belong to the thread as far as their libraries know. They are
 * exchanged before the switch, so that nothing is left to do after it. Fibers with a thread control
 * block of their own have them there. */
static inline __attribute__((always_inline)) void switch_to(go_sched *s, fiber *from, fiber *to)
{
    int *errno_at = s->errno_at;

    from->err = *errno_at;
    *errno_at = to->err;
    s->current = to;
    s->fuel = to->slice;
    if (unlikely(s->switch_extras)) {
        void **eh = s->own.eh;

        if (eh && !from->tcb) {
            from->eh[0] = eh[0];
            from->eh[1] = eh[1];
        }
        if (eh && !to->tcb) {
            eh[0] = to->eh[0];
            eh[1] = to->eh[1];
        }
        if (unlikely(s->masked))
            tcb_mask_load(s, to);
        if (unlikely(s->on_switch))
            s->on_switch(s, to);
        if (from->tcb != to->tcb) {
            tcb_load(s, to->tcb ? to->tcb : &s->own);
            *s->errno_at = to->err;
        }
        if (SAN) {
            san_switch(from, to);
            return;
        }
    }
    arch_switch_inline(&from->context, &to->context);
}

/* wait_park, for the few places where a call less and a return less that is predicted for the wrong
 * fiber count. */
static inline __attribute__((always_inline)) int wait_park_inline(struct wait *waits, unsigned n,
                                                                  unsigned how, go_time until)
{
    go_sched *s = sched_self();
    fiber *f = s->current;

    for (unsigned i = 0; i < n; i++)
        waits[i].fiber = f;
    f->waits = waits;
    f->nwaits = n;
    f->how = (uint8_t)how;
    s->stats.parks[how >> PARK_SHIFT]++;
    f->until = until;
    if (how & WAIT_OUTSIDE)
        s->outside++;
    f->state = FIBER_PARKED;
    if (until != GO_FOREVER || f->alarm != GO_FOREVER)
        fiber_timer_set(s, f);
    f->parked_at = s->now;
    debug_parks(f, waits, n);
    switch_to(s, f, queue_leave(s, f));
    switch ((enum fiber_wake)f->wake) {
    case WAKE_WON:
        return (int)(f->won - waits);
    case WAKE_TIME:
        return -ETIMEDOUT;
    case WAKE_CANCEL:
        return scope_deliver(f);
    case WAKE_INTERRUPT:
        return -EINTR;
    default:
        return scope_refused();
    }
}

#endif
