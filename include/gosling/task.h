/* SPDX-License-Identifier: MIT
 *
 * Task handles: one fiber, named by an object of its spawner's. Zero-initialise it, declare it
 * before its nursery, and give it to go_spawn_with. */
#ifndef GOSLING_TASK_H
#define GOSLING_TASK_H

#include <gosling/nursery.h>

GO_BEGIN_DECLS

/* A handle, caller-allocated. Fields are private. */
struct go_task {
    go_scope scope;         /* cancels this fiber alone */
    struct go_fiber *fiber; /* while it runs */
    struct go_nursery *nursery;
    struct go_link joiners; /* who waits for its end */
    struct go_link done;    /* its place in the nursery's done list */
    struct go_task_exit *exits, **exits_tail;
    struct go_error *error; /* in the nursery's group */
    uint64_t ended;         /* the how-manieth end of a task it was */
    int result;
    uint8_t phase; /* never spawned, running, ended */
    bool dropped;  /* its error is among those that the group only counts */
};

/* [checkpoint] Waits for the task's end. Returns its result; -ECANCELED also when the caller was
 * cancelled; -EINVAL for a handle that was never spawned; -EDEADLK for the caller's own. Under
 * GO_SUPERVISE its error then counts as delivered. */
GO_API int go_task_join(go_task *t);

/* The result of an ended task, -EAGAIN while it runs, -EINVAL for a handle that was never spawned.
 * Not a checkpoint. */
GO_API int go_task_result(const go_task *t);

/* go_scope_cancel for this fiber alone. No effect on one that has ended. */
GO_API void go_task_cancel(go_task *t, const char *reason);

/* Calls cb(t, arg) when t ends, before anybody who waits for it goes on, in order of registration;
 * at once when it ended already. cb must not wait. Returns 0, -ENOMEM, -EINVAL for a handle that
 * was never spawned. */
GO_API int go_task_on_exit(go_task *t, void (*cb)(go_task *, void *), void *arg);

/* [checkpoint] Waits for all n tasks. Returns 0, the error that came first (it counts as
 * delivered), -ECANCELED. */
GO_API int go_join_all(go_task *const *tasks, size_t n);

/* [checkpoint] Waits for the first of n tasks to end. Returns its index, -ECANCELED, -EINVAL for
 * none. */
GO_API int go_join_any(go_task *const *tasks, size_t n);

GO_END_DECLS

#endif
