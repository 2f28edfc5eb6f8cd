/* SPDX-License-Identifier: MIT
 *
 * go_poll and go_wait_fd: poll(2) says what is ready, we only wait in between. Waits are placed on
 * the records of all descriptors; the first event ends all of them, and poll(2) is asked again.
 *
 * The loop knows two events, readable and writable. What else poll(2) can wait for (urgent data, a
 * half-closed peer, errors alone) goes through an epoll set made for this one call, which is itself
 * a descriptor that becomes readable. */
#include "core/scope.h"
#include "core/low.h"
#include "core/sys.h"
#include "net/fd.h"
#include <gosling/io.h>
#include <stdlib.h>
#include <sys/epoll.h>

enum { FEW = 32 };

struct poll {
    go_sched *sched;
    struct pollfd *fds;
    nfds_t n;
    struct wait *waits; /* room for n + 1 */
    unsigned count;
    int epfd;      /* for rare events, or -1 */
    bool gone;     /* a descriptor was found closed while arming */
    bool was_gone; /* the time before, too */
};

static void poll_describe(const struct wait *w, FILE *out)
{
    if (w->fiber->nwaits > 1)
        fprintf(out, "%u fds (poll), such as ", w->fiber->nwaits);
    fprintf(out, "fd %d for events 0x%x", (int)w->arg, (unsigned)(uint16_t)(w->arg >> 32));
}

static const struct waitable poll_waitable = {.name = "poll", .describe = poll_describe};

static int poll_now(const struct poll *p)
{
    int rc;

    do
        rc = sys_poll(p->fds, (unsigned)p->n, 0);
    while (rc == -EINTR);
    return rc;
}

/* ---- rare events ---- */

static int rare_add(struct poll *p, int fd, short events)
{
    struct epoll_event e = {.events = (uint16_t)events};
    int rc;

    if (p->epfd < 0) {
        p->epfd = low_move(sys_epoll_create(EPOLL_CLOEXEC));
        if (p->epfd < 0)
            return p->epfd;
        fd_created(p->epfd, FD_OTHER);
    }
    rc = sys_epoll_ctl(p->epfd, EPOLL_CTL_ADD, fd, &e);
    if (rc == -EPERM)
        return 0; /* a file, which is always ready for what it knows, and never for this */
    if (rc != -EEXIST)
        return rc;
    for (nfds_t i = 0; i < p->n; i++) /* the same descriptor again: all that anybody wants of it */
        if (p->fds[i].fd == fd)
            e.events |= (uint16_t)p->fds[i].events;
    return sys_epoll_ctl(p->epfd, EPOLL_CTL_MOD, fd, &e);
}

/* ---- waiting ---- */

/* One wait. What it remembers in `mark`: whose it is, and of which binding. */
static int arm_one(struct poll *p, int fd, short events, nfds_t which)
{
    struct wait *w = &p->waits[p->count];
    struct fd *r;
    int rc = fd_get(p->sched, fd, &r);

    *w =
        (struct wait){.ops = &poll_waitable, .arg = (uint32_t)fd | (int64_t)(uint16_t)events << 32};
    if (rc == 0 && !fd_directions(events))
        rc = rare_add(p, fd, events);
    if (rc == 0)
        rc = fd_poll_arm(p->sched, w, r);
    if (rc < 0)
        return rc == -EPERM ? 0 : rc;
    w->mark = (uint64_t)r->binding << 32 | (uint32_t)which;
    p->count++;
    return 0;
}

static void disarm_all(struct poll *p)
{
    while (p->count > 0)
        list_remove(&p->waits[--p->count].link);
}

static int arm_all(struct poll *p)
{
    int rc = 0;

    p->count = 0;
    p->gone = false;
    for (nfds_t i = 0; rc == 0 && i < p->n; i++) {
        if (p->fds[i].fd < 0)
            continue;
        rc = arm_one(p, p->fds[i].fd, p->fds[i].events, i);
        if (rc == -EBADF) { /* closed by another thread since poll(2) has seen it */
            p->gone = true;
            rc = 0;
        }
    }
    if (rc == 0 && p->epfd >= 0)
        rc = arm_one(p, p->epfd, POLLIN, p->n);
    if (rc < 0)
        disarm_all(p);
    return rc;
}

/* What was closed while we waited is POLLNVAL, also if its number is another file by now, and has
 * events. */
static int mark_closed(struct poll *p, int ready)
{
    for (unsigned k = 0; k < p->count; k++) {
        uint64_t mark = p->waits[k].mark;
        struct fd *r = p->waits[k].object;
        struct pollfd *f;

        if ((uint32_t)mark >= p->n)
            continue;
        f = &p->fds[(uint32_t)mark];
        if (f->revents && !fd_certain(r) && r->binding == (uint32_t)(mark >> 32))
            fd_verify(p->sched, r);
        if (r->binding == (uint32_t)(mark >> 32))
            continue;
        ready += f->revents == 0;
        f->revents = POLLNVAL;
    }
    return ready;
}

static int wait_for_events(struct poll *p, go_time until)
{
    int rc = arm_all(p);

    if (rc < 0)
        return rc;
    if (p->gone) {
        disarm_all(p);
        rc = poll_now(p);
        if (rc == 0 && p->was_gone)
            return -EBADF; /* it is open, and yet cannot be waited on: our own epoll set was closed
                              underfoot */
        p->was_gone = true;
        return rc;
    }
    rc =
        wait_park(p->waits, p->count, WAIT_CANCEL | PARK_FD | (p->count ? WAIT_OUTSIDE : 0), until);
    if (rc < 0)
        return rc;
    if (p->waits[rc].result < 0 && p->waits[rc].result != -EBADF)
        return p->waits[rc].result;
    return mark_closed(p, poll_now(p));
}

static int wait_until(struct poll *p, go_time until)
{
    int rc;

    do
        rc = wait_for_events(p, until);
    while (rc == 0);
    if (p->epfd >= 0)
        go_close(p->epfd);
    return rc == -ETIMEDOUT ? 0 : rc;
}

int go_poll(struct pollfd *fds, nfds_t n, go_time timeout)
{
    struct poll p = {.sched = sched_self(), .fds = fds, .n = n, .epfd = -1};
    struct wait few[FEW + 1];
    go_time until = GO_FOREVER, now;
    int rc = checkpoint(p.sched);

    if (rc < 0)
        return rc;
    if (n > INT32_MAX)
        return -EINVAL;
    rc = poll_now(&p);
    if (rc != 0 || timeout == 0)
        return rc;
    if (timeout > 0 && timeout != GO_FOREVER) {
        now = sched_now(p.sched);
        until = timeout < GO_FOREVER - now ? now + timeout : GO_FOREVER;
    }
    p.waits = n <= FEW ? few : malloc((n + 1) * sizeof *p.waits);
    if (!p.waits)
        return -ENOMEM;
    rc = wait_until(&p, until);
    if (p.waits != few)
        free(p.waits);
    return rc;
}

int go_wait_fd(int fd, short events)
{
    struct pollfd one = {.fd = fd, .events = events};
    struct wait two[2];
    struct poll p = {.sched = sched_self(), .fds = &one, .n = 1, .waits = two, .epfd = -1};
    int rc = checkpoint(p.sched);

    if (rc < 0)
        return rc;
    if (fd < 0)
        return -EBADF;
    rc = poll_now(&p);
    if (rc == 0)
        rc = wait_until(&p, GO_FOREVER);
    if (rc < 0)
        return rc;
    return one.revents & POLLNVAL ? -EBADF : one.revents;
}
