/* SPDX-License-Identifier: MIT
 *
 * The end of a process: waiting for it, bringing it about. */
#include "net/process.h"
#include "core/sys.h"
#include "net/reaper.h"
#include <gosling/fiber.h>
#include <gosling/io.h>
#include <gosling/scope.h>
#include <sys/wait.h>

enum { BY_PIDFD = 3 }; /* P_PIDFD, which older headers do not have */

static void exit_fd_close(go_process *p)
{
    if (p->exit_fd < 0)
        return;
    reaper_forget(p->exit_fd);
    go_close(p->exit_fd);
    p->exit_fd = -1;
}

static int status_of(const siginfo_t *info)
{
    if (info->si_code == CLD_EXITED)
        return (info->si_status & 0xff) << 8;
    return info->si_status | (info->si_code == CLD_DUMPED ? 0x80 : 0);
}

/* Reaps p: whether there was something to reap. By the pidfd, as far as there are any: its number
 * may be another process's if somebody else has reaped it. */
static bool reap(go_process *p, int flags)
{
    siginfo_t info;
    int rc;

    do {
        info.si_pid = 0;
        rc = sys_waitid(BY_PIDFD, p->exit_fd, &info, WEXITED | flags);
        if (rc == -EINVAL || rc == -EBADF) /* an eventfd, or Linux 5.3 */
            rc = sys_waitid(P_PID, p->pid, &info, WEXITED | flags);
    } while (rc == -EINTR);
    if (rc == 0 && info.si_pid == 0)
        return false;
    p->phase = PROCESS_ENDED;
    p->status = rc < 0 ? 0 : status_of(&info);
    p->lost = rc;
    exit_fd_close(p);
    return true;
}

bool process_ended(go_process *p)
{
    return p->phase != PROCESS_STARTED || reap(p, WNOHANG);
}

void process_end_now(go_process *p)
{
    go_process_kill(p, SIGKILL);
    if (p->phase == PROCESS_STARTED)
        reap(p, 0);
}

static int outcome(const go_process *p, int *status)
{
    if (p->phase == PROCESS_NONE)
        return -EINVAL;
    if (p->lost == 0 && status)
        *status = p->status;
    return p->lost;
}

int go_process_wait(go_process *p, int *status)
{
    int rc = go_checkpoint();

    if (rc < 0)
        return rc;
    while (!process_ended(p)) {
        rc = go_wait_fd(p->exit_fd, POLLIN);
        if (rc < 0 && p->phase == PROCESS_STARTED) /* else it was closed: somebody has reaped it */
            return rc;
    }
    return outcome(p, status);
}

int go_process_kill(go_process *p, int sig)
{
    int rc;

    if (p->phase != PROCESS_STARTED)
        return -ESRCH;
    rc = sys_pidfd_send_signal(p->exit_fd, sig);
    /* It is ours to reap, and not reaped: the number is still its own. */
    if (rc == -ENOSYS || rc == -EBADF || (rc == -EPERM && sig == 0))
        rc = (int)SYS2(SYS_kill, p->pid, sig);
    return rc;
}

int go_process_stop(go_process *p, int *status)
{
    int rc;

    if (process_ended(p))
        return outcome(p, status);
    GO_SHIELD(GO_FOREVER) {
        if (p->grace > 0) {
            go_process_kill(p, SIGTERM);
            GO_TIMEOUT(p->grace, rc) {
                rc = go_process_wait(p, NULL);
            }
        }
        go_process_kill(p, SIGKILL);
        rc = go_process_wait(p, NULL);
        if (p->phase == PROCESS_STARTED)
            process_end_now(p);
    }
    return outcome(p, status);
}
