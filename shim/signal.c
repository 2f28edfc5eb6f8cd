/* SPDX-License-Identifier: MIT
 *
 * Waiting for signals that the program has blocked: a signalfd is readable when one of them is
 * pending for this thread or the process, and the original then takes it at once. */
#include "core/scope.h"
#include "shim/shim.h"
#include <gosling/fiber.h>
#include <gosling/io.h>
#include <sys/signalfd.h>

static long take(const sigset_t *set, siginfo_t *info)
{
    static const struct timespec now;

    return SYS4(SYS_rt_sigtimedwait, set, info, &now, _NSIG / 8);
}

static long wait_for(go_sched *s, const sigset_t *set, siginfo_t *info, go_time ns)
{
    go_time until = shim_until(s, ns);
    long rc = checkpoint(s);
    int fd;

    if (rc < 0)
        return rc;
    rc = take(set, info);
    if (rc != -EAGAIN || ns == 0)
        return rc;
    fd = signalfd(-1, set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (fd < 0)
        return -errno;
    do {
        struct pollfd one = {.fd = fd, .events = POLLIN};
        go_time left = until == GO_FOREVER ? -1 : until - sched_now(s);

        rc = SHIM_WAITS(s, SHIM_INTERRUPTS,
                        go_poll(&one, 1, until == GO_FOREVER || left > 0 ? left : 0));
        if (rc >= 0)
            rc = rc == 0 ? -EAGAIN : take(set, info);
        if (rc == -EAGAIN && until != GO_FOREVER && sched_now(s) >= until)
            break;
    } while (rc == -EAGAIN);
    go_close(fd);
    return rc;
}

long shim_sigtimedwait(go_sched *s, const sigset_t *set, siginfo_t *info,
                       const struct timespec *timeout)
{
    go_time ns;
    int rc = shim_timespec(timeout, &ns);

    return rc < 0 ? rc : wait_for(s, set, info, ns);
}

long shim_sigwaitinfo(go_sched *s, const sigset_t *set, siginfo_t *info)
{
    return wait_for(s, set, info, -1);
}

int shim_sigwait(go_sched *s, const sigset_t *set, int *sig)
{
    long rc = wait_for(s, set, NULL, -1);

    if (rc < 0)
        return (int)-rc;
    *sig = (int)rc;
    return 0;
}

/* ---- until some handler has run ---- */

static void nothing(struct wait *w)
{
    (void)w;
}

static void any_describe(const struct wait *w, FILE *out)
{
    (void)w;
    fputs("a signal", out);
}

static const struct waitable any = {.name = "signal", .disarm = nothing, .describe = any_describe};

static long wait_for_any(go_sched *s)
{
    struct wait w = {.ops = &any};
    long rc = checkpoint(s);

    if (rc < 0)
        return rc;
    return SHIM_WAITS(s, SHIM_INTERRUPTS,
                      wait_park(&w, 1, WAIT_CANCEL | WAIT_OUTSIDE | PARK_SLEEP, GO_FOREVER));
}

long shim_pause(go_sched *s)
{
    return wait_for_any(s);
}

long shim_sigsuspend(go_sched *s, const sigset_t *mask)
{
    unsigned ran = shim_handlers_run(s);
    sigset_t saved;
    long rc;

    shim_sigmask(s, SIG_SETMASK, mask, &saved);
    rc = shim_handlers_run(s) != ran ? -EINTR : wait_for_any(s);
    shim_sigmask(s, SIG_SETMASK, &saved, NULL);
    return rc;
}

long shim_sigpause(go_sched *s, int sig)
{
    sigset_t mask;

    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    if (sigdelset(&mask, sig) < 0)
        return -EINVAL;
    return shim_sigsuspend(s, &mask);
}
