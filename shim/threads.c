/* SPDX-License-Identifier: MIT
 *
 * The idea, libc's threads above an emulation of what they ask of the kernel, rather than functions
 * of our own in place of pthreads': most of what uses threads in libc (stdio, C11's threads,
 * timers, asynchronous I/O) never passes a name that could be taken. */
#include "shim/threads.h"
#include "core/fork.h"
#include "core/robust.h"
#include "core/sys.h"
#include "shim/clone.h"
#include "shim/seen.h"
#include "shim/shim.h"
#include "shim/trap.h"
#include <linux/sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/single_threaded.h>
#include <unistd.h>

bool threads_on;
list threads_all = {&threads_all, &threads_all};
unsigned threads_count;

#ifdef SHIM_CLONE

/* Calls that did not have to wait until a thread makes room. Each is a system call, beside which a
 * switch is cheap, and a peer that answers at once would keep its own thread running. */
enum { SLICE = 4 };

enum { CHUNK = 64 * 1024, IDS = 4096 };

static struct thread first;
static list spare = {&spare, &spare};
static list ids[IDS]; /* of threads whose ids are alike */
static int last_tid;

const char *threads_why_not(void)
{
    const char *why = shim_without_sites();

    if (!tcb_possible())
        return "fibers have no thread control blocks of their own here";
    return why ? why : shim_without_traps();
}

static list *ids_like(int tid)
{
    list *l = &ids[(unsigned)tid % IDS];

    if (!l->next)
        list_init(l);
    return l;
}

struct thread *thread_by_id(int tid)
{
    const list *all = ids_like(tid);

    for (list *l = all->next; l != all; l = l->next) {
        struct thread *t = list_entry(l, struct thread, like);

        if (t->tid == tid)
            return t;
    }
    return NULL;
}

/* From now on t is among them. */
static void enter(struct thread *t, int tid)
{
    t->tid = tid;
    list_push(&threads_all, &t->all);
    list_push(ids_like(tid), &t->like);
    threads_count++;
}

/* ---- records: never given back, and never malloc's ---- */

