/* SPDX-License-Identifier: MIT
 *
 * Cancel scopes: deadlines, cancellation and shields for whatever runs inside a block, in the fiber
 * that entered it and in the children of every nursery that is opened inside it. The idea, and
 * level-triggered delivery, are Trio's.
 *
 *     int rc;
 *     GO_TIMEOUT(2 * GO_SEC, rc) {
 *         rc = talk(fd);
 *     }
 *     if (rc == -ETIMEDOUT) ...
 *
 * Once a scope is cancelled, every checkpoint inside returns -ECANCELED until the scope is left.
 * The outermost cancelled scope that no shield hides is the one that catches. */
#ifndef GOSLING_SCOPE_H
#define GOSLING_SCOPE_H

#include <gosling/time.h>

GO_BEGIN_DECLS

/* A cancel scope: single-use, on the stack of the fiber that enters it, zero-initialised. Fields
 * are private. */
typedef struct go_scope {
    struct go_scope *parent;    /* the next one out, perhaps another fiber's */
    struct go_scope *inner;     /* scratch for walks from outside in */
    struct go_fiber *owner;     /* the fiber that entered it */
    struct go_nursery *nursery; /* the nursery whose scope it is, or NULL */
    go_time deadline;           /* absolute; GO_FOREVER: none */
    go_time shield;             /* when the shield's budget ends; INT64_MIN: no shield */
    go_time alarm;              /* when a cancellation becomes visible inside; INT64_MIN: it is */
    struct go_timer grace;      /* a soft cancel that will turn hard */
    uint8_t phase;              /* not yet entered, entered, left */
    uint8_t reason;             /* why it was cancelled, hard or soft; 0: it was not */
    bool cancelled;             /* hard */
    bool soft;                  /* asked to stop */
    bool delivered;             /* a cancellation of this very scope reached a checkpoint */
    bool move_on;               /* its deadline is no error */
    bool base;                  /* a task's: the whole fiber is inside */
    char text[64];              /* the reason in words, where it has any */
} go_scope;

/* Options of a scope. A zero field means none. */
typedef struct {
    go_time timeout;  /* nanoseconds from the entry; < 0: expired already; GO_FOREVER: none */
    go_time deadline; /* absolute, as go_now counts */
    go_time shield; /* hides outer cancellation for this long from the entry; GO_FOREVER: always */
    /* when its deadline is what cancelled it, leaving returns 0 instead of -ETIMEDOUT */
    bool move_on;
} go_scope_opts;

/* Enters s, innermost of this fiber. opts may be NULL. Not a checkpoint; touches no heap and no
 * timer. Returns 0, or -ESHUTDOWN outside a run. Entering a scope twice is misuse and aborts. */
GO_API int go_scope_enter(go_scope *s, const go_scope_opts *opts);

/* Leaves s and translates rc, the outcome of what ran inside: rc if it is > 0 or if no cancellation
 * of s itself was delivered inside; else -ETIMEDOUT when its deadline cancelled it (0 with
 * move_on), -ECANCELED when somebody did. Not a checkpoint. Leaving another scope than the
 * innermost is misuse and aborts. */
GO_API int go_scope_exit(go_scope *s, int rc);

/* Cancels s: every checkpoint inside returns -ECANCELED from now on, and what waits inside wakes.
 * Idempotent, the first reason stays; legal before s is entered; without effect after it was left.
 * Only from the scheduler's own thread (from another: go_post). The text is copied (63 bytes); NULL
 * is none. Not a checkpoint. */
GO_API void go_scope_cancel(go_scope *s, const char *reason);

/* Asks what runs inside s to stop: go_stopping() turns true, and accepting (go_accept, receives
 * from a GO_SOURCE) is refused with -ECANCELED, while all else goes on. After grace nanoseconds s
 * is cancelled hard; GO_FOREVER: never. Otherwise as go_scope_cancel. */
GO_API void go_scope_cancel_soft(go_scope *s, go_time grace, const char *reason);

/* Whether a cancellation of s itself was delivered inside it. Also after s was left. */
GO_API bool go_scope_caught(const go_scope *s);

