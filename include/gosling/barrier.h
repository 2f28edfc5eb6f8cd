/* SPDX-License-Identifier: MIT */
#ifndef GOSLING_BARRIER_H
#define GOSLING_BARRIER_H

#include <gosling/sync.h>

GO_BEGIN_DECLS

/* A place where n fibers wait for each other, again and again. Fields are private. */
typedef struct go_barrier {
    struct go_lot lot;
    unsigned n, here;
} go_barrier;

/* Initialises b for n fibers; 0 counts as 1. flags: 0 or GO_SHARED. Not a checkpoint. */
GO_API void go_barrier_init(go_barrier *b, unsigned n, int flags);

/* [checkpoint] Waits until n fibers wait; then all of them go on, and the next round begins.
 * Returns 1 for one of them, the last to come, and 0 for the others; -ECANCELED: it does not count
 * as having been there, and the others wait on; -ESHUTDOWN outside a run. */
GO_API int go_barrier_wait(go_barrier *b);

GO_END_DECLS

#endif
