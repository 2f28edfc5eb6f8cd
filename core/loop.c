/* SPDX-License-Identifier: MIT
 *
 * The event loop, on libev 4.33.
 *
 * Concepts. A *watcher* is one direction of one descriptor, level-triggered. The *wake-up time* is
 * one for the whole loop: deadlines live in the scheduler's heap, and the loop hears of the
 * earliest alone. A *wake* comes from another thread or from a signal handler.
 *
 * What was rejected, and why:
 *  - libev's default loop: it takes SIGCHLD from the program. And any loop without EVFLAG_NOENV:
 *    $LIBEV_FLAGS could select the io_uring backend, with which a look takes 24 µs.
 *  - ev_timer: on epoll a timer is rounded up to whole milliseconds (a sleep of 50 µs took
 *    1.07 ms), and each start and stop sifts a second heap. So: one timerfd, in nanoseconds (the
 *    same sleep ends 5 µs late). It is set only when it is set for a later time, or has fired:
 *    that is 345 ns, of the 930 of a turn. A timer set too early ends one wait needlessly; but
 *    deadlines mostly move into the future, and a thousand fibers that read with a timeout of
 *    five seconds set it once in five seconds.
 *  - reading the timerfd: setting it clears it, and one that has fired must be set anyway.
 *  - ev_async: a pipe of libev's own beside the inbox, which sees to it already that a batch of
 *    messages writes once. So: an eventfd.
 *  - EVFLAG_FORKCHECK: a getpid in each turn, 88 ns. pthread_atfork tells us.
 *  - stopping watchers after each event: one failing epoll_ctl per wait, 160 ns of 970. Their
 *    owners leave them active.
 *
 * Descriptors closed underfoot. libev asserts, and so aborts the process, when epoll_ctl finds a
 * descriptor that is not open; but "a plain close may cost an error, never a crash". It calls
 * epoll_ctl in two places: when the watchers of a descriptor have changed since the last poll (one
 * was started; or one of two stopped, which changes the mask), and when it builds its set anew
 * (after a fork; after an event of a closed descriptor whose file lives on under another number).
 * So loop.c knows the watchers of each descriptor, and which descriptors changed, and looks at
 * those right before libev does (fcntl F_GETFD, 125 ns; a registration takes 430). Before it builds
 * anew libev calls an ev_fork watcher, and then we look at all. The watchers of a dead descriptor
 * are stopped, and called with both events, as for any that failed. What remains is a close by
 * another thread between our look and libev's.
 *
 * Out of memory, libev aborts (its table of descriptors); ours is address space, committed by
 * touch.
 *
 * Invariants:
 *  - The two watchers of our own are always active, so that libev never believes that there is
 *    nothing to wait for; they are not in `active`, which counts the users'.
 *  - The timerfd is set for `armed`, or has fired at it; or `armed` is 0, and it is clear.
 *  - A descriptor is in the list of changed ones exactly when `changed` in its record is not 0.
 *  - When a user's watcher has been called, that loop_poll does not wait any more. */
#include "core/loop.h"
#include "core/low.h"
#include "core/clock.h"
#include "core/sys.h"
#include <ev.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/timerfd.h>

/* What lies in loop_io.ev. */
struct watcher {
    ev_io ev;             /* ev.data is the loop_io */
    struct loop_io *next; /* of the same descriptor */
};

_Static_assert(sizeof(struct watcher) <= sizeof(((struct loop_io *)0)->ev),
               "loop_io.ev is too small");
_Static_assert(LOOP_READ == (int)EV_READ && LOOP_WRITE == (int)EV_WRITE, "our events are libev's");

/* One per descriptor number: a table of 16 MiB of address space, of which each used page holds 256
 * records. Linux's usual ceiling of numbers (fs.nr_open) is 2^20; a number above has no record, and
 * libev's assertion stands there. */
struct loop_fd {
    struct loop_io *watchers; /* the active ones */
    int changed; /* 0: not in the list of changed ones; else the next one's number + 1, or END */
};
enum { FD_COUNT = 1 << 20, END = -1 };

