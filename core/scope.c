/* SPDX-License-Identifier: MIT
 *
 * Cancel scopes.
 *
 * Concepts. All scopes form a tree by `parent`: a fiber's own scopes, innermost first, then its
 * nursery's scope, which lies among the scopes of the fiber that opened the nursery, and so on to
 * the root. Three questions are asked of it:
 *
 *   - Is a cancellation visible to this fiber? Asked at every checkpoint, so the answer is kept:
 *     the fiber's *alarm*, the time at which one becomes visible (INT64_MIN: it is). Inside a
 *     scope,
 *
 *         alarm = min(own, shielded ? max(end of the shield, outer alarm) : outer alarm)
 *
 *     where own is INT64_MIN when the scope is cancelled, else its deadline. The max says what a
 *     shield's budget means: when it is used up, outer cancellation is visible again, and that
 *     alone cancels nothing.
 *   - Which scope catches? The outermost cancelled one that no shield hides. Found by walking, when
 *     one is delivered.
 *   - Who is inside this scope? The fiber that entered it, and all below the nurseries that it has
 *     opened inside. Found by walking, when one is cancelled. Nothing is registered on entry, so
 *     that entering a scope costs a few stores.
 *
 * A deadline belongs to nobody's timer. The fibers that park below it arm their own, and the first
 * one that fires, or the first checkpoint that finds its alarm passed, cancels the scope for all. A
 * fiber whose alarm is finite has no fuel: each of its checkpoints reads the clock (18 ns), because
 * a computation may have used up the time between any two.
 *
 * Rejected: a list of children in each scope (two list operations for each entry, for the sake of
 * cancellations, which are rare); a timer for each scope (a server that reads with a time-out would
 * touch the heap twice a read).
 *
 * GO_SERVICE: until its body is done, the nursery's scope hides the outside from the children but
 * not from the body, which is inside the same scope. So what a walk sees depends on whether it
 * comes from a child or from the owner's own scopes.
 *
 * Delivery. The runtime notes where a cancellation was delivered, and for which scope; it does not
 * guess from return values. Walking out from the fiber to the catching scope it marks the nurseries
 * on the way (their blocks were hit from outside) and the fibers whose own scopes it leaves (what
 * they return is not a real error any more). */
#include "core/scope.h"
#include "core/clock.h"
#include "core/misuse.h"
#include "core/nursery.h"
#include <errno.h>
#include <execinfo.h>
#include <string.h>
#include <unistd.h>

enum { IGNORED_LIMIT = 100 };
#define BACKOFF_MOST (50 * GO_MS)

/* ---- alarms ---- */

static inline go_time inner_alarm(const go_scope *sc, go_time outer)
{
    go_time own = sc->cancelled ? INT64_MIN : sc->deadline;

    if (sc->shield > outer && !sc->owner->sched->doomed)
        outer = sc->shield;
    return own < outer ? own : outer;
}

inline void scope_alarm_changed(fiber *f, go_time alarm)
{
    go_sched *s = f->sched;
    int32_t slice = f->slice;

    f->alarm = alarm;
    f->slice = alarm == GO_FOREVER ? FIBER_SLICE : 0;
    if (s->current == f)
        s->fuel += f->slice - slice; /* what was used of the slice stays used */
}

/* Brings the alarms of f's own scopes up to date, from outside in, and f itself. Nurseries of f's
 * whose view changed, or that `forced` names, put their children on the work list. */
static void refresh_fiber(fiber *f, const go_scope *forced, fiber ***tail)
{
    go_scope *sc = f->scope, *inner = NULL;
    go_time alarm;

    for (; sc && sc->owner == f; sc = sc->parent) {
        sc->inner = inner;
        inner = sc;
    }
    for (sc = inner; sc; sc = sc->inner) {
        go_time old = sc->alarm;

        sc->alarm = inner_alarm(sc, scope_outer_alarm(sc));
        if (!sc->nursery || (sc->alarm == old && sc != forced && !f->sched->doomed))
            continue;
        for (list *l = sc->nursery->children.next; l != &sc->nursery->children; l = l->next) {
            fiber *child = list_entry(l, fiber, siblings);

            child->work = NULL;
            **tail = child;
            *tail = &child->work;
        }
    }
    alarm = scope_fiber_alarm(f);
    if (alarm != f->alarm)
        scope_alarm_changed(f, alarm);
    if (f->starter)
        start_target_cancelled(f);
    if (f->state == FIBER_PARKED && f->how & WAIT_CANCEL) {
        if (alarm == INT64_MIN)
            fiber_wake_up(f, WAKE_CANCEL);
        else
            fiber_timer_check(f->sched, f);
    }
}

