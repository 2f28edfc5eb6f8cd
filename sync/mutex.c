/* SPDX-License-Identifier: MIT
 *
 * A lock is handed to the first who waits, so a free lock has no waiters: owner_id alone decides.
 * The owner is named by its fiber's id, which is never used twice, so that a later fiber on the
 * same stack is not taken for it, and an owner that has ended is recognised without a list of the
 * locks that it held. */
#include "sync/lot.h"
#include "sync/waitables.h"
#include <errno.h>

#define BROKEN UINT64_MAX /* in owner_id: nobody will ever hold it */

void go_mutex_init(go_mutex *m, int flags)
{
    lot_refuse_shared(flags, "go_mutex_init");
    m->owner_id = 0;
    m->owner = NULL;
    m->sched = sched_self();
    list_init(&m->waiters);
}

static inline void take(go_mutex *m, fiber *f)
{
    m->owner = f;
    m->owner_id = f->id;
    f->locks++;
}

/* The living owner, or NULL. The memory of a fiber of this run stays mapped. */
static fiber *owner(const go_mutex *m)
{
    if (m->owner_id == 0 || m->owner_id == BROKEN || m->owner_id < m->sched->first_id)
        return NULL;
    return m->owner->id == m->owner_id && m->owner->state != FIBER_ENDED ? m->owner : NULL;
}

/* m cannot be taken at once. Its own codes, or -EAGAIN. */
static int why_not(go_mutex *m, const fiber *f)
{
    if (m->owner_id == f->id)
        return -EDEADLK;
    if (!owner(m)) {
        m->owner_id = BROKEN;
        return -EOWNERDEAD;
    }
    return -EAGAIN;
}

static inline int try_lock(go_mutex *m, go_sched *s, const char *function)
{
    lot_claim(&m->sched, s, function);
    if (likely(m->owner_id == 0)) {
        take(m, s->current);
        return 0;
    }
    return why_not(m, s->current);
}

static int mutex_commit(struct wait *w)
{
    int rc = try_lock(w->object, sched_self(), "go_mutex_lock");

    if (rc == -EAGAIN)
        return rc;
    w->result = rc;
    return 0;
}

static void mutex_arm(struct wait *w)
{
    list_push(&((go_mutex *)w->object)->waiters, &w->link);
}

static fiber *mutex_holder(const struct wait *w)
{
    return owner(w->object);
}

static void mutex_describe(const struct wait *w, FILE *out)
{
    char name[FIBER_NAME + 32];
    fiber *f = owner(w->object);

    fprintf(out, "mutex %p, held by %s", w->object,
            f ? fiber_label(f, name, sizeof name) : "a fiber that has ended");
}

static void mutex_orphaned(struct wait *w)
{
    go_mutex *m = w->object;
    struct wait *each;

    m->owner_id = BROKEN;
    while ((each = lot_pop(&m->waiters)))
        wait_win(each, -EOWNERDEAD);
}

const struct waitable mutex_waitable = {.name = "mutex",
                                        .commit = mutex_commit,
                                        .arm = mutex_arm,
                                        .describe = mutex_describe,
                                        .holder = mutex_holder,
                                        .orphaned = mutex_orphaned};

static __attribute__((noinline)) int lock_slow(go_mutex *m)
{
    struct wait w = {.ops = &mutex_waitable, .object = m};

    return lot_wait(&m->waiters, &w, WAIT_CANCEL | PARK_LOCK);
}

/* What the few instructions of the fast path could not do; the checkpoint was counted. */
static __attribute__((noinline)) int lock_general(go_mutex *m, go_sched *s)
{
    int rc = !s ? -ESHUTDOWN : s->fuel < 0 ? checkpoint_slow(s) : 0;

    if (rc < 0)
        return rc;
    rc = try_lock(m, s, "go_mutex_lock");
    return rc != -EAGAIN ? rc : lock_slow(m);
}

int go_mutex_lock(go_mutex *m)
{
    go_sched *s = sched_self();

    if (unlikely(!s || --s->fuel < 0 || m->sched != s || m->owner_id != 0))
        return lock_general(m, s);
    take(m, s->current);
    return 0;
}

int go_mutex_try_lock(go_mutex *m)
{
    go_sched *s = sched_self();

    return s ? try_lock(m, s, "go_mutex_try_lock") : -ESHUTDOWN;
}

int go_mutex_unlock(go_mutex *m)
{
    go_sched *s = sched_self();
    fiber *f;
    struct wait *w;

    if (unlikely(!s))
        return -ESHUTDOWN;
    f = s->current;
    if (unlikely(m->owner_id != f->id)) {
        lot_claim(&m->sched, s, "go_mutex_unlock");
        return -EPERM;
    }
    f->unlocks++;
    if (likely(list_empty(&m->waiters))) {
        m->owner_id = 0;
        return 0;
    }
    w = lot_pop(&m->waiters);
    take(m, w->fiber);
    wait_win(w, 0);
    return 0;
}
