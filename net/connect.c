/* SPDX-License-Identifier: MIT */
#include "net/connect.h"
#include "net/io.h"
#include <gosling/fiber.h>

/* O_NONBLOCK is a flag of the open file. One that is only now being connected is hardly shared, so
 * a blocking one is made non-blocking for the one call. */
static int connect_now(struct fd *r, const struct sockaddr *to, socklen_t len)
{
    int flags = fd_ours(r) ? O_NONBLOCK : sys_fcntl(r->number, F_GETFL, 0), rc;

    if (flags < 0)
        return flags;
    if (!(flags & O_NONBLOCK) && (rc = sys_fcntl(r->number, F_SETFL, flags | O_NONBLOCK)) < 0)
        return rc;
    rc = sys_connect(r->number, to, len);
    if (!(flags & O_NONBLOCK))
        sys_fcntl(r->number, F_SETFL, flags);
    return rc;
}

enum { STARTED = 1 };

/* The outcome is asked for by a second connect, not by SO_ERROR: the kernel then knows, too, that
 * the socket is connected. */
static ssize_t connect_attempt(struct io *op, struct fd *r)
{
    int rc;

    if (op->flags == STARTED) {
        if (!fd_ready(r->number, POLLOUT))
            return -EAGAIN;
        rc = sys_connect(r->number, op->to, op->to_len);
        return rc == -EISCONN                                          ? 0
               : rc == -EALREADY || rc == -EINPROGRESS || rc == -EINTR ? -EAGAIN
                                                                       : rc;
    }
    rc = connect_now(r, op->to, op->to_len);
    if (rc == -EAGAIN) { /* a Unix listener whose queue is full: nothing tells when it has room */
        op->busy = true;
        op->at_once = true;
        return rc;
    }
    if (rc != -EINPROGRESS && rc != -EINTR && rc != -EALREADY)
        return rc;
    op->flags = STARTED;
    return -EAGAIN;
}

#define CONNECT_PAUSE      GO_MS
#define CONNECT_PAUSE_MOST (50 * GO_MS)

int connect_until(go_sched *s, int fd, const struct sockaddr *to, socklen_t len, go_time until)
{
    go_time pause = CONNECT_PAUSE;
    struct fd *r;
    int rc;

    for (;;) {
        struct io op = {.attempt = connect_attempt,
                        .sched = s,
                        .dir = LOOP_WRITE,
                        .how = WAIT_CANCEL,
                        .until = until,
                        .to = to,
                        .to_len = len};

        rc = fd_get(s, fd, &r);
        if (rc == 0)
            rc = fd_verify(s, r); /* a socket is mostly connected when its number is new */
        if (rc == 0)
            rc = (int)io_run(&op, r);
        if (!op.busy)
            return rc;
        if (until && sched_now(s) + pause >= until)
            return -ETIMEDOUT;
        rc = go_sleep(pause);
        if (rc < 0)
            return rc;
        pause = pause * 2 < CONNECT_PAUSE_MOST ? pause * 2 : CONNECT_PAUSE_MOST;
    }
}

int go_connect(int fd, const struct sockaddr *to, socklen_t len)
{
    go_sched *s = sched_self();
    int rc = fd_checkpoint(s, fd);

    return rc < 0 ? rc : connect_until(s, fd, to, len, 0);
}
