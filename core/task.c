/* SPDX-License-Identifier: MIT */
#include "core/claim.h"
#include "core/misuse.h"
#include "core/nursery.h"
#include "core/sched.h"
#include <errno.h>
#include <stdlib.h>

enum { TASK_NEW, TASK_RUNNING, TASK_ENDED };

struct go_task_exit {
    struct go_task_exit *next;
    void (*cb)(go_task *, void *);
    void *arg;
};

void task_begin(go_task *t, go_nursery *n, fiber *f)
{
    if (t->phase == TASK_ENDED)
        list_remove(&t->done);
    scope_init_base(&t->scope, f, &n->scope, NULL);
    t->fiber = f;
    t->nursery = n;
    list_init(&t->joiners);
    list_init(&t->done);
    t->exits = NULL;
    t->exits_tail = &t->exits;
    t->error = NULL;
    t->dropped = false;
    t->result = -EAGAIN;
    t->phase = TASK_RUNNING;
    f->task = t;
    n->handles++;
}

/* Under GO_SUPERVISE whoever takes the error has it. */
static int taken(go_task *t, int rc)
{
    nursery_forgive(t->nursery, t);
    return rc;
}

static void run_exits(go_sched *s, go_task *t)
{
    struct go_task_exit *x;

    callback_enter(s, "go_task_on_exit");
    while ((x = t->exits)) {
        t->exits = x->next;
        x->cb(t, x->arg);
        free(x);
    }
    t->exits_tail = &t->exits;
    callback_leave(s);
}

void task_end(go_task *t, fiber *f, int rc)
{
    go_nursery *n = t->nursery;
    list *l;

    n->handles--;
    scope_pop(f, &t->scope);
    t->result = rc;
    t->ended = f->sched->ends++;
    t->phase = TASK_ENDED;
    t->fiber = NULL;
    f->task = NULL;
    if (t->exits)
        run_exits(f->sched, t);
    if ((l = list_pop(&n->nexts))) {
        struct wait *w = list_entry(l, struct wait, link);

        nursery_forgive(n, t);
        *(go_task **)w->item = t;
        wait_win(w, 1);
    } else {
        list_push(&n->done, &t->done);
    }
    if (n->handles == 0)
        while ((l = list_pop(&n->nexts)))
            wait_win(list_entry(l, struct wait, link), 0);
    while ((l = list_pop(&t->joiners))) {
        struct wait *w = list_entry(l, struct wait, link);

        if (!wait_claim(w))
            continue;
        if (w->arg == TASK_TAKES)
            taken(t, rc); /* now: the nursery may be gone when the joiner runs */
        wait_win(w, rc);
    }
}

/* ---- waiting for a task ---- */

static int join_commit(struct wait *w)
{
    go_task *t = w->object;

    if (t->phase != TASK_ENDED)
        return -EAGAIN;
    w->result = t->result;
    if (w->arg == TASK_TAKES)
        taken(t, t->result);
    return 0;
}

static int join_arm(struct wait *w)
{
    list_push(&((go_task *)w->object)->joiners, &w->link);
    return 0;
}

static void join_describe(const struct wait *w, FILE *out)
{
    const go_task *t = w->object;
    char name[FIBER_NAME + 32];

    fprintf(out, "the end of %s", t->fiber ? fiber_label(t->fiber, name, sizeof name) : "a task");
}

static fiber *join_holder(const struct wait *w)
{
    return ((const go_task *)w->object)->fiber;
}

const struct waitable task_waitable = {.name = "task",
                                       .commit = join_commit,
                                       .arm = join_arm,
                                       .describe = join_describe,
                                       .holder = join_holder};

static int joinable(go_sched *s, const go_task *t)
{
    if (t->phase == TASK_NEW)
        return -EINVAL;
    if (t->phase == TASK_RUNNING && t->fiber->sched != s)
        misuse(
            "go_task_join",
            "this task belongs to another thread's scheduler; only its own fibers may wait for it");
    return t->phase == TASK_RUNNING && t->fiber == s->current ? -EDEADLK : 0;
}

int go_task_join(go_task *t)
{
    go_sched *s = sched_self();
    struct wait w = {.ops = &task_waitable, .object = t, .arg = TASK_TAKES};
    int rc = checkpoint(s);

    if (rc < 0 || (rc = joinable(s, t)) < 0)
        return rc;
    if (join_commit(&w) == 0)
        return w.result;
    join_arm(&w);
    rc = wait_park(&w, 1, WAIT_CANCEL | PARK_TASK, GO_FOREVER);
    return rc < 0 ? rc : w.result;
}

int go_task_result(const go_task *t)
{
    return t->phase == TASK_NEW ? -EINVAL : t->result;
}

void go_task_cancel(go_task *t, const char *reason)
{
    if (t->phase == TASK_RUNNING)
        go_scope_cancel(&t->scope, reason);
}

int go_task_on_exit(go_task *t, void (*cb)(go_task *, void *), void *arg)
{
    go_sched *s = sched_self();
    struct go_task_exit *x;

    if (t->phase == TASK_NEW)
        return -EINVAL;
    if (t->phase == TASK_ENDED) {
        if (s)
            callback_enter(s, "go_task_on_exit");
        cb(t, arg);
        if (s)
            callback_leave(s);
        return 0;
    }
    x = malloc(sizeof *x);
    if (!x)
        return -ENOMEM;
    *x = (struct go_task_exit){NULL, cb, arg};
    *t->exits_tail = x;
    t->exits_tail = &x->next;
    return 0;
}

/* Joins them one after the other; which error came first is known from the order of their ends. */
int go_join_all(go_task *const *tasks, size_t n)
{
    go_sched *s = sched_self();
    go_task *first = NULL;
    int rc = checkpoint(s);

    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = joinable(s, tasks[i]);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        struct wait w = {.ops = &task_waitable, .object = tasks[i]};

        if (tasks[i]->phase == TASK_RUNNING) {
            join_arm(&w);
            rc = wait_park(&w, 1, WAIT_CANCEL | PARK_TASK, GO_FOREVER);
        }
    }
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < n; i++)
        if (tasks[i]->result < 0 && (!first || tasks[i]->ended < first->ended))
            first = tasks[i];
    return first ? taken(first, first->result) : 0;
}

int go_join_any(go_task *const *tasks, size_t n)
{
    go_sched *s = sched_self();
    struct wait few[16], *waits = few;
    int rc = checkpoint(s);

    if (rc == 0 && n == 0)
        rc = -EINVAL;
    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = joinable(s, tasks[i]);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < n; i++)
        if (tasks[i]->phase == TASK_ENDED)
            return (int)i;
    if (n > sizeof few / sizeof few[0] && !(waits = malloc(n * sizeof *waits)))
        return -ENOMEM;
    for (size_t i = 0; i < n; i++) {
        waits[i] = (struct wait){.ops = &task_waitable, .object = tasks[i]};
        join_arm(&waits[i]);
    }
    rc = wait_park(waits, (unsigned)n, WAIT_CANCEL | PARK_TASK, GO_FOREVER);
    if (waits != few)
        free(waits);
    return rc;
}

void task_dropped(go_task *t)
{
    list_init(&t->joiners);
    list_init(&t->done);
    t->error = NULL;
    t->result = scope_refused();
    t->phase = TASK_ENDED;
    t->fiber = NULL;
}
