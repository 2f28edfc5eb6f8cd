/* SPDX-License-Identifier: MIT
 *
 * go_select: wait_any over the waitables of everything. It lives in net/ because it reaches down to
 * all of them. */
#include "core/claim.h"
#include "core/nursery.h"
#include "core/sched.h"
#include "core/scope.h"
#include "net/fd.h"
#include "sync/waitables.h"
#include <errno.h>
#include <gosling/select.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum { FEW = 16 };

struct select {
    go_sched *sched;
    go_case *cases;
    struct wait *waits; /* one for each case that waits on an object */
    bool shared;        /* one of the objects is */
    unsigned *which;    /* whose case each of them is */
    unsigned count;
    int otherwise; /* the GO_DEFAULT's index, or -1 */
    int after;     /* the earliest GO_AFTER's index, or -1 */
    go_time until; /* its time */
    bool source;
};

static int add_wait(struct select *sel, unsigned i, const struct waitable *ops, int64_t arg)
{
    sel->waits[sel->count] = (struct wait){.ops = ops,
                                           .object = sel->cases[i].object,
                                           .item = sel->cases[i].item,
                                           .arg = arg};
    sel->shared |= ops->lot && ((struct go_lot *)sel->cases[i].object)->shared;
    sel->which[sel->count++] = i;
    return 0;
}

static int add_fd(struct select *sel, unsigned i, short events)
{
    int64_t fd = sel->cases[i].arg;

    if (fd < 0 || fd > INT32_MAX)
        return -EBADF;
    return add_wait(sel, i, fd_waitable(), fd | (int64_t)events << 32);
}

static int add_after(struct select *sel, unsigned i)
{
    go_time ns = sel->cases[i].arg, now, at;

    if (ns == GO_FOREVER)
        return 0;
    now = sched_now(sel->sched);
    at = ns <= 0 ? now : ns < GO_FOREVER - now ? now + ns : GO_FOREVER;
    if (sel->after < 0 || at < sel->until) {
        sel->after = (int)i;
        sel->until = at;
    }
    return 0;
}

static int add_recv(struct select *sel, unsigned i)
{
    go_chan *c = sel->cases[i].object;

    if (chan_is_source(c)) {
        if (scope_stopping(sel->sched->current))
            return scope_refused();
        sel->source = true;
    }
    return add_wait(sel, i, &chan_recv_waitable, 0);
}

static int add_signal(struct select *sel, unsigned i)
{
    if (scope_stopping(sel->sched->current))
        return scope_refused();
    sel->source = true;
    return add_wait(sel, i, &signals_waitable, 0);
}

static int add_case(struct select *sel, unsigned i)
{
    switch (sel->cases[i].kind) {
    case GO_CASE_DEFAULT:
        if (sel->otherwise < 0)
            sel->otherwise = (int)i;
        return 0;
    case GO_CASE_RECV:
        return add_recv(sel, i);
    case GO_CASE_SEND:
        return add_wait(sel, i, &chan_send_waitable, 0);
    case GO_CASE_READABLE:
        return add_fd(sel, i, POLLIN);
    case GO_CASE_WRITABLE:
        return add_fd(sel, i, POLLOUT);
    case GO_CASE_AFTER:
        return add_after(sel, i);
    case GO_CASE_JOIN:
        return add_wait(sel, i, &task_waitable, TASK_TAKES);
    case GO_CASE_WAIT:
        return add_wait(sel, i, &event_waitable, 0);
    case GO_CASE_LOCK:
        return add_wait(sel, i, &mutex_waitable, 0);
    case GO_CASE_GET:
        return add_wait(sel, i, &future_waitable, 0);
    case GO_CASE_ACQUIRE:
        return add_wait(sel, i, &sem_waitable, 0);
    case GO_CASE_SIGNAL:
        return add_signal(sel, i);
    default:
        return -EINVAL;
    }
}

/* A timer that is due takes part in the choice like everything else that is ready. */
static bool after_due(const struct select *sel)
{
    return sel->after >= 0 && sel->until <= sched_now(sel->sched);
}

static int commit_after(struct select *sel)
{
    sel->cases[sel->after].result = 0;
    return sel->after;
}

static int committed(struct select *sel, unsigned w)
{
    unsigned i = sel->which[w];

    if (sel->waits[w].ops->won)
        sel->waits[w].ops->won(&sel->waits[w]);
    sel->cases[i].result = sel->waits[w].result;
    return (int)i;
}

