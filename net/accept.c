/* SPDX-License-Identifier: MIT */
#include "core/scope.h"
#include "net/io.h"

/* Ours are O_NONBLOCK. Of others we cannot know: accept has no MSG_DONTWAIT, and where the listener
 * is blocking and shared with another process, that one may take the connection between our poll
 * and our accept; this thread then waits for the next one. */
static ssize_t accept_attempt(struct io *op, struct fd *r)
{
    int fd;

    if (!(fd_ours(r) && r->kind == FD_LISTENER) && !fd_ready(r->number, POLLIN))
        return -EAGAIN;
    do
        fd = sys_accept4(r->number, op->from, op->from_len, SOCK_NONBLOCK | SOCK_CLOEXEC);
    while (unlikely(fd == -EINTR));
    if (fd >= 0)
        fd_created(fd, r->kind == FD_LISTENER ? FD_STREAM : FD_UNKNOWN);
    return fd;
}

int io_listens(go_sched *s, struct fd *r)
{
    int listens = 0, rc = r->kind == FD_UNKNOWN ? fd_identify(s, r) : 0;
    socklen_t len = sizeof listens;

    if (rc == 0 && r->kind == FD_STREAM &&
        sys_getsockopt(r->number, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len) == 0 && listens)
        r->kind = FD_LISTENER;
    return rc;
}

int go_accept(int fd, struct sockaddr *peer, socklen_t *len)
{
    go_sched *s = sched_self();
    struct io op = {.attempt = accept_attempt,
                    .sched = s,
                    .dir = LOOP_READ,
                    .how = WAIT_CANCEL | WAIT_SOURCE,
                    .shared = true,
                    .from = peer,
                    .from_len = len};
    struct fd *r;
    int rc = fd_checkpoint(s, fd);

    if (unlikely(rc < 0))
        return rc;
    if (unlikely(s->soft > 0) && scope_stopping(s->current))
        return scope_refused();
    rc = fd_get(s, fd, &r);
    if (rc == 0 && unlikely(r->kind != FD_LISTENER))
        rc = io_listens(s, r);
    return unlikely(rc < 0) ? rc : (int)io_run(&op, r);
}
