/* SPDX-License-Identifier: MIT
 *
 * The parking lot: the list of those who wait for an object, in order of arrival, and whose object
 * it is. Everything in sync/ is built on it. A waiter leaves by winning (whoever releases pops it),
 * or in O(1) when it is cancelled.
 *
 * An operation is the same code for an object of one scheduler and for a shared one:
 *
 *     lot_enter       the first sees to it that the caller is its scheduler's, the second locks
 *     lot_pop         the first who waits, whom nobody else wakes now
 *     lot_win         it has won
 *     lot_leave       unlocks, and only then tells the winners of a shared object
 *     lot_wait        waits at the end of a line, and leaves the object meanwhile
 *
 * In between nothing waits, and nothing of the caller's runs. */
#ifndef SYNC_LOT_H
#define SYNC_LOT_H

#include "core/claim.h"
#include "core/fork.h"
#include "core/misuse.h"
#include "core/switch.h"
#include "core/wait.h"
#include <gosling/sync.h>

/* Who has won, of a shared object that the caller is in: linked by their waits' own links. */
struct lot_turn {
    go_sched *s;        /* NULL: a plain thread */
    struct claim *mine; /* of the caller's other waits at this object, if there may be any */
    list won;           /* initialised when it is shared */
};

static inline void lot_init(struct go_lot *lot, int flags, unsigned more)
{
    struct go_link *line = (struct go_link *)(lot + 1);

    lot->shared = (flags & GO_SHARED) != 0;
    lot->sched = lot->shared ? NULL : sched_self();
    lot->lock = 0;
    lot->process = 0;
    lot->more = (uint8_t)more;
    list_init(&lot->waiters);
    for (unsigned i = 0; i < more; i++)
        list_init(&line[i]);
}

void lot_foreign(const struct go_lot *lot, go_sched *s, const char *function);
void lot_lock_slow(struct go_lot *lot, go_sched *s);
void lot_in_another_process(struct go_lot *lot);
void lot_tell(list *won);
int lot_wait_shared(struct go_lot *lot, list *line, struct wait *w, struct lot_turn *t,
                    unsigned how);

/* The two halves of lot_wait, for who has something to do in between: it is in line, and has left
 * the object, and may have won already. claim lives as long as w. */
void lot_line_up(struct go_lot *lot, list *line, struct wait *w, struct claim *claim,
                 struct lot_turn *t);
int lot_sleep(struct wait *w, struct lot_turn *t, unsigned how);

#define LOT_WORD(lot) ((_Atomic uint32_t *)&(lot)->lock)

/* Of a shared object. s, the caller's, is NULL where a fork must not settle. */
static inline void lot_lock(struct go_lot *lot, go_sched *s)
{
    uint32_t mine = claim_process(), none = 0;

    /* acquire: pairs with lot_unlock; what the last one in did with the object comes before */
    if (unlikely((s && s->fork_pending) ||
                 !atomic_compare_exchange_strong_explicit(LOT_WORD(lot), &none, mine,
                                                          memory_order_acquire,
                                                          memory_order_relaxed)))
        lot_lock_slow(lot, s);
    san_acquire(lot);
    if (unlikely(lot->process != mine))
        lot_in_another_process(lot);
}

static inline void lot_unlock(struct go_lot *lot)
{
    san_release(lot);
    atomic_store_explicit(LOT_WORD(lot), 0, memory_order_release);
}

/* Of an object of one scheduler. */
static inline void lot_claim(go_sched **owner, go_sched *s, const char *function)
{
    if (likely(*owner == s))
        return;
    if (*owner)
        misuse(function, "this object belongs to another thread's scheduler; only GO_SHARED "
                         "objects may be used from several");
    *owner = s;
}

static inline void lot_enter(struct go_lot *lot, struct lot_turn *t, go_sched *s,
                             const char *function)
{
    t->s = s;
    t->mine = NULL;
    if (likely(!lot->shared)) {
        lot_claim(&lot->sched, s, function);
        return;
    }
    list_init(&t->won);
    lot_lock(lot, s);
}

static inline void lot_leave(struct go_lot *lot, struct lot_turn *t)
{
    if (likely(!lot->shared))
        return;
    lot_unlock(lot);
    if (!list_empty(&t->won))
        lot_tell(&t->won);
}

