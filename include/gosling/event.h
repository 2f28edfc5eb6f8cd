/* SPDX-License-Identifier: MIT */
#ifndef GOSLING_EVENT_H
#define GOSLING_EVENT_H

#include <gosling/sync.h>

GO_BEGIN_DECLS

/* A flag that fibers wait for. Fields are private. */
typedef struct go_event {
    struct go_lot lot;
    bool set;
} go_event;

/* Initialises e, not set. flags: 0 or GO_SHARED. Not a checkpoint. */
GO_API void go_event_init(go_event *e, int flags);

/* [checkpoint] Waits until e is set; at once if it is. Returns 0, -ECANCELED, -ESHUTDOWN outside a
 * run. */
GO_API int go_event_wait(go_event *e);

/* Sets e: every waiter wakes, and keeps its wake-up whatever happens to e then. Idempotent. Not a
 * checkpoint. */
GO_API void go_event_set(go_event *e);

/* Clears e: later waits wait. Not a checkpoint. */
GO_API void go_event_clear(go_event *e);

/* Not a checkpoint. */
GO_API bool go_event_is_set(const go_event *e);

GO_END_DECLS

#endif
