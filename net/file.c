/* SPDX-License-Identifier: MIT
 *
 * Files that epoll refuses: the page cache is tried first, and what would have to wait for a disk
 * goes to the offload pool. */
#include "core/scope.h"
#include "net/io.h"
#include <gosling/offload.h>
#include <linux/magic.h>

/* ---- one system call, here or on a pool thread ---- */

/* Without flags, where nothing else is known: an old kernel, an emulator, a sandbox. */
static ssize_t transfer_plain(const struct io *op, int fd)
{
    if (op->at < 0)
        return op->dir == LOOP_READ ? sys_readv(fd, op->iov, op->count)
                                    : sys_writev(fd, op->iov, op->count);
    return op->dir == LOOP_READ ? sys_preadv(fd, op->iov, op->count, op->at)
                                : sys_pwritev(fd, op->iov, op->count, op->at);
}

static ssize_t transfer(const struct io *op, int fd, int flags)
{
    ssize_t n;

    do {
        n = op->dir == LOOP_READ ? sys_preadv2(fd, op->iov, op->count, op->at, flags)
                                 : sys_pwritev2(fd, op->iov, op->count, op->at, flags);
        if (n == -ENOSYS)
            n = flags ? -EOPNOTSUPP : transfer_plain(op, fd);
    } while (n == -EINTR);
    return n;
}

struct errand {
    const struct io *op;
    int fd;
    ssize_t result;
};

static int run_errand(void *arg)
{
    struct errand *e = arg;

    e->result = transfer(e->op, e->fd, 0);
    return 0;
}

static ssize_t offload(struct io *op, struct fd *r)
{
    struct errand e = {.op = op, .fd = r->number};
    uint32_t binding = r->binding;
    bool claims = op->at < 0; /* the file's position moves when it is done */
    int rc;

    if (claims)
        r->claimed |= op->dir;
    fd_offload_begin(r);
    rc = go_offload(run_errand, &e);
    fd_offload_end(r);
    if (claims && r->binding == binding)
        r->claimed &= (uint8_t)~op->dir;
    if (rc == -EAGAIN) /* no thread to be had: rather wait than fail */
        run_errand(&e);
    else if (rc < 0)
        return rc;
    return e.result;
}

/* Files of the kernel's own making are no disk's: calling is cheaper than handing over. But some of
 * them do wait. */
static bool answers_at_once(const struct fd *r, unsigned dir)
{
    struct statfs fs;

    if (sys_fstatfs(r->number, &fs) < 0 ||
        (fs.f_type != PROC_SUPER_MAGIC && fs.f_type != SYSFS_MAGIC))
        return false;
    return fd_ready(r->number, dir == LOOP_READ ? POLLIN : POLLOUT) != 0;
}

/* The caller is the only fiber: a pool thread would cost 100 µs, and hold nobody up the less. */
static bool nobody_waits(const go_sched *s)
{
    return s->fibers == 1;
}

ssize_t file_transfer(struct io *op, struct fd *r)
{
    uint32_t binding = r->binding;
    ssize_t n = -EOPNOTSUPP;

    if (!(r->polled & op->dir)) {
        n = transfer(op, r->number, RWF_NOWAIT);
        if (n == -EOPNOTSUPP)
            r->polled |= op->dir;
    }
    if (n == -EAGAIN || n == -EOPNOTSUPP) {
        n = fd_verify(op->sched, r);
        if (n < 0)
            return n;
        if (r->binding != binding)
            return -EAGAIN; /* no file any more: io_run starts anew */
        n = nobody_waits(op->sched) || (r->polled && answers_at_once(r, op->dir))
                ? transfer(op, r->number, 0)
                : offload(op, r);
    }
    if (n > 0)
        fd_moved(op->sched, r);
    return n;
}

/* ---- at a position ---- */

ssize_t io_positioned_attempt(struct io *op, struct fd *r)
{
    ssize_t n;

    if (r->kind == FD_FILE)
        return file_transfer(op, r);
    n = transfer(op, r->number, RWF_NOWAIT); /* -ESPIPE, mostly */
    return n == -EOPNOTSUPP ? transfer(op, r->number, 0) : n;
}

static ssize_t positioned(unsigned dir, int fd, const void *buf, size_t n, int64_t at)
{
    go_sched *s = sched_self();
    struct io op = {.attempt = io_positioned_attempt,
                    .sched = s,
                    .dir = (uint8_t)dir,
                    .how = WAIT_CANCEL,
                    .shared = true,
                    .at = at};
    struct fd *r;
    int rc = fd_checkpoint(s, fd);

    if (unlikely(rc < 0))
        return rc;
    if (at < 0)
        return -EINVAL;
    io_buffer(&op, buf, n);
    rc = fd_get(s, fd, &r);
    return rc < 0 ? rc : io_run(&op, r);
}

ssize_t go_pread(int fd, void *buf, size_t n, int64_t at)
{
    return positioned(LOOP_READ, fd, buf, n, at);
}

ssize_t go_pwrite(int fd, const void *buf, size_t n, int64_t at)
{
    return positioned(LOOP_WRITE, fd, buf, n, at);
}