/* Of the calling fiber, here and now. go_cancelled: the next checkpoint would return -ECANCELED.
 * go_stopping: asked to stop, softly or hard. go_cancel_reason: why, valid until the scope is left,
 * or NULL: `explicit "text"`, `deadline`, `sibling failed: NAME`, `signal`, `deadlock`.
 * go_deadline: the smallest deadline up the chain to the first shield, as go_now counts; in the
 * past when cancelled; GO_FOREVER when there is none. Outside a run: false, NULL, GO_FOREVER. */
GO_API bool go_cancelled(void);
GO_API bool go_stopping(void);
GO_API const char *go_cancel_reason(void);
GO_API go_time go_deadline(void);

/* ---- the block forms ---- rc is the caller's int: 0 on entry, assigned by the body, translated on
 * the way out as go_scope_exit does. `break` and `continue` leave the block; `return` and `goto`
 * leave it properly too, but a value already computed is not translated. */

/* Private: the state of one block. */
struct go_scope_block {
    go_scope *scope; /* own, or the caller's */
    int *rc;         /* NULL: none */
    bool open;
    go_scope own;
};

GO_API go_scope *go_scope_block_enter(struct go_scope_block *b, go_scope *s,
                                      const go_scope_opts *opts, int *rc);
GO_API go_scope *go_scope_block_timeout(struct go_scope_block *b, go_time timeout, bool move_on,
                                        int *rc);
GO_API go_scope *go_scope_block_shield(struct go_scope_block *b, go_time budget);
/* the body's end was reached: returns NULL */
GO_API go_scope *go_scope_block_close(struct go_scope_block *b);
/* cleanup: by whatever way the block is left */
GO_API void go_scope_block_leave(struct go_scope_block *b);

#define GO_SCOPE_BLOCK_(b, open)                                                     \
    for (struct go_scope_block b __attribute__((cleanup(go_scope_block_leave))),     \
         *GO_PASTE(b, p) = (open, &b);                                               \
         GO_PASTE(b, p);                                                             \
         GO_PASTE(b, p) = (go_scope_block_close(&b), (struct go_scope_block *)NULL)) \
        for (int GO_PASTE(b, i) = 1; GO_PASTE(b, i); GO_PASTE(b, i) = 0)

#define GO_TIMEOUT_(b, ns, rc) GO_SCOPE_BLOCK_(b, go_scope_block_timeout(&b, (ns), false, &(rc)))
#define GO_MOVE_ON_(b, ns, rc) GO_SCOPE_BLOCK_(b, go_scope_block_timeout(&b, (ns), true, &(rc)))
#define GO_SHIELD_(b, budget)  GO_SCOPE_BLOCK_(b, go_scope_block_shield(&b, (budget)))
#define GO_SCOPE_(b, s, rc, ...) \
    GO_SCOPE_BLOCK_(b, go_scope_block_enter(&b, (s), (__VA_ARGS__), &(rc)))

/* GO_TIMEOUT(ns, rc) { … }: rc becomes -ETIMEDOUT when the time ran out and that was delivered.
 * GO_MOVE_ON(ns, rc) { … }: rc becomes 0 then. GO_SHIELD(budget) { … }: outer cancellation is not
 * visible inside, for `budget` nanoseconds; GO_FOREVER: at all. GO_SCOPE(s, rc, opts) { … }: the
 * caller's go_scope *s, which may be cancelled from elsewhere meanwhile and asked afterwards; opts:
 * a const go_scope_opts *, a compound literal's address too, or NULL. */
#define GO_TIMEOUT(ns, rc)   GO_TIMEOUT_(GO_PASTE(go_block_, __COUNTER__), ns, rc)
#define GO_MOVE_ON(ns, rc)   GO_MOVE_ON_(GO_PASTE(go_block_, __COUNTER__), ns, rc)
#define GO_SHIELD(budget)    GO_SHIELD_(GO_PASTE(go_block_, __COUNTER__), budget)
#define GO_SCOPE(s, rc, ...) GO_SCOPE_(GO_PASTE(go_block_, __COUNTER__), s, rc, __VA_ARGS__)

GO_END_DECLS

#endif
