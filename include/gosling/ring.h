/* SPDX-License-Identifier: MIT
 *
 * A ring between two threads: one puts in, one takes out, and neither waits for the other. For what
 * comes thick and fast, and by the dozen, from a thread that must not be held up; a go_event or
 * go_sem, GO_SHARED, beside it says when there is something. (After Lamport, 1983; with each side's
 * own copy of the other's position, as in FastFlow and folly.) */
#ifndef GOSLING_RING_H
#define GOSLING_RING_H

#include <gosling/types.h>

GO_BEGIN_DECLS

/* A ring of items of one size. Fields are private: each side's on cache lines of its own. */
typedef struct go_ring {
    char *items;
    size_t item_size, mask;
    struct {
        size_t at __attribute__((aligned(64))); /* items that passed, ever: this side's to write */
        size_t other;                           /* the other side's position, when last looked at */
    } in, out;
} go_ring;

/* Initialises r for at least `capacity` items (rounded up to a power of two). Not a checkpoint.
 * Returns 0, -EINVAL for a capacity or size of 0 or too large, -ENOMEM. */
GO_API int go_ring_init(go_ring *r, size_t item_size, size_t capacity);

/* Puts in as many of items[0..n) as there is room for, in one go, and returns how many. By one
 * thread at a time; any thread, also outside a run, also in a signal handler. Not a checkpoint. */
GO_API size_t go_ring_put(go_ring *r, const void *items, size_t n);

/* Takes out up to n items, in order, and returns how many. By one thread at a time. Not a
 * checkpoint. */
GO_API size_t go_ring_take(go_ring *r, void *items, size_t n);

/* Frees its memory. Neither side may be in it. Not a checkpoint. */
GO_API void go_ring_fini(go_ring *r);

GO_END_DECLS

#endif
