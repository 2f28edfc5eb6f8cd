/* SPDX-License-Identifier: MIT
 *
 * The table of descriptors: one per scheduler, and in it one record for each number that this
 * scheduler has waited on or used. A record is found in O(1), and its address holds until the run
 * ends. It belongs to the scheduler's thread.
 *
 * A record is *bound* to a file: from the first use of the number until go_close, until fd_created
 * says that the number is a new file, or until it is found to be another one. Each binding has a
 * number, and whoever waits remembers it: when the record has another one afterwards, the file that
 * was waited on is gone (-EBADF), and nothing of the record is the waiter's any more.
 *
 * Descriptors that the library creates are *ours*, announced by fd_created and taken back by
 * go_close; all other numbers are *foreign*: a plain close may give them to another file at any
 * time. fd.c says what follows from that. */
#ifndef NET_FD_H
#define NET_FD_H

#include "core/loop.h"
#include "core/sched.h"
#include "core/wait.h"
#include "net/number.h"
#include <poll.h>

enum fd_kind {
    FD_UNKNOWN,  /* to be found out at the first use */
    FD_STREAM,   /* a stream socket */
    FD_LISTENER, /* a stream socket that listens */
    FD_PACKET,   /* a socket with messages: datagrams, seqpacket, raw, netlink */
    FD_PIPE,
    FD_OTHER, /* ttys, eventfds, timerfds, inotify, devices: whatever epoll takes */
    FD_FILE   /* regular files, directories, block devices: epoll refuses them */
};

struct fd {
    atomic_uint *now;    /* hot from here: the number's generation now, for all schedulers of the
                            process */
    uint32_t generation; /* the one to which this record is bound; odd: ours */
    uint8_t kind;        /* enum fd_kind; a guess: the file may be another one by now */
    uint8_t claimed;     /* LOOP_READ, LOOP_WRITE: a fiber is in the middle of that on a stream */
    bool drained;        /* the last read was short: do not try before the next event */
    bool fresh;          /* a watcher was started: its first event may be another file's */
    bool doubted;        /* in the table's list of doubts */
    int number;
    uint32_t binding; /* counts the files that this record was bound to */
    uint32_t moved;   /* counts the calls that moved bytes */
    uint8_t waits;    /* shim/seen.c's: LOOP_READ, LOOP_WRITE: such calls wait, without a limit, */
    uint32_t made;    /* as long as these two are what they were */
    uint32_t asked;
    uint16_t busy[2];  /* calls that read, or write, and have waited: an event is theirs even when
                          nobody waits now */
    go_time moved_at;  /* when, by the scheduler's clock */
    uint32_t tick;     /* when somebody last waited without a fresh registration */
    uint16_t offloads; /* calls that a pool thread does for us */
    bool closing;      /* closed, but only when those are done */
    uint8_t polled;    /* LOOP_READ, LOOP_WRITE: RWF_NOWAIT does not work for that, poll first */
    list waiters[2]; /* calls that wait to read, to write; first come, first served; hot until here
                      */
    list pollers;    /* go_poll, go_wait_fd, go_select: woken all */
    struct loop_io watch[2];
    uint64_t dev, ino; /* the file's identity, when it is `known` */
    bool known;
    struct fd *doubt_next;
};

enum { FD_CHUNK_BITS = 6, FD_CHUNK = 1 << FD_CHUNK_BITS };
#define FD_NO_BINDING UINT32_MAX

struct fd_table {
    struct fd **chunks;
    unsigned limit; /* numbers below have a slot in chunks */
    unsigned end;   /* numbers at and above never had a record */
    go_sched *sched;
    struct fd *doubts; /* see fd.c */
    struct timer tick_timer;
    uint32_t tick;
    bool has_timer;
    bool ticking;
};

/* The record of fd, bound: 0; -EBADF, -ENOMEM. */
int fd_get_slow(go_sched *s, int fd, struct fd **out);

static inline int fd_get(go_sched *s, int fd, struct fd **out)
{
    const struct fd_table *t = s->slots[SLOT_NET].state;
    struct fd *chunk, *r;

    if (unlikely(!t || (unsigned)fd >= t->limit ||
                 !(chunk = t->chunks[(unsigned)fd >> FD_CHUNK_BITS])))
        return fd_get_slow(s, fd, out);
    r = &chunk[fd & (FD_CHUNK - 1)];
    if (unlikely(r->generation != atomic_load_explicit(r->now, memory_order_relaxed)))
        return fd_get_slow(s, fd, out);
    *out = r;
    return 0;
}

/* The checkpoint of a call on fd: as checkpoint; and -EBADF when fd was closed while it let others
 * run, for the number may be somebody else's by then. */
int fd_checkpoint_slow(go_sched *s, int fd);