void scope_refresh_fiber(fiber *f)
{
    fiber *none = NULL, **tail = &none;

    refresh_fiber(f, NULL, &tail);
}

void scope_refresh(go_sched *s, go_scope *sc)
{
    fiber *work = sc->owner, **tail = &work->work;

    (void)s;
    work->work = NULL;
    for (; work; work = work->work)
        refresh_fiber(work, sc, &tail);
}

/* ---- entering and leaving ---- */

/* sc was asked to stop before it was entered; hard_at: what is left of its grace. */
static __attribute__((noinline)) void entered_soft(fiber *f, go_scope *sc, go_time hard_at)
{
    go_sched *s = f->sched;

    s->soft++;
    if (!sc->cancelled && hard_at != GO_FOREVER)
        scope_cancel_soft(s, sc, hard_at - sched_now(s), (enum scope_reason)sc->reason, NULL);
}

static inline void push_scope(fiber *f, go_scope *sc, go_time deadline, go_time shield)
{
    go_time hard_at = sc->alarm; /* of a soft cancel that came before the entry */

    sc->parent = f->scope;
    sc->owner = f;
    sc->deadline = deadline;
    sc->shield = shield;
    sc->phase = SCOPE_ENTERED;
    f->scope = sc;
    sc->alarm = inner_alarm(sc, f->alarm);
    if (sc->alarm != f->alarm)
        scope_alarm_changed(f, sc->alarm);
    if (unlikely(sc->soft))
        entered_soft(f, sc, hard_at);
}

void scope_push(fiber *f, go_scope *sc, go_time deadline, go_time shield)
{
    push_scope(f, sc, deadline, shield);
}

void scope_left_soft(fiber *f, go_scope *sc)
{
    f->sched->soft--;
    heap_remove(&f->sched->heap, &sc->grace);
}

/* ---- cancelling ---- */

static void note_reason(go_scope *sc, enum scope_reason reason, const char *text)
{
    const char *before = reason == REASON_EXPLICIT && text ? "explicit \""
                         : reason == REASON_EXPLICIT       ? "explicit"
                         : reason == REASON_SIBLING        ? "sibling failed: "
                         : reason == REASON_WON            ? "sibling won: "
                                                           : "";

    if (sc->reason != REASON_NONE)
        return; /* the first one stays */
    sc->reason = (uint8_t)reason;
    snprintf(sc->text, sizeof sc->text - 1, "%s%s", before, text ? text : "");
    if (reason == REASON_EXPLICIT && text)
        strcat(sc->text, "\"");
}

const char *scope_reason_text(const go_scope *sc)
{
    switch ((enum scope_reason)sc->reason) {
    case REASON_NONE:
        return NULL;
    case REASON_DEADLINE:
        return "deadline";
    case REASON_SIGNAL:
        return "signal";
    case REASON_DEADLOCK:
        return "deadlock";
    default:
        return sc->text;
    }
}

void scope_cancel(go_sched *s, go_scope *sc, enum scope_reason reason, const char *text)
{
    if (sc->cancelled || sc->phase == SCOPE_LEFT)
        return;
    note_reason(sc, reason, text);
    sc->cancelled = true;
    if (s)
        s->stats.cancellations++;
    if (sc->phase == SCOPE_ENTERED)
        scope_refresh(s, sc);
}

/* Wakes what waits on a source below sc and sees it stopping. */
static void soft_wake(go_scope *sc)
{
    fiber *work = sc->owner, **tail = &work->work;

    work->work = NULL;
    for (; work; work = work->work) {
        for (go_nursery *n = work->nursery; n; n = n->outer)
            for (list *l = n->children.next; l != &n->children; l = l->next) {
                fiber *child = list_entry(l, fiber, siblings);

                child->work = NULL;
                *tail = child;
                tail = &child->work;
            }
        if (work->state == FIBER_PARKED && work->how & WAIT_SOURCE && scope_stopping(work))
            fiber_wake_up(work, WAKE_SOFT);
    }
}

