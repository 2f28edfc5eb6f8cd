/* SPDX-License-Identifier: MIT
 *
 * The connection pool. A fiber that gets a connection has a slot first: one of `max`, with an idle
 * connection in it, or with the permission to open one, which only one fiber has at a time. Whoever
 * gives a slot back gives it to the first who waits, with what is in it; so nobody looks twice, and
 * a slot that was given to a fiber that is cancelled in the same moment is not lost: it has it. */
#include "sync/lot.h"
#include <errno.h>
#include <gosling/connpool.h>
#include <stdlib.h>

enum { MAX_DEFAULT = 10, HAS_CONN = 1, MAY_OPEN = 2, TRY_AGAIN = 3 };

struct idle {
    void *conn;
    go_time since;
};

struct connpool {
    go_connpool *handle;
    go_sched *sched;
    go_connpool_opts opts;
    list waiters;
    unsigned waiting;
    unsigned lent; /* slots that fibers have, also while they open or ask */
    unsigned idle_count;
    bool opening; /* somebody does */
    bool closed;
    bool has_timer;
    uint64_t run; /* whose scheduler has the timer */
    struct timer expiry;
    struct idle idle[]; /* `max`, the one that was used last at the end */
};

int go_connpool_init(go_connpool *p, const go_connpool_opts *opts)
{
    unsigned max = opts->max ? opts->max : MAX_DEFAULT;
    struct connpool *c;

    p->pool = NULL;
    if (!opts->open || opts->min > max || opts->idle < 0)
        return -EINVAL;
    c = calloc(1, sizeof *c + max * sizeof *c->idle);
    if (!c)
        return -ENOMEM;
    c->handle = p;
    c->sched = sched_self();
    c->opts = *opts;
    c->opts.max = max;
    list_init(&c->waiters);
    p->pool = c;
    return 0;
}

static void claim(struct connpool *c, go_sched *s, const char *function)
{
    lot_claim(&c->sched, s, function);
    if (unlikely(s->fork_pending))
        fork_settle(s);
    if (unlikely(c->run != s->first_id)) { /* another run: its timers are others */
        c->run = s->first_id;
        c->has_timer = false;
        c->expiry.node.slot = 0;
    }
}

static void end(struct connpool *c, void *conn)
{
    if (!c->opts.close)
        return;
    callback_enter(c->sched, "a connection pool's close");
    c->opts.close(conn, c->opts.arg);
    callback_leave(c->sched);
}

static void free_when_done(struct connpool *c)
{
    if (!c->closed || c->lent > 0)
        return;
    c->handle->pool = NULL;
    free(c);
}

/* ---- idle connections ---- */

static void set_expiry(struct connpool *c)
{
    go_time since = c->idle[0].since, forever = GO_FOREVER - c->opts.idle;

    timer_set(c->sched, &c->expiry,
              c->idle_count > c->opts.min && since < forever ? since + c->opts.idle : GO_FOREVER);
}

static void on_expiry(struct timer *t)
{
    struct connpool *c = list_entry(t, struct connpool, expiry);
    go_time now = sched_now(c->sched);
    unsigned old = 0;

    while (c->idle_count - old > c->opts.min && now - c->idle[old].since >= c->opts.idle)
        end(c, c->idle[old++].conn);
    c->idle_count -= old;
    for (unsigned i = 0; i < c->idle_count; i++)
        c->idle[i] = c->idle[i + old];
    set_expiry(c);
}

static void put_aside(struct connpool *c, void *conn)
{
    if (c->opts.idle > 0 && !c->has_timer) {
        c->expiry.fire = on_expiry;
        c->has_timer = timer_reserve(c->sched) == 0;
        if (!c->has_timer && c->idle_count >= c->opts.min) { /* rather none than one for ever */
            end(c, conn);
            return;
        }
    }
    c->idle[c->idle_count++] = (struct idle){conn, sched_now(c->sched)};
    if (c->has_timer)
        set_expiry(c);
}

static void *take_idle(struct connpool *c)
{
    void *conn = c->idle[--c->idle_count].conn;

    if (c->has_timer)
        set_expiry(c);
    return conn;
}

/* ---- slots ---- */

/* A slot, if there is one: HAS_CONN or MAY_OPEN; 0: none. */
static int take_slot(struct connpool *c, void **conn)
{
    if (c->idle_count > 0) {
        *conn = take_idle(c);
        c->lent++;
        return HAS_CONN;
    }
    if (c->opening || c->lent == c->opts.max)
        return 0;
    c->opening = true;
    c->lent++;
    return MAY_OPEN;
}

