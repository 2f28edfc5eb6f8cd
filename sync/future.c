/* SPDX-License-Identifier: MIT */
#include "sync/lot.h"
#include "sync/waitables.h"
#include <errno.h>

void go_future_init(go_future *f, int flags)
{
    lot_init(&f->lot, flags, 0);
    f->value = 0;
    f->error = 0;
    f->done = false;
}

static int future_now(struct wait *w, struct lot_turn *t)
{
    (void)t;
    return ((go_future *)w->object)->done ? 0 : -EAGAIN;
}

static int future_commit(struct wait *w)
{
    return lot_commit(w, future_now);
}

static int future_arm(struct wait *w)
{
    return lot_arm(w, &((go_future *)w->object)->lot.waiters, future_now);
}

/* Not through now's result: the error may be any, -EAGAIN too. What is set stays as it is. */
static void future_won(struct wait *w)
{
    w->result = ((go_future *)w->object)->error;
}

const struct waitable future_waitable = {.name = "future",
                                         .commit = future_commit,
                                         .arm = future_arm,
                                         .disarm = lot_disarm,
                                         .won = future_won,
                                         .lot = true};

static int set(go_future *f, intptr_t value, int error, const char *function)
{
    struct lot_turn t;
    struct wait *w;
    int rc = -EALREADY;

    lot_enter(&f->lot, &t, sched_self(), function);
    if (!f->done) {
        f->value = value;
        f->error = error;
        f->done = true;
        while ((w = lot_pop(&f->lot.waiters, &t)))
            lot_win(&f->lot, &t, w, 0);
        rc = 0;
    }
    lot_leave(&f->lot, &t);
    return rc;
}

int go_future_set(go_future *f, intptr_t value)
{
    return set(f, value, 0, "go_future_set");
}

int go_future_fail(go_future *f, int err)
{
    return set(f, 0, err == 0 ? -EINVAL : err > 0 ? -err : err, "go_future_fail");
}

int go_future_get(go_future *f, intptr_t *value)
{
    struct wait w = {.ops = &future_waitable, .object = f};
    struct lot_turn t;
    int rc = lot_begin(&f->lot, &t, "go_future_get");

    if (rc < 0)
        return rc;
    if (f->done)
        lot_leave(&f->lot, &t);
    else if ((rc = lot_wait(&f->lot, &f->lot.waiters, &w, &t, WAIT_CANCEL)) < 0)
        return rc;
    if (f->error)
        return f->error;
    if (value)
        *value = f->value;
    return 0;
}
