/* SPDX-License-Identifier: MIT
 *
 * Receiving and sending on sockets. */
#include "net/msg.h"
#include <stdlib.h>

/* ---- receiving ---- */

/* With others than these, a short answer does not mean that nothing is left. */
enum { PLAIN = MSG_DONTWAIT | MSG_NOSIGNAL | MSG_CMSG_CLOEXEC };

static ssize_t received(struct io *op, struct fd *r, ssize_t n)
{
    if (n > 0)
        io_got(op->sched, r, n, r->kind == FD_STREAM && !(op->flags & ~PLAIN) ? op->total : 0);
    return n;
}

ssize_t msg_recv_attempt(struct io *op, struct fd *r)
{
    ssize_t n;

    do
        n = sys_recvfrom(r->number, op->iov->iov_base, op->iov->iov_len, op->flags | MSG_DONTWAIT,
                         op->from, op->from_len);
    while (unlikely(n == -EINTR));
    return received(op, r, n);
}

ssize_t msg_recvmsg_attempt(struct io *op, struct fd *r)
{
    ssize_t n;

    do
        n = sys_recvmsg(r->number, op->msg, op->flags | MSG_DONTWAIT);
    while (unlikely(n == -EINTR));
    return received(op, r, n);
}

bool msg_wants_all(const struct fd *r, int flags)
{
    return flags & MSG_WAITALL && !(flags & (MSG_AT_ONCE | MSG_PEEK | MSG_TRUNC)) &&
           r->kind == FD_STREAM;
}

ssize_t msg_recv_all(struct io *op, struct fd *r, char *buf, size_t n, msg_run *run)
{
    size_t done = 0;
    ssize_t got = 0;

    op->flags &= ~MSG_WAITALL;
    while (done < n) {
        io_buffer(op, buf + done, n - done);
        got = run(op, r);
        if (got <= 0)
            break;
        done += (size_t)got;
    }
    return done ? (ssize_t)done : got;
}

ssize_t go_recvfrom(int fd, void *buf, size_t n, int flags, struct sockaddr *from, socklen_t *len)
{
    go_sched *s = sched_self();
    struct io op = {.attempt = msg_recv_attempt,
                    .sched = s,
                    .dir = LOOP_READ,
                    .how = WAIT_CANCEL,
                    .flags = flags,
                    .at_once = flags & MSG_AT_ONCE,
                    .from = from,
                    .from_len = len};
    struct fd *r;
    int rc = fd_checkpoint(s, fd);

    if (unlikely(rc < 0) || unlikely((rc = fd_get(s, fd, &r)) < 0))
        return rc;
    if (unlikely(r->kind == FD_UNKNOWN) && (rc = fd_identify(s, r)) < 0)
        return rc;
    if (msg_wants_all(r, flags))
        return msg_recv_all(&op, r, buf, n, io_run);
    io_buffer(&op, buf, n);
    return io_run(&op, r);
}

ssize_t go_recv(int fd, void *buf, size_t n, int flags)
{
    go_sched *s = sched_self();
    struct io op = {.attempt = msg_recv_attempt, .sched = s, .dir = LOOP_READ, .how = WAIT_CANCEL};
    struct fd *r;
    ssize_t got;

    if (unlikely(flags != 0))
        return go_recvfrom(fd, buf, n, flags, NULL, NULL);
    got = fd_checkpoint(s, fd);
    if (unlikely(got < 0) || unlikely((got = fd_get(s, fd, &r)) < 0))
        return got;
    if (likely(r->kind == FD_STREAM && !(r->claimed & LOOP_READ) && !r->drained)) {
        got = sys_recvfrom(fd, buf, n, MSG_DONTWAIT, NULL, NULL);
        if (likely(got > 0))
            return io_got(s, r, got, n);
        if (got != -EAGAIN && got != -EINTR && got != -ENOTSOCK)
            return got;
        op.tried = got == -EAGAIN;
    }
    io_buffer(&op, buf, n);
    return io_run(&op, r);
}

/* The pieces of v from byte `done` on. */
static int iov_rest(struct iovec *rest, const struct iovec *v, int count, size_t done)
{
    int n = 0;

    for (int i = 0; i < count; i++) {
        size_t skip = done < v[i].iov_len ? done : v[i].iov_len;

        done -= skip;
        if (v[i].iov_len > skip)
            rest[n++] = (struct iovec){(char *)v[i].iov_base + skip, v[i].iov_len - skip};
    }
    return n;
}

