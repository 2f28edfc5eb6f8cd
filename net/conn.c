/* SPDX-License-Identifier: MIT
 *
 * One connection of a server: its handler's fiber, its idle time-out, its error, its end. */
#include "core/error.h"
#include "core/scope.h"
#include "net/fd.h"
#include "net/serve.h"
#include <stdlib.h>
#include <string.h>

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
    /* The time was read from a clock that may have stood still through a long computation: rather
     * late than early. */
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
        was_idle = rc == -ECANCELED && !go_cancelled(); /* by our own scope: no error of the
                                                           handler's */
    } else {
        rc = v->handler(c->fd, v->arg);
    }
    if (unlikely((rc < 0 && !was_idle) || f->climbs))
        tell(v, f, rc);
    conn_end(c);
    return 0;
}

int conn_start(struct server *v, int fd, const union addr *peer)
{
    char name[ADDR_TEXT];
    go_spawn_opts opts = {.name = name,
                          .stack_size = v->opts.stack_size,
                          .foreign = v->opts.foreign};
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

void conn_free_all(struct server *v)
{
    struct conn *c;

    while ((c = v->free)) {
        v->free = c->next;
        free(c);
    }
}
