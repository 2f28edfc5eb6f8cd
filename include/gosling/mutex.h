/* SPDX-License-Identifier: MIT */
#ifndef GOSLING_MUTEX_H
#define GOSLING_MUTEX_H

#include <gosling/sync.h>

GO_BEGIN_DECLS

/* A lock that knows its owner. Fields are private. */
typedef struct go_mutex {
    struct go_lot lot;
    /* the owning fiber's, or plain thread's, id; 0: free; all ones: an owner ended while holding it
     */
    uint64_t owner_id;
    struct go_fiber *owner; /* of one scheduler's: valid while a fiber with that id lives */
    struct go_hold hold;    /* of a shared one */
} go_mutex;

/* Initialises m, unlocked. flags: 0 or GO_SHARED. Not a checkpoint. */
GO_API void go_mutex_init(go_mutex *m, int flags);

/* [checkpoint] Locks m. Returns 0, -ECANCELED, -EDEADLK when this fiber holds it already,
 * -EOWNERDEAD when an owner ended while holding it (m is not held then and stays broken; the end of
 * a plain thread is not noticed), -ESHUTDOWN outside a run. */
GO_API int go_mutex_lock(go_mutex *m);

/* The same without waiting, and no checkpoint: -EAGAIN when it is held, or somebody waits. */
GO_API int go_mutex_try_lock(go_mutex *m);

/* Unlocks m, or hands it to the first who waits. Not a checkpoint. Returns 0, -EPERM unless this
 * fiber holds it. */
GO_API int go_mutex_unlock(go_mutex *m);

GO_END_DECLS

#endif
