/* SPDX-License-Identifier: MIT
 *
 * Alternate signal stacks, of threads that are fibers. The kernel has one, the carrier's: who runs
 * brings its own. While a thread is on it the kernel has none (SS_AUTODISARM, Linux 4.7): so a
 * handler there may make room for another thread, whose signals must not come on top of it. That is
 * how a slice ends on the stack that a runtime has for signals, where its threads' own stacks are
 * no place for any (Erlang's, Go's). */
#ifndef SHIM_ALTSTACK_H
#define SHIM_ALTSTACK_H

#include "shim/threads.h"

/* sigaltstack. */
long altstack_call(go_sched *s, struct thread *t, const stack_t *new, stack_t *old);

/* In t, which may have left its handler by siglongjmp: the kernel has its stack again. */
void altstack_left(const struct thread *t);

/* Around what may switch, in a handler that the kernel calls. */
void altstack_enter(const ucontext_t *uc);
void altstack_leave(const ucontext_t *uc);

#endif
