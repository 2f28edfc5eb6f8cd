/* SPDX-License-Identifier: MIT
 *
 * Waiting for a descriptor: starting its watchers, the events that come, who wakes. fd.c's essay
 * says why so. */
#include "core/sys.h"
#include "net/fd.h"

#define FD_TICK GO_SEC

/* ---- events ---- */

/* Wakes the pollers that dir concerns. Each win takes the fiber's other waits off their lists,
 * which may be this one: so the list is emptied first, and those who stay are put back. */
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

        if (rc == 0 && w->ops == fd_waitable())
            rc = fd_ready(r->number, events);
        if (!(fd_directions(events) & dir) || (rc == 0 && w->ops == fd_waitable())) {
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

    if (unlikely(!r->watch[i].active)) { /* the loop gave it up: closed underfoot, or the kernel has
                                            no room for more */
        int why = sys_fcntl(r->number, F_GETFD, 0) < 0 ? -EBADF : -ENOMEM;

        fd_wake(&r->waiters[i], why);
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
    else if (!numbers_seen && (!tried || !r->known || !fd_ours(r)))
        rc = fd_verify(s, r);
    if (rc < 0 || r->binding != binding)
        return rc;
    if (r->kind == FD_FILE)
        return -EPERM;
    if (io->active) {
        if (!fd_is_socket(r))
            loop_io_renew(s->loop, io);
        return 0;
    }
    loop_io_init(io, r->number, dir == LOOP_READ ? on_read : on_write);
    loop_io_start(s->loop, io, (int)dir);
    sched_look_soon(s);
    r->fresh = true; /* the loop registers it in its next turn, whatever the number is then */
    return 0;
}

static void io_describe(const struct wait *w, FILE *out)
{
    fprintf(out, "fd %d to be %s", (int)w->arg,
            w->arg >> 32 == LOOP_READ ? "readable" : "writable");
}

static const struct waitable io_waitable = {.name = "fd", .describe = io_describe};

int fd_wait(struct fd *r, unsigned dir, unsigned how, go_time until)
{
    struct wait w = {.ops = &io_waitable, .object = r, .arg = r->number | (int64_t)dir << 32};
    int rc;

    list_push(&r->waiters[dir - 1], &w.link);
    rc = wait_park(&w, 1, how | WAIT_OUTSIDE | PARK_FD, until);
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

static bool anybody_waits(const struct fd *r)
{
    return !list_empty(&r->waiters[0]) || !list_empty(&r->waiters[1]) || !list_empty(&r->pollers);
}

void fd_doubt(struct fd_table *t, struct fd *r)
{
    if (!t->has_timer || numbers_seen)
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
void fd_tick(struct timer *timer)
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