struct loop {
    struct ev_loop *ev;
    struct loop_fd *fds;
    int changed;     /* the first changed descriptor's number + 1, or END */
    int fds_end;     /* no record at or above this number was ever used */
    unsigned active; /* watchers of users */
    unsigned calls;  /* of their callbacks, ever */
    go_time armed;   /* what the timerfd is set for; 0: nothing */
    int timerfd;
    int eventfd;
    bool forked; /* the epoll set is still the parent's */
    ev_io on_timer;
    ev_io on_wake;
    ev_fork on_rebuild;
};

static inline struct watcher *watcher_of(struct loop_io *io)
{
    return (struct watcher *)(void *)io->ev;
}

/* ---- what we know of descriptors ---- */

static inline struct loop_fd *fd_record(struct loop *l, int fd)
{
    return (unsigned)fd < FD_COUNT ? &l->fds[fd] : NULL;
}

static inline void fd_changed(struct loop *l, struct loop_fd *r, int fd)
{
    if (r->changed)
        return;
    r->changed = l->changed;
    l->changed = fd + 1;
}

static void fd_link(struct loop *l, struct loop_io *io)
{
    struct loop_fd *r = fd_record(l, io->fd);

    if (!r)
        return;
    if (l->fds_end <= io->fd)
        l->fds_end = io->fd + 1;
    watcher_of(io)->next = r->watchers;
    r->watchers = io;
    fd_changed(l, r, io->fd);
}

/* O(watchers of that descriptor): one or two. */
static void fd_unlink(struct loop *l, struct loop_io *io)
{
    struct loop_fd *r = fd_record(l, io->fd);
    struct loop_io **at;

    if (!r)
        return;
    for (at = &r->watchers; *at != io;)
        at = &watcher_of(*at)->next;
    *at = watcher_of(io)->next;
    /* The last one's end needs no look: libev leaves the registration to the kernel, and learns by
     * a stray event. */
    if (r->watchers)
        fd_changed(l, r, io->fd);
}

/* Stops and calls the watchers of fd if it is not open. Returns whether it did. */
static bool fd_check(struct loop *l, int fd)
{
    struct loop_fd *r = &l->fds[fd];
    struct loop_io *io;

    if (!r->watchers || sys_fcntl(fd, F_GETFD, 0) >= 0)
        return false;
    /* Each callback may stop, start and free any watcher, so only the head is looked at. What
     * starts again on the dead number, or is beyond the limit, counts as changed, and is looked at
     * again by the next poll before libev does. */
    for (unsigned n = 64; n && (io = r->watchers); n--) {
        loop_io_stop(l, io);
        l->calls++;
        io->cb(io, LOOP_READ | LOOP_WRITE);
    }
    return true;
}

static bool fd_check_changed(struct loop *l)
{
    bool called = false;

    for (int at = l->changed; at != END; at = l->fds[at - 1].changed)
        called |= fd_check(l, at - 1);
    while (!called && l->changed != END) {
        struct loop_fd *r = &l->fds[l->changed - 1];

        l->changed = r->changed;
        r->changed = 0;
    }
    return called;
}

/* ---- libev's callbacks ---- */

static void on_io(struct ev_loop *ev, ev_io *w, int events)
{
    struct loop_io *io = w->data;

    /* epoll_ctl has failed (ENOSPC: fs.epoll.max_user_watches), and libev has stopped it. */
    if (events & EV_ERROR) {
        loop_io_stop(ev_userdata(ev), io);
        events = EV_READ | EV_WRITE;
    }
    ((struct loop *)ev_userdata(ev))->calls++;
    io->cb(io, events & (LOOP_READ | LOOP_WRITE));
}

static void on_timer(struct ev_loop *ev, ev_io *w, int events)
{
    /* Still readable, and `armed` has passed: loop_arm knows what to do about it, if and when it
     * waits again. */
    (void)ev, (void)w, (void)events;
}

static void on_wake(struct ev_loop *ev, ev_io *w, int events)
{
    uint64_t count;

    (void)ev, (void)events;
    while (sys_read(w->fd, &count, sizeof(count)) == -EINTR)
        ;
}

