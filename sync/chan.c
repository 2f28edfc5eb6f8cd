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

    if (flags & ~(GO_SOURCE | GO_SHARED) || __builtin_mul_overflow(item_size, capacity, &bytes))
        return -EINVAL;
    if (bytes > 0 && !(ring = malloc(bytes)))
        return -ENOMEM;
    *c = (go_chan){.ring = ring,
                   .item_size = item_size,
                   .capacity = capacity,
                   .source = flags & GO_SOURCE};
    lot_init(&c->lot, flags, 1);
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

/* `shared` is a constant wherever this is inlined, as below, and t unused without it. */
#define INLINED static inline __attribute__((always_inline))

INLINED void win(go_chan *c, struct lot_turn *t, struct wait *w, int result, bool shared)
{
    if (shared)
        lot_win(&c->lot, t, w, result);
    else
        lot_win_local(w, result);
}

/* 0, -EPIPE, or -EAGAIN: it would wait. */
INLINED int send_now(go_chan *c, const void *item, struct lot_turn *t, bool shared)
{
    struct wait *w;

    if (unlikely(c->closed))
        return -EPIPE;
    if ((w = lot_pop(&c->lot.waiters, t))) {
        copy(c, w->item, item);
        c->received++;
        win(c, t, w, 1, shared);
        return 0;
    }
    if (c->count == c->capacity)
        return -EAGAIN;
    copy(c, slot(c, c->head + c->count), item);
    c->count++;
    return 0;
}

/* 1, 0 at the end, or -EAGAIN: it would wait. */
INLINED int recv_now(go_chan *c, void *item, struct lot_turn *t, bool shared)
{
    struct wait *w;

    if (c->count > 0) {
        copy(c, item, slot(c, c->head));
        c->head = c->head + 1 < c->capacity ? c->head + 1 : 0;
        c->count--;
        c->received++;
        if ((w = lot_pop(&c->senders, t))) { /* room for the first who waits to send */
            copy(c, slot(c, c->head + c->count), w->item);
            c->count++;
            win(c, t, w, 0, shared);
        }
        return 1;
    }
    if ((w = lot_pop(&c->senders, t))) {
        copy(c, item, w->item);
        c->received++;
        win(c, t, w, 0, shared);
        return 1;
    }
    return c->closed ? 0 : -EAGAIN;
}

static inline bool refused(const go_chan *c, go_sched *s)
{
    return unlikely(c->source) && s && s->soft > 0 && scope_stopping(s->current);
}

static __attribute__((noinline)) int wait_in(list *line, const struct waitable *ops, go_chan *c,
                                             void *item, unsigned how)
{
    struct wait w;

    w.ops = ops;
    w.object = c;
    w.item = item;
    return lot_wait_local(line, &w, how | PARK_CHANNEL);
}

static inline unsigned recv_how(const go_chan *c)
{
    return c->source ? WAIT_CANCEL | WAIT_SOURCE : WAIT_CANCEL;
}

/* ---- the waitables ---- */

static int recv_of(struct wait *w, struct lot_turn *t)
{
    return recv_now(w->object, w->item, t, true);
}

static int send_of(struct wait *w, struct lot_turn *t)
{
    return send_now(w->object, w->item, t, true);
}

static int recv_commit(struct wait *w)
{
    return lot_commit(w, recv_of);
}

static int send_commit(struct wait *w)
{
    return lot_commit(w, send_of);
}

static int recv_arm(struct wait *w)
{
    return lot_arm(w, &((go_chan *)w->object)->lot.waiters, recv_of);
}

static int send_arm(struct wait *w)
{
    return lot_arm(w, &((go_chan *)w->object)->senders, send_of);
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
                                            .disarm = lot_disarm,
                                            .lot = true,
                                            .describe = recv_describe};
const struct waitable chan_send_waitable = {.name = "channel",
                                            .commit = send_commit,
                                            .arm = send_arm,
                                            .disarm = lot_disarm,
                                            .lot = true,
                                            .describe = send_describe};

/* ---- between threads ---- */

/* What follows the looking, out of the way of those who need not wait; leaves the lot. */
static __attribute__((noinline)) int wait_between(go_chan *c, struct lot_turn *t, list *line,
                                                  const struct waitable *ops, void *item,
                                                  unsigned how)
{
    struct wait w = {.ops = ops, .object = c, .item = item};

    return lot_wait(&c->lot, line, &w, t, how | PARK_CHANNEL);
}