void scope_cancel_soft(go_sched *s, go_scope *sc, go_time grace, enum scope_reason reason,
                       const char *text)
{
    go_time hard_at = GO_FOREVER;

    if (sc->cancelled || sc->phase == SCOPE_LEFT)
        return;
    if (grace != GO_FOREVER) {
        go_time now = s ? sched_now(s) : clock_real();

        hard_at = grace <= 0 ? now : grace < GO_FOREVER - now ? now + grace : GO_FOREVER;
    }
    note_reason(sc, reason, text);
    if (!sc->soft && sc->phase == SCOPE_ENTERED)
        s->soft++;
    sc->soft = true;
    if (grace <= 0) {
        scope_cancel(s, sc, reason, text);
        return;
    }
    if (sc->phase == SCOPE_NEW) {
        sc->alarm = hard_at;
        return;
    }
    sc->grace.kind = TIMER_GRACE;
    if (hard_at != GO_FOREVER && hard_at < heap_time(&s->heap, &sc->grace)) {
        heap_remove(&s->heap, &sc->grace);
        if (heap_reserve(&s->heap, s->heap.count + s->fibers + s->timers + 1) < 0)
            /* no memory for the grace: rather early than never */
            scope_cancel(s, sc, reason, text);
        else
            heap_insert(&s->heap, &sc->grace, hard_at, s->heap.seq++);
        sched_look_soon(s);
    }
    if (!sc->cancelled)
        soft_wake(sc);
}

void scope_grace_over(go_sched *s, struct go_timer *t)
{
    go_scope *sc = list_entry(t, go_scope, grace);

    scope_cancel(s, sc, (enum scope_reason)sc->reason, NULL);
}

/* ---- looking ---- */

/* Whether sc hides what is outside it from a walk that came from `from`'s side. */
static inline bool hides(const go_scope *sc, const fiber *from, go_time now)
{
    if (sc->shield > now && !sc->owner->sched->doomed)
        return true;
    return sc->nursery && sc->owner != from && service_hides(sc->nursery);
}

go_scope *scope_catcher(fiber *f)
{
    go_scope *found = NULL;
    fiber *from = f;

    for (go_scope *sc = f->scope; sc; sc = sc->parent) {
        if (sc->cancelled)
            found = sc;
        if (hides(sc, from, f->sched->now))
            break;
        from = sc->owner;
    }
    return found;
}

/* Of the deadlines that have passed and that f sees, the earliest, and of equal ones the
 * outermost. */
static go_scope *expired(fiber *f, go_time now)
{
    go_scope *found = NULL;
    fiber *from = f;

    for (go_scope *sc = f->scope; sc; sc = sc->parent) {
        if (!sc->cancelled && sc->deadline <= now && (!found || sc->deadline <= found->deadline))
            found = sc;
        if (hides(sc, from, now))
            break;
        from = sc->owner;
    }
    return found;
}

bool scope_due(fiber *f, go_time now)
{
    go_scope *sc;

    if (f->alarm > now)
        return false;
    while ((sc = expired(f, now))) /* all of them: the outermost is the one that catches */
        scope_cancel(f->sched, sc, REASON_DEADLINE, NULL);
    return true; /* cancelled, or the shield that hid it has used up its budget */
}

bool scope_stopping(fiber *f)
{
    fiber *from = f;

    if (f->alarm == INT64_MIN)
        return true;
    if (f->sched->soft == 0)
        return false;
    for (go_scope *sc = f->scope; sc; sc = sc->parent) {
        if (sc->soft || sc->cancelled)
            return true;
        if (hides(sc, from, f->sched->now))
            break;
        from = sc->owner;
    }
    return false;
}

int scope_refused(void)
{
    return -ECANCELED;
}

/* ---- delivering ---- */

static void mark_delivery(fiber *f, go_scope *catcher)
{
    fiber *from = f;

    catcher->delivered = true;
    for (go_scope *sc = f->scope; sc; sc = sc->parent) {
        go_nursery *n = sc->nursery;

        if (sc->owner != from)
            from->hit = true;
        if (n && !(sc == catcher && n->own_cancel))
            n->outside_hit = true;
        if (n && sc->owner == from)
            n->body_hit = true;
        from = sc->owner;
        if (sc == catcher) {
            if (sc->base)
                from->hit = true;
            break;
        }
    }
}

/* A loop that retries on every error would spin: says so once, then slows it down. */
static void __attribute__((noinline, cold)) ignored_too_often(fiber *f, go_scope *catcher)
{
    go_sched *s = f->sched;
    go_time pause = (go_time)(f->ignored - IGNORED_LIMIT) * GO_MS;
    struct wait none;

    if (f->ignored == IGNORED_LIMIT + 1) {
        void *pcs[32];
        char name[FIBER_NAME + 32];

        report("%s was told %d times that it is cancelled (%s) and went on. From now on each "
               "further checkpoint waits up to "
               "50 ms. Let it return when a call returns -ECANCELED; a loop must not retry on it. "
               "It is here:",
               fiber_label(f, name, sizeof name), IGNORED_LIMIT, scope_reason_text(catcher));
        backtrace_symbols_fd(pcs, backtrace(pcs, 32), STDERR_FILENO);
    }
    if (pause > BACKOFF_MOST)
        pause = BACKOFF_MOST;
    if (!s->no_park)
        wait_park(&none, 0, 0, sched_now(s) + pause);
}

