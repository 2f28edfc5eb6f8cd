/* SPDX-License-Identifier: MIT
 *
 * A queue of pointers between producers and consumers, in one of three orders, which also knows
 * when everything that was put in has been dealt with (Python's asyncio.Queue). */
#ifndef GOSLING_QUEUE_H
#define GOSLING_QUEUE_H

#include <gosling/sync.h>

GO_BEGIN_DECLS

typedef enum {
    GO_FIFO,
    GO_LIFO,
    GO_PRIORITY /* the smallest number first, and first in first out among equals */
} go_order;

/* A queue. Fields are private. */
typedef struct go_queue {
    struct go_lot lot;      /* of those who get */
    struct go_link putters; /* whose items have not been taken */
    struct go_link joiners;
    struct go_queue_item *items; /* a ring, or a heap */
    size_t room, head, count;
    size_t capacity;   /* 0: unbounded */
    size_t unfinished; /* accepted, and not done */
    uint64_t next;     /* each item's number: the order among equals */
    go_order order;
    bool source, shut;
} go_queue;

/* Initialises q. capacity: how many items it holds before a put waits; 0: as many as there are.
 * flags: GO_SHARED, GO_SOURCE. Not a checkpoint. Returns 0, -EINVAL (unknown order or flags),
 * -ENOMEM (a bounded one's memory is allocated now). */
GO_API int go_queue_init(go_queue *q, go_order order, size_t capacity, int flags);

/* [checkpoint] Puts an item, when there is room and nobody came earlier. The priority is looked at
 * by GO_PRIORITY only. Returns 0; -EPIPE when it is shut down, also while it waited; -ECANCELED;
 * -ENOMEM (unbounded); -ESHUTDOWN outside a run; nothing was put then. */
GO_API int go_queue_put(go_queue *q, void *item, int priority);

/* [checkpoint] Gets the next item. Returns 1; 0 when it is shut down and drained; -ECANCELED;
 * -ESHUTDOWN outside a run. */
GO_API int go_queue_get(go_queue *q, void **item);

/* The same without waiting, and no checkpoints: -EAGAIN. */
GO_API int go_queue_try_put(go_queue *q, void *item, int priority);
GO_API int go_queue_try_get(go_queue *q, void **item);

/* An item that was got has been dealt with. Not a checkpoint. Returns 0, or -EINVAL when all were
 * already. */
GO_API int go_queue_task_done(go_queue *q);

/* [checkpoint] Waits until every item that was put has been dealt with; at once when none was.
 * Returns 0, -ECANCELED, -ESHUTDOWN outside a run. */
GO_API int go_queue_join(go_queue *q);

/* No more puts: -EPIPE, for those who wait as well. What is in it can still be got; `now`: it is
 * dropped instead, and counts as done. Idempotent, and a graceful one may be followed by one that
 * is not. Not a checkpoint. */
GO_API void go_queue_shutdown(go_queue *q, bool now);

/* Frees its memory. Nobody may wait on q (misuse: aborts). Not a checkpoint. */
GO_API void go_queue_fini(go_queue *q);

GO_END_DECLS

#endif
