/* SPDX-License-Identifier: MIT
 *
 * go_serve: accepts, and runs a handler in a fiber of its own for each connection, in a nursery that supervises. What a
 * handler fails with goes to on_error and no further, so that nothing piles up over millions of connections.
 *
 * When descriptors or memory run out the server waits, until a connection ends or for 10 ms to 500 ms, and tries again. Who
 * wants to connect waits in the listener's queue meanwhile; a connection that was accepted already is kept until there is
 * memory for its fiber. */
#include "core/error.h"
#include "core/misuse.h"
#include "core/scope.h"
#include "core/sys.h"
#include "net/fd.h"
#include "net/peers.h"
#include <gosling/net.h>
#include <gosling/nursery.h>
#include <stdlib.h>
#include <string.h>

#define PAUSE_LEAST (10 * GO_MS)
#define PAUSE_MOST  (500 * GO_MS)
#define EPISODE     (5 * GO_SEC) /* shortages closer together are one, and reported once */

struct server {
    go_sched *sched;
    int listener;
    go_handler *handler;
    void *arg;
    go_serve_opts opts;
    unsigned live;        /* connections with a handler */
    struct conn *free;    /* ended ones, to be used again */
    struct peers peers;   /* with max_per_ip */
    list room;            /* the server's own wait for a connection to end */
    go_time pause;        /* the next one's length; 0: the last accept went well */
    go_time short_at;     /* when something last ran out */
    go_nursery nursery;
};

struct conn {
    struct server *server;
    struct conn *next;    /* in the free list */
    struct peer *peer;
    int fd;
    uint32_t generation;  /* of fd: another one when the handler has closed it itself */
    uint32_t seen;        /* what had moved when the timer last fired */
    struct timer idle;
    go_scope *scope;      /* the handler's, while it runs under an idle time-out */
};

/* ---- connections ---- */

static struct conn *conn_new(struct server *v, int fd)
{
    struct conn *c = v->free;

    if (c)
        v->free = c->next;
    else if (!(c = malloc(sizeof *c)))
        return NULL;
    *c = (struct conn){.server = v, .fd = fd, .generation = fd_generation(fd)};
    return c;
}

static void conn_free(struct conn *c)
{
    struct server *v = c->server;

    peers_remove(&v->peers, c->peer);
    c->next = v->free;
    v->free = c;
}

static void conn_end(struct conn *c)
{
    struct server *v = c->server;
    list *l;

    if (v->opts.idle_timeout > 0)
        timer_release(v->sched, &c->idle);
    if (fd_generation(c->fd) == c->generation)
        go_close(c->fd);
    conn_free(c);
    v->live--;
    if ((l = list_pop(&v->room)))
        wait_win(list_entry(l, struct wait, link), 0);
}

/* ---- idle time-outs: one timer per connection, set anew only when it fires ---- */

static void on_idle(struct timer *t)
{
    struct conn *c = list_entry(t, struct conn, idle);
    struct server *v = c->server;
    go_sched *s = v->sched;
    struct fd *r;
    go_time at;

    if (fd_generation(c->fd) != c->generation || fd_get(s, c->fd, &r) < 0)
        return; /* the handler has closed it: nothing is left to be idle */
    if (r->moved == c->seen) {
        go_scope_cancel(c->scope, "the connection was idle");
        return;
    }
    c->seen = r->moved;
    at = r->moved_at + v->opts.idle_timeout;
    /* The time was read from a clock that may have stood still through a long computation: rather late than early. */
    timer_set(s, t, at > s->now ? at : s->now + v->opts.idle_timeout);
}

static int handle_watched(struct server *v, struct conn *c)
{
    go_scope scope;
    struct fd *r;
    int rc;

    memset(&scope, 0, sizeof scope);
    c->scope = &scope;
    c->idle.fire = on_idle;
    c->seen = fd_get(v->sched, c->fd, &r) == 0 ? r->moved : 0;
    go_scope_enter(&scope, NULL);
    timer_set(v->sched, &c->idle, sched_now(v->sched) + v->opts.idle_timeout);
    rc = v->handler(c->fd, v->arg);
    timer_set(v->sched, &c->idle, GO_FOREVER);
    return go_scope_exit(&scope, rc);
}