int scope_deliver(fiber *f)
{
    go_scope *catcher = scope_catcher(f);

    f->sched->stats.deliveries++;
    if (catcher)
        mark_delivery(f, catcher);
    if (++f->ignored > IGNORED_LIMIT && catcher)
        ignored_too_often(f, catcher);
    return scope_refused();
}

/* ---- the public half ---- */

static inline go_time absolute(go_sched *s, go_time timeout)
{
    go_time now;

    if (timeout == GO_FOREVER)
        return GO_FOREVER;
    now = sched_now(s);
    return timeout < GO_FOREVER - now ? now + timeout : GO_FOREVER;
}

static void check_fresh(const go_scope *sc, const char *function)
{
    if (unlikely(sc->phase != SCOPE_NEW))
        misuse(function, "this scope was entered before; a go_scope is used once, and is "
                         "zero-initialised for the next use");
}

static inline go_time deadline_in(go_sched *s, go_time timeout)
{
    /* expired already, as any time in the past */
    return timeout > 0 ? absolute(s, timeout) : INT64_MIN + 1;
}

int go_scope_enter(go_scope *sc, const go_scope_opts *opts)
{
    go_sched *s = sched_self();
    go_time deadline = GO_FOREVER;

    if (!s)
        return -ESHUTDOWN;
    check_fresh(sc, "go_scope_enter");
    sc->nursery = NULL;
    sc->move_on = opts && opts->move_on;
    if (opts && opts->timeout)
        deadline = deadline_in(s, opts->timeout);
    if (opts && opts->deadline && opts->deadline < deadline)
        deadline = opts->deadline;
    push_scope(s->current, sc, deadline,
               opts && opts->shield > 0 ? absolute(s, opts->shield) : INT64_MIN);
    return 0;
}

static void check_innermost(const go_scope *sc, const fiber *f, const char *function)
{
    if (likely(f->scope == sc))
        return;
    if (sc->phase != SCOPE_ENTERED)
        misuse(function, "this scope is not entered");
    if (sc->owner != f)
        misuse(function, "this scope was entered by another fiber, and must be left by it");
    misuse(function, "this scope is not the innermost; scopes and nurseries are left in the "
                     "reverse order of entering");
}

/* rc by the rule of semantics.md 4. */
static int translate(const go_scope *sc, int rc)
{
    if (!sc->delivered || rc > 0)
        return rc;
    if (sc->reason == REASON_DEADLINE)
        return sc->move_on ? 0 : -ETIMEDOUT;
    return scope_refused();
}

/* The block's error tree: what was replaced stays to be seen. */
static void __attribute__((noinline)) block_errors(fiber *f, const go_scope *sc, int rc, int out)
{
    struct go_error *group, *inner;

    if (out >= 0 && rc >= 0) {
        error_set_last(f, NULL);
        return;
    }
    if (out == rc && f->last_error && f->last_error->code == rc)
        return; /* a nursery's inside, passed on */
    group = error_group(f);
    if (!group)
        return;
    group->code = out;
    inner = rc < 0 ? error_of(f, rc, !sc->delivered || error_made(f, rc)) : NULL;
    if (inner)
        error_add(group, inner);
    error_set_last(f, group);
}

static int scope_leave(fiber *f, go_scope *sc, int rc)
{
    int out = translate(sc, rc);

    scope_pop(f, sc);
    if (unlikely(out < 0 || rc < 0 || f->last_error))
        block_errors(f, sc, rc, out);
    return out;
}

int go_scope_exit(go_scope *sc, int rc)
{
    go_sched *s = sched_self();

    if (!s)
        return rc;
    check_innermost(sc, s->current, "go_scope_exit");
    return scope_leave(s->current, sc, rc);
}

static go_sched *scheduler_of(const go_scope *sc, const char *function)
{
    go_sched *s = sched_self();

    if (sc->phase == SCOPE_ENTERED && sc->owner->sched != s)
        misuse(function, "this scope belongs to another thread's scheduler; go_post a function "
                         "there that cancels it");
    return s;
}

void go_scope_cancel(go_scope *sc, const char *reason)
{
    scope_cancel(scheduler_of(sc, "go_scope_cancel"), sc, REASON_EXPLICIT, reason);
}

void go_scope_cancel_soft(go_scope *sc, go_time grace, const char *reason)
{
    scope_cancel_soft(scheduler_of(sc, "go_scope_cancel_soft"), sc, grace, REASON_EXPLICIT, reason);
}

