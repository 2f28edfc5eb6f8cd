/* SPDX-License-Identifier: MIT
 *
 * One context switch per instruction set. The makefile puts one folder arch/<isa>/ on the include
 * path; its "context.h" defines
 *
 *     struct arch_context { … };
 *         where a context that does not run keeps what the ABI calls callee-saved
 *     void arch_switch_inline(struct arch_context *from, struct arch_context *to);   static inline
 *         leaves into `from`, goes on in `to`; names the callee-saved registers as clobbered, so
 *         that the compiler saves only what is live
 *     void arch_switch(struct arch_context *from, struct arch_context *to);
 *         the same as a function
 *     void arch_context_init(struct arch_context *c, void *top, void (*entry)(void *), void *arg);
 *         c will call entry(arg) on the stack that ends at top (16-byte aligned); entry never
 *         returns
 *     int arch_call(int (*fn)(void *), void *arg);
 *         calls fn with a frame that an exception cannot leave
 *
 * and, if a fiber may have a thread control block of its own there (core/tcb.h),
 *
 *     ARCH_TP, void *arch_tp(void), void arch_tp_set(void *tp);
 *         the thread pointer
 *
 * The floating-point control words belong to the context; `errno` and the rest of the thread's
 * state are the caller's business. An exception that unwinds into arch_call's frame, or to a
 * context's entry, ends in arch_escaped (defined by core). arch/generic/ works everywhere, by
 * ucontext. */
#ifndef ARCH_ARCH_H
#define ARCH_ARCH_H

#include "context.h"

/* In a loop that waits for another thread: less power, and the sibling runs faster. A folder may
 * define its own. */
#ifndef arch_pause
#define arch_pause() __asm__ volatile("" ::: "memory")
#endif

/* An exception (forced: a pthread_exit or pthread_cancel) left a fiber's function: says so, and
 * ends the program. */
_Noreturn void arch_escaped(int forced);

#endif
