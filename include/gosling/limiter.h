/* SPDX-License-Identifier: MIT */
#ifndef GOSLING_LIMITER_H
#define GOSLING_LIMITER_H

#include <gosling/sync.h>

GO_BEGIN_DECLS

/* A capacity limiter (Trio's): so many fibers at a time may be busy with something, and it knows
 * which. Fields are private. */
typedef struct go_limiter {
    struct go_lot lot;
    unsigned tokens, lent;
} go_limiter;

/* Initialises l. tokens: how many may borrow at a time, also 0. flags: 0 or GO_SHARED. Not a
 * checkpoint. */
GO_API void go_limiter_init(go_limiter *l, unsigned tokens, int flags);

/* [checkpoint] Borrows a token. One for each fiber. Returns 0, -ECANCELED, -EDEADLK when this fiber
 * has one of l already, -ENOMEM, -ESHUTDOWN outside a run. */
GO_API int go_limiter_acquire(go_limiter *l);

/* Gives this fiber's token back; one that ends has given it back. Not a checkpoint. Returns 0,
 * -EPERM when it has none. */
GO_API int go_limiter_release(go_limiter *l);

/* Changes the number of tokens, at any time. More: who waits goes on. Fewer than are lent: nobody
 * loses one, but nobody gets one before enough were given back. Not a checkpoint. */
GO_API void go_limiter_resize(go_limiter *l, unsigned tokens);

GO_END_DECLS

#endif
