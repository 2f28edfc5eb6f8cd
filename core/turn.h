/* SPDX-License-Identifier: MIT
 *
 * One turn of the loop: messages, descriptors, timers, in that order, until a fiber is ready.
 * Descriptors come before timers so that I/O that is ready beats a deadline that expires in the
 * same turn. */
#ifndef CORE_TURN_H
#define CORE_TURN_H

#include "core/sched.h"

enum { TURN_POLL = 256, TURN_SHARE = 64 };
#define TURN_SPAN (200 * GO_US)
#define TURN_GAP  (10 * GO_MS)

void turn(go_sched *s);

/* Nothing is registered that could need a turn. */
static inline bool turn_idle(const go_sched *s)
{
    return s->heap.count == 0 && loop_active(s->loop) == 0 && inbox_empty(&s->inbox);
}

/* A look costs 19 ns, most of it a mispredicted branch. With nothing that could be late there is
 * one in TURN_POLL dispatches, for messages; what is armed meanwhile calls sched_look_soon. */
static inline void turn_stride(go_sched *s)
{
    s->dispatched = sched_dispatches(s);
    s->stride = turn_idle(s) ? TURN_POLL / TURN_LOOK : 1;
    s->until_look = (int32_t)(s->stride * TURN_LOOK);
}

/* A message or a timer is due: these are looked at whatever a poll would cost. */
static inline bool turn_urgent(const go_sched *s)
{
    return !inbox_empty(&s->inbox) || (s->heap.count > 0 && s->heap.entries[1].at <= s->now);
}

/* The loop fiber's function. */
void sched_loop(void *loop_fiber);

#endif
