/* SPDX-License-Identifier: MIT
 *
 * Sockets, as a blocking one has them. */
#include "core/scope.h"
#include "net/connect.h"
#include "net/msg.h"
#include "shim/seen.h"
#include "shim/shim.h"
#include "shim/uring.h"
#include "shim/wrap.h"
#include <gosling/io.h>

/* ---- receiving ---- */

static int begin(go_sched *s, int fd, struct fd **r)
{
    int rc = fd_checkpoint(s, fd);

    if (unlikely(rc < 0) || unlikely((rc = fd_get(s, fd, r)) < 0))
        return rc;
    return unlikely((*r)->kind == FD_UNKNOWN) ? fd_identify(s, *r) : 0;
}

/* tried: the call has just answered -EAGAIN. */
static long recv_on(go_sched *s, struct fd *r, void *buf, size_t n, int flags,
                    struct sockaddr *from, socklen_t *len, bool tried)
{
    struct io op = {.attempt = msg_recv_attempt,
                    .sched = s,
                    .dir = LOOP_READ,
                    .how = WAIT_CANCEL,
                    .flags = flags,
                    .at_once = flags & MSG_AT_ONCE,
                    .tried = tried,
                    .from = from,
                    .from_len = len};

    if (msg_wants_all(r, flags))
        return msg_recv_all(&op, r, buf, n, shim_run);
    io_buffer(&op, buf, n);
    return shim_run(&op, r);
}

long shim_recvfrom(go_sched *s, int fd, void *buf, size_t n, int flags, struct sockaddr *from,
                   socklen_t *len)
{
    struct fd *r;
    int rc = begin(s, fd, &r);

    return rc < 0 ? rc : recv_on(s, r, buf, n, flags, from, len, false);
}

long shim_recv(go_sched *s, int fd, void *buf, size_t n, int flags)
{
    struct fd *r;
    ssize_t got = begin(s, fd, &r);

    if (unlikely(got < 0))
        return got;
    if (unlikely(flags != 0 || r->kind != FD_STREAM) || r->drained)
        return recv_on(s, r, buf, n, flags, NULL, NULL, false);
    got = sys_recvfrom(fd, buf, n, MSG_DONTWAIT, NULL, NULL);
    if (likely(got > 0))
        return io_got(s, r, got, n);
    return got == -EAGAIN || got == -EINTR || got == -ENOTSOCK
               ? recv_on(s, r, buf, n, flags, NULL, NULL, got == -EAGAIN)
               : got;
}

long shim_recvmsg(go_sched *s, int fd, struct msghdr *m, int flags)
{
    struct io op = {.attempt = msg_recvmsg_attempt,
                    .sched = s,
                    .dir = LOOP_READ,
                    .how = WAIT_CANCEL,
                    .flags = flags,
                    .at_once = flags & MSG_AT_ONCE,
                    .msg = m};
    struct fd *r;
    int rc = begin(s, fd, &r);

    if (rc < 0)
        return rc;
    if (m->msg_iovlen > INT32_MAX || io_vector(&op, m->msg_iov, (int)m->msg_iovlen) < 0)
        return -EMSGSIZE;
    return msg_wants_all(r, flags) ? msg_recvmsg_all(&op, r, m, shim_run) : shim_run(&op, r);
}

/* The time-out is looked at after each message only, as Linux does it. */
long shim_recvmmsg(go_sched *s, int fd, struct mmsghdr *m, unsigned n, int flags,
                   struct timespec *timeout)
{
    go_time ns, until;
    unsigned done = 0;
    long rc = shim_timespec(timeout, &ns);

    if (rc < 0)
        return rc;
    until = shim_until(s, ns);
    for (; done < n; done++) {
        rc = shim_recvmsg(s, fd, &m[done].msg_hdr, flags & ~MSG_WAITFORONE);
        if (rc < 0)
            break;
        m[done].msg_len = (unsigned)rc;
        if (flags & MSG_WAITFORONE)
            flags |= MSG_DONTWAIT;
        if (until != GO_FOREVER && sched_now(s) >= until) {
            done++;
            break;
        }
    }
    return done ? (long)done : rc;
}

/* ---- sending ---- */

/* From byte `done` on; what was sent in all, or, of nothing, why. */
static long send_on(go_sched *s, struct fd *r, const char *buf, size_t n, size_t done, int flags,
                    const struct sockaddr *to, socklen_t len, bool tried)
{
    struct io op = {.attempt = msg_send_attempt,
                    .sched = s,
                    .dir = LOOP_WRITE,
                    .how = WAIT_CANCEL,
                    .flags = flags,
                    .at_once = flags & MSG_DONTWAIT,
                    .tried = tried,
                    .to = to,
                    .to_len = len};
    uint32_t binding = r->binding;
    ssize_t put;

    do {
        io_buffer(&op, buf + done, n - done);
        op.begun = done > 0;
        put = shim_run(&op, r);
        if (put > 0)
            done += (size_t)put;
    } while (put > 0 && done < n && r->kind == FD_STREAM && r->binding == binding);
    return done ? (long)done : shim_epipe(put, flags, false);
}

long shim_sendto(go_sched *s, int fd, const void *buf, size_t n, int flags,
                 const struct sockaddr *to, socklen_t len)
{
    struct fd *r;
    int rc = begin(s, fd, &r);

    return rc < 0 ? rc : send_on(s, r, buf, n, 0, flags, to, len, false);
}

