/* SPDX-License-Identifier: MIT
 *
 * One call on a descriptor that may have to wait: try, wait, try again. The call's own part is its
 * *attempt*, a system call that does not wait. io_run does the rest: who may, when to wait, what to
 * make of a number that is another file now.
 *
 * A call that moved something returns what it moved; one that returns -ECANCELED has moved nothing.
 */
#ifndef NET_IO_H
#define NET_IO_H

#include "core/sys.h"
#include "net/fd.h"
#include <gosling/io.h>

struct io;

/* Tries once. >= 0 or -errno; -EAGAIN: it would have to wait. Sets r's drained bit and counts what
 * moved. */
typedef ssize_t io_attempt(struct io *op, struct fd *r);

struct io {
    io_attempt *attempt;
    go_sched *sched;
    uint8_t dir;             /* LOOP_READ, LOOP_WRITE: what it waits for, and claims on a stream */
    uint8_t how;             /* how its wait may end: WAIT_CANCEL, WAIT_SOURCE */
    bool shared;             /* several fibers may do it at once, also on a stream */
    bool at_once;            /* -EAGAIN instead of waiting */
    bool tried;              /* an attempt has just answered -EAGAIN: begin by waiting */
    bool holds;              /* claims before the first attempt: it may let others run in between */
    bool busy;               /* connect: what it waits for is not the descriptor's to tell */
    unsigned waits;          /* how often it has waited */
    go_time until;           /* when waiting ends with -ETIMEDOUT; 0: never */
    int flags;               /* MSG_* */
    const struct iovec *iov; /* the bytes */
    int count;
    size_t total;
    struct iovec one; /* room for a single piece */
    size_t done;      /* of a whole amount: what has moved */
    bool begun;       /* part of the whole has moved before: the caller's, for the shim */
    int64_t at;       /* in a file; -1: its own position */
    struct msghdr *msg;
    const struct sockaddr *to;
    struct sockaddr *from;
    socklen_t *from_len;
    socklen_t to_len;
};

ssize_t io_run(struct io *op, struct fd *r);

static inline void io_buffer(struct io *op, const void *buf, size_t n)
{
    op->one = (struct iovec){(void *)(uintptr_t)buf, n};
    op->iov = &op->one;
    op->count = 1;
    op->total = n;
}

/* Sums up the pieces: 0, or -EINVAL for a count that no system call takes. */
int io_vector(struct io *op, const struct iovec *v, int count);

/* A read of n bytes was asked for n bytes on r and got some. Short: there is no more, as a rule. */
static inline ssize_t io_got(go_sched *s, struct fd *r, ssize_t got, size_t asked)
{
    fd_moved(s, r);
    r->drained = (size_t)got < asked && fd_trusted(r);
    return got;
}

/* Attempts on anything: sockets, pipes, ttys, files. */
ssize_t io_read_attempt(struct io *op, struct fd *r);
ssize_t io_write_attempt(struct io *op, struct fd *r);
ssize_t io_positioned_attempt(struct io *op, struct fd *r); /* at op->at */

/* A stream socket that is accepted on most likely listens; asked once, its kind is FD_LISTENER
 * then. 0, or -EBADF. */
int io_listens(go_sched *s, struct fd *r);

/* The parts of them for what is no socket: bytes.c, and file.c for what epoll refuses. */
ssize_t bytes_read(struct io *op, struct fd *r);
ssize_t bytes_write(struct io *op, struct fd *r);
ssize_t file_transfer(struct io *op, struct fd *r);

#endif
