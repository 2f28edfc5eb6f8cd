/* SPDX-License-Identifier: MIT */
#ifndef GOSLING_FUTURE_H
#define GOSLING_FUTURE_H

#include <gosling/sync.h>

GO_BEGIN_DECLS

/* A value, or an error, that will be there some time. It is set once, from a fiber, from a callback
 * of a foreign library on this thread, or, GO_SHARED, from any thread. Fields are private. */
typedef struct go_future {
    struct go_lot lot;
    intptr_t value;
    int error;
    bool done;
} go_future;

/* Initialises f, not set. flags: 0 or GO_SHARED. Not a checkpoint. */
GO_API void go_future_init(go_future *f, int flags);

/* Sets f to a value, or to an error -|err| (0 counts as EINVAL): everybody who waits, and will,
 * gets it. Not a checkpoint. Returns 0, or -EALREADY: it was set before, and stays. */
GO_API int go_future_set(go_future *f, intptr_t value);
GO_API int go_future_fail(go_future *f, int err);

/* [checkpoint] Waits until f is set. Returns 0 and the value in *value (may be NULL), or the error;
 * -ECANCELED, -ESHUTDOWN outside a run. */
GO_API int go_future_get(go_future *f, intptr_t *value);

GO_END_DECLS

#endif
