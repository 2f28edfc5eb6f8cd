/* SPDX-License-Identifier: MIT */
#include "sync/lot.h"
#include "sync/waitables.h"
#include <errno.h>
#include <limits.h>

void go_sem_init(go_sem *s, unsigned value, unsigned max, int flags)
{
    lot_init(&s->lot, flags, 0);
    s->max = max ? max : UINT_MAX;
    s->value = value < s->max ? value : s->max;
}

/* A count above 0 has nobody waiting: release gives to them first. */
static inline int acquire_now(go_sem *s)
{
    if (s->value == 0)
        return -EAGAIN;
    s->value--;
    return 0;
}

static int sem_now(struct wait *w, struct lot_turn *t)
{
    (void)t;
    return acquire_now(w->object);
}

static int sem_commit(struct wait *w)
{
    return lot_commit(w, sem_now);
}

static int sem_arm(struct wait *w)
{
    return lot_arm(w, &((go_sem *)w->object)->lot.waiters, sem_now);
}

const struct waitable sem_waitable = {
    .name = "semaphore", .commit = sem_commit, .arm = sem_arm, .disarm = lot_disarm, .lot = true};

static __attribute__((noinline)) int acquire_slow(go_sem *s, struct lot_turn *t)
{
    struct wait w = {.ops = &sem_waitable, .object = s};

    return lot_wait(&s->lot, &s->lot.waiters, &w, t, WAIT_CANCEL | PARK_LOCK);
}

int go_sem_acquire(go_sem *s)
{
    struct lot_turn t;
    int rc = lot_begin(&s->lot, &t, "go_sem_acquire");

    if (unlikely(rc < 0))
        return rc;
    rc = acquire_now(s);
    if (unlikely(rc < 0))
        return acquire_slow(s, &t);
    lot_leave(&s->lot, &t);
    return 0;
}

int go_sem_try_acquire(go_sem *s)
{
    struct lot_turn t;
    int rc = lot_try(&s->lot, &t, "go_sem_try_acquire");

    if (rc < 0)
        return rc;
    rc = acquire_now(s);
    lot_leave(&s->lot, &t);
    return rc;
}

int go_sem_release(go_sem *s)
{
    struct lot_turn t;
    struct wait *w;
    int rc = 0;

    lot_enter(&s->lot, &t, sched_self(), "go_sem_release");
    if ((w = lot_pop(&s->lot.waiters, &t)))
        lot_win(&s->lot, &t, w, 0);
    else if (s->value < s->max)
        s->value++;
    else
        rc = -EOVERFLOW;
    lot_leave(&s->lot, &t);
    return rc;
}
