/* SPDX-License-Identifier: MIT
 *
 * Policies, priorities and processors of threads. The kernel has those of the carrier alone: what a
 * thread asks for is checked, remembered and told again. Only the first thread's processors are the
 * carrier's, too, as those of a program that somebody has pinned. */
#include "core/sys.h"
#include "shim/memory.h"
#include "shim/threads.h"
#include <sched.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#ifdef SHIM_CLONE

/* As the kernel has it (sched_setattr(2)). */
struct attributes {
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t deadline[3];
};

enum { FIRST_SIZE = 48, FLAGS = 0x7f, RESET = 1, KEEP_POLICY = 8, KEEP_PARAMS = 16, DEADLINE = 6 };

_Static_assert(sizeof(struct attributes) == FIRST_SIZE, "later ones are longer");

/* ---- policies ---- */

static long set_policy(struct thread *t, int policy, const struct sched_param *p)
{
    int base = policy & ~SCHED_RESET_ON_FORK, low, high;

    if (!p || policy < 0)
        return -EINVAL;
    low = (int)SYS1(SYS_sched_get_priority_min, base);
    high = (int)SYS1(SYS_sched_get_priority_max, base);
    if (low < 0 || p->sched_priority < low || p->sched_priority > high)
        return -EINVAL;
    if ((base == SCHED_FIFO || base == SCHED_RR) && geteuid() != 0) {
        struct rlimit most;

        if (getrlimit(RLIMIT_RTPRIO, &most) < 0 || (rlim_t)p->sched_priority > most.rlim_cur)
            return -EPERM;
    }
    t->policy = policy;
    t->priority = p->sched_priority;
    t->scheduled = true;
    return 0;
}

static long policy_of(const struct thread *t)
{
    return t->scheduled ? t->policy : SYS1(SYS_sched_getscheduler, 0);
}

static long set_attributes(struct thread *t, struct attributes *a, unsigned flags)
{
    struct sched_param p;
    int policy;
    long rc;

    if (!a || flags || a->flags & ~(uint64_t)FLAGS)
        return -EINVAL;
    if (a->size && a->size < FIRST_SIZE) {
        a->size = FIRST_SIZE;
        return -E2BIG;
    }
    policy = a->flags & KEEP_POLICY ? (int)policy_of(t) : (int)a->policy;
    if (policy == DEADLINE && (a->deadline[0] < 1024 || a->deadline[1] < a->deadline[0] ||
                               (a->deadline[2] && a->deadline[2] < a->deadline[1])))
        return -EINVAL;
    if (policy == DEADLINE && geteuid() != 0)
        return -EPERM;
    p.sched_priority = a->flags & KEEP_PARAMS ? t->priority : (int)a->priority;
    rc = set_policy(t, policy | (a->flags & RESET ? SCHED_RESET_ON_FORK : 0), &p);
    if (rc == 0 && policy == DEADLINE) {
        memcpy(t->deadline, a->deadline, sizeof t->deadline);
        t->deadline[2] = a->deadline[2] ? a->deadline[2] : a->deadline[1];
    }
    if (rc < 0 || a->flags & KEEP_PARAMS || (policy != SCHED_OTHER && policy != SCHED_BATCH) ||
        SYS2(SYS_getpriority, PRIO_PROCESS, 0) == 20 - a->nice)
        return rc;
    rc = SYS3(SYS_setpriority, PRIO_PROCESS, 0, a->nice);
    return rc == -EACCES ? -EPERM : rc;
}

static long attributes_of(const struct thread *t, struct attributes *a, size_t size, unsigned flags)
{
    long rc = SYS4(SYS_sched_getattr, 0, a, size, flags);

    if (rc < 0 || !t->scheduled)
        return rc;
    a->policy = (uint32_t)(t->policy & ~SCHED_RESET_ON_FORK);
    a->flags = t->policy & SCHED_RESET_ON_FORK ? RESET : 0;
    a->priority = (uint32_t)t->priority;
    if (a->policy == SCHED_FIFO || a->policy == SCHED_RR)
        memset(a->deadline, 0, sizeof a->deadline);
    if (a->policy == DEADLINE)
        memcpy(a->deadline, t->deadline, sizeof a->deadline);
    return 0;
}

