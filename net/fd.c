/* SPDX-License-Identifier: MIT
 *
 * The table of descriptors.
 *
 * Concepts. Each number has a record with two watchers (core/loop.h), the calls that wait for each direction, and the
 * pollers. An event wakes the first call that waits, and all pollers; the woken ones try their system call again, so that a
 * wake-up for nothing costs time and never correctness.
 *
 * Lazy disarm. A watcher stays active when its waiter was woken: the next wait then needs no system call at all. It is
 * stopped when an event comes that nobody waits for. Stopping after each event was measured at one failing epoll_ctl per
 * wait, 160 ns of 970. A call that was woken and has not returned yet counts as waiting (`busy`): under load the loop polls
 * again before everybody has run, and would stop watchers that are about to be wanted.
 *
 * The drained bit. After a short read of a stream there is nothing left, as a rule, so that the next read would only find
 * that out (160 ns): it waits at once. Whatever is there all the same, or comes, the level-triggered watcher reports. With
 * both, a request to an echo server costs recv, send and its share of an epoll_wait.
 *
 * Claims. One fiber reads, and one writes, a stream at a time; a second gets -EBUSY. A call claims when it first waits, and
 * holds the claim until it returns, so that it is not overtaken between its wake-up and its run. Calls on messages and
 * accept need none, since each moves something whole, and pollers move nothing.
 *
 * Numbers that change hands. A file that is closed under an active watcher takes its registration with it, and the kernel
 * says nothing; a new file with that number would then be waited on in vain. What protects from that:
 *  - go_close stops the watchers, wakes the waiters with -EBADF, changes the number's generation, and then closes.
 *    Generations belong to the process: another scheduler that had armed the number compares at its next use.
 *  - What we create is announced (fd_created): left-overs of the number's last life end there.
 *  - Foreign numbers, which may be closed by a plain close, are looked at (fstat) before and after each wait, and registered
 *    anew at each wait unless they are sockets (of which one inode is one open file); and they have no drained bit.
 *  - Ours are trusted, or the steady state would need a system call more. But a plain close and a reuse of one of ours are
 *    noticed too: by a second caller who finds the number claimed; by go_connect, which looks; by a system call that says
 *    EBADF or ENOTSOCK; whenever a watcher is started, and after its first event; and by a look at those that have waited
 *    on a watcher from an earlier wait for one to two seconds (`doubts`): one fstat for each such long wait. Who waits then
 *    gets -EBADF.
 *  - Identity is device and inode. What lies in anonymous inodes (eventfds, timerfds) looks all alike: there, an old waiter
 *    keeps its claim until its deadline. And a file that lives on elsewhere (a dup, a child) keeps reporting under the old
 *    number: such an event makes a waiter of ours try again on the new file, as the next user of the number would.
 *
 * Files that epoll refuses are never armed: calls on them go by the page cache, and otherwise through the offload pool. A
 * pool thread works on the number itself, since closing a duplicate would drop the process's locks on the file; so go_close
 * leaves the closing to the end of that work.
 *
 * Rejected: identities for all (fstat costs 150 ns a wait), edge-triggered watchers (5 % faster in the steady state; but
 * each read would have to go on up to EAGAIN, and libev has none), one registration in epoll beside libev's.
 *
 * Invariants
 *  - A record's watchers are active only while its binding lasts, and are stopped when the number is not open any more.
 *  - waiters and pollers hold only waits of the present binding.
 *  - drained implies ours. claimed and busy count calls of the present binding only. */
#include "net/fd.h"
#include "core/scope.h"
#include "core/sys.h"
#include <gosling/io.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum { GENERATION_BITS = 16, GENERATION_CHUNK = 1 << GENERATION_BITS };
#define FD_TICK GO_SEC

/* Chunks are made on first use, by whichever thread is first, and stay. 256 KiB, committed by touch. */
static _Atomic(atomic_uint *) generations[(INT_MAX >> GENERATION_BITS) + 1];

static void on_read(struct loop_io *io, int events);
static void on_write(struct loop_io *io, int events);

/* ---- generations ---- */

static atomic_uint *generation_of(int fd)
{
    _Atomic(atomic_uint *) *slot = &generations[fd >> GENERATION_BITS];
    atomic_uint *chunk = atomic_load_explicit(slot, memory_order_acquire), *mine;

    if (unlikely(!chunk)) {
        mine = calloc(GENERATION_CHUNK, sizeof *mine); /* lazily committed, being so large */
        if (!mine)
            return NULL;
        if (atomic_compare_exchange_strong(slot, &chunk, mine))
            chunk = mine;
        else
            free(mine);
    }
    return &chunk[fd & (GENERATION_CHUNK - 1)];
}