static __attribute__((noinline)) int send_shared(go_chan *c, void *item)
{
    struct lot_turn t;
    int rc = lot_begin(&c->lot, &t, "go_chan_send");

    if (unlikely(rc < 0))
        return rc;
    rc = send_now(c, item, &t, true);
    if (unlikely(rc == -EAGAIN))
        return wait_between(c, &t, &c->senders, &chan_send_waitable, item, WAIT_CANCEL);
    lot_leave(&c->lot, &t);
    return rc;
}

static __attribute__((noinline)) int recv_shared(go_chan *c, void *item)
{
    struct lot_turn t;
    int rc = lot_begin(&c->lot, &t, "go_chan_recv");

    if (unlikely(rc < 0))
        return rc;
    if (refused(c, t.s)) {
        lot_leave(&c->lot, &t);
        return scope_refused();
    }
    rc = recv_now(c, item, &t, true);
    if (unlikely(rc == -EAGAIN))
        return wait_between(c, &t, &c->lot.waiters, &chan_recv_waitable, item, recv_how(c));
    lot_leave(&c->lot, &t);
    return rc;
}

/* ---- the public half ---- */

int go_chan_send(go_chan *c, const void *item)
{
    go_sched *s = sched_self();
    int rc;

    if (unlikely(c->lot.shared))
        return send_shared(c, (void *)(uintptr_t)item);
    rc = checkpoint(s);
    if (unlikely(rc < 0))
        return rc;
    lot_claim(&c->lot.sched, s, "go_chan_send");
    rc = send_now(c, item, NULL, false);
    if (rc != -EAGAIN)
        return rc;
    return wait_in(&c->senders, &chan_send_waitable, c, (void *)(uintptr_t)item, WAIT_CANCEL);
}

int go_chan_recv(go_chan *c, void *item)
{
    go_sched *s = sched_self();
    int rc;

    if (unlikely(c->lot.shared))
        return recv_shared(c, item);
    rc = checkpoint(s);
    if (unlikely(rc < 0))
        return rc;
    lot_claim(&c->lot.sched, s, "go_chan_recv");
    if (refused(c, s))
        return scope_refused();
    rc = recv_now(c, item, NULL, false);
    if (rc != -EAGAIN)
        return rc;
    return wait_in(&c->lot.waiters, &chan_recv_waitable, c, item, recv_how(c));
}

int go_chan_try_send(go_chan *c, const void *item)
{
    struct lot_turn t;
    int rc;

    lot_enter(&c->lot, &t, sched_self(), "go_chan_try_send");
    rc = send_now(c, item, &t, true);
    lot_leave(&c->lot, &t);
    return rc;
}

int go_chan_try_recv(go_chan *c, void *item)
{
    struct lot_turn t;
    int rc;

    lot_enter(&c->lot, &t, sched_self(), "go_chan_try_recv");
    rc = refused(c, t.s) ? scope_refused() : recv_now(c, item, &t, true);
    lot_leave(&c->lot, &t);
    return rc;
}

void go_chan_close(go_chan *c)
{
    struct lot_turn t;
    struct wait *w;

    lot_enter(&c->lot, &t, sched_self(), "go_chan_close");
    c->closed = true;
    while ((w = lot_pop(&c->senders, &t)))
        lot_win(&c->lot, &t, w, -EPIPE);
    while ((w = lot_pop(&c->lot.waiters, &t)))
        lot_win(&c->lot, &t, w, 0);
    lot_leave(&c->lot, &t);
}

static unsigned length(const list *line)
{
    unsigned n = 0;

    for (const list *l = line->next; l != line; l = l->next)
        n++;
    return n;
}

void go_chan_stats_get(go_chan *c, go_chan_stats *out)
{
    struct lot_turn t;

    lot_enter(&c->lot, &t, sched_self(), "go_chan_stats_get");
    *out = (go_chan_stats){.capacity = c->capacity,
                           .count = c->count,
                           .senders = length(&c->senders),
                           .receivers = length(&c->lot.waiters),
                           .sent = c->received + c->count,
                           .received = c->received,
                           .closed = c->closed};
    lot_leave(&c->lot, &t);
}

void go_chan_fini(go_chan *c)
{
    if (!list_empty(&c->senders) || !list_empty(&c->lot.waiters))
        misuse("go_chan_fini",
               "fibers still wait on this channel; close it and let them leave first");
    free(c->ring);
    c->ring = NULL;
    c->capacity = c->count = 0;
    c->closed = true;
}
