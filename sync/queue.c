/* SPDX-License-Identifier: MIT
 *
 * The queue. As in a channel, who comes second does both halves; unlike there, items are kept in
 * one of three orders: a ring, a stack, or a heap. */
#include "core/scope.h"
#include "sync/lot.h"
#include <errno.h>
#include <gosling/queue.h>
#include <stdlib.h>

struct go_queue_item {
    void *item;
    int priority;
    uint64_t number;
};

enum { ROOM_FIRST = 16 };

int go_queue_init(go_queue *q, go_order order, size_t capacity, int flags)
{
    struct go_queue_item *items = NULL;

    if (flags & ~(GO_SHARED | GO_SOURCE) || (unsigned)order > GO_PRIORITY ||
        capacity > SIZE_MAX / sizeof *items)
        return -EINVAL;
    if (capacity > 0 && !(items = calloc(capacity, sizeof *items)))
        return -ENOMEM;
    *q = (go_queue){.items = items,
                    .room = capacity,
                    .capacity = capacity,
                    .order = order,
                    .source = flags & GO_SOURCE};
    lot_init(&q->lot, flags, 2);
    return 0;
}

/* ---- the items ---- */

static struct go_queue_item *at(const go_queue *q, size_t i)
{
    size_t k = q->head + i;

    return &q->items[k < q->room ? k : k - q->room];
}

static int grow(go_queue *q)
{
    size_t room = q->room ? 2 * q->room : ROOM_FIRST;
    struct go_queue_item *items =
        room > SIZE_MAX / sizeof *items ? NULL : malloc(room * sizeof *items);

    if (!items)
        return -ENOMEM;
    for (size_t i = 0; i < q->count; i++)
        items[i] = *at(q, i);
    free(q->items);
    q->items = items;
    q->room = room;
    q->head = 0;
    return 0;
}

static bool before(const struct go_queue_item *a, const struct go_queue_item *b)
{
    return a->priority != b->priority ? a->priority < b->priority : a->number < b->number;
}

/* There is room. A heap's head is 0. */
static void insert(go_queue *q, void *item, int priority)
{
    struct go_queue_item it = {item, priority, q->next++};
    size_t i = q->count++;

    if (q->order == GO_PRIORITY)
        for (; i > 0 && before(&it, &q->items[(i - 1) / 2]); i = (i - 1) / 2)
            q->items[i] = q->items[(i - 1) / 2];
    *at(q, i) = it;
    q->unfinished++;
}

static void sink(go_queue *q, struct go_queue_item it)
{
    size_t i = 0, child;

    for (; (child = 2 * i + 1) < q->count; i = child) {
        if (child + 1 < q->count && before(&q->items[child + 1], &q->items[child]))
            child++;
        if (!before(&q->items[child], &it))
            break;
        q->items[i] = q->items[child];
    }
    q->items[i] = it;
}

static void *take(go_queue *q)
{
    void *item;

    if (q->order == GO_LIFO)
        return at(q, --q->count)->item;
    item = q->items[q->head].item;
    q->count--;
    if (q->order == GO_FIFO)
        q->head = q->head + 1 < q->room ? q->head + 1 : 0;
    else if (q->count > 0)
        sink(q, q->items[q->count]);
    return item;
}

/* ---- the operations ---- */

/* 0, -EPIPE, -ENOMEM, or -EAGAIN: it would wait. */
static int put_now(go_queue *q, void *item, int priority, struct lot_turn *t)
{
    struct wait *w;

    if (q->shut)
        return -EPIPE;
    if ((w = lot_pop(&q->lot.waiters, t))) { /* then it is empty */
        *(void **)w->item = item;
        q->unfinished++;
        lot_win(&q->lot, t, w, 1);
        return 0;
    }
    if (q->capacity > 0 && q->count == q->capacity)
        return -EAGAIN;
    if (q->count == q->room && grow(q) < 0)
        return -ENOMEM;
    insert(q, item, priority);
    return 0;
}

/* 1, 0 at the end, or -EAGAIN: it would wait. */
static int get_now(go_queue *q, void **item, struct lot_turn *t)
{
    struct wait *w;

    if (q->count == 0)
        return q->shut ? 0 : -EAGAIN;
    *item = take(q);
    if ((w = lot_pop(&q->putters, t))) { /* room for the first who waits to put */
        insert(q, w->item, (int)w->arg);
        lot_win(&q->lot, t, w, 0);
    }
    return 1;
}

static bool refused(const go_queue *q, go_sched *s)
{
    return q->source && s && s->soft > 0 && scope_stopping(s->current);
}

static void put_describe(const struct wait *w, FILE *out)
{
    const go_queue *q = w->object;

    fprintf(out, "room in queue %p (capacity %zu)", w->object, q->capacity);
}

