/* SPDX-License-Identifier: MIT
 *
 * go_start. The starter lives on the child's stack, because the child may outlive the caller's
 * interest in it. The child's base scope is the starter's, so that a caller that is cancelled can
 * cancel it alone. */
#include "core/nursery.h"
#include "core/sched.h"
#include "core/spawn.h"
#include <errno.h>

struct go_starter {
    go_scope scope;
    go_start_fn *fn;
    void *arg;
    fiber *fiber;
    struct wait *waiter; /* go_start's; NULL: nobody waits (any more) */
    bool started;
};

static void start_describe(const struct wait *w, FILE *out)
{
    char name[FIBER_NAME + 32];

    fprintf(out, "go_started by %s",
            fiber_label(((go_starter *)w->object)->fiber, name, sizeof name));
}

static void start_disarm(struct wait *w)
{
    ((go_starter *)w->object)->waiter = NULL;
}

static fiber *start_holder(const struct wait *w)
{
    return ((go_starter *)w->object)->fiber;
}

static const struct waitable start_waitable = {.name = "start",
                                               .disarm = start_disarm,
                                               .describe = start_describe,
                                               .holder = start_holder};

static int start_main(void *arg)
{
    go_starter *st = arg;

    return st->fn(st->arg, st);
}

/* Ends the wait of go_start's caller. */
static void answer(go_starter *st, int rc)
{
    struct wait *w = st->waiter;

    st->waiter = NULL;
    wait_win(w, rc);
}

bool start_ended(fiber *f, int rc)
{
    go_starter *st = f->starter;

    bool asked;

    if (!st->waiter)
        return false;
    asked = st->waiter->arg == 0; /* else the caller has given up, and an error is the nursery's */
    answer(st, rc < 0 ? rc : -EPROTO);
    return asked;
}

void start_target_cancelled(fiber *f)
{
    go_starter *st = f->starter;

    if (st->waiter && st->waiter->arg == 0 && scope_child_alarm(f->parent) == INT64_MIN)
        answer(st, scope_refused());
}

/* The caller was cancelled: so is the child, and it is awaited. It may have ended before the caller
 * came to run. */
static int give_up(go_starter *st, const fiber *f, uint64_t id)
{
    struct wait w = {.ops = &start_waitable, .object = st, .arg = 1};

    if (f->id != id || f->state == FIBER_ENDED)
        return scope_refused();
    scope_cancel(st->fiber->sched, &st->scope, REASON_EXPLICIT, "go_start was cancelled");
    st->waiter = &w;
    wait_park(&w, 1, PARK_TASK, GO_FOREVER);
    return scope_refused();
}

int go_start(go_nursery *n, go_start_fn *fn, void *arg, intptr_t *value)
{
    go_sched *s = sched_self();
    go_starter *st;
    fiber *f;
    intptr_t ignored;
    uint64_t id;
    struct wait w = {.ops = &start_waitable, .item = value ? value : &ignored};
    int rc = checkpoint(s);

    if (rc < 0 || (rc = nursery_room(n)) < 0)
        return rc;
    if (scope_child_alarm(n) == INT64_MIN)
        return scope_refused();
    f = fiber_new(s, n, 0, start_main, NULL, __builtin_return_address(0));
    if (!f)
        return -ENOMEM;
    st = fiber_reserve(f, sizeof *st);
    *st = (go_starter){.fn = fn, .arg = arg, .fiber = f, .waiter = &w};
    scope_init_base(&st->scope, f, &n->scope, NULL);
    scope_begin(f, &st->scope);
    f->arg = st;
    f->starter = st;
    id = f->id;
    w.object = st;
    sched_ready(f);
    /* n's deadline may have nobody else who would notice it: a child that shields itself. */
    rc = wait_park(&w, 1, WAIT_CANCEL | PARK_TASK, scope_child_alarm(n));
    if (rc == -ETIMEDOUT) {
        if (f->id == id && f->state != FIBER_ENDED)
            scope_due(f, s->now);
        return scope_refused();
    }
    if (rc < 0)
        return give_up(st, f, id);
    return w.result;
}

int go_started(go_starter *st, intptr_t value)
{
    if (st->started)
        return -EALREADY;
    if (!st->waiter || st->waiter->arg != 0)
        return scope_refused();
    st->started = true;
    st->fiber->starter = NULL;
    *(intptr_t *)st->waiter->item = value;
    answer(st, 0);
    return 0;
}
