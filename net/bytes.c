/* SPDX-License-Identifier: MIT
 *
 * Reading and writing what is no socket and no file: pipes, ttys, eventfds, devices. RWF_NOWAIT
 * asks the kernel not to wait in this one call, whatever the descriptor's flags say. Ttys, named
 * FIFOs, inotify and an eventfd's writes do not know it: there, poll first, then the plain call.
 *
 * That is enough for reading, unless another process reads the same and is faster. It is not for
 * writing: POLLOUT says that there is room, but not how much, and on a tty its echo may take it in
 * between (tried: the write blocked). So a blocking tty or FIFO is opened once more, as an open
 * file of our own which may be O_NONBLOCK, for this one write. Where that does not work (a pty's
 * master, whose opening makes another pty; no /proc), what is written at once is what fits for
 * sure:
 *  - a FIFO: PIPE_BUF bytes, a free page of its ring;
 *  - a tty: 256 bytes without control characters, or one of those, which may become two in the
 *    output (ONLCR): room comes in units of 256, and poll promises one;
 *  - an eventfd: 1; a larger number could overflow it, and would then block this thread until it is
 *    read. That takes a sum of 2^64, and is left to the program. */
#include "net/io.h"
#include <limits.h>
#include <stdio.h>
#include <sys/ioctl.h>

enum { TTY_UNIT = 256, UNITS_MOST = 512 }; /* in one call: about a millisecond */

static bool unsupported(ssize_t n)
{
    return n == -EOPNOTSUPP || n == -ENOSYS;
}

ssize_t bytes_read(struct io *op, struct fd *r)
{
    ssize_t n = -EOPNOTSUPP;

    if (!(r->polled & LOOP_READ)) {
        do
            n = sys_preadv2(r->number, op->iov, op->count, -1, RWF_NOWAIT);
        while (n == -EINTR);
        if (unsupported(n))
            r->polled |= LOOP_READ;
    }
    if (unsupported(n)) {
        if (op->total == 0)
            return 0;
        if (!fd_ready(r->number, POLLIN))
            return -EAGAIN;
        do
            n = sys_readv(r->number, op->iov, op->count);
        while (n == -EINTR);
    }
    if (n > 0)
        io_got(op->sched, r, n, r->kind == FD_PIPE ? op->total : 0);
    return n;
}

/* ---- writing what must be polled ---- */

static size_t fifo_unit(const char *from, size_t n)
{
    (void)from;
    return n < PIPE_BUF ? n : PIPE_BUF;
}

static bool is_control(char c)
{
    return (unsigned char)c < 0x20 || c == 0x7f;
}

static size_t tty_unit(const char *from, size_t n)
{
    size_t i = 0;

    while (i < n && i < TTY_UNIT && !is_control(from[i]))
        i++;
    return i ? i : 1;
}

static bool is_tty(int fd)
{
    struct winsize size;

    return sys_ioctl(fd, TIOCGWINSZ, &size) == 0;
}

static bool is_pty_master(int fd)
{
    unsigned number;

    return sys_ioctl(fd, TIOCGPTN, &number) == 0;
}

static ssize_t write_ready(int fd, const char *from, size_t n)
{
    ssize_t put;

    if (!fd_ready(fd, POLLOUT))
        return -EAGAIN;
    do
        put = sys_write(fd, from, n);
    while (put == -EINTR);
    return put;
}

/* Writes units for as long as there is room. */
static ssize_t write_units(const struct io *op, int fd, size_t (*unit)(const char *, size_t))
{
    ssize_t done = 0, n;
    unsigned units = 0;

    for (int i = 0; i < op->count; i++) {
        const char *from = op->iov[i].iov_base;
        size_t left = op->iov[i].iov_len;

        for (; left > 0; from += n, left -= (size_t)n, done += n) {
            n = units++ < UNITS_MOST ? write_ready(fd, from, unit(from, left)) : 0;
            if (n <= 0)
                return done ? done : n;
        }
    }
    return done;
}

static ssize_t write_plainly(const struct io *op, int fd)
{
    ssize_t n;

    do
        n = sys_writev(fd, op->iov, op->count);
    while (n == -EINTR);
    return n;
}

/* The same file, opened anew for one write that does not wait. */
static int open_anew(int fd)
{
    char path[32];

    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    return sys_openat(AT_FDCWD, path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0);
}

static ssize_t polled_write(const struct io *op, const struct fd *r)
{
    bool fifo = r->kind == FD_PIPE, tty = !fifo && is_tty(r->number);
    short ready = fd_ready(r->number, POLLOUT);
    ssize_t n;
    int anew;

    if (!ready)
        return -EAGAIN;
    if (!(ready & POLLOUT) || sys_fcntl(r->number, F_GETFL, 0) & O_NONBLOCK) /* an error does not
                                                                                wait, either */
        return write_plainly(op, r->number);
    if (fifo || (tty && !is_pty_master(r->number))) {
        anew = open_anew(r->number);
        if (anew >= 0) {
            n = write_plainly(op, anew);
            sys_close(anew);
            return n;
        }
    }
    if (fifo && op->total > PIPE_BUF)
        return write_units(op, r->number, fifo_unit);
    if (tty)
        return write_units(op, r->number, tty_unit);
    return write_plainly(op, r->number);
}

ssize_t bytes_write(struct io *op, struct fd *r)
{
    ssize_t n = -EOPNOTSUPP;

    if (!(r->polled & LOOP_WRITE)) {
        do
            n = sys_pwritev2(r->number, op->iov, op->count, -1, RWF_NOWAIT);
        while (n == -EINTR);
        if (unsupported(n))
            r->polled |= LOOP_WRITE;
    }
    if (unsupported(n))
        n = polled_write(op, r);
    if (n > 0)
        fd_moved(op->sched, r);
    return n;
}
