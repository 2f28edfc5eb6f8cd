/* SPDX-License-Identifier: MIT
 *
 * Nurseries: no fiber outlives its block. Every fiber is the child of a nursery, a nursery lives on
 * the stack of the fiber that opened it, and closing it waits for every child. The idea is Trio's;
 * the policies are Kotlin's and Java's.
 *
 *     int rc;
 *     GO_NURSERY(n, rc) {
 *         go_spawn(n, fetch, "a");
 *         go_spawn(n, fetch, "b");
 *     }
 *     // both are done; rc is the first error of either, or 0
 *
 * What a child points to is declared before the block: locals of the block itself are dead while
 * its children are awaited. */
#ifndef GOSLING_NURSERY_H
#define GOSLING_NURSERY_H

#include <gosling/error.h>
#include <gosling/run.h>
#include <gosling/scope.h>

GO_BEGIN_DECLS

typedef struct go_task go_task;
/* what go_start hands to the child; valid as long as the child runs */
typedef struct go_starter go_starter;

/* What a nursery does when a child ends. */
typedef enum {
    GO_FAIL_FAST, /* the first error cancels the others */
    /* errors are collected and come out at the close; siblings go on (the body's error cancels
     * them) */
    GO_SUPERVISE,
    GO_RACE,   /* the first success cancels the others and is the result */
    GO_FIRST,  /* the first to end, either way, cancels the others and is the result */
    GO_SERVICE /* children run, shielded from the outside, until the body is done, and are cancelled
                  then */
} go_policy;

/* Options of a nursery. A zero field means its default. */
typedef struct {
    go_policy policy;    /* GO_FAIL_FAST */
    unsigned max_tasks;  /* most children at once; 0: no limit */
    unsigned max_errors; /* most errors kept in the tree, the rest are counted; default 64 */
} go_nursery_opts;

/* Options of a spawn. A zero field means its default. */
typedef struct {
    const char *name;  /* copied (47 bytes) */
    size_t stack_size; /* bytes; default: the run's */
    /* the caller's handle, declared before the nursery; an ended one may be given again */
    go_task *task;
    go_time delay; /* nanoseconds until it starts; cancelled meanwhile it ends without having run */
    /* Whether it has a thread control block of its own, so that __thread variables, pthread_self,
     * keys, the locale and the owners of locks are the fiber's: 1: it has; -1: it shares its
     * thread's; 0: it has under the shim. Such a block costs 23 µs when it is made, 2 µs when it is
     * used again, and 6 ns at each switch (bench/tcb). Under sanitizers fibers always share
     * (their runtimes keep a thread's state there). */
    int foreign;
} go_spawn_opts;

/* A nursery, caller-allocated. Fields are private. */
typedef struct go_nursery {
    go_scope scope;
    struct go_fiber *owner;   /* who opened it, and closes it */
    struct go_nursery *outer; /* the owner's next one out */
    struct go_link children;  /* running, in order of spawning */
    struct go_link slots;     /* who waits for a slot */
    struct go_link done;      /* handles that ended and that go_nursery_next has not given yet */
    struct go_link nexts;     /* who waits in go_nursery_next */
    struct go_error *errors;  /* the group; NULL: none yet */
    void *closer;             /* the owner's wait, while it closes */
    unsigned live;            /* children that have not ended */
    unsigned handles;         /* of those, the ones with a task handle */
    unsigned slot_children;   /* children that wait for a slot of this very nursery */
    unsigned max_tasks;
    unsigned max_errors;
    int first;         /* the first real error */
    int first_dropped; /* of the real ones that the group only counts, the first without a handle */
    int result;        /* the winner's */
    uint8_t policy;
    uint8_t phase;    /* open, body done, closed */
    bool won;         /* GO_RACE, GO_FIRST: there is a winner */
    bool body_hit;    /* a cancellation from this scope or further out was delivered to the body */
    bool outside_hit; /* one that was not of its own making was delivered inside */
    bool own_cancel;  /* cancelled by its policy, not by somebody */
} go_nursery;

/* Opens n in this fiber. opts may be NULL. Not a checkpoint. Returns 0, -EINVAL for an unknown
 * policy, -ESHUTDOWN outside a run. */
GO_API int go_nursery_open(go_nursery *n, const go_nursery_opts *opts);

/* Closes n, the innermost of this fiber; body is the outcome of what ran in it, and joins the group
 * if it is an error. Waits for every child: always a schedule point, never a cancel point. Returns
 * the first real error; else -ECANCELED if n was cancelled from outside or by go_nursery_cancel and
 * that was delivered; else body, or the winner's result in GO_RACE and GO_FIRST. go_last_error then
 * has the tree. Closing out of order or from another fiber is misuse and aborts. */
