/* SPDX-License-Identifier: MIT
 *
 * The table of descriptors.
 *
 * Concepts. Each number has a record with two watchers (core/loop.h), the calls that wait for each
 * direction, and the pollers. An event wakes the first call that waits, and all pollers; the woken
 * ones try their system call again, so that a wake-up for nothing costs time and never correctness.
 *
 * Lazy disarm. A watcher stays active when its waiter was woken: the next wait then needs no system
 * call at all. It is stopped when an event comes that nobody waits for. Stopping after each event
 * was measured at one failing epoll_ctl per wait, 160 ns of 970. A call that was woken and has not
 * returned yet counts as waiting (`busy`): under load the loop polls again before everybody has
 * run, and would stop watchers that are about to be wanted.
 *
 * The drained bit. After a short read of a stream there is nothing left, as a rule, so that the
 * next read would only find that out (160 ns): it waits at once. Whatever is there all the same, or
 * comes, the level-triggered watcher reports. With both, a request to an echo server costs recv,
 * send and its share of an epoll_wait.
 *
 * Claims. One fiber reads, and one writes, a stream at a time; a second gets -EBUSY. A call claims
 * when it first waits, and holds the claim until it returns, so that it is not overtaken between
 * its wake-up and its run. Calls on messages and accept need none, since each moves something
 * whole, and pollers move nothing.
 *
 * Numbers that change hands. A file that is closed under an active watcher takes its registration
 * with it, and the kernel says nothing; a new file with that number would then be waited on in
 * vain. What protects from that:
 *  - go_close stops the watchers, wakes the waiters with -EBADF, changes the number's generation,
 *    and then closes. Generations belong to the process (net/number.h): another scheduler that had
 *    armed the number compares at its next use.
 *  - What we create is announced (fd_created): left-overs of the number's last life end there.
 *  - Foreign numbers, which may be closed by a plain close, are looked at (fstat) before and after
 *    each wait, and registered anew at each wait unless they are sockets (of which one inode is one
 *    open file); and they have no drained bit.
 *  - Where all system calls of the process are seen (numbers_seen; shim/seen.h), foreign numbers
 *    are trusted as ours are, without the doubts below.
 *  - Ours are trusted, or the steady state would need a system call more. But a plain close and a
 *    reuse of one of ours are noticed too: by a second caller who finds the number claimed; by
 *    go_connect, which looks; by a system call that says EBADF or ENOTSOCK; whenever a watcher is
 *    started, and after its first event; and by a look at those that have waited on a watcher from
 *    an earlier wait for one to two seconds (`doubts`): one fstat for each such long wait. Who is
 *    found waiting gets -EBADF.
 *  - Identity is device and inode. What lies in anonymous inodes (eventfds, timerfds) looks all
 *    alike: there, an old waiter keeps its claim until its deadline. And a file of ours that lives
 *    on elsewhere (a dup, a child) keeps reporting under the old number: such an event makes a
 *    waiter try again on the new file, as the number's next user would.
 *
 * Files that epoll refuses are never armed: calls on them go by the page cache, and otherwise
 * through the offload pool. A pool thread works on the number itself, since closing a duplicate
 * would drop the process's locks on the file; so go_close leaves the closing to the end of that
 * work.
 *
 * Rejected: identities for all (fstat costs 150 ns a wait), edge-triggered watchers (5 % faster in
 * the steady state; but each read would have to go on up to EAGAIN, and libev has none), one
 * registration in epoll beside libev's.
 *
 * Invariants
 *  - A record's watchers are active only while its binding lasts, and are stopped when the number
 *    is not open any more.
 *  - waiters and pollers hold only waits of the present binding.
 *  - drained implies trusted. claimed and busy count calls of the present binding only. */
#include "net/fd.h"
#include "core/claim.h"
#include "core/scope.h"
#include "core/sys.h"
#include <gosling/io.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* ---- records ---- */

void fd_wake(list *waiters, int result)
{
    list *l;

    while ((l = list_pop(waiters))) {
        struct wait *w = list_entry(l, struct wait, link);

        /* Else its fiber is about to park, and another thread has closed the number under its
         * hands: nobody tells it. */
        if (likely(w->fiber && w->fiber->state == FIBER_PARKED && wait_claim(w)))
            wait_win(w, result);
    }
}

