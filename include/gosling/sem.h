/* SPDX-License-Identifier: MIT */
#ifndef GOSLING_SEM_H
#define GOSLING_SEM_H

#include <gosling/sync.h>

GO_BEGIN_DECLS

/* A semaphore: a count that fibers take from. Fields are private. */
typedef struct go_sem {
    struct go_lot lot;
    unsigned value, max;
} go_sem;

/* Initialises s with `value`. max: what it must never exceed; 0: unbounded. flags: 0 or GO_SHARED.
 * Not a checkpoint. */
GO_API void go_sem_init(go_sem *s, unsigned value, unsigned max, int flags);

/* [checkpoint] Takes one, when there is one and nobody came earlier. Returns 0, -ECANCELED (nothing
 * was taken), -ESHUTDOWN outside a run. */
GO_API int go_sem_acquire(go_sem *s);

/* The same without waiting, and no checkpoint: -EAGAIN. */
GO_API int go_sem_try_acquire(go_sem *s);

/* Gives one, to the first who waits. Anybody may. Not a checkpoint. Returns 0, or -EOVERFLOW when
 * the value is max already (nothing was given). */
GO_API int go_sem_release(go_sem *s);

GO_END_DECLS

#endif
