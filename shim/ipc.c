/* SPDX-License-Identifier: MIT
 *
 * System V queues and semaphores, of which nothing tells when they are ready: they are asked again.
 * POSIX queues are descriptors, which poll knows. */
#include "core/scope.h"
#include "shim/shim.h"
#include <gosling/fiber.h>
#include <gosling/io.h>
#include <sys/ipc.h>
#include <sys/msg.h>

long shim_msgrcv(go_sched *s, int id, void *msg, size_t n, long type, int flags)
{
    go_time pause = 0;
    long rc = checkpoint(s);

    while (rc == 0) {
        rc = SYS5(SYS_msgrcv, id, msg, n, type, flags | IPC_NOWAIT);
        if (rc != -ENOMSG || flags & IPC_NOWAIT)
            return rc;
        rc = shim_again(s, &pause, GO_FOREVER, SHIM_INTERRUPTS);
    }
    return rc;
}

long shim_msgsnd(go_sched *s, int id, const void *msg, size_t n, int flags)
{
    go_time pause = 0;
    long rc = checkpoint(s);

    while (rc == 0) {
        rc = SYS4(SYS_msgsnd, id, msg, n, flags | IPC_NOWAIT);
        if (rc != -EAGAIN || flags & IPC_NOWAIT)
            return rc;
        rc = shim_again(s, &pause, GO_FOREVER, SHIM_INTERRUPTS);
    }
    return rc;
}

#ifndef SYS_semtimedop /* i386 had none of its own before the times of 64 bits */
#define SYS_semtimedop SYS_semtimedop_time64
#endif

/* Once without waiting: all of them have IPC_NOWAIT then, and those that had it before say that
 * waiting is not wanted where one of them is why. That one is not told; so the whole waits only if
 * none had it. */
static long semop_until(go_sched *s, int id, struct sembuf *ops, size_t n, go_time until)
{
    struct sembuf now[500]; /* the kernel's limit, SEMOPM */
    go_time pause = 0;
    bool waits = true;
    long rc = checkpoint(s);

    if (n > sizeof now / sizeof *now)
        return -E2BIG;
    for (size_t i = 0; i < n; i++) {
        now[i] = ops[i];
        waits = waits && !(ops[i].sem_flg & IPC_NOWAIT);
        now[i].sem_flg |= IPC_NOWAIT;
    }
    while (rc == 0) {
        rc = SYS4(SYS_semtimedop, id, now, n, NULL);
        if (rc != -EAGAIN || !waits)
            return rc;
        rc = shim_again(s, &pause, until, SHIM_INTERRUPTS);
    }
    return rc;
}

long shim_semop(go_sched *s, int id, struct sembuf *ops, size_t n)
{
    return semop_until(s, id, ops, n, GO_FOREVER);
}

long shim_semtimedop(go_sched *s, int id, struct sembuf *ops, size_t n,
                     const struct timespec *timeout)
{
    go_time ns;
    int rc = shim_timespec(timeout, &ns);

    return rc < 0 ? rc : semop_until(s, id, ops, n, shim_until(s, ns));
}

/* ---- POSIX queues ---- */

/* until, by the real-time clock, as the time that is left; < 0: for ever. */
static int real_until(const struct timespec *until, go_time *ns)
{
    struct timespec now;
    int rc = shim_timespec(until, ns);

    if (rc < 0 || *ns < 0)
        return rc;
    clock_gettime(CLOCK_REALTIME, &now);
    *ns -= now.tv_sec * GO_SEC + now.tv_nsec;
    if (*ns < 0)
        *ns = 0;
    return 0;
}

/* Waits until the queue may be ready; -ETIMEDOUT. */
static long queue_wait(go_sched *s, mqd_t q, short events, go_time ns)
{
    struct pollfd one = {.fd = q, .events = events};
    long rc = SHIM_WAITS(s, ns < 0 ? SHIM_RESTARTS : SHIM_INTERRUPTS, go_poll(&one, 1, ns));

    return rc < 0 ? rc : rc == 0 ? -ETIMEDOUT : 0;
}

static bool may_wait(mqd_t q)
{
    int flags = sys_fcntl(q, F_GETFL, 0);

    return flags >= 0 && !(flags & O_NONBLOCK);
}

static const struct timespec past = {0, 0};

long shim_mq_timedreceive(go_sched *s, mqd_t q, char *buf, size_t n, unsigned *prio,
                          const struct timespec *until)
{
    long rc = checkpoint(s);
    go_time ns;

    while (rc == 0) {
        rc = SYS5(SYS_mq_timedreceive, q, buf, n, prio, &past);
        if (rc != -ETIMEDOUT || !may_wait(q))
            return rc;
        rc = real_until(until, &ns);
        if (rc == 0)
            rc = queue_wait(s, q, POLLIN, ns);
    }
    return rc;
}

long shim_mq_receive(go_sched *s, mqd_t q, char *buf, size_t n, unsigned *prio)
{
    return shim_mq_timedreceive(s, q, buf, n, prio, NULL);
}

long shim_mq_timedsend(go_sched *s, mqd_t q, const char *buf, size_t n, unsigned prio,
                       const struct timespec *until)
{
    long rc = checkpoint(s);
    go_time ns;

    while (rc == 0) {
        rc = SYS5(SYS_mq_timedsend, q, buf, n, prio, &past);
        if (rc != -ETIMEDOUT || !may_wait(q))
            return rc;
        rc = real_until(until, &ns);
        if (rc == 0)
            rc = queue_wait(s, q, POLLOUT, ns);
    }
    return rc;
}

long shim_mq_send(go_sched *s, mqd_t q, const char *buf, size_t n, unsigned prio)
{
    return shim_mq_timedsend(s, q, buf, n, prio, NULL);
}
