/* SPDX-License-Identifier: MIT
 *
 * Cancel scopes, inside. A fiber's scopes form a stack that ends at its nursery's scope (or at its
 * task's, whose parent that is), so all scopes form a tree by their parents. What a fiber must know
 * all the time is one number, its alarm: when a cancellation becomes visible to it. Every scope
 * keeps the alarm that holds inside it, so that entering and leaving are O(1); a cancellation walks
 * the fibers and nurseries inside the scope and brings their alarms up to date. */
#ifndef CORE_SCOPE_H
#define CORE_SCOPE_H

#include "core/sched.h"
#include <gosling/scope.h>

enum scope_phase { SCOPE_NEW, SCOPE_ENTERED, SCOPE_LEFT };
enum scope_reason {
    REASON_NONE,
    REASON_EXPLICIT,
    REASON_DEADLINE,
    REASON_SIBLING,
    REASON_WON,
    REASON_SIGNAL,
    REASON_DEADLOCK
};

/* ---- alarms: scope.c's essay says what they are ---- */

static inline bool service_hides(const go_nursery *n)
{
    return unlikely(n->policy == GO_SERVICE) && n->phase == 1 /* open */ &&
           !n->owner->sched->doomed;
}

/* What a child of n sees as its alarm. */
static inline go_time scope_child_alarm(const go_nursery *n)
{
    if (service_hides(n))
        return n->scope.cancelled ? INT64_MIN : GO_FOREVER;
    return n->scope.alarm;
}

/* What is visible just outside sc. */
static inline go_time scope_outer_alarm(const go_scope *sc)
{
    const go_scope *p = sc->parent;

    if (unlikely(!p))
        return GO_FOREVER;
    if (p->owner != sc->owner && p->nursery)
        return scope_child_alarm(p->nursery);
    return p->alarm;
}

/* The alarm that holds for f itself. */
static inline go_time scope_fiber_alarm(const fiber *f)
{
    return f->scope->owner == f ? f->scope->alarm : scope_child_alarm(f->scope->nursery);
}

void scope_alarm_changed(fiber *f, go_time alarm);

/* ---- entering and leaving ---- */

/* Makes sc the scope of nursery n (or, n NULL, of a task or starter), owned by f, inside parent;
 * f's own scope stays. */
static inline void scope_init_base(go_scope *sc, fiber *f, go_scope *parent, go_nursery *n)
{
    sc->parent = parent;
    sc->owner = f;
    sc->nursery = n;
    sc->deadline = GO_FOREVER;
    sc->shield = INT64_MIN;
    sc->grace = (struct go_timer){.kind = TIMER_GRACE};
    sc->phase = SCOPE_ENTERED;
    sc->reason = REASON_NONE;
    sc->cancelled = sc->soft = sc->delivered = sc->move_on = false;
    sc->base = !n;
    sc->alarm = scope_outer_alarm(sc);
}

/* f, new, begins life in sc: its nursery's scope, or one made by scope_init_base. */
static inline void scope_begin(fiber *f, go_scope *sc)
{
    f->scope = sc;
    f->alarm = scope_fiber_alarm(f);
    f->slice = f->alarm == GO_FOREVER ? FIBER_SLICE : 0;
}

void scope_push(fiber *f, go_scope *sc, go_time deadline, go_time shield);
void scope_left_soft(fiber *f, go_scope *sc);

static inline void scope_pop(fiber *f, go_scope *sc) /* sc is f's innermost */
{
    go_time alarm;

    sc->phase = SCOPE_LEFT;
    if (unlikely(sc->soft))
        scope_left_soft(f, sc);
    f->ignored = 0;
    f->scope = sc->parent;
    alarm = scope_fiber_alarm(f);
    if (unlikely(alarm != f->alarm))
        scope_alarm_changed(f, alarm);
}

/* ---- cancelling ---- */

/* Hard. text may be NULL; s is the scheduler of what is inside. */
void scope_cancel(go_sched *s, go_scope *sc, enum scope_reason reason, const char *text);
void scope_cancel_soft(go_sched *s, go_scope *sc, go_time grace, enum scope_reason reason,
                       const char *text);
void scope_grace_over(go_sched *s, struct go_timer *t); /* a TIMER_GRACE has fired */

/* What sc's alarm depends on has changed (a shield fell): brings everything inside up to date. */
void scope_refresh(go_sched *s, go_scope *sc);

void scope_refresh_fiber(fiber *f); /* f's place in the tree has changed */

/* f's alarm is due: deadlines that have passed cancel their scopes. Returns true if a cancellation
 * is visible to f. */
bool scope_due(fiber *f, go_time now);

/* Records that a cancellation reached f, and returns -ECANCELED: the one place where it is made.
 * Backs off when f has ignored too many. */
int scope_deliver(fiber *f);

/* What operations that a soft cancel refuses ask at their start; and their -ECANCELED, no delivery
 * being recorded. */
bool scope_stopping(fiber *f);
int scope_refused(void);

/* The outermost cancelled scope visible to f, or NULL. */
go_scope *scope_catcher(fiber *f);

/* The reason of a cancelled or stopping scope in words: a pointer into the scope, or a constant. */
const char *scope_reason_text(const go_scope *sc);

#endif
