/* SPDX-License-Identifier: MIT
 *
 * One call at a time, so a ring of the smallest size, and by the bare system calls: liburing would
 * be a dependency for two of its functions. */
#include "shim/uring.h"
#include "core/low.h"
#include "core/sched.h"
#include "core/sys.h"
#include <linux/io_uring.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#ifndef IORING_SETUP_SINGLE_ISSUER
#define IORING_SETUP_SINGLE_ISSUER (1U << 12)
#endif
#ifndef IORING_SETUP_DEFER_TASKRUN
#define IORING_SETUP_DEFER_TASKRUN (1U << 13)
#endif

enum { ENTRIES = 4, ACCEPT = 1, CANCEL = 2 };

struct uring {
    int fd; /* < 0: none, and why */
    uint32_t forks;
    void *rings, *sqes;
    size_t rings_size, sqes_size;
    _Atomic unsigned *sq_tail, *cq_head, *cq_tail;
    unsigned *sq_mask, *sq_array, *cq_mask;
    struct io_uring_sqe *sqe;
    struct io_uring_cqe *cqe;
};

static void unmap(struct uring *u)
{
    if (u->fd < 0)
        return;
    munmap(u->rings, u->rings_size);
    munmap(u->sqes, u->sqes_size);
    SYS1(SYS_close, u->fd);
}

static int map(struct uring *u, const struct io_uring_params *p)
{
    size_t sq = p->sq_off.array + p->sq_entries * sizeof(unsigned);
    size_t cq = p->cq_off.cqes + p->cq_entries * sizeof *u->cqe;
    char *r;

    u->rings_size = sq > cq ? sq : cq;
    u->sqes_size = p->sq_entries * sizeof *u->sqe;
    u->rings = mmap(NULL, u->rings_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, u->fd,
                    IORING_OFF_SQ_RING);
    if (u->rings == MAP_FAILED)
        return -errno;
    u->sqes = mmap(NULL, u->sqes_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, u->fd,
                   IORING_OFF_SQES);
    if (u->sqes == MAP_FAILED) {
        int rc = -errno;

        munmap(u->rings, u->rings_size);
        return rc;
    }
    r = u->rings;
    u->sq_tail = (_Atomic unsigned *)(void *)(r + p->sq_off.tail);
    u->sq_mask = (unsigned *)(void *)(r + p->sq_off.ring_mask);
    u->sq_array = (unsigned *)(void *)(r + p->sq_off.array);
    u->cq_head = (_Atomic unsigned *)(void *)(r + p->cq_off.head);
    u->cq_tail = (_Atomic unsigned *)(void *)(r + p->cq_off.tail);
    u->cq_mask = (unsigned *)(void *)(r + p->cq_off.ring_mask);
    u->cqe = (struct io_uring_cqe *)(void *)(r + p->cq_off.cqes);
    u->sqe = u->sqes;
    return 0;
}

static void set_up(struct uring *u)
{
    struct io_uring_params p;
    int rc;

    memset(&p, 0, sizeof p);
    /* nothing of it may interrupt other system calls of this thread (Linux 6.1) */
    p.flags = IORING_SETUP_COOP_TASKRUN | IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN;
    low_hold();
    u->fd = (int)SYS2(SYS_io_uring_setup, ENTRIES, &p);
    low_release();
    if (u->fd < 0)
        return;
    rc = p.features & IORING_FEAT_SINGLE_MMAP ? map(u, &p) : -ENOSYS;
    if (rc < 0) {
        SYS1(SYS_close, u->fd);
        u->fd = rc;
    }
}

/* Kept from run to run, for when a ring is closed the kernel interrupts whatever its thread is
 * doing. In a fork child the ring in these pages is the parent's. */
static struct uring *uring_of(go_sched *s)
{
    struct uring *u = s->uring;

    if (u && u->forks != s->forks) {
        unmap(u);
        free(u);
        u = NULL;
    }
    if (!u && (u = calloc(1, sizeof *u))) {
        u->forks = s->forks;
        set_up(u);
    }
    return s->uring = u;
}

/* Queues one, and hands it over; waits for as many answers as that. */
static int submit(struct uring *u, const struct io_uring_sqe *e, unsigned answers)
{
    unsigned tail = atomic_load_explicit(u->sq_tail, memory_order_relaxed), at = tail & *u->sq_mask;
    int rc;

    u->sqe[at] = *e;
    u->sq_array[at] = at;
    atomic_store_explicit(u->sq_tail, tail + 1, memory_order_release);
    do
        rc = (int)SYS6(SYS_io_uring_enter, u->fd, 1, answers, answers ? IORING_ENTER_GETEVENTS : 0,
                       NULL, 0);
    while (rc == -EINTR);
    return rc;
}

/* The accept's answer, if it has come; all others are dropped. */
static bool answer(struct uring *u, int *result)
{
    unsigned head = atomic_load_explicit(u->cq_head, memory_order_relaxed);
    bool came = false;

    for (; head != atomic_load_explicit(u->cq_tail, memory_order_acquire); head++) {
        const struct io_uring_cqe *c = &u->cqe[head & *u->cq_mask];

        if (c->user_data == ACCEPT) {
            *result = c->res;
            came = true;
        }
    }
    atomic_store_explicit(u->cq_head, head, memory_order_release);
    return came;
}

int uring_accept(go_sched *s, int fd, struct sockaddr *peer, socklen_t *len, int flags)
{
    struct uring *u = uring_of(s);
    struct io_uring_sqe e = {.opcode = IORING_OP_ACCEPT,
                             .fd = fd,
                             .addr = (uintptr_t)peer,
                             .addr2 = (uintptr_t)len,
                             .accept_flags = (uint32_t)flags,
                             .user_data = ACCEPT};
    const struct io_uring_sqe cancel = {.opcode = IORING_OP_ASYNC_CANCEL,
                                        .fd = -1,
                                        .addr = ACCEPT,
                                        .user_data = CANCEL};
    int rc, result = -EAGAIN;

    if (!u || u->fd < 0)
        return -ENOSYS;
    rc = submit(u, &e, 0);
    if (rc < 0)
        return -ENOSYS;
    if (!answer(u, &result)) { /* somebody else was quicker: it waits, and is called back */
        submit(u, &cancel, 2);
        while (!answer(u, &result))
            SYS6(SYS_io_uring_enter, u->fd, 0, 1, IORING_ENTER_GETEVENTS, NULL, 0);
    }
    return sys_wrote_long(result == -ECANCELED || result == -EINTR ? -EAGAIN : result, peer, len);
}
