/* SPDX-License-Identifier: MIT
 *
 * The current fiber: its checkpoints, its name, what it leaves behind, and the values that belong
 * to it. */
#ifndef GOSLING_FIBER_H
#define GOSLING_FIBER_H

#include <gosling/time.h>

GO_BEGIN_DECLS

/* ---- checkpoints ---- Every checkpoint looks for cancellation, always, and takes part in
 * scheduling: it returns at once until the fiber has used its slice of 64 operations, and then lets
 * the others run. All return 0, -ECANCELED in a cancelled scope (what they were to do did not
 * happen), or -ESHUTDOWN outside a run. */

/* [checkpoint] Lets every fiber that is ready run first. */
GO_API int go_yield(void);

/* [checkpoint] Switches only when the slice is used up. */
GO_API int go_checkpoint(void);

/* -ECANCELED if cancelled, else 0; never switches. */
GO_API int go_checkpoint_cancelled(void);

/* Lets the others run; never -ECANCELED. */
GO_API int go_checkpoint_shielded(void);

/* [checkpoint] Sleeps for ns nanoseconds, or until t as go_now counts. Never early. Not in the
 * future: a yield. GO_FOREVER: until cancelled. */
GO_API int go_sleep(go_time ns);
GO_API int go_sleep_until(go_time t);

/* ---- the current fiber ---- */

/* Names it, in printf's format (47 bytes), for reports and error trees. No effect outside a run. */
GO_API void go_name(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Has fn(arg) called when this fiber's function has returned, last registered first, under a shield
 * of 10 s. Returns 0, -ENOMEM, or -ESHUTDOWN outside a run. */
GO_API int go_defer(void (*fn)(void *), void *arg);

/* ---- values that belong to a fiber ---- A key is a static, caller-allocated object, initialised
 * once, before it is used; keys are never destroyed. */

typedef struct go_key {
    uint32_t index; /* private; 0: not initialised */
    bool inherited; /* private */
} go_key;

/* A key whose values are private to each fiber. When a fiber ends, destructor (may be NULL) is
 * called for each value that is not NULL. Returns 0, -EBUSY if it was initialised before, -EAGAIN
 * when all 1,024 keys are taken. Any thread. */
GO_API int go_key_init(go_key *k, void (*destructor)(void *));

/* A key whose values are copied to children when they are spawned. No destructor: gosling does not
 * own them. */
GO_API int go_key_init_inherited(go_key *k);

/* Sets this fiber's value. Returns 0, -ENOMEM, -EINVAL for a key that was not initialised,
 * -ESHUTDOWN outside a run. */
GO_API int go_set(go_key *k, void *value);

/* This fiber's value; NULL if it has none, and outside a run. */
GO_API void *go_get(const go_key *k);

GO_END_DECLS

#endif