/* Control data comes with the first part. */
ssize_t msg_recvmsg_all(struct io *op, struct fd *r, struct msghdr *m, msg_run *run)
{
    struct iovec few[16], *rest = m->msg_iovlen <= 16 ? few : malloc(m->msg_iovlen * sizeof *rest);
    struct msghdr more = {.msg_iov = rest};
    ssize_t got;
    size_t done;

    if (!rest)
        return -ENOMEM;
    op->flags &= ~MSG_WAITALL;
    got = run(op, r);
    for (done = got > 0 ? (size_t)got : 0;
         got > 0 && done<op->total; done += got> 0 ? (size_t)got : 0) {
        more.msg_iovlen = (size_t)iov_rest(rest, m->msg_iov, (int)m->msg_iovlen, done);
        op->msg = &more;
        got = run(op, r);
    }
    if (rest != few)
        free(rest);
    return done ? (ssize_t)done : got;
}

ssize_t go_recvmsg(int fd, struct msghdr *m, int flags)
{
    go_sched *s = sched_self();
    struct io op = {.attempt = msg_recvmsg_attempt,
                    .sched = s,
                    .dir = LOOP_READ,
                    .how = WAIT_CANCEL,
                    .flags = flags,
                    .at_once = flags & MSG_AT_ONCE,
                    .msg = m};
    struct fd *r;
    int rc = fd_checkpoint(s, fd);

    if (unlikely(rc < 0))
        return rc;
    if (m->msg_iovlen > INT32_MAX)
        return -EMSGSIZE;
    rc = io_vector(&op, m->msg_iov, (int)m->msg_iovlen);
    if (rc < 0)
        return -EMSGSIZE; /* the kernel's word for it */
    if ((rc = fd_get(s, fd, &r)) < 0 || (r->kind == FD_UNKNOWN && (rc = fd_identify(s, r)) < 0))
        return rc;
    return msg_wants_all(r, flags) ? msg_recvmsg_all(&op, r, m, io_run) : io_run(&op, r);
}

/* ---- sending ---- */

ssize_t msg_send_attempt(struct io *op, struct fd *r)
{
    ssize_t n;

    do
        n = sys_sendto(r->number, op->iov->iov_base, op->iov->iov_len,
                       op->flags | MSG_DONTWAIT | MSG_NOSIGNAL, op->to, op->to_len);
    while (unlikely(n == -EINTR));
    if (n > 0)
        fd_moved(op->sched, r);
    return n;
}

ssize_t msg_sendmsg_attempt(struct io *op, struct fd *r)
{
    ssize_t n;

    do
        n = sys_sendmsg(r->number, op->msg, op->flags | MSG_DONTWAIT | MSG_NOSIGNAL);
    while (unlikely(n == -EINTR));
    if (n > 0)
        fd_moved(op->sched, r);
    return n;
}

ssize_t go_sendto(int fd, const void *buf, size_t n, int flags, const struct sockaddr *to,
                  socklen_t len)
{
    go_sched *s = sched_self();
    struct io op = {.attempt = msg_send_attempt,
                    .sched = s,
                    .dir = LOOP_WRITE,
                    .how = WAIT_CANCEL,
                    .flags = flags,
                    .at_once = flags & MSG_DONTWAIT,
                    .to = to,
                    .to_len = len};
    struct fd *r;
    int rc = fd_checkpoint(s, fd);

    if (unlikely(rc < 0) || unlikely((rc = fd_get(s, fd, &r)) < 0))
        return rc;
    io_buffer(&op, buf, n);
    return io_run(&op, r);
}

ssize_t go_send(int fd, const void *buf, size_t n, int flags)
{
    go_sched *s = sched_self();
    struct io op = {.attempt = msg_send_attempt, .sched = s, .dir = LOOP_WRITE, .how = WAIT_CANCEL};
    struct fd *r;
    ssize_t put;

    if (unlikely(flags & ~MSG_NOSIGNAL))
        return go_sendto(fd, buf, n, flags, NULL, 0);
    put = fd_checkpoint(s, fd);
    if (unlikely(put < 0) || unlikely((put = fd_get(s, fd, &r)) < 0))
        return put;
    if (likely(r->kind == FD_STREAM && !(r->claimed & LOOP_WRITE))) {
        put = sys_sendto(fd, buf, n, MSG_DONTWAIT | MSG_NOSIGNAL, NULL, 0);
        if (likely(put >= 0)) {
            fd_moved(s, r);
            return put;
        }
        if (put != -EAGAIN && put != -EINTR && put != -ENOTSOCK)
            return put;
        op.tried = put == -EAGAIN;
    }
    io_buffer(&op, buf, n);
    return io_run(&op, r);
}

ssize_t go_sendmsg(int fd, const struct msghdr *m, int flags)
{
    go_sched *s = sched_self();
    struct io op = {.attempt = msg_sendmsg_attempt,
                    .sched = s,
                    .dir = LOOP_WRITE,
                    .how = WAIT_CANCEL,
                    .flags = flags,
                    .at_once = flags & MSG_DONTWAIT,
                    .msg = (struct msghdr *)(uintptr_t)m};
    struct fd *r;
    int rc = fd_checkpoint(s, fd);

    if (unlikely(rc < 0) || unlikely((rc = fd_get(s, fd, &r)) < 0))
        return rc;
    return io_run(&op, r);
}
