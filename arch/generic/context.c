/* SPDX-License-Identifier: MIT
 *
 * The ucontext fallback; see context.h. */
#include "arch/arch.h"

#include <stddef.h>
#include <stdint.h>
#include <ucontext.h>

/* Names the personality routine of escape.c for the function that it stands in, which must have a
 * frame of its own. Not on 32-bit Arm, whose unwind tables are of another kind: there an exception
 * ends as libstdc++ has it. */
#if defined(__GCC_HAVE_DWARF2_CFI_ASM) && !defined(__arm__)
#define STOP_EXCEPTIONS() \
    __asm__ volatile(".hidden arch_personality\n\t.cfi_personality 0x1b, arch_personality")
#else
#define STOP_EXCEPTIONS() ((void)0)
#endif

struct start { /* at the top of a new context's stack */
    ucontext_t context;
    void (*entry)(void *);
    void *arg;
};

void arch_switch(struct arch_context *from, struct arch_context *to)
{
    ucontext_t here;

    from->parked = &here;
    swapcontext(&here, to->parked);
}

/* makecontext passes ints only, hence the halves of a pointer. */
__attribute__((noinline)) static void arch_start(unsigned high, unsigned low)
{
    struct start *s = (struct start *)(uintptr_t)((uint64_t)high << 32 | low);

    STOP_EXCEPTIONS();
    s->entry(s->arg);
    __builtin_trap(); /* entry never returns */
}

void arch_context_init(struct arch_context *c, void *top, void (*entry)(void *), void *arg)
{
    struct start *s = (struct start *)(((uintptr_t)top - sizeof *s) & ~(uintptr_t)63);
    uint64_t address = (uintptr_t)s;

    getcontext(&s->context);
    s->context.uc_link = NULL;
    s->context.uc_stack.ss_size = 4096; /* only where it ends matters */
    s->context.uc_stack.ss_sp = (char *)s - s->context.uc_stack.ss_size;
    s->entry = entry;
    s->arg = arg;
    makecontext(&s->context, (void (*)(void))arch_start, 2, (unsigned)(address >> 32),
                (unsigned)address);
    c->parked = &s->context;
}

__attribute__((noinline)) int arch_call(int (*fn)(void *), void *arg)
{
    int result;

    STOP_EXCEPTIONS();
    result = fn(arg);
    __asm__ volatile("" ::: "memory"); /* no tail call */
    return result;
}
