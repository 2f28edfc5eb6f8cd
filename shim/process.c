/* SPDX-License-Identifier: MIT
 *
 * Waiting for child processes. For one child there is a pidfd, which is readable when it has ended;
 * for whichever of several comes first, and for stops and continues, nothing is: there it is looked
 * at, ever less often, as where the kernel has no pidfds. */
#include "core/scope.h"
#include "shim/shim.h"
#include <gosling/fiber.h>
#include <gosling/io.h>

struct waiting {
    int what; /* P_PID, … */
    int id;
    int options; /* of waitid */
    go_time look;
    int pidfd; /* -1: not asked for; -2: none */
};

/* Until it may be worth to look again: 0 or -errno. */
static int wait_a_while(go_sched *s, struct waiting *w)
{
    int rc;

    if (w->pidfd == -1)
        w->pidfd = w->what == P_PID && !(w->options & (WSTOPPED | WCONTINUED))
                       ? sys_pidfd_open(w->id, 0)
                       : -2;
    if (w->pidfd >= 0) {
        rc = (int)SHIM_WAITS(s, SHIM_RESTARTS, go_wait_fd(w->pidfd, POLLIN));
        return rc < 0 ? rc : 0;
    }
    return (int)shim_again(s, &w->look, GO_FOREVER, SHIM_RESTARTS);
}

/* waitid's options from waitpid's, where WUNTRACED is WSTOPPED and an end is always waited for. */
static long wait_with(go_sched *s, pid_t pid, int *status, int options, struct rusage *usage)
{
    struct waiting w = {.what = pid > 0 ? P_PID : P_ALL,
                        .id = pid,
                        .options = options & (WUNTRACED | WCONTINUED),
                        .pidfd = -1};
    long rc = checkpoint(s);

    while (rc == 0 || rc == -EINTR) {
        long interrupted = rc;

        rc = SYS4(SYS_wait4, pid, status, options | WNOHANG, usage);
        if (rc != 0 || options & WNOHANG)
            break;
        if (interrupted < 0) { /* by another signal than a child's end */
            rc = interrupted;
            break;
        }
        rc = wait_a_while(s, &w);
    }
    if (w.pidfd >= 0)
        go_close(w.pidfd);
    return rc;
}

long shim_wait4(go_sched *s, pid_t pid, int *status, int options, struct rusage *usage)
{
    return wait_with(s, pid, status, options, usage);
}

long shim_waitpid(go_sched *s, pid_t pid, int *status, int options)
{
    return wait_with(s, pid, status, options, NULL);
}

long shim_wait3(go_sched *s, int *status, int options, struct rusage *usage)
{
    return wait_with(s, -1, status, options, usage);
}

long shim_wait(go_sched *s, int *status)
{
    return wait_with(s, -1, status, 0, NULL);
}

/* Nothing yet is told from an end by si_pid. */
long shim_waitid(go_sched *s, idtype_t what, id_t id, siginfo_t *info, int options)
{
    struct waiting w = {.what = (int)what, .id = (int)id, .options = options, .pidfd = -1};
    siginfo_t came;
    long rc = checkpoint(s);

    while (rc == 0 || rc == -EINTR) {
        long interrupted = rc;

        came.si_pid = 0;
        rc = sys_waitid((int)what, (int)id, &came, options | WNOHANG);
        if (rc < 0 || came.si_pid || options & WNOHANG)
            break;
        if (interrupted < 0) {
            rc = interrupted;
            break;
        }
        rc = wait_a_while(s, &w);
    }
    if (w.pidfd >= 0)
        go_close(w.pidfd);
    if (rc == 0 && info)
        *info = came;
    return rc;
}