/* An error is told once: what has failed is not tried again. */
long shim_send(go_sched *s, int fd, const void *buf, size_t n, int flags)
{
    struct fd *r;
    ssize_t put = begin(s, fd, &r);

    if (unlikely(put < 0))
        return put;
    if (unlikely(flags & ~MSG_NOSIGNAL || r->kind != FD_STREAM))
        return send_on(s, r, buf, n, 0, flags, NULL, 0, false);
    put = sys_sendto(fd, buf, n, MSG_DONTWAIT | MSG_NOSIGNAL, NULL, 0);
    if (likely(put == (ssize_t)n)) {
        fd_moved(s, r);
        return put;
    }
    if (put >= 0 || put == -EAGAIN || put == -EINTR || put == -ENOTSOCK)
        return send_on(s, r, buf, n, put > 0 ? (size_t)put : 0, flags, NULL, 0, put == -EAGAIN);
    return shim_epipe(put, flags, false);
}

static void look_for_files(const struct msghdr *m)
{
    const struct cmsghdr *c = m->msg_control ? CMSG_FIRSTHDR(m) : NULL;

    for (; c; c = CMSG_NXTHDR((struct msghdr *)(uintptr_t)m, (struct cmsghdr *)(uintptr_t)c))
        if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
            seen_shared();
}

/* Of a stream all is sent; control data goes with the first part. */
long shim_sendmsg(go_sched *s, int fd, const struct msghdr *m, int flags)
{
    struct io op = {.attempt = msg_sendmsg_attempt,
                    .sched = s,
                    .dir = LOOP_WRITE,
                    .how = WAIT_CANCEL,
                    .flags = flags,
                    .at_once = flags & MSG_DONTWAIT,
                    .msg = (struct msghdr *)(uintptr_t)m};
    struct fd *r;
    ssize_t put = begin(s, fd, &r);
    size_t skip;

    if (put < 0)
        return put;
    look_for_files(m);
    put = shim_run(&op, r);
    if (put <= 0 || r->kind != FD_STREAM)
        return shim_epipe(put, flags, false);
    skip = (size_t)put;
    for (size_t i = 0; i < m->msg_iovlen; i++) {
        const struct iovec *v = &m->msg_iov[i];
        long more;

        if (skip >= v->iov_len) {
            skip -= v->iov_len;
            continue;
        }
        more = send_on(s, r, v->iov_base, v->iov_len, skip, flags | MSG_NOSIGNAL, NULL, 0, false);
        if (more < (long)v->iov_len) {
            put += more > (long)skip ? more - (long)skip : 0;
            break;
        }
        put += more - (long)skip;
        skip = 0;
    }
    return put;
}

long shim_sendmmsg(go_sched *s, int fd, struct mmsghdr *m, unsigned n, int flags)
{
    unsigned done = 0;
    long rc = 0;

    for (; done < n; done++) {
        rc = shim_sendmsg(s, fd, &m[done].msg_hdr, flags);
        if (rc < 0)
            break;
        m[done].msg_len = (unsigned)rc;
    }
    return done ? (long)done : rc;
}

/* ---- connections ---- */

/* accept has no MSG_DONTWAIT: see net/accept.c. */
static ssize_t accept_attempt(struct io *op, struct fd *r)
{
    int fd;

    if (!fd_ready(r->number, POLLIN))
        return -EAGAIN;
    if (!fd_ours(r)) { /* it may block, and others may share it */
        fd = uring_accept(op->sched, r->number, op->from, op->from_len, op->flags);
        if (fd != -ENOSYS)
            return fd;
    }
    do
        fd = sys_accept4(r->number, op->from, op->from_len, op->flags);
    while (fd == -EINTR);
    return fd;
}

long shim_accept4(go_sched *s, int fd, struct sockaddr *peer, socklen_t *len, int flags)
{
    struct io op = {.attempt = accept_attempt,
                    .sched = s,
                    .dir = LOOP_READ,
                    .how = WAIT_CANCEL,
                    .flags = flags,
                    .from = peer,
                    .from_len = len};
    struct fd *r;
    int rc = begin(s, fd, &r);
    long made;

    if (rc < 0)
        return rc;
    /* what is not a listener has its error at once */
    if (!fd_is_socket(r) || (flags & ~(SOCK_NONBLOCK | SOCK_CLOEXEC)))
        return sys_accept4(fd, peer, len, flags);
    if (r->kind != FD_LISTENER && ((rc = io_listens(s, r)) < 0 || r->kind != FD_LISTENER))
        return rc < 0 ? rc : sys_accept4(fd, peer, len, flags);
    made = shim_run(&op, r);
    if (made >= 0)
        seen_made(s, (int)made);
    return made;
}

long shim_accept(go_sched *s, int fd, struct sockaddr *peer, socklen_t *len)
{
    return shim_accept4(s, fd, peer, len, 0);
}

long shim_connect(go_sched *s, int fd, const struct sockaddr *to, socklen_t len)
{
    struct fd *r;
    go_time until;
    bool limited;
    int rc = begin(s, fd, &r);

    if (rc < 0)
        return rc;
    if (!fd_is_socket(r))
        return sys_connect(fd, to, len);
    rc = shim_may_wait(s, r, LOOP_WRITE, &until);
    if (rc == -EAGAIN)
        return sys_connect(fd, to, len);
    if (rc < 0)
        return rc;
    limited = shim_limit(s, &until, wrap.connect_timeout ? wrap.connect_timeout : wrap.timeout);
    rc = connect_until(s, fd, to, len, until);
    return rc == -ETIMEDOUT && until && !limited && sched_now(s) >= until ? -EINPROGRESS : rc;
}
