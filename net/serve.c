/* SPDX-License-Identifier: MIT
 *
 * go_serve: accepts, and runs a handler in a fiber of its own for each connection, in a nursery
 * that supervises. What a handler fails with goes to on_error and no further, so that nothing piles
 * up over millions of connections.
 *
 * When descriptors or memory run out the server waits, until a connection ends or for 10 ms to 500
 * ms, and tries again. Who wants to connect waits in the listener's queue meanwhile; a connection
 * that was accepted already is kept until there is memory for its fiber. */
#include "net/serve.h"
#include "core/misuse.h"
#include "core/scope.h"
#include "core/sys.h"
#include "net/fd.h"

#define PAUSE_LEAST (10 * GO_MS)
#define PAUSE_MOST  (500 * GO_MS)
#define EPISODE     (5 * GO_SEC) /* shortages closer together are one, and reported once */

/* ---- waiting for room ---- */

static void room_describe(const struct wait *w, FILE *out)
{
    const struct server *v = w->object;

    fprintf(out, "one of %u connections to end", v->live);
}

static const struct waitable room_waitable = {.name = "connection", .describe = room_describe};
static const struct waitable listener_waitable = {.name = "listener"};

/* Until a connection ends, or until then. 0; -EBADF when the listener is closed; -ECANCELED, also
 * softly. */
static int wait_for_room(struct server *v, go_time until)
{
    struct wait w[2] = {{.ops = &room_waitable, .object = v},
                        {.ops = &listener_waitable, .arg = v->listener}};
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
    rc = wait_park(w, 2, WAIT_CANCEL | WAIT_SOURCE | PARK_FD, until);
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
        report(
            "go_serve: %s, with %u connections; it goes on when one ends or things get better. %s",
            why == -EMFILE || why == -ENFILE ? "out of file descriptors" : "out of memory", v->live,
            why == -EMFILE ? "Raise the limit (ulimit -n), or set max_conns below it."
                           : "max_conns sets a limit.");
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
    while (is_shortage(rc = conn_start(v, fd, &peer))) {
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
        go_scope_cancel_soft(go_nursery_scope(&v.nursery), v.opts.grace,
                             "the server's grace is over");
    rc = go_nursery_close(&v.nursery, drained ? 0 : rc);
    conn_free_all(&v);
    peers_fini(&v.peers);
    if (drained && !(rc == -ECANCELED && go_cancelled()))
        return 0;
    return rc;
}
