/* SPDX-License-Identifier: MIT
 *
 * Each holder has a record of its hold (core/hold.h), so that the lock itself need only count them.
 * The line is one, of readers and writers as they come; readers that stand together go in
 * together. */
#include "core/hold.h"
#include "sync/lot.h"
#include <errno.h>
#include <gosling/rwlock.h>

enum { READS, WRITES }; /* a wait's arg; a hold's how */

void go_rwlock_init(go_rwlock *l, int flags)
{
    lot_init(&l->lot, flags, 0);
    l->writer = 0;
    l->writing = NULL;
    l->readers = 0;
    l->broken = false;
}

/* Nobody is passed: whoever comes while others wait waits, too. */
static int now(go_rwlock *l, int how, uint64_t me)
{
    if (unlikely(l->broken))
        return -EOWNERDEAD;
    if (l->writer || !list_empty(&l->lot.waiters) || (how == WRITES && l->readers > 0))
        return -EAGAIN;
    if (how == WRITES)
        l->writer = me;
    else
        l->readers++;
    if (how == WRITES && !l->lot.shared)
        l->writing = sched_self()->current;
    return 0;
}

/* It is free for somebody: for the first in line, and if that reads, for those behind that read. */
static void admit(go_rwlock *l, struct lot_turn *t)
{
    struct wait *w;

    while (!l->writer && (w = lot_first(&l->lot.waiters))) {
        if (w->arg == WRITES && l->readers > 0)
            return;
        if (!lot_take(w))
            continue;
        if (w->arg == WRITES)
            l->writer = *(uint64_t *)w->item;
        else
            l->readers++;
        if (w->arg == WRITES && !l->lot.shared)
            l->writing = w->fiber;
        lot_win(&l->lot, t, w, 0);
    }
}

/* Of one scheduler's: who writes. */
static fiber *rwlock_holder(const struct wait *w)
{
    const go_rwlock *l = w->object;

    return l->writer && !l->broken ? l->writing : NULL;
}

static void rwlock_describe(const struct wait *w, FILE *out)
{
    const go_rwlock *l = w->object;
    const fiber *by = rwlock_holder(w);
    char name[FIBER_NAME + 32];

    fprintf(out, "rwlock %p to %s, held by ", w->object, w->arg == WRITES ? "write" : "read");
    if (by)
        fputs(fiber_label(by, name, sizeof name), out);
    else if (l->writer)
        fputs("a writer", out);
    else
        fprintf(out, "%u reader%s", l->readers, l->readers == 1 ? "" : "s");
}

/* Somebody who leaves the line may have been all that held up those behind. */
static void rwlock_disarm(struct wait *w)
{
    go_rwlock *l = w->object;
    struct lot_turn t;

    lot_enter(&l->lot, &t, l->lot.shared ? NULL : l->lot.sched, "go_rwlock");
    lot_out(w);
    if (!l->broken)
        admit(l, &t);
    lot_leave(&l->lot, &t);
}

static const struct waitable rwlock_waitable = {.name = "rwlock",
                                                .describe = rwlock_describe,
                                                .holder = rwlock_holder,
                                                .disarm = rwlock_disarm,
                                                .lot = true};

/* A holder has ended. */
static void abandoned(void *object, int how)
{
    go_rwlock *l = object;
    struct lot_turn t;
    struct wait *w;

    (void)how;
    lot_enter(&l->lot, &t, sched_self(), "the end of a fiber");
    l->broken = true;
    while ((w = lot_pop(&l->lot.waiters, &t)))
        lot_win(&l->lot, &t, w, -EOWNERDEAD);
    lot_leave(&l->lot, &t);
}

static __attribute__((noinline)) int wait_for(go_rwlock *l, int how, uint64_t me,
                                              struct lot_turn *t)
{
    struct wait w = {.ops = &rwlock_waitable, .object = l, .item = &me, .arg = how};

    return lot_wait(&l->lot, &l->lot.waiters, &w, t, WAIT_CANCEL | PARK_LOCK);
}

static inline int lock(go_rwlock *l, int how, bool waits, const char *function)
{
    go_sched *s = sched_self();
    uint64_t me;
    struct go_hold *h;
    struct lot_turn t;
    int rc = !s ? (l->lot.shared ? 0 : -ESHUTDOWN) : waits ? checkpoint(s) : 0;

    if (rc < 0)
        return rc;
    if (hold_find(s, l))
        return -EDEADLK;
    h = hold_new(s);
    if (!h)
        return -ENOMEM;
    me = holder_self(s);
    lot_enter(&l->lot, &t, s, function);
    rc = now(l, how, me);
    if (rc == -EAGAIN && waits)
        rc = wait_for(l, how, me, &t);
    else
        lot_leave(&l->lot, &t);
    if (likely(rc == 0))
        hold_add(s, h, l, how, abandoned);
    else
        hold_unused(s, h);
    return rc;
}

int go_rwlock_read(go_rwlock *l)
{
    return lock(l, READS, true, "go_rwlock_read");
}

int go_rwlock_write(go_rwlock *l)
{
    return lock(l, WRITES, true, "go_rwlock_write");
}

int go_rwlock_try_read(go_rwlock *l)
{
    return lock(l, READS, false, "go_rwlock_try_read");
}

int go_rwlock_try_write(go_rwlock *l)
{
    return lock(l, WRITES, false, "go_rwlock_try_write");
}

int go_rwlock_unlock(go_rwlock *l)
{
    go_sched *s = sched_self();
    struct go_hold **at;
    struct lot_turn t;

    if (!s && !l->lot.shared)
        return -ESHUTDOWN;
    at = hold_place(s, l);
    if (!*at)
        return -EPERM;
    lot_enter(&l->lot, &t, s, "go_rwlock_unlock");
    if ((*at)->how == WRITES)
        l->writer = 0;
    else
        l->readers--;
    if (!l->broken)
        admit(l, &t);
    lot_leave(&l->lot, &t);
    hold_drop_at(s, at);
    return 0;
}