/* Something that can happen now, from a random place on, so that nobody is preferred. -EAGAIN:
 * nothing. */
static int try_all(struct select *sel)
{
    bool due = after_due(sel);
    unsigned choices = sel->count + due, start;

    if (choices == 0)
        return -EAGAIN;
    start = choices > 1 ? sched_random(sel->sched, choices) : 0;
    for (unsigned k = 0; k < choices; k++) {
        unsigned w = start + k < choices ? start + k : start + k - choices;

        if (w == sel->count)
            return commit_after(sel);
        sel->waits[w].fiber = sel->sched->current;
        if (sel->waits[w].ops->commit(&sel->waits[w]) == 0)
            return committed(sel, w);
    }
    return -EAGAIN;
}

static void disarm_all(struct select *sel)
{
    for (unsigned i = 0; i < sel->count; i++) {
        struct wait *w = &sel->waits[i];

        if (w->ops->disarm)
            w->ops->disarm(w);
        else
            list_remove(&w->link);
    }
}

static bool is_shared(const struct wait *w)
{
    return w->ops->lot && ((struct go_lot *)w->object)->shared;
}

/* 0: all are armed; 1: that of *done is done, and nothing is armed. Shared objects are looked at
 * again as they are armed (lot_arm), and all of them when another thread has passed this fiber by
 * meanwhile. */
static int arm_all(struct select *sel, struct claim *claim, unsigned *done)
{
    bool again = false;

    for (unsigned i = 0; i < sel->count; i++) {
        list_init(&sel->waits[i].link);
        sel->waits[i].claim = sel->shared ? claim : NULL;
    }
    if (sel->shared)
        claim_init(claim, sel->sched);
    for (unsigned i = 0; i < sel->count; i++) {
        struct wait *w = &sel->waits[i];
        int rc = !again || is_shared(w) ? w->ops->arm(w) : 0;

        if (rc == 1) {
            *done = i;
            disarm_all(sel);
            return 1;
        }
        if (rc == -EAGAIN) {
            again = true;
            i = UINT_MAX; /* from the first on */
        }
    }
    return 0;
}

static int wait_all(struct select *sel)
{
    unsigned how = WAIT_CANCEL, done = 0;
    struct claim claim;
    int rc;

    if (arm_all(sel, &claim, &done) == 1)
        return committed(sel, done);
    for (unsigned w = 0; w < sel->count; w++)
        if (sel->waits[w].ops == fd_waitable())
            how |= WAIT_OUTSIDE;
    if (sel->shared) {
        how |= WAIT_OUTSIDE | WAIT_ASK;
        sched_look_soon(sel->sched);
    }
    if (sel->source)
        how |= WAIT_SOURCE;
    rc = wait_park(sel->waits, sel->count, how, sel->after >= 0 ? sel->until : GO_FOREVER);
    if (rc == -ETIMEDOUT)
        return commit_after(sel);
    return rc < 0 ? rc : committed(sel, (unsigned)rc);
}

static int select_with(struct select *sel, size_t n)
{
    int rc = 0;

    for (unsigned i = 0; rc == 0 && i < n; i++)
        rc = add_case(sel, i);
    if (rc < 0)
        return rc;
    rc = try_all(sel);
    if (rc != -EAGAIN)
        return rc;
    if (sel->otherwise >= 0) {
        sel->cases[sel->otherwise].result = 0;
        return sel->otherwise;
    }
    return wait_all(sel);
}

int go_select(go_case *cases, size_t n)
{
    struct select sel = {
        .sched = sched_self(), .cases = cases, .otherwise = -1, .after = -1, .until = GO_FOREVER};
    struct wait few[FEW];
    unsigned few_which[FEW];
    int rc = checkpoint(sel.sched);

    if (rc < 0)
        return rc;
    if (n > INT32_MAX / sizeof(struct wait))
        return -EINVAL;
    sel.waits = n <= FEW ? few : malloc(n * (sizeof *sel.waits + sizeof *sel.which));
    if (!sel.waits)
        return -ENOMEM;
    sel.which = n <= FEW ? few_which : (unsigned *)(sel.waits + n);
    rc = select_with(&sel, n);
    if (sel.waits != few)
        free(sel.waits);
    return rc;
}
