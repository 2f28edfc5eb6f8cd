/* SPDX-License-Identifier: MIT
 *
 * Readiness: all of them are go_poll. */
#include "core/sys.h"
#include "shim/kept.h"
#include "shim/shim.h"
#include "shim/threads.h"
#include "shim/wrap.h"
#include <gosling/io.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* ---- the signal mask of the p-calls: the fiber's, for as long as the call lasts ---- */

struct masked {
    const sigset_t *mask; /* NULL: as it is */
    sigset_t saved;
    bool interrupted; /* the new one has let a handler in: nothing is waited for any more */
};

static void mask_set(go_sched *s, struct masked *m, const sigset_t *mask)
{
    unsigned ran = shim_handlers_run(s);
    struct thread *t = threads_on ? thread_of(s->current) : NULL;

    if (t) { /* until its end, and that of the handlers that it lets in */
        if (mask)
            deliver_mask_until(t, (const uint64_t *)(const void *)mask);
        *m = (struct masked){.interrupted = mask && deliver_due(t)};
        return;
    }
    m->mask = mask;
    if (mask)
        shim_sigmask(s, SIG_SETMASK, mask, &m->saved);
    m->interrupted = mask && shim_handlers_run(s) != ran;
}

static long mask_reset(go_sched *s, const struct masked *m, long rc)
{
    if (m->mask)
        shim_sigmask(s, SIG_SETMASK, &m->saved, NULL);
    return rc == 0 && m->interrupted ? -EINTR : rc;
}

static go_time milliseconds(int timeout)
{
    return timeout < 0 ? -1 : timeout * GO_MS;
}

enum { KEPT = 16 }; /* of sets as small as that */

/* Of numbers that were closed under the call, the files that they were: how many are so now. */
static nfds_t take_kept(struct pollfd *fds, nfds_t n, const struct waits_on *w)
{
    nfds_t taken = 0;

    for (nfds_t i = 0; i < n; i++)
        if (fds[i].revents & POLLNVAL && kept_number(&w[i]) >= 0 &&
            fds[i].fd != kept_number(&w[i])) {
            fds[i].fd = kept_number(&w[i]);
            taken++;
        }
    return taken;
}

/* As the kernel does it: it waits for the files that the numbers were, and then looks what the
 * numbers are. */
static long poll_kept(go_sched *s, struct pollfd *fds, nfds_t n, go_time ns)
{
    go_time until = shim_until(s, ns), left;
    struct waits_on w[KEPT];
    int saved[KEPT];
    bool taken = false;
    long rc;

    for (nfds_t i = 0; i < n; i++) {
        saved[i] = fds[i].fd;
        kept_begin(s, &w[i], fds[i].fd);
    }
    for (;;) {
        left = until == GO_FOREVER ? -1 : until - sched_now(s);
        rc = SHIM_WAITS(s, SHIM_INTERRUPTS,
                        go_poll(fds, n, until == GO_FOREVER || left > 0 ? left : 0));
        if (rc > 0 && take_kept(fds, n, w) > 0)
            taken = true;
        else
            break;
    }
    for (nfds_t i = 0; i < n; i++) {
        fds[i].fd = saved[i];
        kept_end(&w[i]);
    }
    return rc > 0 && taken ? go_poll(fds, n, 0) : rc;
}

/* go_poll for at most ns, and at most `gosling run --timeout`, whose end is an error. */
static long poll_for(go_sched *s, struct pollfd *fds, nfds_t n, go_time ns)
{
    bool limited = wrap.timeout && (ns < 0 || ns > wrap.timeout);
    long rc;

    if (limited)
        ns = wrap.timeout;
    if (n > 0 && n <= KEPT && ns != 0)
        rc = poll_kept(s, fds, n, ns);
    else
        rc = SHIM_WAITS(s, SHIM_INTERRUPTS, go_poll(fds, n, ns));
    return rc == 0 && limited ? -ETIMEDOUT : rc;
}

/* ---- poll ---- */

long shim_poll(go_sched *s, struct pollfd *fds, nfds_t n, int timeout)
{
    return poll_for(s, fds, n, milliseconds(timeout));
}

long shim_ppoll(go_sched *s, struct pollfd *fds, nfds_t n, const struct timespec *timeout,
                const sigset_t *mask)
{
    struct masked m;
    go_time ns;
    long rc = shim_timespec(timeout, &ns);

    if (rc < 0)
        return rc;
    mask_set(s, &m, mask);
    return mask_reset(s, &m, poll_for(s, fds, n, m.interrupted ? 0 : ns));
}

/* ---- select ---- */

enum { WORD = 8 * sizeof(fd_mask), FEW = 64 };
#define SELECT_IN  (POLLIN | POLLRDNORM | POLLRDBAND)
#define SELECT_OUT (POLLOUT | POLLWRNORM | POLLWRBAND)

/* By words, since programs have sets larger than FD_SETSIZE. */
static bool in_set(int fd, const fd_set *set)
{
    return set && (((const fd_mask *)set)[fd / WORD] >> (fd % WORD) & 1);
}

static void set_bit(int fd, fd_set *set)
{
    ((fd_mask *)set)[fd / WORD] |= (fd_mask)((unsigned long)1 << (fd % WORD));
}

static void clear_set(int n, fd_set *set)
{
    if (set)
        memset(set, 0, ((size_t)n + WORD - 1) / WORD * sizeof(fd_mask));
}