GO_API int go_nursery_close(go_nursery *n, int body);

/* go_scope_cancel on the nursery's scope. */
GO_API void go_nursery_cancel(go_nursery *n, const char *reason);

/* The nursery's scope: it may be cancelled softly, and asked. Owned by the nursery. */
GO_API struct go_scope *go_nursery_scope(go_nursery *n);

/* [checkpoint] The next of n's children with a handle that has ended, in order of completion.
 * Returns 1 and the handle, 0 when none is left, -ECANCELED, -ESHUTDOWN outside a run. Under
 * GO_SUPERVISE its error then counts as delivered. */
GO_API int go_nursery_next(go_nursery *n, go_task **done);

/* Makes fn(arg) a child of n. Never switches: the child is appended to the run queue. Legal from
 * every fiber of this scheduler and from a posted function, while n's body runs and as long as one
 * fiber is still in it. The child inherits n's cancel scope and a copy of the spawner's inherited
 * values. Returns 0, -EAGAIN with max_tasks reached, -ESHUTDOWN when n is closed, -ENOMEM when
 * there is no memory for a stack, -EINVAL; nothing happened then. */
GO_API int go_spawn(go_nursery *n, go_fn *fn, void *arg);

/* The same with options. Also -EBUSY when opts->task is still running, -ENOSYS for foreign = 1
 * where there are no such blocks. */
GO_API int go_spawn_with(go_nursery *n, const go_spawn_opts *opts, go_fn *fn, void *arg);

/* The same; fn gets a copy of the `size` bytes at arg, which lives on the child's stack, 16-byte
 * aligned. Also -E2BIG when they would fill more than a quarter of it. */
GO_API int go_spawn_copy(go_nursery *n, go_fn *fn, const void *arg, size_t size);

/* [checkpoint] go_spawn that waits, first come first served, for a slot of max_tasks. Returns also
 * -ECANCELED, and -EDEADLK when all slots are held by children that wait for one themselves. */
GO_API int go_spawn_wait(go_nursery *n, go_fn *fn, void *arg);

/* [checkpoint] Spawns fn into n and waits until it calls go_started, whose value is stored in
 * *value (value may be NULL). Returns 0; what fn returned when it ended with an error before that
 * (it does not join n's group then); -EPROTO when it ended without error and without the call;
 * -ECANCELED when the caller, or n, was cancelled (the caller's child is then cancelled and
 * awaited, n's is left to n); what go_spawn returns. The idea is Trio's nursery.start. */
typedef int go_start_fn(void *arg, go_starter *starter);
GO_API int go_start(go_nursery *n, go_start_fn *fn, void *arg, intptr_t *value);

/* Tells go_start's caller that this child is ready. Not a checkpoint. Returns 0, -EALREADY the
 * second time, -ECANCELED when nobody waits for it any more. */
GO_API int go_started(go_starter *starter, intptr_t value);

/* ---- the block forms ---- */

/* Private: the state of one block. */
struct go_nursery_block {
    int *rc;
    bool open;
    go_nursery own;
};

GO_API go_nursery *go_nursery_block_open(struct go_nursery_block *b, const go_nursery_opts *opts,
                                         int *rc);
/* returns NULL */
GO_API struct go_nursery_block *go_nursery_block_close(struct go_nursery_block *b);
GO_API void go_nursery_block_leave(struct go_nursery_block *b); /* cleanup */

#define GO_NURSERY_(b, n, rc, ...)                                                   \
    for (struct go_nursery_block b __attribute__((cleanup(go_nursery_block_leave))), \
         *GO_PASTE(b, p) = (go_nursery_block_open(&b, (__VA_ARGS__), &(rc)), &b);    \
         GO_PASTE(b, p); GO_PASTE(b, p) = go_nursery_block_close(&b))                \
        for (go_nursery *n = &b.own; n; n = NULL)

/* GO_NURSERY(n, rc) { … }: n becomes a go_nursery * for the block, rc is the caller's int: 0 on
 * entry, assigned by the body, and what go_nursery_close returns afterwards. `break` and `continue`
 * leave the block. `return` and `goto` out wait for the children as well; an error then climbs to
 * the parent. GO_NURSERY_OPTS takes a const go_nursery_opts *. */
#define GO_NURSERY(n, rc) GO_NURSERY_(GO_PASTE(go_block_, __COUNTER__), n, rc, NULL)
#define GO_NURSERY_OPTS(n, rc, ...) \
    GO_NURSERY_(GO_PASTE(go_block_, __COUNTER__), n, rc, __VA_ARGS__)

GO_END_DECLS

#endif