/* ---- processors ---- */

enum { CPUS_MOST = 1024 }; /* bytes */

struct cpus {
    size_t size;
    unsigned char bits[];
};

static struct cpus *cpus_new(const void *bits, size_t size)
{
    struct cpus *c = memory_get(sizeof *c + size);

    if (c) {
        c->size = size;
        memcpy(c->bits, bits, size);
    }
    return c;
}

static void cpus_put(struct thread *t, struct cpus *c)
{
    memory_put(t->cpus);
    t->cpus = c;
}

/* The carrier's change with the first thread's: the others keep those that they had. */
static long set_cpus(struct thread *t, size_t size, const void *bits)
{
    unsigned char before[CPUS_MOST], now[CPUS_MOST];
    long n = SYS3(SYS_sched_getaffinity, 0, sizeof before, before), rc;

    rc = SYS3(SYS_sched_setaffinity, 0, size, bits);
    if (rc < 0 || n < 0)
        return rc;
    SYS3(SYS_sched_getaffinity, 0, sizeof now, now);
    if (t->tid == getpid()) {
        cpus_put(t, NULL); /* of the thread that has forked us */
        for (list *l = threads_all.next; l != &threads_all; l = l->next) {
            struct thread *other = list_entry(l, struct thread, all);

            if (other != t && !other->cpus)
                cpus_put(other, cpus_new(before, (size_t)n));
        }
    } else {
        SYS3(SYS_sched_setaffinity, 0, (size_t)n, before);
        cpus_put(t, cpus_new(now, (size_t)n));
    }
    return 0;
}

static long cpus_of(const struct thread *t, size_t size, void *bits)
{
    long rc = SYS3(SYS_sched_getaffinity, 0, size, bits);

    if (rc > 0 && t->cpus)
        memcpy(bits, t->cpus->bits, (size_t)rc < t->cpus->size ? (size_t)rc : t->cpus->size);
    return rc;
}

/* ---- all of it ---- */

/* Of a maker who is to have no such children. */
static void reset(struct thread *t)
{
    int base = t->policy & ~SCHED_RESET_ON_FORK;

    if (t->policy == base)
        return;
    t->policy = base == SCHED_FIFO || base == SCHED_RR || base == DEADLINE ? SCHED_OTHER : base;
    t->priority = 0;
}

void policy_forked(struct thread *t)
{
    reset(t);
}

void policy_thread_begins(struct thread *t, const struct thread *maker)
{
    t->policy = maker->policy;
    t->priority = maker->priority;
    t->scheduled = maker->scheduled;
    memcpy(t->deadline, maker->deadline, sizeof t->deadline);
    reset(t);
    if (maker->cpus)
        t->cpus = cpus_new(maker->cpus->bits, maker->cpus->size);
}

void policy_thread_ends(struct thread *t)
{
    cpus_put(t, NULL);
}

long policy_call(struct thread *t, const struct site_registers *r)
{
    switch (r->nr) {
    case SYS_sched_setscheduler:
        return INT(1) == DEADLINE ? -EINVAL : set_policy(t, INT(1), PTR(2));
    case SYS_sched_setparam:
        return set_policy(t, (int)policy_of(t), PTR(1));
    case SYS_sched_getscheduler:
        return policy_of(t);
    case SYS_sched_setattr:
        return set_attributes(t, PTR(1), WORD(2));
    case SYS_sched_getattr:
        return attributes_of(t, PTR(1), SIZE(2), WORD(3));
    case SYS_sched_setaffinity:
        return set_cpus(t, SIZE(1), PTR(2));
    case SYS_sched_getaffinity:
        return cpus_of(t, SIZE(1), PTR(2));
    default: /* sched_getparam */
        if (!t->scheduled)
            return SYS2(r->nr, 0, PTR(1));
        if (!PTR(1))
            return -EINVAL;
        ((struct sched_param *)PTR(1))->sched_priority = t->priority;
        return 0;
    }
}

#endif
