/* SPDX-License-Identifier: MIT
 *
 * `gosling run` of a program with threads: its threads are fibers of one kernel thread, the
 * *carrier*. libc's threads stay as they are; what they ask of the kernel to begin, wait, end and
 * be signalled is done here. A thread brings its own stack and thread control block; it has an id
 * that the kernel does not know, and a signal mask, pending signals, a name and a priority of its
 * own.
 *
 *      threads.c   their beginning and end, and who they are
 *      clone.c     the calls that make threads and processes
 *      futex.c     what they wait on
 *      pending.c   which signals they block, and which wait for them
 *      deliver.c   when and how those are handled
 *      signal_calls.c  the calls about signals
 *      slice.c     that none runs for ever
 *      altstack.c  the stacks that handlers may have
 *      ids.c       calls that name a thread
 *      policy.c    their policies, priorities and processors
 *      stacks.c    the memory of their stacks
 *      memory.c    the library's own memory */
#ifndef SHIM_THREADS_H
#define SHIM_THREADS_H

#include "core/adopt.h"
#include "core/list.h"
#include "core/sched.h"
#include "shim/sites.h"
#include <linux/futex.h>
#include <signal.h>
#include <ucontext.h>

/* Whether they are: since the program's main began. */
extern bool threads_on;

/* Ids that are not the kernel's: above all of those (PID_MAX_LIMIT is 1 << 22), and within what a
 * clock of CPU time may name (28 bits); fibers with a block of libc's have others (core/tcb.c). */
enum { THREAD_FIRST = 1 << 24, THREAD_LAST = (1 << 28) - 1 };

enum { THREAD_COMM = 16 };

struct thread {
    struct tcb tcb; /* its fiber's */
    fiber *fiber;
    list all;  /* in threads_all */
    list like; /* with those whose ids are alike */
    int tid;
    int *clear_tid; /* set to 0, and woken, when it has ended */
    struct robust_list_head *robust;

    uint64_t mask;        /* the signals that it blocks */
    uint64_t mask_after;  /* … when the call that it is in has ended, if */
    bool mask_is_until;   /* … that one has a mask of its own */
    uint64_t pending;     /* its own, not the process's */
    uint64_t awaits;      /* of sigwait */
    struct arrived *told; /* what is known of the pending ones, oldest first */
    stack_t alt;

    int policy, priority;
    uint64_t deadline[3]; /* runtime, deadline, period, of that policy */
    bool scheduled;       /* policy, priority: set */
    struct cpus *cpus;    /* NULL: the carrier's */
    char comm[THREAD_COMM];
    fiber room; /* its fiber, but for the first one's, which is go_run's */
};

extern list threads_all;
extern unsigned threads_count;

/* The calling fiber's. NULL: it is none of the program's threads (one that it has spawned). */
static inline struct thread *thread_of(const fiber *f)
{
    return f->tcb && f->tcb->thread ? list_entry(f->tcb, struct thread, tcb) : NULL;
}

/* By its id; NULL: none. */
struct thread *thread_by_id(int tid);

/* At most 15 bytes: 0 or ERANGE. */
int thread_set_name(struct thread *t, const char *name);

/* Why they cannot be; NULL: they can. */
const char *threads_why_not(void);

/* On the main fiber, before the program's main. */
void threads_begin(go_sched *s);

/* What a clone of a thread is told. */
struct clone_want {
    uint64_t flags;
    uintptr_t stack_end; /* its upper end; 0: none of its own */
    int *parent_tid, *child_tid;
    void *tls;
};

/* A thread that goes on with those registers (greg_t), on that stack. Its id or -errno. */
long threads_clone(go_sched *s, const long *registers, const struct clone_want *w);

/* The calling thread ends. */
_Noreturn void threads_exit(go_sched *s, long status);

/* The process is about to end: what the kernel would do with what its threads still hold. */
void threads_abandon(void);

/* A signal to the calling thread, from the engine. */
void threads_raise(go_sched *s, int sig);

/* In a fork child: who called is the only one. */
void threads_forked(go_sched *s);

/* exit, gettid and their like. These and the ones below: of a thread, as the call of r's number. */
long threads_call(go_sched *s, const struct site_registers *r);

/* ---- futex.c ---- */

/* All operations; the kernel's are passed on. s: NULL on a thread that is none of ours. */
long futex_call(go_sched *s, const struct site_registers *r);

/* futex_waitv. -ENOSYS, as before Linux 5.16, without an io_uring that can do it. */
long futex_waitv_call(go_sched *s, const struct site_registers *r);

/* In the midst of a call of the engine's, which may not be made again. */
long futex_inside(go_sched *s, const struct site_registers *r);

/* Before there are threads; whether there are some that are the kernel's. */
void futex_begin(bool has_others);

/* Wakes who waits there: how many. From any thread. */
int futex_wake(void *word, int n, uint32_t bits);

/* The owner of that mutex, whose priority it would have inherited, is dead: the next one has it. */
void futex_pi_abandoned(uint32_t *word);

/* ---- pending.c, deliver.c, signal_calls.c ---- */

void deliver_begin(go_sched *s, struct thread *first);
void deliver_thread_begins(struct thread *t, const struct thread *maker);
void deliver_thread_ends(struct thread *t);
void deliver_forked(struct thread *t);

/* rt_sig*, tgkill and their like. */
long signal_call(go_sched *s, const struct site_registers *r);

/* Calls of the engine's that have a mask of their own, as sigsuspend: until shim_left. */
void deliver_mask_until(struct thread *t, const uint64_t *mask);

/* The calling thread is about to wait: whether a signal is there already. */
bool deliver_due(const struct thread *t);

/* At the end of a call, with its result: handlers run. True: the call is made again. */
bool deliver_left(go_sched *s, long rc);

/* Before exec: mask and signals as if t were alone; and back, if that has failed. */
void deliver_exec(const struct thread *t, bool before);

/* Where a handler of ours returns to, the mask is the kernel's of now. */
void deliver_kernels_mask(ucontext_t *uc);

/* ---- slice.c ---- */

void slice_prepare(void);               /* before there are threads */
void slice_begin(void);                 /* there are two of them, or a signal to be given */
void slice_forked(void);                /* a child has no timers */
void slice_time(unsigned milliseconds); /* 0: never */
enum { SLICE_SIGNAL = 63 };

/* Whether that is an address of the library's code. (The thunks are as good as the program's.) */
bool slice_is_ours(uintptr_t pc);

/* ---- ids.c ---- */

/* Calls that name a thread. */
long ids_call(go_sched *s, const struct site_registers *r);

/* That thread has libc tell all others to change user or group; NULL: none does. */
void ids_users_from(const struct thread *caller);

/* The thread that gets the signals of that timer; NULL: the process does. */
struct thread *ids_timer_thread(int timer);

/* ---- policy.c ---- */

/* sched_*: of t. */
long policy_call(struct thread *t, const struct site_registers *r);
void policy_thread_begins(struct thread *t, const struct thread *maker);
void policy_thread_ends(struct thread *t);
void policy_forked(struct thread *t);

/* ---- stacks.c ---- */

/* mmap, mprotect. */
long stacks_call(go_sched *s, const struct site_registers *r);

#endif