/* The next generation, ours or foreign. Two threads that do this to one number at once have a race of their own. */
static uint32_t next_generation(atomic_uint *now, bool ours)
{
    uint32_t next = (atomic_load_explicit(now, memory_order_relaxed) | 1) + 1 + ours;

    atomic_store_explicit(now, next, memory_order_relaxed);
    return next;
}

uint32_t fd_generation(int fd)
{
    atomic_uint *now = fd < 0 ? NULL : generation_of(fd);

    return now ? atomic_load_explicit(now, memory_order_relaxed) : 0;
}

/* ---- records ---- */

static void wake_all(list *waiters, int result)
{
    list *l;

    while ((l = list_pop(waiters))) {
        struct wait *w = list_entry(l, struct wait, link);

        /* Else its fiber is about to park, and another thread has closed the number under its hands: nobody tells it. */
        if (likely(w->fiber && w->fiber->state == FIBER_PARKED))
            wait_win(w, result);
    }
}

static bool anybody_waits(const struct fd *r)
{
    return !list_empty(&r->waiters[0]) || !list_empty(&r->waiters[1]) || !list_empty(&r->pollers);
}

/* r's file is gone, or another: who waits gets -EBADF, and what was known is forgotten. */
static void unbind(go_sched *s, struct fd *r)
{
    loop_io_stop(s->loop, &r->watch[0]);
    loop_io_stop(s->loop, &r->watch[1]);
    if (++r->binding == FD_NO_BINDING)
        r->binding = 0;
    r->kind = FD_UNKNOWN;
    r->claimed = r->polled = 0;
    r->drained = r->known = r->fresh = false;
    r->busy[0] = r->busy[1] = 0;
    wake_all(&r->waiters[0], -EBADF);
    wake_all(&r->waiters[1], -EBADF);
    wake_all(&r->pollers, -EBADF);
}

/* The number is not what we made it: from now on it is treated as foreign. */
static void disown(struct fd *r)
{
    r->generation = next_generation(r->now, false);
}

static void record_init(struct fd *r, atomic_uint *now, int number)
{
    r->now = now;
    r->generation = atomic_load_explicit(now, memory_order_relaxed) - 1; /* not bound */
    r->number = number;
    list_init(&r->waiters[0]);
    list_init(&r->waiters[1]);
    list_init(&r->pollers);
    loop_io_init(&r->watch[0], number, on_read);
    loop_io_init(&r->watch[1], number, on_write);
}

