/* SPDX-License-Identifier: MIT
 *
 * The parking lot: the list of those who wait for an object, in order of arrival, and whose object
 * it is. Everything in sync/ is built on it. A waiter leaves by winning (whoever releases pops it),
 * or in O(1) when it is cancelled. */
#ifndef SYNC_LOT_H
#define SYNC_LOT_H

#include "core/fork.h"
#include "core/misuse.h"
#include "core/switch.h"
#include "core/wait.h"
#include <gosling/sync.h>

/* An object belongs to the scheduler that initialises it, or to the first that uses it. */
static inline void lot_claim(go_sched **owner, go_sched *s, const char *function)
{
    if (likely(*owner == s))
        return;
    if (*owner)
        misuse(function, "this object belongs to another thread's scheduler; only GO_SHARED "
                         "objects may be used from several");
    *owner = s;
}

static inline void lot_refuse_shared(int flags, const char *function)
{
    if (flags & GO_SHARED)
        misuse(function, "GO_SHARED objects are not there yet; keep the object on one scheduler, "
                         "and go_post to it");
}

/* The slow half of an operation, which its fast half calls last: a jump, not a call, so that only
 * one return follows the switch. Waits at the end of the lot until somebody pops and wins; the
 * operation's result, or -ECANCELED. */
static inline int lot_wait(list *lot, struct wait *w, unsigned how)
{
    int rc;

    list_push(lot, &w->link);
    rc = wait_park_inline(w, 1, how, GO_FOREVER);
    return rc < 0 ? rc : w->result;
}

static inline struct wait *lot_pop(list *lot) /* NULL: nobody waits */
{
    list *l = list_pop(lot);
    go_sched *s;

    if (!l)
        return NULL;
    s = list_entry(l, struct wait, link)->fiber->sched;
    if (likely(!s->fork_pending))
        return list_entry(l, struct wait, link);
    fork_settle(s); /* in a fork child: whoever stood here was dropped, or else is the caller */
    return NULL;
}

#endif
