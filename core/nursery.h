/* SPDX-License-Identifier: MIT
 *
 * Nurseries, inside: what the end of a child means. */
#ifndef CORE_NURSERY_H
#define CORE_NURSERY_H

#include "core/error.h"
#include "core/fiber.h"
#include "core/scope.h"

enum nursery_phase { NURSERY_NONE, NURSERY_OPEN, NURSERY_CLOSING, NURSERY_CLOSED };

/* f opens n, whose scope is inside f's innermost. */
void nursery_begin(go_nursery *n, fiber *f, const go_nursery_opts *opts);

/* Whether a child may be added now: 0, -ESHUTDOWN, -EAGAIN. */
static inline int nursery_room(const go_nursery *n)
{
    if (unlikely(n->phase != NURSERY_OPEN) && (n->phase != NURSERY_CLOSING || n->live == 0))
        return -ESHUTDOWN;
    if (unlikely(n->max_tasks) && (n->live >= n->max_tasks || !list_empty(&n->slots)))
        return -EAGAIN; /* who waits for a slot comes first */
    return 0;
}

/* f, new, becomes n's child. */
static inline void nursery_adopt(go_nursery *n, fiber *f)
{
    f->parent = n;
    list_push(&n->children, &f->siblings);
    n->live++;
}

/* a child or a reservation is gone: whoever waits for that */
void nursery_slot_free(go_nursery *n);
void nursery_judge(go_nursery *n, fiber *f, int rc); /* what f's result means to the others */

/* One less, a child or a slot that was kept for one. */
static inline void nursery_one_less(go_nursery *n)
{
    if (--n->live == 0 || n->max_tasks)
        nursery_slot_free(n);
}

/* An error joins n's group: e may be NULL (no memory), takes it. A real one does what the policy
 * says. True: it is in the tree, false: only counted. */
bool nursery_error(go_nursery *n, struct go_error *e, int code, bool real, bool body,
                   const char *who);

/* The error of an ended task was delivered to somebody who asked for it: under GO_SUPERVISE it
 * leaves the group. */
void nursery_forgive(go_nursery *n, go_task *t);

enum { TASK_TAKES = 1 }; /* in a wait's arg: the waiter takes the task's error */
extern const struct waitable task_waitable;
void task_begin(go_task *t, go_nursery *n, fiber *f);
void task_end(go_task *t, fiber *f, int rc);

void task_dropped(go_task *t); /* in a fork child */

/* f ends before it called go_started: tells go_start's caller. True: the error went there. */
bool start_ended(fiber *f, int rc);
void start_target_cancelled(fiber *f); /* f's nursery was cancelled while go_start waits */

#endif