static struct fd *make_chunk(struct fd_table *t, int fd)
{
    int first = fd & ~(FD_CHUNK - 1);
    atomic_uint *now = generation_of(first);
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

/* Only the calling fiber lives on. The waits of the others were taken off our lists when they were dropped; its own may be
 * there, if its first switch in the child is a wait. */
static void record_forked(go_sched *s, struct fd *r)
{
    for (unsigned i = 0; i < 2; i++) {
        bool waits = !list_empty(&r->waiters[i]);

        if (!waits && list_empty(&r->pollers))
            loop_io_stop(s->loop, &r->watch[i]);
        if (!waits)
            r->claimed &= (uint8_t)~(1U << i);
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

static void on_tick(struct timer *timer);

static struct fd_table *table_new(go_sched *s)
{
    struct fd_table *t = calloc(1, sizeof *t);

    if (!t)
        return NULL;
    t->sched = s;
    t->tick_timer.fire = on_tick;
    /* Not under the virtual clock: it would stop at each tick on its way. */
    t->has_timer = !s->virtual_clock && timer_reserve(s) == 0;
    s->slots[SLOT_NET] = (struct sched_slot){.state = t, .fini = table_fini, .forked = table_forked};
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
        unbind(s, r);
        r->generation = now;
    }
    *out = r;
    return 0;
}

void fd_created(int fd, enum fd_kind kind)
{
    go_sched *s = sched_self();
    atomic_uint *now = generation_of(fd);
    struct fd *r;
    uint32_t next;

    if (!now)
        return; /* no memory: it counts as foreign */
    next = next_generation(now, true);
    if (!s || !(r = record_get(s, fd)))
        return;
    unbind(s, r);
    r->generation = next;
    r->kind = (uint8_t)kind;
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
    now = generation_of(fd);
    if (now)
        next_generation(now, false);
    if (r) {
        unbind(s, r);
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

/* ---- what is it? ---- */

int fd_identify(go_sched *s, struct fd *r)
{
    struct stat st;
    int type, rc = fd_verify(s, r);
    socklen_t len = sizeof type;

    if (rc < 0)
        return rc;
    rc = sys_fstat(r->number, &st);
    if (rc < 0)
        return rc;
    switch (st.st_mode & S_IFMT) {
    case S_IFSOCK:
        rc = sys_getsockopt(r->number, SOL_SOCKET, SO_TYPE, &type, &len);
        r->kind = rc == 0 && type == SOCK_STREAM ? FD_STREAM : FD_PACKET;
        break;
    case S_IFIFO:
        r->kind = FD_PIPE;
        break;
    case S_IFREG:
    case S_IFDIR:
    case S_IFBLK:
        r->kind = FD_FILE;
        break;
    default:
        r->kind = FD_OTHER;
    }
    return 0;
}

int fd_verify(go_sched *s, struct fd *r)
{
    struct stat st;

    if (sys_fstat(r->number, &st) < 0) {
        unbind(s, r);
        disown(r);
        return -EBADF;
    }
    if (r->known && (r->dev != st.st_dev || r->ino != st.st_ino)) {
        unbind(s, r);
        disown(r);
    }
    r->dev = st.st_dev;
    r->ino = st.st_ino;
    r->known = true;
    r->fresh = false;
    return 0;
}

int fd_mistaken(go_sched *s, struct fd *r)
{
    uint32_t binding = r->binding;
    int rc = fd_verify(s, r);

    if (rc < 0)
        return rc;
    if (r->binding == binding) { /* it was never looked at before */
        unbind(s, r);
        disown(r);
    }
    return fd_identify(s, r);
}

short fd_ready(int fd, short events)
{
    struct pollfd p = {.fd = fd, .events = events};
    int rc;

    do
        rc = sys_poll(&p, 1, 0);
    while (rc == -EINTR);
    return rc > 0 ? p.revents : 0;
}

/* ---- events ---- */

static const struct waitable select_waitable;

/* Wakes the pollers that dir concerns. Each win takes the fiber's other waits off their lists, which may be this one: so the
 * list is emptied first, and those who stay are put back. */
static bool wake_pollers(struct fd *r, unsigned dir, int result)
{
    list all, *l;
    bool woken = false;

    if (likely(list_empty(&r->pollers)))
        return false;
    list_init(&all);
    while ((l = list_pop(&r->pollers)))
        list_push(&all, l);
    while ((l = list_pop(&all))) {
        struct wait *w = list_entry(l, struct wait, link);
        short events = (short)(w->arg >> 32);
        int rc = result;

        if (rc == 0 && w->ops == &select_waitable)
            rc = fd_ready(r->number, events);
        if (!(fd_directions(events) & dir) || (rc == 0 && w->ops == &select_waitable)) {
            list_push(&r->pollers, l);
            continue;
        }
        wait_win(w, rc);
        woken = true;
    }
    return woken;
}

static void on_event(struct fd *r, unsigned dir)
{
    unsigned i = dir - 1;
    list *l;

    if (unlikely(!r->watch[i].active)) { /* the loop gave it up: closed underfoot, or the kernel has no room for more */
        int why = sys_fcntl(r->number, F_GETFD, 0) < 0 ? -EBADF : -ENOMEM;

        wake_all(&r->waiters[i], why);
        wake_pollers(r, dir, why);
        return;
    }
    if (unlikely(!list_empty(&r->pollers)) && !fd_certain(r)) {
        uint32_t binding = r->binding;

        fd_verify(sched_self(), r);
        if (r->binding != binding)
            return; /* another file's event: who waited for this one has been told */
    }
    l = list_pop(&r->waiters[i]);
    if (likely(l))
        wait_win(list_entry(l, struct wait, link), 0);
    if (!wake_pollers(r, dir, 0) && !l && r->busy[i] == 0)
        loop_io_stop(sched_self()->loop, &r->watch[i]);
}

static void on_read(struct loop_io *io, int events)
{
    struct fd *r = list_entry(io, struct fd, watch[0]);

    (void)events;
    r->drained = false;
    on_event(r, LOOP_READ);
}

static void on_write(struct loop_io *io, int events)
{
    (void)events;
    on_event(list_entry(io, struct fd, watch[1]), LOOP_WRITE);
}

/* ---- waiting ---- */

int fd_arm_slow(go_sched *s, struct fd *r, unsigned dir, bool tried)
{
    struct loop_io *io = &r->watch[dir - 1];
    uint32_t binding = r->binding;
    int rc = 0;

    if (r->kind == FD_UNKNOWN)
        rc = fd_identify(s, r);
    else if (!tried || !r->known || !fd_ours(r))
        rc = fd_verify(s, r);
    if (rc < 0 || r->binding != binding)
        return rc;
    if (r->kind == FD_FILE)
        return -EPERM;
    if (io->active) {
        if (r->kind != FD_STREAM && r->kind != FD_LISTENER && r->kind != FD_PACKET)
            loop_io_renew(s->loop, io);
        return 0;
    }
    loop_io_init(io, r->number, dir == LOOP_READ ? on_read : on_write);
    loop_io_start(s->loop, io, (int)dir);
    r->fresh = true; /* the loop registers it in its next turn, whatever the number is then */
    return 0;
}

static void io_describe(const struct wait *w, FILE *out)
{
    fprintf(out, "fd %d to be %s", (int)w->arg, w->arg >> 32 == LOOP_READ ? "readable" : "writable");
}

static const struct waitable io_waitable = {.name = "fd", .describe = io_describe};

int fd_wait(struct fd *r, unsigned dir, unsigned how, go_time until)
{
    struct wait w = {.ops = &io_waitable, .object = r, .arg = r->number | (int64_t)dir << 32};
    int rc;

    list_push(&r->waiters[dir - 1], &w.link);
    rc = wait_park(&w, 1, how | WAIT_OUTSIDE, until);
    return rc < 0 ? rc : w.result;
}

int fd_poll_arm(go_sched *s, struct wait *w, struct fd *r)
{
    unsigned dirs = fd_directions((short)(w->arg >> 32));
    uint32_t binding;
    int rc;

    do {
        binding = r->binding;
        for (unsigned dir = LOOP_READ; dir <= LOOP_WRITE; dir++) {
            if (!(dirs & dir))
                continue;
            rc = fd_arm(s, r, dir, true);
            if (rc < 0)
                return rc;
        }
    } while (r->binding != binding);
    w->object = r;
    list_push(&r->pollers, &w->link);
    return 0;
}

/* ---- doubts ---- */

void fd_doubt(struct fd_table *t, struct fd *r)
{
    if (!t->has_timer)
        return;
    r->doubted = true;
    r->doubt_next = t->doubts;
    t->doubts = r;
    if (t->ticking)
        return;
    t->ticking = true;
    timer_set(t->sched, &t->tick_timer, t->sched->now + FD_TICK);
}

/* O(records that were waited on without a fresh registration since the last tick). */
static void on_tick(struct timer *timer)
{
    struct fd_table *t = list_entry(timer, struct fd_table, tick_timer);
    struct fd **at = &t->doubts, *r;

    t->tick++;
    while ((r = *at)) {
        bool waits = anybody_waits(r);

        if (waits && t->tick - r->tick < 2) {
            at = &r->doubt_next;
            continue;
        }
        *at = r->doubt_next;
        r->doubted = false;
        if (waits)
            fd_verify(t->sched, r);
    }
    t->ticking = t->doubts != NULL;
    if (t->ticking)
        timer_set(t->sched, timer, t->sched->now + FD_TICK);
}

/* ---- go_select ---- */

static int select_commit(struct wait *w)
{
    go_sched *s = sched_self();
    struct fd *r;
    int rc = fd_get(s, (int)w->arg, &r); /* makes the record, so that arming needs no memory */

    if (rc == 0) {
        rc = fd_ready((int)w->arg, (short)(w->arg >> 32));
        if (rc == 0)
            return -EAGAIN;
        if (rc & POLLNVAL)
            rc = -EBADF;
    }
    w->result = rc;
    return 0;
}

static void select_arm(struct wait *w)
{
    go_sched *s = sched_self();
    struct fd *r;

    list_init(&w->link);
    /* It was open a moment ago, when commit looked. If another thread has closed it since then, nobody will tell us: as with
     * every plain close, the wait ends at its deadline. */
    if (fd_get(s, (int)w->arg, &r) == 0)
        fd_poll_arm(s, w, r);
}

static void select_describe(const struct wait *w, FILE *out)
{
    fprintf(out, "fd %d to be %s", (int)w->arg, (short)(w->arg >> 32) & POLLIN ? "readable" : "writable");
}

static const struct waitable select_waitable = {
    .name = "fd", .commit = select_commit, .arm = select_arm, .describe = select_describe};

const struct waitable *fd_waitable(void)
{
    return &select_waitable;
}
