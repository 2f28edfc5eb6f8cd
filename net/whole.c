/* SPDX-License-Identifier: MIT
 *
 * Whole amounts: all of a buffer, exactly n bytes. One call of io_run, which holds its claim on the
 * stream from the first byte to the last. */
#include "net/io.h"

/* ---- whole amounts: one call of io_run that holds its claim from the first byte to the last ----
 */

static void advance(struct io *op, size_t n)
{
    op->done += n;
    op->waits = 0;
    op->one.iov_base = (char *)op->one.iov_base + n;
    op->one.iov_len -= n;
    op->total -= n;
}

/* 1: all of it; 0: the end came first. */
static ssize_t whole_attempt(struct io *op, struct fd *r)
{
    io_attempt *attempt = op->dir == LOOP_READ ? io_read_attempt : io_write_attempt;
    uint32_t binding = r->binding;

    for (;;) {
        ssize_t n = attempt(op, r);

        if (n < 0 || (n == 0 && op->dir == LOOP_READ))
            return n;
        if (n == 0)
            return -EIO; /* a device that takes nothing and says nothing */
        advance(op, (size_t)n);
        if (op->total == 0)
            return 1;
        if (r->kind == FD_STREAM || r->kind == FD_PIPE)
            return -EAGAIN; /* a part is all there was, or all there is room for */
        n = checkpoint(op->sched);
        if (n < 0)
            return n;
        if (r->binding != binding)
            return -EBADF;
    }
}

/* What the caller's checkpoint covers. *done: a part that has moved already, and after which it
 * must wait. */
static ssize_t whole(go_sched *s, struct fd *r, unsigned dir, const void *buf, size_t n,
                     size_t *done, bool tried)
{
    struct io op = {.attempt = whole_attempt,
                    .sched = s,
                    .dir = (uint8_t)dir,
                    .how = WAIT_CANCEL,
                    .holds = true,
                    .tried = tried,
                    .at = -1};
    ssize_t rc;

    io_buffer(&op, buf, n);
    advance(&op, *done);
    rc = io_run(&op, r);
    *done = op.done;
    return rc;
}

static inline int write_whole(go_sched *s, int fd, const void *buf, size_t n, size_t *done)
{
    bool tried = false;
    struct fd *r;
    ssize_t put = fd_get(s, fd, &r);

    *done = 0;
    if (unlikely(put < 0))
        return (int)put;
    if (n == 0)
        return 0;
    if (likely(r->kind == FD_STREAM && !(r->claimed & LOOP_WRITE))) {
        put = sys_sendto(fd, buf, n, MSG_DONTWAIT | MSG_NOSIGNAL, NULL, 0);
        if (likely(put > 0)) {
            fd_moved(s, r);
            *done = (size_t)put;
            if (likely(*done == n))
                return 0;
        } else if (put != -EAGAIN && put != -EINTR && put != -ENOTSOCK) {
            return (int)put;
        }
        tried = put > 0 || put == -EAGAIN;
    }
    put = whole(s, r, LOOP_WRITE, buf, n, done, tried);
    return put < 0 ? (int)put : 0;
}

int go_write_all(int fd, const void *buf, size_t n)
{
    go_sched *s = sched_self();
    size_t done;
    int rc = fd_checkpoint(s, fd);

    return unlikely(rc < 0) ? rc : write_whole(s, fd, buf, n, &done);
}

int go_write_some(int fd, const void *buf, size_t n, size_t *done)
{
    go_sched *s = sched_self();
    int rc = fd_checkpoint(s, fd);

    *done = 0;
    return unlikely(rc < 0) ? rc : write_whole(s, fd, buf, n, done);
}

int go_read_exact(int fd, void *buf, size_t n)
{
    go_sched *s = sched_self();
    size_t done = 0;
    struct fd *r;
    ssize_t rc = fd_checkpoint(s, fd);

    if (unlikely(rc < 0) || unlikely((rc = fd_get(s, fd, &r)) < 0))
        return (int)rc;
    if (n == 0)
        return 1;
    rc = whole(s, r, LOOP_READ, buf, n, &done, false);
    return rc == 0 && done > 0 ? -EPIPE : (int)rc;
}