/* ---- handlers ---- */

/* A handler has failed, or left errors behind that no block delivered. */
static void tell(struct server *v, fiber *f, int rc)
{
    bool cancelled = f->hit || (rc == -ECANCELED && f->alarm == INT64_MIN);
    struct go_error *group = f->undelivered, *e, bare;

    if (f->climbs) {
        if (rc >= 0) {
            rc = f->climbs;
            cancelled = false;
        }
        if (group)
            group->code = f->climbs;
        error_set_last(f, group);
        f->undelivered = NULL;
        f->climbs = 0;
    }
    if (v->opts.on_error && !(cancelled && !error_made(f, rc))) {
        e = error_of(f, rc, true);
        if (!e) { /* no memory: the code at least */
            bare = (struct go_error){.code = rc, .real = true};
            memcpy(bare.fiber, f->name, sizeof bare.fiber);
        }
        callback_enter(v->sched, "on_error");
        v->opts.on_error(e ? e : &bare, v->arg);
        callback_leave(v->sched);
        error_free(e);
    }
    error_set_last(f, NULL);
}

static int serve_one(void *arg)
{
    struct conn *c = arg;
    struct server *v = c->server;
    fiber *f = v->sched->current;
    bool was_idle = false;
    int rc;

    if (v->opts.idle_timeout > 0) {
        rc = handle_watched(v, c);
        was_idle = rc == -ECANCELED && !go_cancelled(); /* by our own scope: no error of the handler's */
    } else {
        rc = v->handler(c->fd, v->arg);
    }
    if (unlikely((rc < 0 && !was_idle) || f->climbs))
        tell(v, f, rc);
    conn_end(c);
    return 0;
}

/* 0: it has a handler, or was turned away. Else it is still the caller's: -ENOMEM, -EAGAIN when there is no room now. */
static int start(struct server *v, int fd, const union addr *peer)
{
    char name[ADDR_TEXT];
    go_spawn_opts opts = {.name = name, .stack_size = v->opts.stack_size, .foreign = v->opts.foreign};
    struct conn *c = conn_new(v, fd);
    int rc = c ? 0 : -ENOMEM;

    if (rc == 0 && v->opts.max_per_ip) {
        rc = peers_add(&v->peers, peer, v->opts.max_per_ip, &c->peer);
        if (rc == -EAGAIN) {
            conn_free(c);
            go_close(fd);
            return 0;
        }
    }
    if (rc == 0 && v->opts.idle_timeout > 0)
        rc = timer_reserve(v->sched);
    if (rc < 0)
        goto free_conn;
    if (addr_print(peer, name) <= 4)
        snprintf(name, sizeof name, "unix fd %d", fd);
    rc = go_spawn_with(&v->nursery, &opts, serve_one, c);
    if (rc < 0)
        goto release_timer;
    v->live++;
    return 0;

release_timer:
    if (v->opts.idle_timeout > 0)
        timer_release(v->sched, &c->idle);
free_conn:
    if (c)
        conn_free(c);
    return rc;
}

/* ---- waiting for room ---- */

static void room_describe(const struct wait *w, FILE *out)
{
    const struct server *v = w->object;

    fprintf(out, "one of %u connections to end", v->live);
}

static const struct waitable room_waitable = {.name = "connection", .describe = room_describe};
static const struct waitable listener_waitable = {.name = "listener"};

/* Until a connection ends, or until then. 0; -EBADF when the listener is closed; -ECANCELED, also softly. */
static int wait_for_room(struct server *v, go_time until)
{
    struct wait w[2] = {{.ops = &room_waitable, .object = v}, {.ops = &listener_waitable, .arg = v->listener}};
    struct fd *r;
    int rc;

    if (scope_stopping(v->sched->current))
        return scope_refused();
    rc = fd_get(v->sched, v->listener, &r);
    if (rc == 0)
        rc = fd_poll_arm(v->sched, &w[1], r); /* no events: only its end is of interest */
    if (rc < 0)
        return rc;
    list_push(&v->room, &w[0].link);
    rc = wait_park(w, 2, WAIT_CANCEL | WAIT_SOURCE, until);
    if (rc == -ETIMEDOUT)
        return 0;
    return rc < 0 ? rc : w[rc].result;
}

