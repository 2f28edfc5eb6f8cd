/* SPDX-License-Identifier: MIT */
#include "core/adopt.h"
#include "core/nursery.h"
#include "core/sched.h"
#include "core/switch.h"
#include <string.h>

int adopt_fiber(go_sched *s, fiber *f, struct tcb *t)
{
    if (s->fibers + s->timers >= s->heap.capacity &&
        heap_reserve(&s->heap, s->fibers + s->timers + 1) < 0)
        return -ENOMEM;
    memset(f, 0, sizeof *f);
    f->sched = s;
    f->id = ++s->next_id;
    f->until = GO_FOREVER;
    f->tcb = t;
    nursery_adopt(&s->root, f);
    scope_begin(f, &s->root.scope);
    s->fibers++;
    return 0;
}

void adopted_leave(go_sched *s, fiber *f)
{
    if (f->timer.slot)
        heap_remove(&s->heap, &f->timer);
    s->fibers--;
    list_remove(&f->siblings);
    nursery_one_less(f->parent);
    f->state = FIBER_ENDED;
    switch_to(s, f, queue_leave(s, f));
    __builtin_unreachable();
}

void adopt_main(go_sched *s, struct tcb *t)
{
    s->switch_extras = true;
    s->current->tcb = t;
    tcb_load(s, t);
}
