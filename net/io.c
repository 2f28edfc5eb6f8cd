/* SPDX-License-Identifier: MIT */
#include "net/io.h"
#include "core/scope.h"

static inline bool exclusive(const struct io *op, const struct fd *r)
{
    return !op->shared && r->kind != FD_PACKET;
}

/* Another fiber is in the middle of this already; unless it waits for a file that is gone. */
static int contest(struct io *op, struct fd *r)
{
    int rc = fd_verify(op->sched, r);

    if (rc < 0)
        return rc;
    return r->claimed & op->dir ? -EBUSY : 0;
}

/* What must hold before an attempt. */
static inline int ready_to_try(struct io *op, struct fd *r)
{
    int rc = 0;

    if (unlikely(r->claimed & op->dir) && exclusive(op, r))
        rc = contest(op, r);
    if (unlikely(r->kind == FD_UNKNOWN) && rc == 0)
        rc = fd_identify(op->sched, r);
    return rc;
}

static inline ssize_t try(struct io *op, struct fd *r, bool *tried)
{
    bool skip = op->tried;

    *tried = true;
    op->tried = false;
    if (skip)
        return -EAGAIN;
    if (op->dir == LOOP_READ && r->drained && !op->at_once) {
        *tried = false;
        return -EAGAIN;
    }
    return op->attempt(op, r);
}

/* Waits once; the call holds its claim. 0: try again. */
static int wait_once(struct io *op, struct fd *r, uint32_t binding)
{
    int rc;

    if (op->how & WAIT_SOURCE && scope_stopping(op->sched->current))
        return scope_refused();
    rc = fd_wait(r, op->dir, op->how, GO_FOREVER);
    if (unlikely(r->binding != binding))
        return -EBADF;
    if (unlikely(rc < 0))
        return rc;
    if (unlikely(r->generation != atomic_load_explicit(r->now, memory_order_relaxed)))
        return -EBADF; /* closed by another thread's scheduler */
    if (unlikely(!fd_certain(r)))
        return fd_verify(op->sched, r);
    return 0;
}

/* From its first wait on, a call counts as busy, and has its claim. */
static inline void claim(const struct io *op, struct fd *r)
{
    if (exclusive(op, r))
        r->claimed |= op->dir;
    r->busy[op->dir - 1]++;
}

static inline void unclaim(const struct io *op, struct fd *r)
{
    if (exclusive(op, r))
        r->claimed &= (uint8_t)~op->dir;
    r->busy[op->dir - 1]--;
}

ssize_t io_run(struct io *op, struct fd *r)
{
    uint32_t binding = r->binding;
    bool claimed = false, waited = false, tried;
    ssize_t n;

    for (;;) {
        if (!claimed) {
            n = ready_to_try(op, r);
            if (unlikely(n < 0))
                return n;
            binding = r->binding;
            claimed = op->holds;
            if (claimed)
                claim(op, r);
        }
        n = try(op, r, &tried);
        if (unlikely(n == -ENOTSOCK) && fd_is_socket(r))
            n = fd_mistaken(op->sched, r);
        else if (n != -EAGAIN || op->at_once)
            break;
        else if (likely(r->binding == binding))
            n = fd_arm(op->sched, r, op->dir, tried);
        if (unlikely(r->binding != binding)) { /* it is another file now: is this call the old
                                                  one's, or the new one's first? */
            if (waited || op->done > 0 || (n < 0 && n != -EAGAIN))
                return -EBADF;
            claimed = false;
            continue;
        }
        if (unlikely(n < 0))
            break;
        if (!claimed)
            claim(op, r);
        claimed = waited = true;
        n = wait_once(op, r, binding);
        if (unlikely(r->binding != binding))
            return -EBADF; /* nothing of this record is ours any more */
        if (unlikely(n < 0))
            break;
    }
    if (claimed && likely(r->binding == binding))
        unclaim(op, r);
    return n;
}