static void slot_disarm(struct wait *w)
{
    list_remove(&w->link);
    ((struct connpool *)w->object)->waiting--;
}

static void slot_describe(const struct wait *w, FILE *out)
{
    const struct connpool *c = w->object;

    fprintf(out, "a connection of pool %p, %u of %u lent", (void *)c->handle, c->lent, c->opts.max);
}

static const struct waitable slot_waitable = {.name = "connection pool",
                                              .disarm = slot_disarm,
                                              .describe = slot_describe};

static void grant(struct connpool *c, int what, void *conn)
{
    struct wait *w = lot_pop(&c->waiters, NULL);

    c->waiting--;
    w->item = conn;
    wait_win(w, what);
}

static void serve(struct connpool *c)
{
    void *conn = NULL;
    int what;

    while (!list_empty(&c->waiters) && (what = take_slot(c, &conn)) != 0)
        grant(c, what, conn);
}

/* HAS_CONN, MAY_OPEN or an error. again: it had a slot already, and is still the first. */
static int wait_for_slot(struct connpool *c, void **conn, bool again)
{
    struct wait w = {.ops = &slot_waitable, .object = c};
    int rc;

    if (c->opts.max_waiting && c->waiting >= c->opts.max_waiting && !again)
        return -EAGAIN;
    list_push(again ? c->waiters.next : &c->waiters, &w.link);
    c->waiting++;
    rc = wait_park(&w, 1, WAIT_CANCEL | PARK_LOCK, GO_FOREVER);
    *conn = w.item;
    return rc < 0 ? rc : w.result;
}

/* ---- getting ---- */

static int open_one(struct connpool *c, void **conn)
{
    int rc = c->opts.open(conn, c->opts.arg);

    c->opening = false;
    if (rc >= 0 && !c->closed) {
        serve(c); /* who comes next may open one, too */
        return 0;
    }
    if (rc >= 0) {
        end(c, *conn);
        rc = -ESHUTDOWN;
    }
    c->lent--;
    if (!c->closed)
        serve(c);
    free_when_done(c);
    return rc;
}

/* 0; TRY_AGAIN: it is closed, and the slot given back; -ESHUTDOWN: so is the pool. */
static int check(struct connpool *c, void *conn)
{
    bool good = !c->opts.healthy || c->opts.healthy(conn, c->opts.arg);

    if (good && !c->closed)
        return 0;
    end(c, conn);
    c->lent--;
    if (!c->closed)
        return TRY_AGAIN;
    free_when_done(c);
    return -ESHUTDOWN;
}

int go_connpool_get(go_connpool *p, void **conn)
{
    go_sched *s = sched_self();
    struct connpool *c = p->pool;
    bool again = false;
    int rc = checkpoint(s);

    if (rc < 0)
        return rc;
    if (!c || c->closed)
        return -ESHUTDOWN;
    claim(c, s, "go_connpool_get");
    for (;;) {
        rc = list_empty(&c->waiters) || again ? take_slot(c, conn) : 0;
        if (rc == 0)
            rc = wait_for_slot(c, conn, again);
        if (rc == MAY_OPEN)
            return open_one(c, conn);
        if (rc != HAS_CONN || (rc = check(c, *conn)) != TRY_AGAIN)
            return rc;
        again = true;
    }
}

void go_connpool_put(go_connpool *p, void *conn, bool broken)
{
    struct connpool *c = p->pool;
    go_sched *s = sched_self();

    if (!c || c->lent == 0)
        misuse("go_connpool_put", "more connections are put back than this pool has lent");
    if (!s)
        misuse("go_connpool_put", "called outside a run");
    claim(c, s, "go_connpool_put");
    if (!broken && !c->closed && !list_empty(&c->waiters)) {
        grant(c, HAS_CONN, conn);
        return;
    }
    c->lent--;
    if (broken || c->closed)
        end(c, conn);
    else
        put_aside(c, conn);
    if (!c->closed)
        serve(c);
    free_when_done(c);
}

void go_connpool_close(go_connpool *p)
{
    struct connpool *c = p->pool;
    struct wait *w;

    if (!c || c->closed)
        return;
    claim(c, sched_self(), "go_connpool_close");
    c->closed = true;
    if (c->has_timer)
        timer_release(c->sched, &c->expiry);
    while (c->idle_count > 0)
        end(c, c->idle[--c->idle_count].conn);
    while ((w = lot_pop(&c->waiters, NULL))) {
        c->waiting--;
        wait_win(w, -ESHUTDOWN);
    }
    free_when_done(c);
}
