/* SPDX-License-Identifier: MIT
 *
 * What the files about threads' signals share: the masks and the pending signals (pending.c), and
 * what the program wants to be done (deliver.c). */
#ifndef SHIM_PENDING_H
#define SHIM_PENDING_H

#include "shim/action.h"
#include "shim/shim.h"
#include "shim/threads.h"

enum { SIGNALS = 64, CANCEL = 32, SETXID = 33 };

#define BIT(sig)    (UINT64_C(1) << ((sig)-1))
#define CRASHES     (BIT(SIGSEGV) | BIT(SIGBUS) | BIT(SIGFPE) | BIT(SIGILL))
#define FAULTS      (CRASHES | BIT(SIGTRAP) | BIT(SIGSYS))
#define UNBLOCKABLE (BIT(SIGKILL) | BIT(SIGSTOP))
/* never blocked in the kernel: ours, and those of libc's that are meant for one thread */
#define LIBCS              (BIT(CANCEL) | BIT(SETXID))
#define ALWAYS             (BIT(SIGSYS) | BIT(SLICE_SIGNAL) | LIBCS | UNBLOCKABLE)
#define IGNORED_BY_DEFAULT (BIT(SIGCHLD) | BIT(SIGURG) | BIT(SIGWINCH) | BIT(SIGCONT))
#define STOPS_BY_DEFAULT   (BIT(SIGTSTP) | BIT(SIGTTIN) | BIT(SIGTTOU))

#define DEFAULT ((handler_fn *)0) /* SIG_DFL, SIG_IGN */
#define IGNORE  ((handler_fn *)1)

/* The program's; deliver.c. */
extern struct action signal_actions[SIGNALS + 1];

static inline bool action_is_function(const struct action *a)
{
    return a->fn != DEFAULT && a->fn != IGNORE;
}

static inline bool action_is_ignored(int sig)
{
    return signal_actions[sig].fn == IGNORE ||
           (signal_actions[sig].fn == DEFAULT && BIT(sig) & IGNORED_BY_DEFAULT);
}

/* The kernel does it from now on, or calls us. */
void action_to_kernel(int sig, const struct action *a);

/* What a signal does that has no handler. */
void action_default(int sig);

/* The carrier's mask, as the kernel has it. */
extern volatile uint64_t mask_of_kernel;

void mask_set(struct thread *t, uint64_t mask);

static inline bool mask_takes(const struct thread *t, int sig)
{
    return !(t->mask & BIT(sig));
}

/* One more for t; its wait ends if it is to see it. 0 or -EAGAIN. */
int pending_add(struct thread *t, int sig, const siginfo_t *info);

/* The oldest of the lowest of these, out of t's; 0: none. */
int pending_take(struct thread *t, uint64_t of, siginfo_t *info);
void pending_forget(struct thread *t, uint64_t of);

/* In a handler, on the carrier, with all signals blocked: for whoever will have it. Until then the
 * kernel holds back more of it. */
void pending_put_down(const siginfo_t *info, ucontext_t *uc);

/* … gets it. */
void pending_give_out(go_sched *s);

/* Before the first. */
void pending_begin(go_sched *s, const struct thread *first);

#endif
