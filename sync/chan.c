/* SPDX-License-Identifier: MIT
 *
 * Channels. At most one of the two lists of waiters is not empty: receivers wait only when there is
 * neither an item nor a sender, senders only when the ring is full and nobody receives. Whoever
 * comes second does both halves, so that an item is copied once in a rendezvous and a hand-over
 * wakes the one it is for. */
#include "core/scope.h"
#include "sync/lot.h"
#include "sync/waitables.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

int go_chan_init(go_chan *c, size_t item_size, size_t capacity, int flags)
{
    char *ring = NULL;
    size_t bytes;

    if (flags & GO_SHARED)
        return -ENOSYS;
    if (flags & ~GO_SOURCE || __builtin_mul_overflow(item_size, capacity, &bytes))
        return -EINVAL;
    if (bytes > 0 && !(ring = malloc(bytes)))
        return -ENOMEM;
    *c = (go_chan){.sched = sched_self(),
                   .ring = ring,
                   .item_size = item_size,
                   .capacity = capacity,
                   .source = flags & GO_SOURCE};
    list_init(&c->senders);
    list_init(&c->receivers);
    return 0;
}

static inline void copy(const go_chan *c, void *to, const void *from)
{
    if (likely(c->item_size == sizeof(void *)))
        memcpy(to, from, sizeof(void *)); /* the common size, without a call */
    else if (c->item_size > 0)
        memcpy(to, from, c->item_size);
}

static inline char *slot(const go_chan *c, size_t i)
{
    return c->ring + (i < c->capacity ? i : i - c->capacity) * c->item_size;
}

/* 0, -EPIPE, or -EAGAIN: it would wait. */
static inline int send_now(go_chan *c, const void *item)
{
    struct wait *w;

    if (unlikely(c->closed))
        return -EPIPE;
    if ((w = lot_pop(&c->receivers))) {
        copy(c, w->item, item);
        wait_win(w, 1);
        return 0;
    }
    if (c->count == c->capacity)
        return -EAGAIN;
    copy(c, slot(c, c->head + c->count), item);
    c->count++;
    return 0;
}

/* 1, 0 at the end, or -EAGAIN: it would wait. */
static inline int recv_now(go_chan *c, void *item)
{
    struct wait *w;

    if (c->count > 0) {
        copy(c, item, slot(c, c->head));
        c->head = c->head + 1 < c->capacity ? c->head + 1 : 0;
        c->count--;
        if ((w = lot_pop(&c->senders))) { /* there is room for the first who waits to send */
            copy(c, slot(c, c->head + c->count), w->item);
            c->count++;
            wait_win(w, 0);
        }
        return 1;
    }
    if ((w = lot_pop(&c->senders))) {
        copy(c, item, w->item);
        wait_win(w, 0);
        return 1;
    }
    return c->closed ? 0 : -EAGAIN;
}

static inline bool refused(const go_chan *c, go_sched *s)
{
    return unlikely(c->source) && s->soft > 0 && scope_stopping(s->current);
}

static __attribute__((noinline)) int wait_in(list *lot, const struct waitable *ops, go_chan *c,
                                             void *item, unsigned how)
{
    struct wait w;

    w.ops = ops;
    w.object = c;
    w.item = item;
    return lot_wait(lot, &w, how | PARK_CHANNEL);
}

/* ---- the waitables ---- */

static int recv_commit(struct wait *w)
{
    go_chan *c = w->object;
    int rc;

    lot_claim(&c->sched, sched_self(), "go_select");
    rc = recv_now(c, w->item);
    if (rc == -EAGAIN)
        return rc;
    w->result = rc;
    return 0;
}

static void recv_arm(struct wait *w)
{
    list_push(&((go_chan *)w->object)->receivers, &w->link);
}

static int send_commit(struct wait *w)
{
    go_chan *c = w->object;
    int rc;

    lot_claim(&c->sched, sched_self(), "go_select");
    rc = send_now(c, w->item);
    if (rc == -EAGAIN)
        return rc;
    w->result = rc;
    return 0;
}

static void send_arm(struct wait *w)
{
    list_push(&((go_chan *)w->object)->senders, &w->link);
}

static void recv_describe(const struct wait *w, FILE *out)
{
    fprintf(out, "an item of channel %p", w->object);
}

static void send_describe(const struct wait *w, FILE *out)
{
    const go_chan *c = w->object;

    fprintf(out, "room in channel %p (capacity %zu)", w->object, c->capacity);
}

const struct waitable chan_recv_waitable = {.name = "channel",
                                            .commit = recv_commit,
                                            .arm = recv_arm,
                                            .describe = recv_describe};
const struct waitable chan_send_waitable = {.name = "channel",
                                            .commit = send_commit,
                                            .arm = send_arm,
                                            .describe = send_describe};

/* ---- the public half ---- */

int go_chan_send(go_chan *c, const void *item)
{
    go_sched *s = sched_self();
    int rc = checkpoint(s);

    if (unlikely(rc < 0))
        return rc;
    lot_claim(&c->sched, s, "go_chan_send");
    rc = send_now(c, item);
    if (rc != -EAGAIN)
        return rc;
    return wait_in(&c->senders, &chan_send_waitable, c, (void *)(uintptr_t)item, WAIT_CANCEL);
}

int go_chan_recv(go_chan *c, void *item)
{
    go_sched *s = sched_self();
    int rc = checkpoint(s);

    if (unlikely(rc < 0))
        return rc;
    lot_claim(&c->sched, s, "go_chan_recv");
    if (refused(c, s))
        return scope_refused();
    rc = recv_now(c, item);
    if (rc != -EAGAIN)
        return rc;
    return wait_in(&c->receivers, &chan_recv_waitable, c, item,
                   c->source ? WAIT_CANCEL | WAIT_SOURCE : WAIT_CANCEL);
}

int go_chan_try_send(go_chan *c, const void *item)
{
    lot_claim(&c->sched, sched_self(), "go_chan_try_send");
    return send_now(c, item);
}

int go_chan_try_recv(go_chan *c, void *item)
{
    go_sched *s = sched_self();

    lot_claim(&c->sched, s, "go_chan_try_recv");
    if (s && refused(c, s))
        return scope_refused();
    return recv_now(c, item);
}

void go_chan_close(go_chan *c)
{
    struct wait *w;

    lot_claim(&c->sched, sched_self(), "go_chan_close");
    c->closed = true;
    while ((w = lot_pop(&c->senders)))
        wait_win(w, -EPIPE);
    while ((w = lot_pop(&c->receivers)))
        wait_win(w, 0);
}

void go_chan_fini(go_chan *c)
{
    if (!list_empty(&c->senders) || !list_empty(&c->receivers))
        misuse("go_chan_fini",
               "fibers still wait on this channel; close it and let them leave first");
    free(c->ring);
    c->ring = NULL;
    c->capacity = c->count = 0;
    c->closed = true;
}