static bool is_shortage(int rc)
{
    return rc == -EMFILE || rc == -ENFILE || rc == -ENOMEM || rc == -ENOBUFS || rc == -EAGAIN;
}

static int back_off(struct server *v, int why)
{
    go_time now = sched_now(v->sched);

    if (v->short_at == 0 || now - v->short_at > EPISODE)
        report("go_serve: %s, with %u connections; it goes on when one ends or things get better. %s",
               why == -EMFILE || why == -ENFILE ? "out of file descriptors" : "out of memory", v->live,
               why == -EMFILE ? "Raise the limit (ulimit -n), or set max_conns below it." : "max_conns sets a limit.");
    v->short_at = now;
    v->pause = v->pause == 0 ? PAUSE_LEAST : v->pause < PAUSE_MOST / 2 ? v->pause * 2 : PAUSE_MOST;
    return wait_for_room(v, now + v->pause);
}

/* ---- the server ---- */

/* Errors of the one connection that would have been accepted next: accept(2). */
static bool is_connections_own(int rc)
{
    switch (-rc) {
    case ECONNABORTED:
    case EPROTO:
    case ENOPROTOOPT:
    case ENETDOWN:
    case ENETUNREACH:
    case EHOSTDOWN:
    case EHOSTUNREACH:
    case ENONET:
    case EOPNOTSUPP:
    case EPERM:
    case ETIMEDOUT:
        return true;
    default:
        return false;
    }
}

/* One turn: a connection more, or a wait. < 0: serving is over. */
static int serve_next(struct server *v)
{
    union addr peer;
    socklen_t len = sizeof peer;
    int fd, rc;

    if (v->opts.max_conns && v->live >= v->opts.max_conns)
        return wait_for_room(v, GO_FOREVER);
    fd = go_accept(v->listener, &peer.sa, &len);
    if (fd < 0)
        return is_shortage(fd) ? back_off(v, fd) : is_connections_own(fd) ? 0 : fd;
    while (is_shortage(rc = start(v, fd, &peer))) {
        rc = back_off(v, rc);
        if (rc < 0)
            break;
    }
    if (rc < 0)
        go_close(fd);
    else
        v->pause = 0;
    return rc;
}

static int check_listener(int fd)
{
    int listens = 0, rc;
    socklen_t len = sizeof listens;

    rc = sys_getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len);
    if (rc < 0)
        return rc;
    return listens ? 0 : -EINVAL;
}

static void free_conns(struct server *v)
{
    struct conn *c;

    while ((c = v->free)) {
        v->free = c->next;
        free(c);
    }
    peers_fini(&v->peers);
}

int go_serve(int listener, go_handler *handler, void *arg, const go_serve_opts *opts)
{
    go_sched *s = sched_self();
    struct server v = {.sched = s, .listener = listener, .handler = handler, .arg = arg};
    go_nursery_opts supervise = {.policy = GO_SUPERVISE, .max_errors = 1};
    bool drained;
    int rc = checkpoint(s);

    if (rc < 0)
        return rc;
    if (!handler)
        return -EINVAL;
    rc = check_listener(listener);
    if (rc < 0)
        return rc;
    if (opts)
        v.opts = *opts;
    list_init(&v.room);
    peers_init(&v.peers);
    go_nursery_open(&v.nursery, &supervise);
    while ((rc = serve_next(&v)) >= 0)
        ;
    drained = rc == -ECANCELED && !go_cancelled();
    if (drained && v.opts.grace > 0)
        go_scope_cancel_soft(go_nursery_scope(&v.nursery), v.opts.grace, "the server's grace is over");
    rc = go_nursery_close(&v.nursery, drained ? 0 : rc);
    free_conns(&v);
    if (drained && !(rc == -ECANCELED && go_cancelled()))
        return 0;
    return rc;
}
