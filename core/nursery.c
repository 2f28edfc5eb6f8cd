/* SPDX-License-Identifier: MIT */
#include "core/nursery.h"
#include "core/fork.h"
#include "core/misuse.h"
#include "core/switch.h"
#include <errno.h>
#include <string.h>

enum { MAX_ERRORS = 64 };

/* ---- opening ---- */

inline void nursery_begin(go_nursery *n, fiber *f, const go_nursery_opts *opts)
{
    scope_init_base(&n->scope, f, f->scope, n);
    n->owner = f;
    n->outer = f->nursery;
    list_init(&n->children);
    list_init(&n->slots);
    list_init(&n->done);
    list_init(&n->nexts);
    memset(&n->errors, 0, sizeof *n - offsetof(go_nursery, errors));
    n->max_errors = MAX_ERRORS;
    n->phase = NURSERY_OPEN;
    if (unlikely(opts)) {
        n->policy = (uint8_t)opts->policy;
        n->max_tasks = opts->max_tasks;
        if (opts->max_errors)
            n->max_errors = opts->max_errors;
    }
    f->nursery = n;
    f->scope = &n->scope;
}

/* ---- errors and policies ---- */

static void cancel_rest(go_nursery *n, enum scope_reason reason, const char *who)
{
    if (n->scope.cancelled)
        return;
    n->own_cancel = true;
    scope_cancel(n->owner->sched, &n->scope, reason, who);
}

/* Keeps e in the group, or counts it among the rest. True: kept. */
static bool keep_error(go_nursery *n, struct go_error *e)
{
    if (!n->errors)
        n->errors = error_group(n->owner);
    if (e && n->errors && n->errors->count < n->max_errors) {
        error_add(n->errors, e);
        return true;
    }
    error_free(e);
    if (n->errors)
        n->errors->rest++;
    return false;
}

bool nursery_error(go_nursery *n, struct go_error *e, int code, bool real, bool body,
                   const char *who)
{
    bool kept = keep_error(n, e);

    if (!real)
        return kept;
    if (n->first == 0)
        n->first = code;
    if (body || (n->policy != GO_SUPERVISE && n->policy != GO_RACE && n->policy != GO_FIRST))
        cancel_rest(n, REASON_SIBLING, who);
    return kept;
}

/* The first real error that nobody has taken: of those in the tree, else of those that are only
 * counted. */
static int first_left(const go_nursery *n)
{
    const go_task *found = NULL;

    for (const struct go_error *e = n->errors ? n->errors->first : NULL; e; e = e->next)
        if (e->real)
            return e->code;
    for (list *l = n->done.next; l != &n->done; l = l->next) {
        const go_task *t = list_entry(l, go_task, done);

        if (t->dropped && (!found || t->ended < found->ended))
            found = t;
    }
    return n->first_dropped || !found ? n->first_dropped : found->result;
}

void nursery_forgive(go_nursery *n, go_task *t)
{
    if (!t->error && !t->dropped)
        return;
    if (t->error) {
        error_take(n->errors, t->error);
        error_free(t->error);
    } else if (n->errors) {
        n->errors->rest--;
    }
    t->error = NULL;
    t->dropped = false;
    n->first = first_left(n);
    if (n->errors && n->errors->count == 0 && n->errors->rest == 0) {
        error_free(n->errors);
        n->errors = NULL;
    }
}

static void winner(go_nursery *n, int rc, const char *who)
{
    if (n->won)
        return;
    n->won = true;
    n->result = rc;
    cancel_rest(n, REASON_WON, who);
}

/* ---- a child's end ---- */

void nursery_judge(go_nursery *n, fiber *f, int rc)
{
    char name[FIBER_NAME];
    /* asked softly counts here as well */
    bool cancelled = f->hit || (rc == -ECANCELED && scope_stopping(f));
    bool real = rc < 0 && (!cancelled || error_made(f, rc));
    struct go_error *e;
    bool kept;

    if (rc >= 0) {
        if (n->policy == GO_RACE || n->policy == GO_FIRST)
            winner(n, rc, fiber_label(f, name, sizeof name));
        return;
    }
    if (!real && rc == -ECANCELED)
        return; /* a cancelled child is no error */
    fiber_label(f, name, sizeof name);
    e = error_of(f, rc, real);
    kept = nursery_error(n, e, rc, real, false, name);
    /* whoever joins it takes it out of the group */
    if (real && n->policy == GO_SUPERVISE && f->task) {
        f->task->error = kept ? e : NULL;
        f->task->dropped = !kept;
    } else if (real && !kept && !n->first_dropped) {
        n->first_dropped = rc;
    }
    if (real && n->policy == GO_FIRST)
        winner(n, rc, name);
}