static nfds_t to_poll(struct pollfd *fds, int n, const fd_set *in, const fd_set *out,
                      const fd_set *ex)
{
    nfds_t count = 0;

    for (int fd = 0; fd < n; fd++) {
        short events = (short)((in_set(fd, in) ? SELECT_IN : 0) |
                               (in_set(fd, out) ? SELECT_OUT : 0) | (in_set(fd, ex) ? POLLPRI : 0));

        if (events) {
            if (fds)
                fds[count] = (struct pollfd){.fd = fd, .events = events};
            count++;
        }
    }
    return count;
}

/* As the kernel's: an error is readable and writable, a hang-up readable. */
static long from_poll(const struct pollfd *fds, nfds_t count, int n, fd_set *in, fd_set *out,
                      fd_set *ex)
{
    long bits = 0;

    for (nfds_t i = 0; i < count; i++)
        if (fds[i].revents & POLLNVAL)
            return -EBADF;
    clear_set(n, in);
    clear_set(n, out);
    clear_set(n, ex);
    for (nfds_t i = 0; i < count; i++) {
        short asked = fds[i].events, came = fds[i].revents;

        if (asked & POLLIN && came & (SELECT_IN | POLLHUP | POLLERR)) {
            set_bit(fds[i].fd, in);
            bits++;
        }
        if (asked & POLLOUT && came & (SELECT_OUT | POLLERR)) {
            set_bit(fds[i].fd, out);
            bits++;
        }
        if (asked & POLLPRI && came & POLLPRI) {
            set_bit(fds[i].fd, ex);
            bits++;
        }
    }
    return bits;
}

static long select_for(go_sched *s, int n, fd_set *in, fd_set *out, fd_set *ex, go_time ns)
{
    struct pollfd few[FEW], *fds = few;
    nfds_t count;
    long rc;

    if (n < 0)
        return -EINVAL;
    count = to_poll(NULL, n, in, out, ex);
    if (count > FEW && !(fds = malloc(count * sizeof *fds)))
        return -ENOMEM;
    to_poll(fds, n, in, out, ex);
    /* POLLPRI alone also ends at a hang-up, which select does not know there: rare enough to be
     * left at an answer of none */
    rc = poll_for(s, fds, count, ns);
    if (rc >= 0)
        rc = from_poll(fds, count, n, in, out, ex);
    if (fds != few)
        free(fds);
    return rc;
}

long shim_select(go_sched *s, int n, fd_set *in, fd_set *out, fd_set *ex, struct timeval *timeout)
{
    go_time ns = -1, until, left;
    long rc;

    if (timeout) {
        if (timeout->tv_sec < 0 || timeout->tv_usec < 0)
            return -EINVAL;
        ns = timeout->tv_sec;
        ns = ns < GO_FOREVER / GO_SEC - 1 ? ns * GO_SEC + timeout->tv_usec * GO_US : GO_FOREVER - 1;
    }
    until = shim_until(s, ns);
    rc = select_for(s, n, in, out, ex, ns);
    if (timeout) { /* Linux says what is left */
        left = until - sched_now(s);
        left = left > 0 && rc != 0 ? left : 0;
        *timeout = (struct timeval){left / GO_SEC, left % GO_SEC / GO_US};
    }
    return rc;
}

long shim_pselect(go_sched *s, int n, fd_set *in, fd_set *out, fd_set *ex,
                  const struct timespec *timeout, const sigset_t *mask)
{
    struct masked m;
    go_time ns;
    long rc = shim_timespec(timeout, &ns);

    if (rc < 0)
        return rc;
    mask_set(s, &m, mask);
    return mask_reset(s, &m, select_for(s, n, in, out, ex, m.interrupted ? 0 : ns));
}

/* ---- epoll: a descriptor that is readable when it has events ---- */

static long epoll_until(go_sched *s, int fd, struct epoll_event *events, int n, go_time ns)
{
    go_time until = shim_until(s, ns), left;
    long rc = fd_checkpoint(s, fd);

    if (rc < 0)
        return rc;
    for (;;) {
        struct pollfd one = {.fd = fd, .events = POLLIN};

        rc = sys_epoll_look(fd, events, n);
        if (rc != 0 || ns == 0)
            return rc;
        left = until == GO_FOREVER ? -1 : until - sched_now(s);
        if (until != GO_FOREVER && left <= 0)
            return 0;
        rc = poll_for(s, &one, 1, left);
        if (rc <= 0)
            return rc;
        if (one.revents & POLLNVAL)
            return -EBADF;
    }
}

static long epoll_for(go_sched *s, int fd, struct epoll_event *events, int n, go_time ns,
                      const sigset_t *mask)
{
    struct masked m;

    mask_set(s, &m, mask);
    return mask_reset(s, &m, epoll_until(s, fd, events, n, m.interrupted ? 0 : ns));
}

long shim_epoll_wait(go_sched *s, int fd, struct epoll_event *events, int n, int timeout)
{
    return epoll_for(s, fd, events, n, milliseconds(timeout), NULL);
}

long shim_epoll_pwait(go_sched *s, int fd, struct epoll_event *events, int n, int timeout,
                      const sigset_t *mask)
{
    return epoll_for(s, fd, events, n, milliseconds(timeout), mask);
}

long shim_epoll_pwait2(go_sched *s, int fd, struct epoll_event *events, int n,
                       const struct timespec *timeout, const sigset_t *mask)
{
    go_time ns;
    int rc = shim_timespec(timeout, &ns);

    return rc < 0 ? rc : epoll_for(s, fd, events, n, ns, mask);
}
