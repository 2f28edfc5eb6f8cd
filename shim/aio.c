/* SPDX-License-Identifier: MIT
 *
 * Asynchronous I/O of the kernel's that the program uses itself. io_uring: what it submits goes to
 * the kernel at once; what it waits for is waited for by its fiber. A ring is readable when there
 * is a completion; for several the kernel is asked, with no time, whether they are there. */
#include "core/sys.h"
#include "shim/aio.h"
#include "shim/shim.h"
#include <gosling/io.h>
#include <linux/io_uring.h>

#ifndef IORING_ENTER_EXT_ARG
#define IORING_ENTER_EXT_ARG 8
#endif

#ifndef IORING_SETUP_SINGLE_ISSUER /* without which the next is refused */
#define IORING_SETUP_SINGLE_ISSUER (1u << 12)
#endif
#ifndef IORING_SETUP_DEFER_TASKRUN
#define IORING_SETUP_DEFER_TASKRUN (1u << 13)
#endif
#ifndef IORING_SETUP_COOP_TASKRUN
#define IORING_SETUP_COOP_TASKRUN (1u << 8)
#endif

/* io_uring_getevents_arg and its time, as older headers do not have them. */
struct extended {
    uint64_t mask;
    uint32_t mask_size, pad;
    uint64_t time;
};

static long enter(const struct site_registers *r, unsigned submit, unsigned want, unsigned flags,
                  const struct extended *e)
{
    return SYS6(SYS_io_uring_enter, r->a[0], submit, want, flags, e, e ? sizeof *e : 0);
}

/* Until when the program would wait, by its own extended argument. */
static int until_of(go_sched *s, const struct site_registers *r, go_time *until)
{
    const struct extended *e = (const struct extended *)r->a[4];
    go_time ns = -1;
    int rc = 0;

    if ((unsigned)r->a[3] & IORING_ENTER_EXT_ARG && e && e->time)
        rc = shim_timespec((const struct timespec *)(uintptr_t)e->time, &ns);
    *until = shim_until(s, ns);
    return rc;
}

/* The older interface tells nobody when something is done. */
long shim_aio_events(go_sched *s, const struct site_registers *r)
{
    static const struct timespec none;
    long want = r->a[1], got = 0, rc;
    go_time ns, until, pause = 0;

    rc = shim_timespec((const struct timespec *)r->a[4], &ns);
    if (rc < 0)
        return rc;
    until = shim_until(s, ns);
    for (;;) {
        /* 32 bytes each: struct io_event */
        rc = SYS5(r->nr, r->a[0], 0, r->a[2] - got, r->a[3] + got * 32, &none);
        if (rc > 0)
            got += rc;
        if (rc < 0 || got >= want)
            break;
        rc = shim_again(s, &pause, until, SHIM_INTERRUPTS);
        if (rc < 0)
            break;
    }
    return got > 0 || rc == -EAGAIN ? got : rc;
}

/* A ring whose completions are left to who waits for them in the kernel is not readable before
 * that: here they come at any call. The program is told nothing of it: it is all the same to it. */
long shim_ring_setup(const struct site_registers *r)
{
    struct io_uring_params *p = PTR(1);
    unsigned asked = p ? p->flags : 0;
    long rc;

    if (!(asked & IORING_SETUP_DEFER_TASKRUN) || !(asked & IORING_SETUP_SINGLE_ISSUER))
        return site_pass(r);
    p->flags = (asked & ~IORING_SETUP_DEFER_TASKRUN) | IORING_SETUP_COOP_TASKRUN;
    rc = site_pass(r);
    p->flags = asked;
    return rc;
}

long shim_ring_enter(go_sched *s, const struct site_registers *r)
{
    static const struct timespec none = {0, 1};
    const struct extended at_once = {.time = (uintptr_t)&none};
    unsigned submit = (unsigned)r->a[1], want = (unsigned)r->a[2], flags = (unsigned)r->a[3];
    go_time until, pause = 0;
    long submitted, rc;

    if (!(flags & IORING_ENTER_GETEVENTS) || want == 0)
        return site_pass(r);
    rc = until_of(s, r, &until);
    if (rc < 0)
        return rc;
    flags &= ~(unsigned)IORING_ENTER_EXT_ARG;
    submitted = submit ? enter(r, submit, 0, flags & ~(unsigned)IORING_ENTER_GETEVENTS, NULL) : 0;
    if (submitted < 0 || (unsigned)submitted < submit)
        return submitted;
    for (;;) {
        struct pollfd one = {.fd = (int)r->a[0], .events = POLLIN};
        go_time left = until == GO_FOREVER ? -1 : until - sched_now(s);

        rc = enter(r, 0, want, flags | IORING_ENTER_EXT_ARG, &at_once);
        if (rc != -ETIME && rc != -EINTR)
            break;
        if (until != GO_FOREVER && left <= 0)
            break;
        if (want > 1 && go_poll(&one, 1, 0) > 0) { /* some, and not enough: readable all the time */
            rc = shim_again(s, &pause, until, SHIM_INTERRUPTS);
            if (rc == -EAGAIN)
                rc = -ETIME;
        } else {
            rc = SHIM_WAITS(s, SHIM_INTERRUPTS, go_poll(&one, 1, left));
        }
        if (rc < 0)
            break;
    }
    return rc < 0 && submitted > 0 ? submitted : rc < 0 ? rc : submitted;
}
