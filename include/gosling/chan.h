/* SPDX-License-Identifier: MIT */
#ifndef GOSLING_CHAN_H
#define GOSLING_CHAN_H

#include <gosling/sync.h>

GO_BEGIN_DECLS

/* A channel of items of one size; capacity 0 is a rendezvous. Fields are private. */
typedef struct go_chan {
    go_sched *sched;
    struct go_link senders;   /* waiting; their items have not been taken */
    struct go_link receivers; /* waiting; at most one of the two lists is not empty */
    char *ring;               /* capacity items, or NULL */
    size_t item_size;
    size_t capacity;
    size_t head;  /* the oldest item's index */
    size_t count; /* items in the ring */
    bool closed;
    bool source;
} go_chan;

/* Initialises c. flags: 0 or GO_SOURCE. A ring of capacity × item_size bytes is allocated now;
 * item_size may be 0. Not a checkpoint. Returns 0, -ENOMEM, -EINVAL (sizes that overflow, unknown
 * flags), -ENOSYS for GO_SHARED. */
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

GO_END_DECLS

#endif
