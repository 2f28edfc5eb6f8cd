/* SPDX-License-Identifier: MIT */
#ifndef GOSLING_COND_H
#define GOSLING_COND_H

#include <gosling/mutex.h>

GO_BEGIN_DECLS

/* A condition: fibers wait, unlocking a mutex meanwhile, until another one says that something has
 * changed. Nobody wakes for nothing. Fields are private. */
typedef struct go_cond {
    struct go_lot lot;
} go_cond;

/* Initialises c. flags: 0 or GO_SHARED (the mutexes then as well). Not a checkpoint. */
GO_API void go_cond_init(go_cond *c, int flags);

/* [checkpoint] Unlocks m and waits to be notified, in one: no notification in between is missed.
 * Then locks m again, for which no cancellation is waited out. Returns 0: notified; -ECANCELED;
 * -EPERM when this fiber does not hold m (it did not wait then); -ESHUTDOWN outside a run. m is
 * held again, whatever it returns, but for -EPERM, and for -EOWNERDEAD: another owner has ended
 * with it meanwhile. */
GO_API int go_cond_wait(go_cond *c, go_mutex *m);

/* Wakes the n, or all, who have waited longest. Best called with the mutex held, but it need not
 * be. Not a checkpoint. */
GO_API void go_cond_notify(go_cond *c, unsigned n);
GO_API void go_cond_notify_all(go_cond *c);

GO_END_DECLS

#endif
