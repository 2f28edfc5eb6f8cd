/* SPDX-License-Identifier: MIT
 *
 * Sleeping, as go_sleep. A cancelled sleep says what was left of it. */
#include "core/sys.h"
#include "shim/shim.h"
#include <gosling/fiber.h>
#include <gosling/time.h>
#include <threads.h>

void shim_left(go_sched *s, go_time until, struct timespec *left)
{
    go_time ns = until - sched_now(s);

    if (left && until != GO_FOREVER) {
        ns = ns > 0 ? ns : 0;
        *left = (struct timespec){ns / GO_SEC, ns % GO_SEC};
    }
}

long shim_nanosleep(go_sched *s, const struct timespec *want, struct timespec *left)
{
    go_time ns, until;
    long rc;

    if (!want)
        return -EFAULT;
    rc = shim_timespec(want, &ns);
    if (rc < 0)
        return rc;
    until = shim_until(s, ns);
    rc = SHIM_WAITS(s, SHIM_INTERRUPTS, go_sleep_until(until));
    if (rc < 0)
        shim_left(s, until, left);
    return rc;
}

unsigned shim_sleep(go_sched *s, unsigned seconds)
{
    go_time until = shim_until(s, seconds * GO_SEC), left;
    int rc = (int)SHIM_WAITS(s, SHIM_INTERRUPTS, go_sleep_until(until));

    if (rc >= 0)
        return 0;
    left = until - sched_now(s);
    errno = -rc;
    return left > 0 ? (unsigned)(left / GO_SEC) : 0; /* as glibc: whole ones */
}

long shim_usleep(go_sched *s, useconds_t us)
{
    return SHIM_WAITS(s, SHIM_INTERRUPTS, go_sleep(us * GO_US));
}

/* The kernel's rules: an absolute time in the past is no sleep; of an absolute sleep nothing is
 * left. Clocks that do not count time passing are the kernel's to know. */
/* The process's CPU time passes while this waits, by what other fibers do, and no faster than time
 * does. The kernel would wait for it on the only thread that they have. */
static int sleep_by_cpu(go_sched *s, go_time ns, bool at)
{
    struct timespec now;
    go_time until = 0, left;
    long rc = 0;

    do {
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
        left = now.tv_sec * GO_SEC + now.tv_nsec;
        if (!until)
            until = at ? ns : left + ns;
        left = until - left;
        if (left > 0)
            rc = SHIM_WAITS(s, SHIM_INTERRUPTS, go_sleep(left));
    } while (rc >= 0 && left > 0);
    return (int)-rc;
}

int shim_clock_nanosleep(go_sched *s, clockid_t clock, int flags, const struct timespec *want,
                         struct timespec *left)
{
    struct timespec now;
    go_time ns, at;
    int rc;

    /* -6: the same, of the process 0, as libc has it */
    if ((clock == CLOCK_PROCESS_CPUTIME_ID || clock == -6) && threads_on && want) {
        rc = shim_timespec(want, &ns);
        return rc < 0 ? -rc : ns < 0 ? EINVAL : sleep_by_cpu(s, ns, flags & TIMER_ABSTIME);
    }
    if (clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC && clock != CLOCK_BOOTTIME &&
        clock != CLOCK_TAI)
        return (int)-SYS4(SYS_clock_nanosleep, clock, flags, want, left);
    if (!want)
        return EFAULT;
    rc = shim_timespec(want, &ns);
    if (rc < 0)
        return -rc;
    if (!(flags & TIMER_ABSTIME))
        return (int)-shim_nanosleep(s, want, left);
    clock_gettime(clock, &now);
    at = now.tv_sec * GO_SEC + now.tv_nsec;
    return (int)-SHIM_WAITS(s, SHIM_INTERRUPTS,
                            go_sleep(ns < 0    ? GO_FOREVER
                                     : ns > at ? ns - at
                                               : 0));
}

/* C11: -1 for an interruption, another negative number for an error. */
int shim_thrd_sleep(go_sched *s, const struct timespec *want, struct timespec *left)
{
    long rc = shim_nanosleep(s, want, left);

    return rc == 0 ? 0 : rc == -ECANCELED || rc == -EINTR ? -1 : -2;
}

long shim_yield(go_sched *s)
{
    (void)s;
    go_checkpoint_shielded();
    return 0;
}

void shim_thrd_yield(go_sched *s)
{
    shim_yield(s);
}
