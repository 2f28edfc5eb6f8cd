/* SPDX-License-Identifier: MIT */
#ifndef GOSLING_CHAN_H
#define GOSLING_CHAN_H

#include <gosling/sync.h>

GO_BEGIN_DECLS

/* A channel of items of one size; capacity 0 is a rendezvous. Fields are private. */
typedef struct go_chan {
    struct go_lot lot;      /* of receivers; at most one of the two lines is not empty */
    struct go_link senders; /* waiting; their items have not been taken */
    char *ring;             /* capacity items, or NULL */
    size_t item_size;
    size_t capacity;
    size_t head;       /* the oldest item's index */
    size_t count;      /* items in the ring */
    uint64_t received; /* items, ever */
    bool closed;
    bool source;
} go_chan;

/* Initialises c. flags: GO_SHARED, GO_SOURCE. A ring of capacity × item_size bytes is allocated
 * now; item_size may be 0. Not a checkpoint. Returns 0, -ENOMEM, -EINVAL (sizes that overflow,
 * unknown flags). */
GO_API int go_chan_init(go_chan *c, size_t item_size, size_t capacity, int flags);

/* [checkpoint] Sends a copy of *item. Returns 0 when it is in the channel (capacity 0: when a
 * receiver has it), -EPIPE when the channel is closed, also while it waited, -ECANCELED, -ESHUTDOWN
 * outside a run; nothing was sent then. */
GO_API int go_chan_send(go_chan *c, const void *item);

/* [checkpoint] Receives into *item. Returns 1, 0 when c is closed and drained, -ECANCELED,
 * -ESHUTDOWN outside a run. */
GO_API int go_chan_recv(go_chan *c, void *item);

/* The same without waiting, and no checkpoints: -EAGAIN. */
GO_API int go_chan_try_send(go_chan *c, const void *item);
GO_API int go_chan_try_recv(go_chan *c, void *item);

/* Closes c: waiting and later senders get -EPIPE; receivers drain what is left and then get 0, for
 * ever. Idempotent. Not a checkpoint. */
GO_API void go_chan_close(go_chan *c);

/* Frees the ring. Nobody may wait on c (misuse: aborts). Not a checkpoint. */
GO_API void go_chan_fini(go_chan *c);

/* How a channel stands. */
typedef struct {
    size_t capacity, count;      /* items that fit, and that are in it */
    unsigned senders, receivers; /* that wait */
    uint64_t sent, received;     /* items, ever */
    bool closed;
} go_chan_stats;

/* Fills *out. O(waiters). Not a checkpoint. */
GO_API void go_chan_stats_get(go_chan *c, go_chan_stats *out);

GO_END_DECLS

#endif
