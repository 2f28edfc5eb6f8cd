/* SPDX-License-Identifier: MIT
 *
 * One submission at a time, so a ring of the smallest size, and by the bare system calls: liburing
 * would be a dependency for two of its functions.
 *
 * While futexes are waited for, the loop watches an eventfd that the kernel signals for the ring:
 * the ring itself, whose answers come only when they are asked for, is not readable then. */
#include "shim/uring.h"
#include "core/fork.h"
#include "core/loop.h"
#include "core/low.h"
#include "core/sched.h"
#include "core/sys.h"
#include <linux/io_uring.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>

#ifndef IORING_SETUP_SINGLE_ISSUER
#define IORING_SETUP_SINGLE_ISSUER (1U << 12)
#endif
#ifndef IORING_SETUP_DEFER_TASKRUN
#define IORING_SETUP_DEFER_TASKRUN (1U << 13)
#endif

enum { ENTRIES = 4, ANSWERS = 256, WORD_32 = 2 };

/* IORING_OP_ of these, as older headers do not have them. */
enum { FUTEX_WAIT_ = 51, FUTEX_WAITV_ = 53 };

/* Whose answer it is; else it is of a struct uring_futex, whose address is no such number. */
enum { ACCEPT = 1, CANCEL = 2 };

struct uring {
    int fd; /* < 0: none, and why */
    uint32_t forks;
    bool accepted; /* the accept's answer has come, and is this */
    int accept_result;
    bool no_futexes;
    unsigned futexes; /* in the kernel's hands */
    int event;        /* < 0: none yet */
    struct loop_io io;
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
    if (u->event >= 0)
        SYS1(SYS_close, u->event);
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
    p.flags = IORING_SETUP_COOP_TASKRUN | IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN |
              IORING_SETUP_CQSIZE;
    p.cq_entries = ANSWERS; /* the kernel keeps what is more */
    u->fd = low_move((int)SYS2(SYS_io_uring_setup, ENTRIES, &p));
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
        u->event = -1;
        set_up(u);
    }
    return s->uring = u;
}

/* Hands over what is queued; waits for as many answers as that, and lets come what has come. */
static int enter(struct uring *u, unsigned queued, unsigned answers)
{
    int rc;

    do
        rc = (int)SYS6(SYS_io_uring_enter, u->fd, queued, answers, IORING_ENTER_GETEVENTS, NULL, 0);
    while (rc == -EINTR);
    return rc;
}

static int submit(struct uring *u, const struct io_uring_sqe *e)
{
    unsigned tail = atomic_load_explicit(u->sq_tail, memory_order_relaxed), at = tail & *u->sq_mask;

    u->sqe[at] = *e;
    u->sq_array[at] = at;
    atomic_store_explicit(u->sq_tail, tail + 1, memory_order_release);
    return enter(u, 1, 0);
}

static void answered(struct uring *u, const struct io_uring_cqe *c)
{
    struct uring_futex *w;

    switch (c->user_data) {
    case CANCEL:
        return;
    case ACCEPT:
        u->accepted = true;
        u->accept_result = c->res;
        return;
    default:
        w = (struct uring_futex *)(uintptr_t)c->user_data;
        w->result = c->res;
        w->came = true;
        u->futexes--;
        w->done(w);
    }
}

static void take_answers(struct uring *u)
{
    unsigned head = atomic_load_explicit(u->cq_head, memory_order_relaxed);

    for (; head != atomic_load_explicit(u->cq_tail, memory_order_acquire); head++) {
        const struct io_uring_cqe c = u->cqe[head & *u->cq_mask];

        atomic_store_explicit(u->cq_head, head + 1, memory_order_release);
        answered(u, &c);
    }
}

/* ---- accept ---- */

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
    int rc;

    if (!u || u->fd < 0)
        return -ENOSYS;
    u->accepted = false;
    if (submit(u, &e) < 0)
        return -ENOSYS;
    take_answers(u);
    if (!u->accepted) { /* somebody else was quicker: it waits, and is called back */
        submit(u, &cancel);
        for (take_answers(u); !u->accepted; take_answers(u))
            enter(u, 0, 1);
    }
    rc = u->accept_result;
    return sys_wrote_long(rc == -ECANCELED || rc == -EINTR ? -EAGAIN : rc, peer, len);
}

/* ---- futexes ---- */

static void watch(go_sched *s, struct uring *u)
{
    if (u->futexes > 0 && !u->io.active)
        loop_io_start(s->loop, &u->io, LOOP_READ);
    else if (u->futexes == 0 && u->io.active)
        loop_io_stop(s->loop, &u->io);
}

static void on_answers(struct loop_io *io, int events)
{
    struct uring *u = list_entry(io, struct uring, io);
    uint64_t count;

    (void)events;
    sys_read(u->event, &count, sizeof count);
    enter(u, 0, 0);
    take_answers(u);
    watch(sched_self(), u);
}

static bool has_event(struct uring *u)
{
    if (u->event >= 0)
        return true;
    u->event = low_move(sys_eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (u->event >= 0 &&
        SYS4(SYS_io_uring_register, u->fd, IORING_REGISTER_EVENTFD, &u->event, 1) < 0) {
        sys_close(u->event);
        u->event = -1;
    }
    u->no_futexes = u->event < 0;
    loop_io_init(&u->io, u->event, on_answers);
    return u->event >= 0;
}

static int hand_over(go_sched *s, struct uring_futex *w, struct io_uring_sqe e)
{
    struct uring *u;

    if (s->fork_pending)
        fork_settle(s);
    u = uring_of(s);
    if (!u || u->fd < 0 || u->no_futexes || !has_event(u))
        return -ENOSYS;
    w->came = false;
    e.user_data = (uintptr_t)w;
    if (submit(u, &e) < 0)
        return -ENOSYS;
    u->futexes++;
    take_answers(u);
    if (w->came && w->result == -EINVAL)
        u->no_futexes = true;
    watch(s, u);
    return u->no_futexes ? -ENOSYS : 0;
}

int uring_futex_wait(go_sched *s, struct uring_futex *w, const void *word, uint32_t value,
                     uint32_t bits)
{
    return hand_over(s, w,
                     (struct io_uring_sqe){.opcode = FUTEX_WAIT_,
                                           .fd = WORD_32,
                                           .addr = (uintptr_t)word,
                                           .off = value,
                                           .addr3 = bits});
}

int uring_futex_waitv(go_sched *s, struct uring_futex *w, const struct futex_waitv *words,
                      unsigned n)
{
    return hand_over(
        s, w, (struct io_uring_sqe){.opcode = FUTEX_WAITV_, .addr = (uintptr_t)words, .len = n});
}

void uring_futex_cancel(go_sched *s, struct uring_futex *w)
{
    struct uring *u = uring_of(s);
    const struct io_uring_sqe cancel = {.opcode = IORING_OP_ASYNC_CANCEL,
                                        .fd = -1,
                                        .addr = (uintptr_t)w,
                                        .user_data = CANCEL};

    submit(u, &cancel);
    for (take_answers(u); !w->came; take_answers(u))
        enter(u, 0, 1);
    watch(s, u);
}

void uring_forked(go_sched *s)
{
    struct uring *u = s->uring;

    if (u && u->fd >= 0 && u->io.active)
        loop_io_stop(s->loop, &u->io);
}