/* The checkpoint of an operation that may wait, and the way in: 0 or what to return. A plain thread
 * has none, and no business with an object of one scheduler. */
static inline int lot_begin(struct go_lot *lot, struct lot_turn *t, const char *function)
{
    go_sched *s = sched_self();
    int rc = !s && lot->shared ? 0 : checkpoint(s);

    if (unlikely(rc < 0))
        return rc;
    lot_enter(lot, t, s, function);
    return 0;
}

/* The same for one that does not wait. */
static inline int lot_try(struct go_lot *lot, struct lot_turn *t, const char *function)
{
    go_sched *s = sched_self();

    if (unlikely(!s && !lot->shared))
        return -ESHUTDOWN;
    lot_enter(lot, t, s, function);
    return 0;
}

struct wait *lot_pop_claimed(list *line, const struct lot_turn *t);

/* NULL: nobody waits. */
static inline struct wait *lot_pop(list *line, const struct lot_turn *t)
{
    list *l = line->next;
    struct wait *w;

    if (l == line)
        return NULL;
    w = list_entry(l, struct wait, link);
    if (unlikely(w->claim)) /* somebody may be ending its park already */
        return lot_pop_claimed(line, t);
    list_remove(l);
    if (likely(!w->fiber->sched->fork_pending))
        return w;
    fork_settle(w->fiber->sched); /* in a fork child: whoever stood here was dropped, or else is
                                     the caller */
    return NULL;
}

/* The first in line, who stays there; NULL: nobody waits. */
static inline struct wait *lot_first(const list *line)
{
    return list_empty(line) ? NULL : list_entry(line->next, struct wait, link);
}

/* That one off its line. False: it is leaving by itself; look who is first now. */
static inline bool lot_take(struct wait *w)
{
    list_remove(&w->link);
    if (unlikely(w->claim))
        return claim_take(w->claim);
    if (likely(!w->fiber->sched->fork_pending))
        return true;
    fork_settle(w->fiber->sched);
    return false;
}

/* Of an object of one scheduler. */
static inline void lot_win_local(struct wait *w, int result)
{
    if (likely(!w->claim)) {
        wait_win(w, result);
        return;
    }
    w->result = result;
    claim_tell(w);
}

static inline void lot_win(struct go_lot *lot, struct lot_turn *t, struct wait *w, int result)
{
    if (likely(!lot->shared)) {
        lot_win_local(w, result);
        return;
    }
    w->result = result;
    list_push(&t->won, &w->link);
}

/* The slow half of an operation, which its fast half calls last: a jump, not a call, so that only
 * one return follows the switch. Waits at the end of the line until somebody pops and wins; the
 * operation's result, or -ECANCELED. Of an object of one scheduler. */
static inline int lot_wait_local(list *line, struct wait *w, unsigned how)
{
    int rc;

    w->claim = NULL;
    list_push(line, &w->link);
    rc = wait_park_inline(w, 1, how, GO_FOREVER);
    return rc < 0 ? rc : w->result;
}

/* The same of any, and leaves the object. */
static inline int lot_wait(struct go_lot *lot, list *line, struct wait *w, struct lot_turn *t,
                           unsigned how)
{
    return unlikely(lot->shared) ? lot_wait_shared(lot, line, w, t, how)
                                 : lot_wait_local(line, w, how);
}

/* Inside the lot: w leaves its line; whether it stood there. In a fork child a wait that began in
 * the parent stands in a line that is no more. */
static inline bool lot_out(struct wait *w)
{
    bool there = !list_empty(&w->link);

    if (unlikely(w->claim && w->claim->process != claim_process()))
        list_init(&w->link);
    else
        list_remove(&w->link);
    return there;
}

/* A waitable's disarm, where the object begins with its lot. */
void lot_disarm(struct wait *w);

/* A waitable's commit and arm, of select, over an operation `now` that returns -EAGAIN when it
 * would wait. */
int lot_commit(struct wait *w, int (*now)(struct wait *w, struct lot_turn *t));
int lot_arm(struct wait *w, list *line, int (*now)(struct wait *w, struct lot_turn *t));

#endif
