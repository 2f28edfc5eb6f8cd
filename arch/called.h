/* SPDX-License-Identifier: MIT
 *
 * For instruction sets whose switch is a call: an inlined switch that names what it clobbers gains
 * a nanosecond or two, and is worth its assembly only where it was measured (x86-64, AArch64). A
 * context that does not run keeps all on its own stack, in the frame that the folder's context.h
 * describes, so that every parked context looks alike: one that left, and one that has never run.
 */
#ifndef ARCH_CALLED_H
#define ARCH_CALLED_H

#define ARCH_SP 0

#ifndef __ASSEMBLER__

#include <stddef.h>

struct arch_context {
    void *sp;
};

_Static_assert(offsetof(struct arch_context, sp) == ARCH_SP, "frame table");

void arch_switch(struct arch_context *from, struct arch_context *to);
void arch_context_init(struct arch_context *c, void *top, void (*entry)(void *), void *arg);
int arch_call(int (*fn)(void *), void *arg);

static inline void arch_switch_inline(struct arch_context *from, struct arch_context *to)
{
    arch_switch(from, to);
}

#endif
#endif
