/* SPDX-License-Identifier: MIT
 *
 * Any architecture whose libc has ucontext. Slow (two system calls for the signal mask in each
 * switch) and correct. A ucontext_t takes about a kilobyte, so a parked context keeps it on its own
 * stack, and the record is one pointer. */
#ifndef ARCH_GENERIC_CONTEXT_H
#define ARCH_GENERIC_CONTEXT_H

struct arch_context {
    void *parked; /* the ucontext_t, in the frame that left, or at the top of a stack that has not
                     run */
};

void arch_switch(struct arch_context *from, struct arch_context *to);
void arch_context_init(struct arch_context *c, void *top, void (*entry)(void *), void *arg);
int arch_call(int (*fn)(void *), void *arg);

static inline void arch_switch_inline(struct arch_context *from, struct arch_context *to)
{
    arch_switch(from, to);
}

#endif
