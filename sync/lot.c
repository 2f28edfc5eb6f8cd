/* SPDX-License-Identifier: MIT
 *
 * Shared objects. Each has a lock of its own for the few instructions of an operation, so that all
 * of them are the same code as those of one scheduler. It spins: who has it is done in less time
 * than a futex call takes, unless its thread was preempted, and then the others let it run.
 *
 * The lock is the number of the process (counted in forks) whose thread has it: a fork child takes
 * what another thread of its parent held at that moment for free. Who waited there was dropped with
 * the parent's other fibers, or is a thread that does not exist: the lines are empty. */
#include "sync/lot.h"
#include <errno.h>
#include <sched.h>
#include <time.h>

/* Away from the lock's cache line, ever longer: who has it does several operations meanwhile with
 * what they need in its own cache. Two threads that take turns by the operation pay for moving
 * these lines each time: through a channel 97 ns an item, and 62 this way. */
static void let_run(unsigned round)
{
    const struct timespec a_little = {0, 50000};

    if (round < 4) {
        for (unsigned i = 0; i < 64u << round; i++)
            arch_pause();
    } else if (round < 1000) {
        sched_yield();
    } else {
        nanosleep(&a_little, NULL); /* its thread may be of lower priority than ours */
    }
}

void lot_lock_slow(struct go_lot *lot, go_sched *s)
{
    uint32_t mine = claim_process();

    if (s && s->fork_pending)
        fork_settle(s); /* which may take this very lock */
    for (unsigned round = 0;; round++) {
        uint32_t holder;

        let_run(round);
        holder = atomic_load_explicit(LOT_WORD(lot), memory_order_relaxed);
        if (holder != mine &&
            atomic_compare_exchange_weak_explicit(LOT_WORD(lot), &holder, mine,
                                                  memory_order_acquire, memory_order_relaxed))
            return;
    }
}

void lot_in_another_process(struct go_lot *lot)
{
    struct go_link *line = (struct go_link *)(lot + 1);

    if (lot->process != 0) {
        list_init(&lot->waiters);
        for (unsigned i = 0; i < lot->more; i++)
            list_init(&line[i]);
    }
    lot->process = claim_process();
}

/* Nor is anybody handed something by itself: who arms a select with two waits at one object. */
struct wait *lot_pop_claimed(list *line, const struct lot_turn *t)
{
    list *next;

    for (list *l = line->next; l != line; l = next) {
        struct wait *w = list_entry(l, struct wait, link);

        next = l->next;
        if (t && w->claim && w->claim == t->mine)
            continue;
        list_remove(l);
        if (wait_claim(w))
            return w;
    }
    return NULL;
}

/* Each may be gone with its wait as soon as it is told. */
void lot_tell(list *won)
{
    list *l;

    while ((l = list_pop(won)))
        claim_tell(list_entry(l, struct wait, link));
}

void lot_line_up(struct go_lot *lot, list *line, struct wait *w, struct claim *claim,
                 struct lot_turn *t)
{
    w->claim = lot->shared ? claim : NULL;
    w->fiber = t->s ? t->s->current : NULL;
    if (lot->shared)
        claim_init(claim, t->s);
    list_push(line, &w->link);
    lot_leave(lot, t);
}

int lot_sleep(struct wait *w, struct lot_turn *t, unsigned how)
{
    int rc;

    if (!t->s) {
        claim_wait(w->claim);
        return w->result;
    }
    if (w->claim) {
        sched_look_soon(t->s);
        how |= WAIT_OUTSIDE | WAIT_ASK;
    }
    rc = wait_park(w, 1, how, GO_FOREVER);
    return rc < 0 ? rc : w->result;
}

int lot_wait_shared(struct go_lot *lot, list *line, struct wait *w, struct lot_turn *t,
                    unsigned how)
{
    struct claim claim;

    lot_line_up(lot, line, w, &claim, t);
    return lot_sleep(w, t, how);
}

void lot_disarm(struct wait *w)
{
    struct go_lot *lot = w->object;

    if (likely(!lot->shared)) {
        list_remove(&w->link);
        return;
    }
    lot_lock(lot, NULL); /* not settling: this may be its doing */
    lot_out(w);
    lot_unlock(lot);
}

int lot_commit(struct wait *w, int (*now)(struct wait *w, struct lot_turn *t))
{
    struct go_lot *lot = w->object;
    struct lot_turn t;
    int rc;

    lot_enter(lot, &t, sched_self(), "go_select");
    rc = now(w, &t);
    lot_leave(lot, &t);
    if (rc == -EAGAIN)
        return rc;
    w->result = rc;
    return 0;
}

/* Between the look that found nothing and this, another thread may have come by: so one more look,
 * and into the line, in one. Until all of a select's waits are armed any of them may be won: what
 * the look finds may be taken only by who has the claim. So it is held by half meanwhile; who tries
 * to take it in that time goes on to the next waiter, but leaves word. */
int lot_arm(struct wait *w, list *line, int (*now)(struct wait *w, struct lot_turn *t))
{
    struct go_lot *lot = w->object;
    struct lot_turn t;
    int rc = 0;

    if (likely(!lot->shared)) {
        list_push(line, &w->link);
        return 0;
    }
    lot_enter(lot, &t, sched_self(), "go_select");
    t.mine = w->claim;
    if (claim_hold(w->claim)) { /* else it has won elsewhere, and its link may be the winner's */
        bool stands = !list_empty(&w->link);

        w->result = stands ? -EAGAIN : now(w, &t);
        if (w->result != -EAGAIN) {
            rc = 1;
        } else {
            if (!stands)
                list_push(line, &w->link);
            if (!claim_let_go(w->claim))
                rc = -EAGAIN;
        }
    }
    lot_leave(lot, &t);
    return rc;
}
