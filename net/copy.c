/* SPDX-License-Identifier: MIT
 *
 * Whole amounts: all of a buffer, exactly n bytes, everything until the end, a file into a socket. */
#include "net/io.h"
#include <gosling/fiber.h>
#include <gosling/offload.h>
#include <stdlib.h>

/* ---- whole amounts: one call of io_run that holds its claim from the first byte to the last ---- */

static void advance(struct io *op, size_t n)
{
    op->done += n;
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

/* What the caller's checkpoint covers. *done: a part that has moved already, and after which it must wait. */
static ssize_t whole(go_sched *s, struct fd *r, unsigned dir, const void *buf, size_t n, size_t *done, bool tried)
{
    struct io op = {.attempt = whole_attempt, .sched = s, .dir = (uint8_t)dir, .how = WAIT_CANCEL, .holds = true,
                    .tried = tried, .at = -1};
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
    int rc = checkpoint(s);

    return unlikely(rc < 0) ? rc : write_whole(s, fd, buf, n, &done);
}

int go_write_some(int fd, const void *buf, size_t n, size_t *done)
{
    go_sched *s = sched_self();
    int rc = checkpoint(s);

    *done = 0;
    return unlikely(rc < 0) ? rc : write_whole(s, fd, buf, n, done);
}

int go_read_exact(int fd, void *buf, size_t n)
{
    go_sched *s = sched_self();
    size_t done = 0;
    struct fd *r;
    ssize_t rc = checkpoint(s);

    if (unlikely(rc < 0) || unlikely((rc = fd_get(s, fd, &r)) < 0))
        return (int)rc;
    if (n == 0)
        return 1;
    rc = whole(s, r, LOOP_READ, buf, n, &done, false);
    return rc == 0 && done > 0 ? -EPIPE : (int)rc;
}

/* ---- copying ---- */

enum { COPY_BUFFER = 64 * 1024 };

int64_t go_copy(int from, int to)
{
    int64_t total = 0;
    char *buf = malloc(COPY_BUFFER);
    ssize_t n;

    if (!buf)
        return sched_self() ? -ENOMEM : -ESHUTDOWN;
    while ((n = go_read(from, buf, COPY_BUFFER)) > 0) {
        int rc = go_write_all(to, buf, (size_t)n);

        if (rc < 0) {
            n = rc;
            break;
        }
        total += n;
    }
    free(buf);
    return n < 0 ? n : total;
}

/* ---- sendfile ---- */

enum { SEND_CHUNK = 128 * 1024 };

struct sendfile {
    int out, in;
    int64_t *at;
    size_t n;
    ssize_t result;
};

static int run_sendfile(void *arg)
{
    struct sendfile *f = arg;
    off_t at = f->at ? *f->at : 0;

    do
        f->result = sys_sendfile(f->out, f->in, f->at ? &at : NULL, f->n);
    while (f->result == -EINTR);
    if (f->result > 0 && f->at)
        *f->at = at;
    return 0;
}

/* Whether the chunk's first and last byte are in memory: a guess at the rest. */
static bool in_memory(int in, int64_t at, size_t n)
{
    char byte;
    struct iovec v = {&byte, 1};

    return sys_preadv2(in, &v, 1, at, RWF_NOWAIT) >= 0 && sys_preadv2(in, &v, 1, at + (int64_t)n - 1, RWF_NOWAIT) >= 0;
}

static ssize_t sendfile_attempt(struct io *op, struct fd *r)
{
    struct sendfile f = {.out = r->number, .in = op->flags, .at = op->at < 0 ? NULL : &op->at, .n = op->total};
    int64_t at = op->at < 0 ? sys_lseek(f.in, 0, SEEK_CUR) : op->at;
    int rc = 0;

    if (at < 0)
        return at;
    if (in_memory(f.in, at, f.n)) {
        run_sendfile(&f);
    } else {
        struct fd *source;

        rc = fd_get(op->sched, f.in, &source);
        if (rc < 0)
            return rc;
        fd_offload_begin(r);
        fd_offload_begin(source);
        rc = go_offload(run_sendfile, &f);
        fd_offload_end(source);
        fd_offload_end(r);
        if (rc == -EAGAIN)
            run_sendfile(&f);
        else if (rc < 0)
            return rc;
    }
    if (f.result > 0)
        fd_moved(op->sched, r);
    return f.result;
}

/* sendfile has no flags: on a descriptor that blocks it blocks, and it raises SIGPIPE. */
static bool may_sendfile(int out, const struct fd *r)
{
    struct sigaction pipe;

    return (r->kind == FD_STREAM || r->kind == FD_PIPE) && sys_fcntl(out, F_GETFL, 0) & O_NONBLOCK &&
           sigaction(SIGPIPE, NULL, &pipe) == 0 && pipe.sa_handler == SIG_IGN;
}

/* Others get their bytes by read and write. */
static ssize_t send_by_hand(int out, int in, int64_t *at, size_t n)
{
    size_t room = n < COPY_BUFFER ? n : COPY_BUFFER, done = 0;
    char *buf = malloc(room);
    int64_t from;
    ssize_t got;
    int rc;

    if (!buf)
        return -ENOMEM;
    from = at ? *at : sys_lseek(in, 0, SEEK_CUR);
    got = from < 0 ? from : go_pread(in, buf, room, from);
    if (got > 0) {
        rc = go_write_some(out, buf, (size_t)got, &done);
        if (done > 0) {
            got = (ssize_t)done;
            if (at)
                *at = from + got;
            else
                sys_lseek(in, from + got, SEEK_SET);
        } else {
            got = rc;
        }
    }
    free(buf);
    return got;
}

ssize_t go_sendfile(int out, int in, int64_t *at, size_t n)
{
    go_sched *s = sched_self();
    struct io op = {.attempt = sendfile_attempt, .sched = s, .dir = LOOP_WRITE, .how = WAIT_CANCEL, .flags = in,
                    .at = at ? *at : -1};
    struct fd *r;
    ssize_t sent;
    int rc = checkpoint(s);

    if (rc < 0)
        return rc;
    if (at && *at < 0)
        return -EINVAL;
    if (n == 0)
        return 0;
    rc = fd_get(s, out, &r);
    if (rc == 0 && r->kind == FD_UNKNOWN)
        rc = fd_identify(s, r);
    if (rc < 0)
        return rc;
    if (!may_sendfile(out, r))
        return send_by_hand(out, in, at, n);
    op.total = n < SEND_CHUNK ? n : SEND_CHUNK;
    sent = io_run(&op, r);
    if (sent > 0 && at)
        *at = op.at;
    return sent;
}
