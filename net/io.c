/* SPDX-License-Identifier: MIT */
#include "net/io.h"
#include "core/scope.h"

enum { FUTILE = 32 }; /* wake-ups of one call for nothing */
#define PAUSE GO_MS

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

/* Where the kernel says that it is ready, and the call says that it is not (a datagram to a Unix
 * socket whose queue is full; a listener that several processes share): looking now and then. Its
 * events are nobody's meanwhile, so that the first one stops the watcher. */
static int pause_once(struct io *op, struct fd *r)
{
    static const struct waitable pause_waitable = {.name = "a full queue"};
    struct wait w = {.ops = &pause_waitable, .arg = r->number};
    uint32_t binding = r->binding;
    int rc = fd_poll_arm(op->sched, &w, r); /* for no event: only its end ends it early */
    go_time now = sched_now(op->sched);

    if (rc < 0)
        return rc;
    r->busy[op->dir - 1]--;
    rc = wait_park(&w, 1, op->how | WAIT_OUTSIDE, now + PAUSE);
    if (r->binding == binding)
        r->busy[op->dir - 1]++;
    if (rc == -ETIMEDOUT)
        return op->until && op->until <= now + PAUSE ? rc : 0;
    return rc < 0 ? rc : w.result;
}

/* Waits once; the call holds its claim. 0: try again. */
static int wait_once(struct io *op, struct fd *r, uint32_t binding)
{
    int rc;

    if (op->how & WAIT_SOURCE && scope_stopping(op->sched->current))
        return scope_refused();
    if (likely(op->waits < FUTILE))
        rc = fd_wait(r, op->dir, op->how, op->until ? op->until : GO_FOREVER);
    else
        rc = pause_once(op, r);
    op->waits++;
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

    op->waits = 0;
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
            n = op->waits < FUTILE ? fd_arm(op->sched, r, op->dir, tried) : 0;
        if (unlikely(r->binding != binding)) {
            /* It is another file now: is this call the old one's, or the new one's first? */
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