void fd_unbind(go_sched *s, struct fd *r)
{
    loop_io_stop(s->loop, &r->watch[0]);
    loop_io_stop(s->loop, &r->watch[1]);
    if (++r->binding == FD_NO_BINDING)
        r->binding = 0;
    r->kind = FD_UNKNOWN;
    r->claimed = r->polled = 0;
    r->drained = r->known = r->fresh = false;
    r->busy[0] = r->busy[1] = 0;
    r->made = r->asked = 0;
    fd_wake(&r->waiters[0], -EBADF);
    fd_wake(&r->waiters[1], -EBADF);
    fd_wake(&r->pollers, -EBADF);
}

void fd_disown(struct fd *r)
{
    r->generation = number_next(r->now, false);
}

static void record_init(struct fd *r, atomic_uint *now, int number)
{
    r->now = now;
    r->generation = atomic_load_explicit(now, memory_order_relaxed) - 1; /* not bound */
    r->number = number;
    list_init(&r->waiters[0]);
    list_init(&r->waiters[1]);
    list_init(&r->pollers);
    loop_io_init(&r->watch[0], number, NULL);
    loop_io_init(&r->watch[1], number, NULL); /* their callbacks are set when they are started */
}

static struct fd *make_chunk(struct fd_table *t, int fd)
{
    int first = fd & ~(FD_CHUNK - 1);
    atomic_uint *now = number_generation(first);
    unsigned slot = (unsigned)fd >> FD_CHUNK_BITS;
    struct fd *chunk;

    if (!now)
        return NULL;
    if ((unsigned)fd >= t->limit) {
        unsigned count = slot + slot / 2 + 16, had = t->limit >> FD_CHUNK_BITS;
        struct fd **chunks = realloc(t->chunks, count * sizeof *chunks);

        if (!chunks)
            return NULL;
        memset(chunks + had, 0, (count - had) * sizeof *chunks);
        t->chunks = chunks;
        t->limit = count << FD_CHUNK_BITS;
    }
    chunk = aligned_alloc(64, FD_CHUNK * sizeof *chunk);
    if (!chunk)
        return NULL;
    memset(chunk, 0, FD_CHUNK * sizeof *chunk);
    for (int i = 0; i < FD_CHUNK; i++) /* chunks of generations are larger, and aligned to ours */
        record_init(&chunk[i], now + i, first + i);
    t->chunks[slot] = chunk;
    if (t->end < (unsigned)first + FD_CHUNK)
        t->end = (unsigned)first + FD_CHUNK;
    return chunk;
}

/* The record of fd if there is one, whatever it is bound to. */
static struct fd *record_of(const struct fd_table *t, int fd)
{
    struct fd *chunk;

    if (!t || (unsigned)fd >= t->limit || !(chunk = t->chunks[(unsigned)fd >> FD_CHUNK_BITS]))
        return NULL;
    return &chunk[fd & (FD_CHUNK - 1)];
}

/* ---- the table ---- */

static void for_each(struct fd_table *t, void (*fn)(go_sched *s, struct fd *r))
{
    for (unsigned i = 0; i < t->end >> FD_CHUNK_BITS; i++)
        for (unsigned k = 0; t->chunks[i] && k < FD_CHUNK; k++)
            fn(t->sched, &t->chunks[i][k]);
}

static void stop_watchers(go_sched *s, struct fd *r)
{
    loop_io_stop(s->loop, &r->watch[0]);
    loop_io_stop(s->loop, &r->watch[1]);
}

static void table_fini(go_sched *s, void *state)
{
    struct fd_table *t = state;

    for_each(t, stop_watchers);
    if (t->has_timer)
        timer_release(s, &t->tick_timer);
    for (unsigned i = 0; i < t->limit >> FD_CHUNK_BITS; i++)
        free(t->chunks[i]);
    free(t->chunks);
    free(t);
}

/* Only the calling fiber lives on. The waits of the others were taken off our lists when they were
 * dropped; its own may be there, if its first switch in the child is a wait. */
static void record_forked(go_sched *s, struct fd *r)
{
    for (unsigned i = 0; i < 2; i++) {
        bool waits = !list_empty(&r->waiters[i]);

        if (!waits && list_empty(&r->pollers))
            loop_io_stop(s->loop, &r->watch[i]);
        if (!waits)
            r->claimed &= (uint8_t) ~(1U << i);
        r->busy[i] = waits;
    }
    r->offloads = 0;
    r->doubted = false;
    if (r->closing)
        sys_close(r->number);
    r->closing = false;
}

