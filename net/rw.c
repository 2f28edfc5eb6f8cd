/* SPDX-License-Identifier: MIT
 *
 * go_read and go_write, on anything. On a stream socket of ours that has data, or room, they are a
 * look into the table and one system call. */
#include "net/io.h"
#include <limits.h>

/* ---- attempts ---- */

int io_vector(struct io *op, const struct iovec *v, int count)
{
    if (count < 0 || count > IOV_MAX)
        return -EINVAL;
    op->iov = v;
    op->count = count;
    for (int i = 0; i < count; i++)
        if (__builtin_add_overflow(op->total, v[i].iov_len, &op->total))
            return -EINVAL;
    return 0;
}

static struct msghdr message_of(const struct io *op)
{
    return (struct msghdr){.msg_iov = (struct iovec *)(uintptr_t)op->iov,
                           .msg_iovlen = (size_t)op->count};
}

ssize_t io_read_attempt(struct io *op, struct fd *r)
{
    ssize_t n;

    if (r->kind == FD_FILE)
        return file_transfer(op, r);
    if (!fd_is_socket(r) || op->total == 0) /* read(2) of nothing does not wait, recv does */
        return bytes_read(op, r);
    do {
        if (op->count == 1) {
            n = sys_recvfrom(r->number, op->iov->iov_base, op->iov->iov_len, MSG_DONTWAIT, NULL,
                             NULL);
        } else {
            struct msghdr m = message_of(op);

            n = sys_recvmsg(r->number, &m, MSG_DONTWAIT);
        }
    } while (unlikely(n == -EINTR));
    if (n > 0)
        io_got(op->sched, r, n, r->kind == FD_STREAM ? op->total : 0);
    return n;
}

ssize_t io_write_attempt(struct io *op, struct fd *r)
{
    ssize_t n;

    if (r->kind == FD_FILE)
        return file_transfer(op, r);
    if (!fd_is_socket(r))
        return bytes_write(op, r);
    do {
        if (op->count == 1) {
            n = sys_sendto(r->number, op->iov->iov_base, op->iov->iov_len,
                           MSG_DONTWAIT | MSG_NOSIGNAL, NULL, 0);
        } else {
            struct msghdr m = message_of(op);

            n = sys_sendmsg(r->number, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
        }
    } while (unlikely(n == -EINTR));
    if (n > 0)
        fd_moved(op->sched, r);
    return n;
}

/* ---- reading and writing ---- */

/* The rest of a read that is no stream with something in it. */
static __attribute__((noinline)) ssize_t read_slow(go_sched *s, struct fd *r, void *buf, size_t n,
                                                   bool tried)
{
    struct io op = {.attempt = io_read_attempt,
                    .sched = s,
                    .dir = LOOP_READ,
                    .how = WAIT_CANCEL,
                    .tried = tried,
                    .at = -1};

    io_buffer(&op, buf, n);
    return io_run(&op, r);
}

static __attribute__((noinline)) ssize_t write_slow(go_sched *s, struct fd *r, const void *buf,
                                                    size_t n, bool tried)
{
    struct io op = {.attempt = io_write_attempt,
                    .sched = s,
                    .dir = LOOP_WRITE,
                    .how = WAIT_CANCEL,
                    .tried = tried,
                    .at = -1};

    io_buffer(&op, buf, n);
    return io_run(&op, r);
}

static inline ssize_t read_some(go_sched *s, int fd, void *buf, size_t n)
{
    struct fd *r;
    ssize_t got = fd_get(s, fd, &r);

    if (unlikely(got < 0))
        return got;
    if (unlikely(r->kind != FD_STREAM || r->claimed & LOOP_READ || n == 0) || r->drained)
        return read_slow(s, r, buf, n, false);
    got = sys_recvfrom(fd, buf, n, MSG_DONTWAIT, NULL, NULL);
    if (likely(got > 0))
        return io_got(s, r, got, n);
    if (got == -EAGAIN)
        return read_slow(s, r, buf, n, true);
    if (got == -EINTR || got == -ENOTSOCK)
        return read_slow(s, r, buf, n, false);
    return got;
}

static inline ssize_t write_some(go_sched *s, int fd, const void *buf, size_t n)
{
    struct fd *r;
    ssize_t put = fd_get(s, fd, &r);

    if (unlikely(put < 0))
        return put;
    if (unlikely(r->kind != FD_STREAM || r->claimed & LOOP_WRITE))
        return write_slow(s, r, buf, n, false);
    put = sys_sendto(fd, buf, n, MSG_DONTWAIT | MSG_NOSIGNAL, NULL, 0);
    if (likely(put > 0)) {
        fd_moved(s, r);
        return put;
    }
    if (put == -EAGAIN)
        return write_slow(s, r, buf, n, true);
    if (put == -EINTR || put == -ENOTSOCK)
        return write_slow(s, r, buf, n, false);
    return put;
}

ssize_t go_read(int fd, void *buf, size_t n)
{
    go_sched *s = sched_self();
    int rc = fd_checkpoint(s, fd);

    return unlikely(rc < 0) ? rc : read_some(s, fd, buf, n);
}

ssize_t go_write(int fd, const void *buf, size_t n)
{
    go_sched *s = sched_self();
    int rc = fd_checkpoint(s, fd);

    return unlikely(rc < 0) ? rc : write_some(s, fd, buf, n);
}

static ssize_t vector_call(io_attempt *attempt, unsigned dir, int fd, const struct iovec *v, int n)
{
    go_sched *s = sched_self();
    struct io op = {
        .attempt = attempt, .sched = s, .dir = (uint8_t)dir, .how = WAIT_CANCEL, .at = -1};
    struct fd *r;
    int rc = fd_checkpoint(s, fd);

    if (unlikely(rc < 0))
        return rc;
    rc = io_vector(&op, v, n);
    if (rc == 0)
        rc = fd_get(s, fd, &r);
    return unlikely(rc < 0) ? rc : io_run(&op, r);
}

ssize_t go_readv(int fd, const struct iovec *v, int n)
{
    return vector_call(io_read_attempt, LOOP_READ, fd, v, n);
}

ssize_t go_writev(int fd, const struct iovec *v, int n)
{
    return vector_call(io_write_attempt, LOOP_WRITE, fd, v, n);
}