bool go_scope_caught(const go_scope *sc)
{
    return sc->delivered;
}

/* The calling fiber, its alarm up to date; NULL outside a run and in callbacks. */
static fiber *asking(void)
{
    go_sched *s = sched_self();
    fiber *f = s ? s->current : NULL;

    if (!f || f == s->loop_fiber)
        return NULL;
    if (f->alarm != GO_FOREVER && f->alarm != INT64_MIN)
        scope_due(f, sched_now(s));
    return f;
}

bool go_cancelled(void)
{
    fiber *f = asking();

    return f && f->alarm <= f->sched->now;
}

bool go_stopping(void)
{
    fiber *f = asking();

    return f && scope_stopping(f);
}

const char *go_cancel_reason(void)
{
    fiber *f = asking(), *from = f;
    go_scope *sc = f ? scope_catcher(f) : NULL;

    if (!f || sc || f->sched->soft == 0)
        return sc ? scope_reason_text(sc) : NULL;
    /* not cancelled, but perhaps asked to stop */
    for (go_scope *at = f->scope; at; at = at->parent) {
        if (at->soft)
            sc = at;
        if (hides(at, from, f->sched->now))
            break;
        from = at->owner;
    }
    return sc ? scope_reason_text(sc) : NULL;
}

go_time go_deadline(void)
{
    fiber *f = asking(), *from = f;
    go_time least = GO_FOREVER;

    if (!f)
        return GO_FOREVER;
    if (f->alarm <= f->sched->now)
        return INT64_MIN;
    for (go_scope *sc = f->scope; sc; sc = sc->parent) {
        if (sc->deadline < least)
            least = sc->deadline;
        if (hides(sc, from, f->sched->now))
            break;
        from = sc->owner;
    }
    return least;
}

/* ---- the block forms ---- */

static _Noreturn __attribute__((noinline, cold)) void outside_a_run(const char *form)
{
    misuse(form, "called outside a run; go_run starts one");
}

/* A block's own scope is not zeroed as a whole: its text is 64 bytes that hardly any ever needs. */
static inline go_scope *own_scope(struct go_scope_block *b, int *rc, bool move_on)
{
    go_scope *sc = &b->own;

    b->scope = sc;
    b->rc = rc;
    b->open = true;
    sc->nursery = NULL;
    sc->grace = (struct go_timer){.kind = TIMER_GRACE};
    sc->reason = REASON_NONE;
    sc->cancelled = sc->soft = sc->delivered = sc->base = false;
    sc->move_on = move_on;
    return sc;
}

go_scope *go_scope_block_enter(struct go_scope_block *b, go_scope *sc, const go_scope_opts *opts,
                               int *rc)
{
    b->scope = sc;
    b->rc = rc;
    b->open = true;
    *rc = 0;
    if (go_scope_enter(sc, opts) < 0)
        outside_a_run("GO_SCOPE");
    return sc;
}

go_scope *go_scope_block_timeout(struct go_scope_block *b, go_time timeout, bool move_on, int *rc)
{
    go_sched *s = sched_self();
    go_scope *sc = own_scope(b, rc, move_on);

    if (unlikely(!s))
        outside_a_run(move_on ? "GO_MOVE_ON" : "GO_TIMEOUT");
    *rc = 0;
    push_scope(s->current, sc, deadline_in(s, timeout), INT64_MIN);
    return sc;
}

go_scope *go_scope_block_shield(struct go_scope_block *b, go_time budget)
{
    go_sched *s = sched_self();
    go_scope *sc = own_scope(b, NULL, false);

    if (unlikely(!s))
        outside_a_run("GO_SHIELD");
    push_scope(s->current, sc, GO_FOREVER, budget > 0 ? absolute(s, budget) : INT64_MIN);
    return sc;
}

go_scope *go_scope_block_close(struct go_scope_block *b)
{
    fiber *f = sched_self()->current;
    int rc = b->rc ? *b->rc : 0;

    check_innermost(b->scope, f, "the end of a scope block");
    b->open = false;
    if (b->rc)
        *b->rc = scope_leave(f, b->scope, rc);
    else
        /* GO_SHIELD: no outcome of its own, and the errors inside stay the last ones */
        scope_pop(f, b->scope);
    return NULL;
}

void go_scope_block_leave(struct go_scope_block *b)
{
    fiber *f;

    if (!b->open)
        return;
    f = sched_self()->current;
    check_innermost(b->scope, f, "the end of a scope block");
    b->open = false;
    scope_pop(f, b->scope);
}
