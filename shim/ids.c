/* SPDX-License-Identifier: MIT
 *
 * Calls that name a thread by its id. The kernel knows only the carrier: it is asked about that one
 * instead; what is set, and would be a single thread's, is remembered and told again. */
#include "core/sys.h"
#include "shim/memory.h"
#include "shim/threads.h"
#include <linux/prctl.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#ifdef SHIM_CLONE

/* ---- timers whose signals are for one thread ---- */

static struct aimed {
    struct aimed *next;
    int timer, tid;
} * aimed;

struct thread *ids_timer_thread(int timer)
{
    for (const struct aimed *a = aimed; a; a = a->next)
        if (a->timer == timer)
            return thread_by_id(a->tid);
    return NULL;
}

static long make_timer(const struct site_registers *r)
{
    const struct sigevent *e = (const struct sigevent *)r->a[1];
    struct sigevent mine;
    struct aimed *a;
    long rc;

    if (!e || e->sigev_notify != SIGEV_THREAD_ID || !thread_by_id(e->_sigev_un._tid))
        return site_pass(r);
    a = memory_get(sizeof *a);
    if (!a)
        return -EAGAIN;
    mine = *e;
    mine._sigev_un._tid = sys_gettid();
    rc = SYS3(r->nr, r->a[0], &mine, r->a[2]);
    if (rc < 0) {
        memory_put(a);
        return rc;
    }
    *a = (struct aimed){.next = aimed, .timer = *(const int *)r->a[2], .tid = e->_sigev_un._tid};
    aimed = a;
    return rc;
}

static long drop_timer(const struct site_registers *r)
{
    long rc = site_pass(r);

    for (struct aimed **at = &aimed; rc == 0 && *at; at = &(*at)->next)
        if ((*at)->timer == (int)r->a[0]) {
            struct aimed *a = *at;

            *at = a->next;
            memory_put(a);
            break;
        }
    return rc;
}

/* ---- priorities ---- */

static long nice_call(const struct site_registers *r)
{
    const struct thread *t = r->a[0] == PRIO_PROCESS ? thread_by_id((int)r->a[1]) : NULL;

    return SYS3(r->nr, r->a[0], t ? 0 : r->a[1], r->a[2]);
}

/* ---- clocks: of a thread's CPU time there is only the carrier's ---- */

static long clock_call(const struct site_registers *r)
{
    struct site_registers mine = *r;
    int clock = (int)r->a[0];

    /* clock_getcpuclockid(3)'s encoding: the id's complement, then 3 bits */
    if (clock < 0 && thread_by_id(~(clock >> 3)))
        mine.a[0] = CLOCK_THREAD_CPUTIME_ID;
    return site_pass(&mine);
}

/* ---- names ---- */

int thread_set_name(struct thread *t, const char *name)
{
    size_t n = strnlen(name, sizeof t->comm);

    if (n == sizeof t->comm)
        return ERANGE;
    memset(t->comm, 0, sizeof t->comm);
    memcpy(t->comm, name, n);
    if (t->tid == getpid())
        SYS2(SYS_prctl, PR_SET_NAME, t->comm);
    return 0;
}

static long prctl_call(struct thread *t, const struct site_registers *r)
{
    if (r->a[0] == PR_SET_NAME) {
        char name[THREAD_COMM];

        memset(name, 0, sizeof name);
        memcpy(name, (const char *)r->a[1], strnlen((const char *)r->a[1], sizeof name - 1));
        return thread_set_name(t, name);
    }
    if (r->a[0] == PR_GET_NAME) {
        memcpy((char *)r->a[1], t->comm, sizeof t->comm);
        return 0;
    }
    if (r->a[0] == PR_GET_TID_ADDRESS) { /* as far as this kernel tells it */
        long rc = site_pass(r);

        if (rc == 0)
            *(int **)r->a[1] = t->clear_tid;
        return rc;
    }
    return site_pass(r);
}

/* ---- users and groups: the process's ---- */

/* To the kernel they are a thread's, so libc signals all others to make the same call before the
 * caller does. For the carrier the first of them is enough; a second could do more, since the first
 * may have given it the right to. All have its result: libc aborts where two differ. */
static struct {
    const struct thread *caller;
    bool done;
    long result;
} users;

void ids_users_from(const struct thread *caller)
{
    users.done = users.done && users.caller == caller;
    users.caller = caller;
}

static long users_call(const struct thread *t, const struct site_registers *r)
{
    if (!users.caller)
        return site_pass(r);
    if (!users.done)
        users.result = site_pass(r);
    users.done = t != users.caller;
    if (!users.done)
        users.caller = NULL;
    return users.result;
}

/* ---- all of them ---- */

/* Those whose first argument is a thread's, or 0: the caller's. */
static long named_call(struct thread *caller, const struct site_registers *r)
{
    struct thread *t = r->a[0] == 0 ? caller : thread_by_id(INT(0));
    struct site_registers carriers = *r;

    if (!t)
        return site_pass(r);
    switch (r->nr) {
    case SYS_get_robust_list:
        *(struct robust_list_head **)PTR(1) = t->robust;
        *(size_t *)PTR(2) = sizeof *t->robust;
        return 0;
    case SYS_sched_setscheduler:
    case SYS_sched_setparam:
    case SYS_sched_getscheduler:
    case SYS_sched_getparam:
    case SYS_sched_setattr:
    case SYS_sched_getattr:
    case SYS_sched_setaffinity:
    case SYS_sched_getaffinity:
        return policy_call(t, r);
    default:
        carriers.a[0] = 0;
        return site_pass(&carriers);
    }
}

long ids_call(go_sched *s, const struct site_registers *r)
{
    struct thread *t = thread_of(s->current);

    switch (r->nr) {
    case SYS_timer_create:
        return make_timer(r);
    case SYS_timer_delete:
        return drop_timer(r);
    case SYS_prctl:
        return prctl_call(t, r);
    case SYS_clock_gettime:
    case SYS_clock_getres:
        return clock_call(r);
    case SYS_setuid:
    case SYS_setgid:
    case SYS_setreuid:
    case SYS_setregid:
    case SYS_setresuid:
    case SYS_setresgid:
    case SYS_setgroups:
        return users_call(t, r);
    case SYS_getpriority:
    case SYS_setpriority:
        return nice_call(r);
    default:
        return named_call(t, r);
    }
}

#endif
