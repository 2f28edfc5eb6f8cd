/* SPDX-License-Identifier: MIT
 *
 * Waiting for signals that the program has blocked: a signalfd is readable when one of them is
 * pending for this thread or the process, and the original then takes it at once. */
#include "core/scope.h"
#include "shim/shim.h"
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

        rc = go_poll(&one, 1, until == GO_FOREVER || left > 0 ? left : 0);
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
