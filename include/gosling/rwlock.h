/* SPDX-License-Identifier: MIT */
#ifndef GOSLING_RWLOCK_H
#define GOSLING_RWLOCK_H

#include <gosling/sync.h>

GO_BEGIN_DECLS

/* A lock that many readers, or one writer, may hold; it knows all of them. Who comes later waits
 * behind who came earlier, a reader also behind a writer that waits, so that no writer starves.
 * Fields are private. */
typedef struct go_rwlock {
    struct go_lot lot;
    uint64_t writer;          /* its id; 0: none */
    struct go_fiber *writing; /* of one scheduler's: the fiber, while it holds it */
    unsigned readers;         /* that hold it */
    bool broken;              /* a holder ended while holding it */
} go_rwlock;

/* Initialises l, free. flags: 0 or GO_SHARED. Not a checkpoint. */
GO_API void go_rwlock_init(go_rwlock *l, int flags);

/* [checkpoint] Locks l for reading, beside other readers, or for writing, alone. Returns 0,
 * -ECANCELED, -EDEADLK when this fiber holds it already in either way, -EOWNERDEAD when a holder
 * ended while holding it (it is not held then and stays broken), -ENOMEM, -ESHUTDOWN outside a run.
 */
GO_API int go_rwlock_read(go_rwlock *l);
GO_API int go_rwlock_write(go_rwlock *l);

/* The same without waiting, and no checkpoints: -EAGAIN when it is held in a way that excludes this
 * one, or somebody waits. */
GO_API int go_rwlock_try_read(go_rwlock *l);
GO_API int go_rwlock_try_write(go_rwlock *l);

/* Unlocks what this fiber holds. Not a checkpoint. Returns 0, -EPERM when it does not hold l. */
GO_API int go_rwlock_unlock(go_rwlock *l);

GO_END_DECLS

#endif
