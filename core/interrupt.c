/* SPDX-License-Identifier: MIT */
#include "core/interrupt.h"
#include "core/sched.h"

static bool can(const fiber *f, int sig)
{
    return f->state == FIBER_PARKED && f->interrupts && !tcb_blocks(f, sig);
}

static fiber *first_below(go_nursery *n, int sig)
{
    for (list *l = n->children.next; l != &n->children; l = l->next) {
        fiber *f = list_entry(l, fiber, siblings), *below;

        if (can(f, sig))
            return f;
        for (go_nursery *inner = f->nursery; inner; inner = inner->outer)
            if ((below = first_below(inner, sig)))
                return below;
    }
    return NULL;
}

bool interrupt_one(go_sched *s, int sig)
{
    fiber *f = s->main && can(s->main, sig) ? s->main : first_below(&s->root, sig);

    if (f)
        fiber_wake_up(f, WAKE_INTERRUPT);
    return f != NULL;
}