static inline int fd_checkpoint(go_sched *s, int fd)
{
    if (unlikely(!s))
        return -ESHUTDOWN;
    if (hostile(HOSTILE_YIELD))
        s->fuel = -1 - FIBER_SLICE;
    if (likely(--s->fuel >= 0))
        return 0;
    return fd_checkpoint_slow(s, fd);
}

static inline bool fd_ours(const struct fd *r)
{
    return r->generation & 1;
}

static inline bool fd_is_socket(const struct fd *r)
{
    return r->kind == FD_STREAM || r->kind == FD_LISTENER || r->kind == FD_PACKET;
}

/* Bytes went through it: what idle time-outs look at. */
static inline void fd_moved(go_sched *s, struct fd *r)
{
    r->moved++;
    r->moved_at = s->now;
}

/* A new descriptor of ours, O_NONBLOCK and CLOEXEC. Works outside a run as well. */
void fd_created(int fd, enum fd_kind kind);

/* The number is about to be another file, by a dup onto it: as go_close, but that does not
 * close. */
void fd_replaced(go_sched *s, int fd);

/* Whether a call waits on the number, or moves bytes on another thread. */
bool fd_in_use(go_sched *s, int fd);

/* Numbers from this one on have no record. */
int fd_end(go_sched *s);

/* The number's generation: changes whenever it becomes another file by go_close or fd_created. */
uint32_t fd_generation(int fd);

/* Inside: the watchers of r stop, who waits gets -EBADF, what was known is forgotten. And: the
 * number is not what we made of it, and is foreign from now on. */
void fd_unbind(go_sched *s, struct fd *r);
void fd_disown(struct fd *r);
void fd_wake(list *waiters, int result); /* all of them */

/* Finds out what r is: 0 or -EBADF. */
int fd_identify(go_sched *s, struct fd *r);

/* Looks whether r is still the file that it is bound to. If not, it is bound to the new one, as a
 * foreign one, and who waited for the old one gets -EBADF. 0 either way (compare the binding),
 * -EBADF when the number is not open. */
int fd_verify(go_sched *s, struct fd *r);

/* r is not what it was taken for: verified, and identified anew. */
int fd_mistaken(go_sched *s, struct fd *r);

/* Sees to it that an event of `dir` will be noticed. tried: a call on it has just answered EAGAIN.
 * 0; -EBADF: it is not open; -EPERM: epoll does not take it. May find another file behind the
 * number: compare the binding. */
int fd_arm_slow(go_sched *s, struct fd *r, unsigned dir, bool tried);
void fd_doubt(struct fd_table *t, struct fd *r);
void fd_tick(struct timer *timer);

/* Whether r's number becomes another file only when we see it. */
static inline bool fd_trusted(const struct fd *r)
{
    return fd_ours(r) || numbers_seen;
}

/* After an event: whether it was surely this file's, or fd_verify must say. */
static inline bool fd_certain(const struct fd *r)
{
    return numbers_seen || (fd_ours(r) && !r->fresh);
}

static inline int fd_arm(go_sched *s, struct fd *r, unsigned dir, bool tried)
{
    struct fd_table *t = s->slots[SLOT_NET].state;

    if (unlikely(!r->watch[dir - 1].active || !fd_trusted(r)))
        return fd_arm_slow(s, r, dir, tried);
    r->tick = t->tick;
    if (unlikely(!r->doubted))
        fd_doubt(t, r);
    return 0;
}

/* After fd_arm: waits for an event, as one of the readers or writers. 0; -EBADF when r was closed;
 * -ECANCELED; -ETIMEDOUT for `until`. how: WAIT_CANCEL, WAIT_SOURCE. */
int fd_wait(struct fd *r, unsigned dir, unsigned how, go_time until);

/* The directions that stand for events, as in poll(2): 0 when none does, since waiting as if one
 * did would spin. */
static inline unsigned fd_directions(short events)
{
    short reading = POLLIN | POLLRDNORM, writing = POLLOUT | POLLWRNORM;
    unsigned dirs = (events & reading ? LOOP_READ : 0) | (events & writing ? LOOP_WRITE : 0);

    if (events & reading)
        reading |= POLLRDHUP; /* an end is readable, too */
    return events & ~(reading | writing) ? 0 : dirs;
}

/* A poller's wait: w, whose arg is fd | (int64_t)events << 32, and which will win with 0 when one
 * may have happened (without a direction: nothing ever does), or with -EBADF when fd is closed. 0:
 * armed, and on r's list; the errors of fd_arm. */
int fd_poll_arm(go_sched *s, struct wait *w, struct fd *r);

/* For go_select: a wait with arg = fd | (int64_t)events << 32; its result is the events that came,
 * or -EBADF. */
const struct waitable *fd_waitable(void);

/* A pool thread works on r from begin to end; go_close waits for that, so that the number stays
 * what it is. */
void fd_offload_begin(struct fd *r);
void fd_offload_end(struct fd *r);

/* poll(2) on one descriptor, without waiting: its revents. */
short fd_ready(int fd, short events);

#endif