static bool more_records(void)
{
    struct thread *t =
        mmap(NULL, CHUNK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (t == MAP_FAILED)
        return false;
    for (size_t i = 0; i < CHUNK / sizeof *t; i++)
        list_push(&spare, &t[i].all);
    return true;
}

static struct thread *record(void)
{
    if (list_empty(&spare) && !more_records())
        return NULL;
    return list_entry(list_pop(&spare), struct thread, all);
}

/* ---- beginning ---- */

void threads_begin(go_sched *s)
{
    struct robust_list_head *robust = NULL;
    size_t size;

    first = (struct thread){.tcb = s->own, .fiber = s->current};
    SYS3(SYS_get_robust_list, 0, &robust, &size);
    first.robust = robust;
    first.clear_tid = (int *)s->own.tid;
    first.tcb.thread = true;
    SYS2(SYS_prctl, 16 /* PR_GET_NAME */, first.comm);
    enter(&first, sys_gettid());
    adopt_main(s, &first.tcb);
    deliver_begin(s, &first);
    futex_begin(!__libc_single_threaded);
    if (__libc_single_threaded) /* else there are some that are the kernel's */
        seen_begin();
    shim_families &= ~(unsigned)GO_SHIM_SIGNAL; /* libc's own, above calls that come to us */
    tcb_by_default = false;
    fork_lightly = true;
    threads_on = true;
    trap_entered(s, true);
}

static void start_with(struct thread *t, const long *registers, const struct clone_want *w)
{
    char *block = (char *)((w->stack_end - CLONE_BLOCK) & ~(uintptr_t)15);
    long *to = (long *)(void *)block;

    memcpy(block, registers, (REG_RIP + 1) * sizeof(long));
    to[REG_RSP] = (long)w->stack_end;
    arch_context_init(&t->room.context, block, NULL, NULL); /* for the control words */
    t->room.context.sp = block;
    t->room.context.pc = (void *)clone_child;
}

/* Processes that share a mutex tell their threads apart by these: so each begins elsewhere. */
static int new_tid(void)
{
    if (!last_tid)
        last_tid = THREAD_FIRST +
                   (int)((uint32_t)getpid() * UINT32_C(0x9e3779b1) % (THREAD_LAST - THREAD_FIRST));
    do
        last_tid = last_tid == THREAD_LAST ? THREAD_FIRST : last_tid + 1;
    while (thread_by_id(last_tid));
    return last_tid;
}

long threads_clone(go_sched *s, const long *registers, const struct clone_want *w)
{
    const struct thread *maker = thread_of(s->current);
    struct thread *t = record();

    if (!t)
        return -EAGAIN;
    if (s->fork_pending) /* before there is one more fiber, which would go with the others */
        fork_settle(s);
    if (!maker) /* a fiber of the program's own, in no thread */
        maker = &first;
    memset(t, 0, offsetof(struct thread, room));
    tcb_adopt(&t->tcb, w->tls, s);
    if (adopt_fiber(s, &t->room, &t->tcb) < 0) {
        list_push(&spare, &t->all);
        return -EAGAIN;
    }
    t->fiber = &t->room;
    t->room.slice = SLICE;
    enter(t, new_tid());
    t->clear_tid = w->flags & CLONE_CHILD_CLEARTID ? w->child_tid : NULL;
    memcpy(t->comm, maker->comm, sizeof t->comm);
    start_with(t, registers, w);
    if (w->flags & CLONE_PARENT_SETTID)
        *w->parent_tid = t->tid;
    if (w->flags & CLONE_CHILD_SETTID)
        *w->child_tid = t->tid;
    policy_thread_begins(t, maker);
    deliver_thread_begins(t, maker);
    if (threads_count == 2)
        slice_begin();
    sched_ready(&t->room);
    return t->tid;
}

/* ---- end ---- */

static void wake_next_owner(uint32_t *word, bool waiters, bool inherits)
{
    if (inherits) {
        futex_pi_abandoned(word);
    } else if (waiters) {
        futex_wake(word, 1, FUTEX_BITSET_MATCH_ANY);
        SYS3(SYS_futex, word, FUTEX_WAKE, 1);
    }
}

/* Robust mutexes that it still holds: their next owners are told, as by the kernel. */
static void abandon_mutexes(const struct thread *t)
{
    robust_abandon(t->robust, (uint32_t)t->tid, wake_next_owner);
}

void threads_abandon(void)
{
    for (list *l = threads_all.next; l != &threads_all; l = l->next) {
        const struct thread *t = list_entry(l, struct thread, all);

        if (t->tid >= THREAD_FIRST) /* else the kernel knows its list */
            abandon_mutexes(t);
    }
}

static void nothing(struct wait *w)
{
    (void)w;
}

/* The first thread's stack is the run's. */
static _Noreturn void stay(go_sched *s)
{
    static const struct waitable gone = {.name = "the process's end", .disarm = nothing};
    struct wait w = {.ops = &gone};

    for (;;) {
        s->current->interrupts = SHIM_NEVER;
        wait_park(&w, 1, WAIT_OUTSIDE | PARK_SLEEP, GO_FOREVER);
    }
}

void threads_exit(go_sched *s, long status)
{
    struct thread *t = thread_of(s->current);

    abandon_mutexes(t);
    if (t->clear_tid) {
        __atomic_store_n(t->clear_tid, 0, __ATOMIC_SEQ_CST);
        futex_wake(t->clear_tid, 1, FUTEX_BITSET_MATCH_ANY);
    }
    list_remove(&t->all);
    list_remove(&t->like);
    if (--threads_count == 0)
        SYS1(SYS_exit_group, status);
    policy_thread_ends(t);
    deliver_thread_ends(t);
    if (t->fiber == s->main)
        stay(s);
    list_push(&spare, &t->all);
    adopted_leave(s, t->fiber);
}

/* ---- fork ---- */

void threads_forked(go_sched *s)
{
    struct thread *t = s && s->current ? thread_of(s->current) : NULL;

    list_init(&threads_all);
    memset(ids, 0, sizeof ids);
    last_tid = threads_count = 0;
    if (!t)
        return;
    enter(t, sys_gettid());
    /* which fork has asked the kernel for: but the carrier stays */
    t->clear_tid = (int *)t->tcb.tid;
    policy_forked(t);
    deliver_forked(t);
    ids_users_from(NULL);
    slice_forked();
}

/* ---- calls ---- */

long threads_call(go_sched *s, const struct site_registers *r)
{
    struct thread *t = thread_of(s->current);
    long rc;

    switch (r->nr) {
    case SYS_exit:
        threads_exit(s, r->a[0]);
    case SYS_gettid:
        return t->tid;
    case SYS_set_tid_address:
        t->clear_tid = PTR(0);
        return t->tid;
    case SYS_set_robust_list:
        if (SIZE(1) != sizeof *t->robust)
            return -EINVAL;
        t->robust = PTR(0);
        return t->tid < THREAD_FIRST ? site_pass(r) : 0;
    case SYS_exit_group:
        threads_abandon();
        return site_pass(r);
    case SYS_futex_waitv:
        return futex_waitv_call(s, r);
    case SYS_rseq: /* the carrier's is elsewhere: libc asks the kernel then */
        return t == &first ? site_pass(r) : 0;
    default: /* execve, execveat */
        deliver_exec(t, true);
        rc = site_pass(r);
        deliver_exec(t, false);
        return rc;
    }
}

#else

const char *threads_why_not(void)
{
    return "not on this architecture, nor under sanitizers";
}

void threads_begin(go_sched *s)
{
    (void)s;
}

void threads_forked(go_sched *s)
{
    (void)s;
}

bool deliver_left(go_sched *s, long rc)
{
    (void)s;
    (void)rc;
    return false;
}

bool deliver_due(const struct thread *t)
{
    (void)t;
    return false;
}

void deliver_mask_until(struct thread *t, const uint64_t *mask)
{
    (void)t;
    (void)mask;
}

struct thread *thread_by_id(int tid)
{
    (void)tid;
    return NULL;
}

void threads_raise(go_sched *s, int sig)
{
    (void)s;
    (void)sig;
}

void slice_time(unsigned milliseconds)
{
    (void)milliseconds;
}

int thread_set_name(struct thread *t, const char *name)
{
    (void)t;
    (void)name;
    return ENOSYS;
}

#endif