static void give_slot(go_nursery *n)
{
    list *l;

    while (n->live < n->max_tasks && (l = list_pop(&n->slots))) {
        struct wait *w = list_entry(l, struct wait, link);

        if (w->fiber->parent == n)
            n->slot_children--;
        /* The slot is the waiter's from now on: it spawns when it runs, and nobody else may take it
         * meanwhile. */
        n->live++;
        wait_win(w, 0);
    }
}

void nursery_slot_free(go_nursery *n)
{
    struct wait *w = n->closer;

    if (n->max_tasks)
        give_slot(n);
    if (n->live > 0 || !w)
        return;
    n->closer = NULL;
    wait_win(w, 0);
}

/* ---- closing ---- */

static void closer_disarm(struct wait *w)
{
    ((go_nursery *)w->object)->closer = NULL;
}

static void closer_describe(const struct wait *w, FILE *out)
{
    const go_nursery *n = w->object;

    fprintf(out, "its nursery's %u %s", n->live, n->live == 1 ? "child" : "children");
}

static const struct waitable closer_waitable = {.name = "nursery",
                                                .disarm = closer_disarm,
                                                .describe = closer_describe};

/* The children that ended leave no pointer to n behind in their handles. */
static inline void let_go_of_handles(go_nursery *n)
{
    list *l;

    while ((l = list_pop(&n->done))) {
        go_task *t = list_entry(l, go_task, done);

        t->error = NULL;
        t->dropped = false;
    }
}

/* An unusual end of a body: a failure, or a service's. */
static __attribute__((noinline)) void body_ended(go_nursery *n, fiber *f, int body)
{
    char name[FIBER_NAME];
    bool cancelled, real;

    if (body < 0) {
        cancelled = n->body_hit || (body == -ECANCELED && scope_stopping(f));
        real = !cancelled || error_made(f, body);
        if (real || body != -ECANCELED)
            nursery_error(n, error_of(f, body, real), body, real, true,
                          fiber_label(f, name, sizeof name));
    }
    if (n->policy == GO_SERVICE && !n->scope.cancelled)
        cancel_rest(n, REASON_EXPLICIT, "the service's body is done");
    else if (n->policy == GO_SERVICE)
        scope_refresh(f->sched, &n->scope); /* the outside is visible to the children now */
}

static void wait_for_children(go_nursery *n, go_sched *s)
{
    struct wait w = {.ops = &closer_waitable, .object = n};

    if (n->live == 0) {
        sched_yield_now(s); /* always a schedule point */
        return;
    }
    while (n->live > 0) {
        n->closer = &w;
        wait_park_inline(&w, 1, PARK_NURSERY, GO_FOREVER);
    }
}

static int outcome(const go_nursery *n, int body)
{
    if (n->won)
        return n->result;
    if (n->first)
        return n->first;
    if (n->outside_hit)
        return scope_refused();
    return body;
}

static void check_innermost(const go_nursery *n, const fiber *f)
{
    if (likely(f->nursery == n && f->scope == &n->scope))
        return;
    if (n->phase != NURSERY_OPEN)
        misuse("go_nursery_close", "this nursery is not open");
    if (n->owner != f)
        misuse("go_nursery_close",
               "this nursery was opened by another fiber, and must be closed by it");
    misuse("go_nursery_close", "there is an open nursery or scope inside this one; close it first");
}

/* Waits, and takes n off f. The group stays in n->errors. */
static int finish(go_nursery *n, go_sched *s, int body)
{
    fiber *f = s->current;

    if (unlikely(s->fork_pending))
        fork_settle(s);
    n->phase = NURSERY_CLOSING;
    if (unlikely(body < 0 || n->policy == GO_SERVICE))
        body_ended(n, f, body);
    wait_for_children(n, s);
    n->phase = NURSERY_CLOSED;
    f->nursery = n->outer;
    scope_pop(f, &n->scope);
    let_go_of_handles(n);
    return outcome(n, body);
}