/* libev is about to register everything in a new epoll set. O(largest number), as its own pass. */
static void on_rebuild(struct ev_loop *ev, ev_fork *w, int events)
{
    struct loop *l = w->data;
    bool called = false;

    (void)events;
    for (int fd = 0; fd < l->fds_end; fd++)
        called |= fd_check(l, fd);
    /* This turn ends before libev touches a registration; the next one does the rest. */
    if (called)
        ev_break(ev, EVBREAK_ONE);
}

/* Called right before the wait: what epoll_ctl has just refused is pending, but libev would deliver
 * it after the wait. */
static void before_wait(struct ev_loop *ev)
{
    struct loop *l = ev_userdata(ev);

    l->forked = false;
    if (ev_pending_count(ev))
        loop_wake(l);
}

/* ---- life ---- */

static void close_fds(struct loop *l)
{
    sys_close(l->timerfd);
    sys_close(l->eventfd);
    l->timerfd = l->eventfd = -1; /* a late wake must not write to the number's next file */
}

static int open_kernel_objects(struct loop *l)
{
    int rc;

    l->timerfd = low_move(sys_timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
    l->eventfd = low_move(sys_eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    rc = l->timerfd < 0 ? l->timerfd : l->eventfd;
    if (rc < 0) {
        close_fds(l);
        return rc;
    }
    l->armed = 0;
    ev_io_init(&l->on_timer, on_timer, l->timerfd, EV_READ);
    ev_io_init(&l->on_wake, on_wake, l->eventfd, EV_READ);
    ev_io_start(l->ev, &l->on_timer);
    ev_io_start(l->ev, &l->on_wake);
    return 0;
}

static void close_kernel_objects(struct loop *l)
{
    ev_io_stop(l->ev, &l->on_timer);
    ev_io_stop(l->ev, &l->on_wake);
    close_fds(l);
}

int loop_new(struct loop **out)
{
    struct loop *l = calloc(1, sizeof(*l));
    int rc = -ENOMEM;

    if (!l)
        return rc;
    l->fds = mmap(NULL, FD_COUNT * sizeof(*l->fds), PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (l->fds == MAP_FAILED)
        goto free_loop;
    sys_madvise(l->fds, FD_COUNT * sizeof(*l->fds), MADV_NOHUGEPAGE);
    low_hold();
    errno = 0;
    l->ev = ev_loop_new(EVBACKEND_EPOLL | EVFLAG_NOENV | EVFLAG_NOTIMERFD);
    if (!l->ev && errno != EMFILE && errno != ENFILE) /* a sandbox without epoll */
        l->ev = ev_loop_new(EVBACKEND_POLL | EVBACKEND_SELECT | EVFLAG_NOENV | EVFLAG_NOTIMERFD);
    if (!l->ev) {
        rc = errno ? -errno : -ENOMEM;
        goto unmap_fds;
    }
    ev_set_userdata(l->ev, l);
    ev_set_loop_release_cb(l->ev, before_wait, NULL);
    ev_fork_init(&l->on_rebuild, on_rebuild);
    l->on_rebuild.data = l;
    ev_fork_start(l->ev, &l->on_rebuild);
    l->changed = END;
    low_release();
    rc = open_kernel_objects(l);
    if (rc < 0)
        goto destroy_ev;
    *out = l;
    return 0;

destroy_ev:
    ev_loop_destroy(l->ev);
unmap_fds:
    low_release();
    munmap(l->fds, FD_COUNT * sizeof(*l->fds));
free_loop:
    free(l);
    return rc;
}

void loop_free(struct loop *l)
{
    close_kernel_objects(l);
    ev_fork_stop(l->ev, &l->on_rebuild);
    ev_loop_destroy(l->ev);
    munmap(l->fds, FD_COUNT * sizeof(*l->fds));
    free(l);
}

/* The next ev_run replaces the epoll set before it touches a registration; until then the parent's
 * must not be touched, and nothing here does: to stop a watcher is libev's bookkeeping alone. The
 * new eventfd and timerfd: the old ones are the parent's too, and reading one would steal its wake.
 */
int loop_fork(struct loop *l)
{
    close_kernel_objects(l);
    ev_loop_fork(l->ev);
    l->forked = true;
    return open_kernel_objects(l);
}

/* ---- watchers ---- */

void loop_io_init(struct loop_io *io, int fd, void (*cb)(struct loop_io *, int))
{
    struct watcher *w = watcher_of(io);

    io->cb = cb;
    io->fd = fd;
    io->active = false;
    ev_io_init(&w->ev, on_io, fd, 0);
    w->ev.data = io;
    w->next = NULL;
}

/* ev_io_set, not ev_io_modify: it says that the number may be another file since it was last seen,
 * and so has libev register even what it believes to be registered. One that was stopped and is
 * started within one turn pays an epoll_ctl for that; who starts and stops so often should leave it
 * active. */
void loop_io_start(struct loop *l, struct loop_io *io, int events)
{
    struct watcher *w = watcher_of(io);

    if (io->active)
        loop_io_stop(l, io);
    ev_io_set(&w->ev, io->fd, events);
    ev_io_start(l->ev, &w->ev);
    io->active = true;
    l->active++;
    fd_link(l, io);
}

void loop_io_stop(struct loop *l, struct loop_io *io)
{
    if (!io->active)
        return;
    fd_unlink(l, io);
    ev_io_stop(l->ev, &watcher_of(io)->ev);
    io->active = false;
    l->active--;
}

void loop_io_renew(struct loop *l, struct loop_io *io)
{
    if (io->active)
        loop_io_start(l, io, watcher_of(io)->ev.events & (EV_READ | EV_WRITE));
}

unsigned loop_active(const struct loop *l)
{
    return l->active;
}

unsigned loop_calls(const struct loop *l)
{
    return l->calls;
}

/* ---- polling ---- */

static void set_timer(struct loop *l, go_time at)
{
    go_time then = hostile_kernel(at);
    struct itimerspec spec = {.it_value = {then / GO_SEC, then % GO_SEC}}; /* 0 clears it */

    /* Cannot fail: descriptor and time are good. */
    sys_timerfd_settime(l->timerfd, TFD_TIMER_ABSTIME, &spec, NULL);
    l->armed = at;
}

/* Sees to it that a wait ends at `until`, and that the timer does not end it at once. False:
 * `until` has passed. */
static bool loop_arm(struct loop *l, go_time until, go_time now)
{
    if (until == GO_FOREVER) {
        if (l->armed && l->armed <= now)
            set_timer(l, 0);
        return true;
    }
    if (until <= 0)
        return false;
    if (until <= now)
        return false;
    if (!l->armed || l->armed > until || l->armed <= now)
        set_timer(l, until);
    return true;
}

#ifdef GOSLING_HOSTILE

/* Events that did not happen: at most one of each descriptor, as callbacks may stop any watcher. */
static void cry_wolf(struct loop *l)
{
    for (int fd = 0; fd < l->fds_end; fd++) {
        struct loop_io *io = l->fds[fd].watchers;

        if (io && hostile_wakes())
            io->cb(io, watcher_of(io)->ev.events & (LOOP_READ | LOOP_WRITE));
    }
}

#else
#define cry_wolf(l) ((void)0)
#endif

void loop_poll_at(struct loop *l, go_time until, go_time now)
{
    bool wait = loop_arm(l, until, now);

    /* A look that cannot find anything. A wake that came stays in the eventfd, and will end the
     * next wait. */
    if (!wait && !l->active)
        return;
    if (l->changed != END && fd_check_changed(l))
        return;
    if (hostile_wakes())
        wait = false;
    low_moves = l->forked;
    ev_run(l->ev, wait ? EVRUN_ONCE : EVRUN_NOWAIT);
    low_moves = false;
    if (hostile_wakes())
        cry_wolf(l);
}

void loop_poll(struct loop *l, go_time until)
{
    loop_poll_at(l, until, until > 0 ? clock_real() : 0);
}

/* Async-signal-safe. EAGAIN (a counter that is full) is as good as a success: it is readable. */
void loop_wake(struct loop *l)
{
    uint64_t one = 1;

    while (sys_write(l->eventfd, &one, sizeof(one)) == -EINTR)
        ;
}
