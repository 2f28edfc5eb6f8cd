/* SPDX-License-Identifier: MIT */
#include "core/interrupt.h"
#include "core/sched.h"

static bool can(const fiber *f)
{
    return f->state == FIBER_PARKED && f->interrupts;
}

static fiber *first_below(go_nursery *n)
{
    for (list *l = n->children.next; l != &n->children; l = l->next) {
        fiber *f = list_entry(l, fiber, siblings), *below;

        if (can(f))
            return f;
        for (go_nursery *inner = f->nursery; inner; inner = inner->outer)
            if ((below = first_below(inner)))
                return below;
    }
    return NULL;
}

bool interrupt_one(go_sched *s)
{
    fiber *f = s->main && can(s->main) ? s->main : first_below(&s->root);

    if (f)
        fiber_wake_up(f, WAKE_INTERRUPT);
    return f != NULL;
}