static void table_forked(go_sched *s, void *state)
{
    struct fd_table *t = state;

    for_each(t, record_forked);
    t->doubts = NULL;
    t->ticking = false;
    if (t->has_timer)
        timer_set(s, &t->tick_timer, GO_FOREVER);
}

static struct fd_table *table_new(go_sched *s)
{
    struct fd_table *t = calloc(1, sizeof *t);

    if (!t)
        return NULL;
    t->sched = s;
    t->tick_timer.fire = fd_tick;
    /* Not under the virtual clock: it would stop at each tick on its way. */
    t->has_timer = !s->virtual_clock && timer_reserve(s) == 0;
    s->slots[SLOT_NET] =
        (struct sched_slot){.state = t, .fini = table_fini, .forked = table_forked};
    return t;
}

/* The record of fd, which is made if need be. */
static struct fd *record_get(go_sched *s, int fd)
{
    struct fd_table *t = s->slots[SLOT_NET].state;
    struct fd *r = record_of(t, fd);

    if (r)
        return r;
    if (!t && !(t = table_new(s)))
        return NULL;
    return make_chunk(t, fd) ? record_of(t, fd) : NULL;
}

int fd_get_slow(go_sched *s, int fd, struct fd **out)
{
    struct fd *r;
    uint32_t now;

    if (fd < 0)
        return -EBADF;
    r = record_of(s->slots[SLOT_NET].state, fd);
    if (!r && sys_fcntl(fd, F_GETFD, 0) < 0)
        return -EBADF; /* a number out of nowhere shall not cost memory */
    if (!r && !(r = record_get(s, fd)))
        return -ENOMEM;
    if (r->closing)
        return -EBADF;
    now = atomic_load_explicit(r->now, memory_order_relaxed);
    if (r->generation != now) {
        fd_unbind(s, r);
        r->generation = now;
    }
    *out = r;
    return 0;
}

void fd_created(int fd, enum fd_kind kind)
{
    go_sched *s = sched_self();
    atomic_uint *now = number_generation(fd);
    struct fd *r;
    uint32_t next;

    if (!now)
        return; /* no memory: it counts as foreign */
    next = number_next(now, true);
    if (!s || !(r = record_get(s, fd)))
        return;
    fd_unbind(s, r);
    r->generation = next;
    r->kind = (uint8_t)kind;
}

uint32_t fd_generation(int fd)
{
    atomic_uint *now = fd < 0 ? NULL : number_generation(fd);

    return now ? atomic_load_explicit(now, memory_order_relaxed) : 0;
}

int fd_checkpoint_slow(go_sched *s, int fd)
{
    uint32_t before = fd_generation(fd);
    int rc = checkpoint_slow(s);

    return rc == 0 && fd >= 0 && fd_generation(fd) != before ? -EBADF : rc;
}

void fd_replaced(go_sched *s, int fd)
{
    struct fd *r = record_of(s->slots[SLOT_NET].state, fd);
    atomic_uint *now = number_generation(fd);

    if (now)
        number_next(now, false);
    if (r)
        fd_unbind(s, r);
}

bool fd_in_use(go_sched *s, int fd)
{
    const struct fd *r = record_of(s->slots[SLOT_NET].state, fd);

    return r && (r->busy[0] || r->busy[1] || r->offloads || !list_empty(&r->pollers));
}

int fd_end(go_sched *s)
{
    const struct fd_table *t = s->slots[SLOT_NET].state;

    return t ? (int)t->end : 0;
}

int go_close(int fd)
{
    go_sched *s = sched_self();
    struct fd *r = NULL;
    atomic_uint *now;
    int rc;

    if (fd < 0)
        return -EBADF;
    if (s && (r = record_of(s->slots[SLOT_NET].state, fd)) && r->closing)
        return -EBADF;
    now = number_generation(fd);
    if (now)
        number_next(now, false);
    if (r) {
        fd_unbind(s, r);
        if (r->offloads > 0) {
            r->closing = true;
            return 0;
        }
    }
    rc = sys_close(fd);
    return rc == -EINTR ? 0 : rc; /* Linux has closed it then */
}

void fd_offload_begin(struct fd *r)
{
    r->offloads++;
}

void fd_offload_end(struct fd *r)
{
    if (--r->offloads > 0 || !r->closing)
        return;
    r->closing = false;
    sys_close(r->number);
}
