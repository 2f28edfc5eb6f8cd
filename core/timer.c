/* SPDX-License-Identifier: MIT */
#include "core/sched.h"

int timer_reserve(go_sched *s)
{
    int rc = heap_reserve(&s->heap, s->fibers + s->timers + 1);

    if (rc == 0)
        s->timers++;
    return rc;
}

void timer_release(go_sched *s, struct timer *t)
{
    heap_remove(&s->heap, &t->node);
    s->timers--;
}

void timer_set(go_sched *s, struct timer *t, go_time at)
{
    if (at == GO_FOREVER) {
        heap_remove(&s->heap, &t->node);
        return;
    }
    t->node.kind = TIMER_CALL;
    if (t->node.slot)
        heap_move(&s->heap, &t->node, at, s->heap.seq++);
    else
        heap_insert(&s->heap, &t->node, at, s->heap.seq++);
    sched_look_soon(s);
}
