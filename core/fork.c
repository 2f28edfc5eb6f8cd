/* SPDX-License-Identifier: MIT */
#include "core/fork.h"
#include "core/hold.h"
#include "core/nursery.h"
#include "core/pool.h"
#include "core/term.h"
#include "core/watchdog.h"
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

bool fork_lightly;

/* Which fiber has called libc's fork, whose handlers are to come. */
static const fiber *forking;

static const fiber *running(void)
{
    const go_sched *s = sched_self();

    return s ? s->current : NULL;
}

static void prepare(void)
{
    forking = running();
    if (fork_lightly)
        return;
    signals_fork(FORK_PREPARE);
    pool_fork_prepare();
    term_fork(FORK_PREPARE);
}

static void in_parent(void)
{
    forking = NULL;
    if (fork_lightly)
        return;
    term_fork(FORK_PARENT);
    pool_fork_parent();
    signals_fork(FORK_PARENT);
}

static void begin_child(go_sched *self)
{
    term_fork(FORK_CHILD);
    pool_fork_child();
    for (go_sched *s = sched_all(); s; s = s->all_next) {
        if (s == self)
            continue;
        atomic_store(&s->takes_signals, false); /* its thread does not exist here */
        inbox_drop(&s->inbox);
        inbox_close(&s->inbox);
    }
    san_forked();
    tcb_forked(self);
    if (!self)
        return;
    inbox_drop(&self->inbox);
    atomic_store(&self->signal_queued, false);
    if (sched_entered)
        sched_entered(self, true);
    self->fork_pending = true;
    self->fuel = self->until_look = 0; /* so that the next checkpoint or switch looks */
}

/* What was not locked before may be locked by one who has not come along. */
static void alone(void)
{
    signals_fork(FORK_ALONE);
    pool_fork_alone();
    term_fork(FORK_ALONE);
}

static void in_child(void)
{
    forking = NULL;
    if (fork_lightly)
        alone();
    begin_child(sched_self());
    signals_fork(FORK_CHILD);
}

void fork_without_libc(void)
{
    if (forking == running())
        return;
    alone();
    begin_child(sched_self());
    signals_fork(FORK_CHILD);
}

static void once(void)
{
    pthread_atfork(prepare, in_parent, in_child);
}

void fork_watch(void)
{
    static pthread_once_t done = PTHREAD_ONCE_INIT;

    pthread_once(&done, once);
}

static void drop_below(go_nursery *n, fiber *keep, struct go_hold **orphans);

/* f will never run: it must not stand in any object's list, nor be waited for. */
static void drop(fiber *f, fiber *keep, struct go_hold **orphans)
{
    for (go_nursery *n = f->nursery; n; n = n->outer)
        drop_below(n, keep, orphans);
    if (f == keep)
        return;
    for (go_nursery *n = f->nursery; n; n = n->outer)
        n->phase = NURSERY_CLOSED;
    if (f->state == FIBER_PARKED)
        for (uint32_t i = 0; i < f->nwaits; i++) {
            struct wait *w = &f->waits[i];

            if (w->ops->disarm)
                w->ops->disarm(w);
            else
                list_remove(&w->link);
        }
    f->nwaits = 0;
    holds_join(orphans, &f->holds);
    if (f->task)
        task_dropped(f->task);
    f->state = FIBER_ENDED;
    if (f != f->sched->main)
        san_drop(f);
}

static void drop_below(go_nursery *n, fiber *keep, struct go_hold **orphans)
{
    list *l;

    while ((l = list_pop(&n->children)))
        drop(list_entry(l, fiber, siblings), keep, orphans);
    n->live = n->handles = n->slot_children = 0;
    n->closer = NULL;
}

/* Its numbers begin anew. If it forked and now waits for the first time, that is counted already,
 * and so is its waking to be. */
static void stats_forked(go_sched *s)
{
    memset(&s->stats, 0, sizeof s->stats);
    s->stats.ids_from = s->next_id;
    s->stats.slices_from = sched_now(s);
    s->dispatched -= sched_dispatches(s);
    s->stats.slices_at = 0;
    s->stats.delayed = s->current->state == FIBER_PARKED;
}

void fork_settle(go_sched *s)
{
    fiber *f = s->current;
    struct go_hold *orphans = NULL;
    go_scope *outermost = NULL;

    s->fork_pending = false;
    s->forks++;
    s->child_main = f == s->main || f == s->loop_fiber ? NULL : f;
    for (uint32_t i = 1; i <= s->heap.count; i++)
        s->heap.entries[i].timer->slot = 0;
    s->heap.count = 0;
    s->tail = s->pending = NULL;
    s->pending_tail = &s->pending;
    drop_below(&s->root, f, &orphans);
    holds_abandon(&orphans);
    s->tail = s->pending = NULL; /* who was woken by who went was to go as well */
    s->pending_tail = &s->pending;
    s->fibers = 0;
    s->outside = s->offloads = s->soft = 0;
    stats_forked(s);
    loop_fork(s->loop);
    watchdog_forked(s);
    s->loop_fiber->nursery = NULL;
    s->loop_fiber->scope = NULL;
    nursery_begin(&s->root, s->loop_fiber, NULL);
    for (int i = 0; i < SLOT_COUNT; i++)
        if (s->slots[i].forked)
            s->slots[i].forked(s, s->slots[i].state);
    if (f == s->loop_fiber)
        return;
    s->tail = f->next = f;
    for (go_scope *sc = f->scope; sc && sc->owner == f; sc = sc->parent)
        outermost = sc;
    if (outermost)
        outermost->parent = &s->root.scope;
    else
        f->scope = &s->root.scope;
    nursery_adopt(&s->root, f);
    f->starter = NULL;
    s->fibers = 1;
    scope_refresh_fiber(f);
    if (f->state == FIBER_PARKED) { /* by a wait that was no checkpoint: it goes on */
        s->outside = (f->how & WAIT_OUTSIDE) != 0;
        fiber_timer_set(s, f);
    }
}

void fork_exit(int rc)
{
    exit(rc < 0 ? EXIT_FAILURE : rc & 0xff);
}