static void get_describe(const struct wait *w, FILE *out)
{
    fprintf(out, "an item of queue %p", w->object);
}

static void join_describe(const struct wait *w, FILE *out)
{
    const go_queue *q = w->object;

    fprintf(out, "%zu items of queue %p to be done", q->unfinished, w->object);
}

static const struct waitable put_waitable = {.name = "queue",
                                             .describe = put_describe,
                                             .disarm = lot_disarm,
                                             .lot = true};
static const struct waitable get_waitable = {.name = "queue",
                                             .describe = get_describe,
                                             .disarm = lot_disarm,
                                             .lot = true};
static const struct waitable join_waitable = {.name = "queue",
                                              .describe = join_describe,
                                              .disarm = lot_disarm,
                                              .lot = true};

int go_queue_put(go_queue *q, void *item, int priority)
{
    struct wait w = {.ops = &put_waitable, .object = q, .item = item, .arg = priority};
    struct lot_turn t;
    int rc = lot_begin(&q->lot, &t, "go_queue_put");

    if (rc < 0)
        return rc;
    rc = put_now(q, item, priority, &t);
    if (rc == -EAGAIN)
        return lot_wait(&q->lot, &q->putters, &w, &t, WAIT_CANCEL | PARK_CHANNEL);
    lot_leave(&q->lot, &t);
    return rc;
}

int go_queue_get(go_queue *q, void **item)
{
    struct wait w = {.ops = &get_waitable, .object = q, .item = item};
    struct lot_turn t;
    int rc = lot_begin(&q->lot, &t, "go_queue_get");

    if (rc < 0)
        return rc;
    if (refused(q, t.s)) {
        lot_leave(&q->lot, &t);
        return scope_refused();
    }
    rc = get_now(q, item, &t);
    if (rc == -EAGAIN)
        return lot_wait(&q->lot, &q->lot.waiters, &w, &t,
                        (q->source ? WAIT_CANCEL | WAIT_SOURCE : WAIT_CANCEL) | PARK_CHANNEL);
    lot_leave(&q->lot, &t);
    return rc;
}

int go_queue_try_put(go_queue *q, void *item, int priority)
{
    struct lot_turn t;
    int rc;

    lot_enter(&q->lot, &t, sched_self(), "go_queue_try_put");
    rc = put_now(q, item, priority, &t);
    lot_leave(&q->lot, &t);
    return rc;
}

int go_queue_try_get(go_queue *q, void **item)
{
    struct lot_turn t;
    int rc;

    lot_enter(&q->lot, &t, sched_self(), "go_queue_try_get");
    rc = refused(q, t.s) ? scope_refused() : get_now(q, item, &t);
    lot_leave(&q->lot, &t);
    return rc;
}

static void wake_joiners(go_queue *q, struct lot_turn *t)
{
    struct wait *w;

    while (q->unfinished == 0 && (w = lot_pop(&q->joiners, t)))
        lot_win(&q->lot, t, w, 0);
}

int go_queue_task_done(go_queue *q)
{
    struct lot_turn t;
    int rc = -EINVAL;

    lot_enter(&q->lot, &t, sched_self(), "go_queue_task_done");
    if (q->unfinished > 0) {
        q->unfinished--;
        wake_joiners(q, &t);
        rc = 0;
    }
    lot_leave(&q->lot, &t);
    return rc;
}

int go_queue_join(go_queue *q)
{
    struct wait w = {.ops = &join_waitable, .object = q};
    struct lot_turn t;
    int rc = lot_begin(&q->lot, &t, "go_queue_join");

    if (rc < 0)
        return rc;
    if (q->unfinished > 0)
        return lot_wait(&q->lot, &q->joiners, &w, &t, WAIT_CANCEL);
    lot_leave(&q->lot, &t);
    return 0;
}

void go_queue_shutdown(go_queue *q, bool now)
{
    struct lot_turn t;
    struct wait *w;

    lot_enter(&q->lot, &t, sched_self(), "go_queue_shutdown");
    q->shut = true;
    while ((w = lot_pop(&q->putters, &t)))
        lot_win(&q->lot, &t, w, -EPIPE);
    while ((w = lot_pop(&q->lot.waiters, &t))) /* it is empty */
        lot_win(&q->lot, &t, w, 0);
    if (now) {
        q->unfinished -= q->count;
        q->count = 0;
        wake_joiners(q, &t);
    }
    lot_leave(&q->lot, &t);
}

void go_queue_fini(go_queue *q)
{
    if (!list_empty(&q->lot.waiters) || !list_empty(&q->putters) || !list_empty(&q->joiners))
        misuse("go_queue_fini",
               "fibers still wait on this queue; shut it down and let them leave first");
    free(q->items);
    q->items = NULL;
    q->room = q->count = 0;
    q->shut = true;
}