static inline int close_here(go_nursery *n, int body)
{
    go_sched *s = sched_self();
    int rc;

    if (!s)
        misuse("go_nursery_close", "called outside a run");
    check_innermost(n, s->current);
    rc = finish(n, s, body);
    if (n->errors)
        n->errors->code = rc;
    if (n->errors || s->current->last_error)
        error_set_last(s->current, n->errors);
    n->errors = NULL;
    return rc;
}

int go_nursery_close(go_nursery *n, int body)
{
    return close_here(n, body);
}

/* An error that nobody asked for joins the block around this one, or waits for the fiber's end. */
static void climb(fiber *f, struct go_error *tree, int code)
{
    char name[FIBER_NAME];

    if (tree) {
        tree->code = code;
        tree->real = true;
    }
    if (f->nursery) {
        nursery_error(f->nursery, tree, code, true, true, fiber_label(f, name, sizeof name));
        return;
    }
    f->extras = true;
    if (!f->climbs)
        f->climbs = code;
    if (!f->undelivered)
        f->undelivered = error_group(f);
    if (f->undelivered && tree)
        error_add(f->undelivered, tree);
    else
        error_free(tree);
}

/* Left by return, goto or an exception: nobody asks for the outcome. */
static void leave(go_nursery *n, go_sched *s)
{
    fiber *f = s->current;
    struct go_error *tree;
    int code;

    check_innermost(n, f);
    if (s->eh && *(unsigned *)&s->eh[1] > 0) /* an exception is in flight: a body that throws has
                                                failed */
        scope_cancel(s, &n->scope, REASON_EXPLICIT, "an exception left the block");
    finish(n, s, 0);
    tree = n->errors;
    n->errors = NULL;
    code = n->won ? n->result : n->first;
    if (code < 0)
        climb(f, tree, code);
    else
        error_free(tree);
    error_set_last(f, NULL);
}

/* ---- the public half ---- */

static inline int open_here(go_nursery *n, const go_nursery_opts *opts)
{
    go_sched *s = sched_self();

    if (unlikely(!s))
        return -ESHUTDOWN;
    if (unlikely(s->current == s->loop_fiber))
        misuse("go_nursery_open", "called from a posted function or callback, which must not wait");
    if (unlikely(opts && (unsigned)opts->policy > GO_SERVICE))
        return -EINVAL;
    nursery_begin(n, s->current, opts);
    return 0;
}

int go_nursery_open(go_nursery *n, const go_nursery_opts *opts)
{
    return open_here(n, opts);
}

void go_nursery_cancel(go_nursery *n, const char *reason)
{
    go_scope_cancel(&n->scope, reason);
}

struct go_scope *go_nursery_scope(go_nursery *n)
{
    return &n->scope;
}

static const struct waitable next_waitable = {.name = "the next child to end"};

int go_nursery_next(go_nursery *n, go_task **done)
{
    go_sched *s = sched_self();
    struct wait w = {.ops = &next_waitable, .object = n, .item = done};
    list *l;
    int rc = checkpoint(s);

    if (rc < 0)
        return rc;
    if ((l = list_pop(&n->done))) {
        *done = list_entry(l, go_task, done);
        nursery_forgive(n, *done);
        return 1;
    }
    if (n->handles == 0)
        return 0;
    list_push(&n->nexts, &w.link);
    rc = wait_park(&w, 1, WAIT_CANCEL | PARK_NURSERY, GO_FOREVER);
    return rc < 0 ? rc : w.result;
}

static _Noreturn __attribute__((noinline, cold)) void cannot_open(int why,
                                                                  const go_nursery_opts *opts)
{
    if (why == -ESHUTDOWN)
        misuse("GO_NURSERY", "called outside a run; go_run starts one");
    misuse("GO_NURSERY_OPTS", "the policy %d does not exist", (int)opts->policy);
}

go_nursery *go_nursery_block_open(struct go_nursery_block *b, const go_nursery_opts *opts, int *rc)
{
    int why;

    b->rc = rc;
    b->open = true;
    *rc = 0;
    why = open_here(&b->own, opts);
    if (unlikely(why < 0))
        cannot_open(why, opts);
    return &b->own;
}

struct go_nursery_block *go_nursery_block_close(struct go_nursery_block *b)
{
    b->open = false;
    *b->rc = close_here(&b->own, *b->rc);
    return NULL;
}

void go_nursery_block_leave(struct go_nursery_block *b)
{
    if (b->open)
        leave(&b->own, sched_self());
}
