/* SPDX-License-Identifier: MIT
 *
 * AArch64, "Procedure Call Standard for the Arm 64-bit Architecture" (AAPCS64, IHI 0055). What a
 * context that does not run must keep is what its section 6.1.1 ("General-purpose Registers") and
 * 6.1.2 ("SIMD and Floating-Point Registers") have a callee preserve: sp, x19 to x29, and the lower
 * halves of v8 to v15, which are d8 to d15. FPCR is a global there, as a thread has it; here it
 * belongs to the context. FPSR, whose bits are sticky, is nobody's. x18 is a temporary on Linux.
 * Section 6.4.5.1: sp is a multiple of 16 whenever memory is addressed by it; what lies below it is
 * free for signal handlers, so a switch writes nothing there either.
 *
 * A parked context is one record, at whichever switch it left:
 *
 *      offset  field
 *        0     sp      the stack pointer
 *        8     pc      where it goes on: in an inlined switch, in arch_switch, or arch_start
 *       16     fp      x29, by hand: gcc refuses it as a clobber where it is the frame pointer
 *       24     fpcr    floating-point control: rounding, flush-to-zero, NaNs, traps
 *
 * x19 to x28, x30 and d8 to d15 are nowhere in it: an inlined switch names them as clobbered, so
 * that the compiler saves those that are live there; arch_switch stores them on the stack. Hence
 * every kind of switch can resume what any other kind parked.
 *
 * Return addresses on the stack may be signed, with the stack pointer as the modifier (PAC). A
 * context goes on with the sp that it left with, so they stay valid; pc is ours, and not signed.
 * Going on is a jump by x16, one of the two registers by which a jump may end at any landing pad
 * (BTI: `bti c` of a function, `bti j` of ours); it leaves the predictor of returns alone. No
 * shadow stack is switched, neither a guarded one (GCS) nor one by x18; nor are the matrices of
 * SME, so code that has ZA in use must not park. */
#ifndef ARCH_AARCH64_CONTEXT_H
#define ARCH_AARCH64_CONTEXT_H

#define ARCH_SP   0
#define ARCH_PC   8
#define ARCH_FP   16
#define ARCH_FPCR 24

#ifndef __ASSEMBLER__

#include <stddef.h>
#include <stdint.h>

#define arch_pause() __asm__ volatile("yield" ::: "memory")

struct arch_context {
    void *sp;
    void *pc;
    void *fp;
    uint64_t fpcr;
};

_Static_assert(offsetof(struct arch_context, sp) == ARCH_SP, "frame table");
_Static_assert(offsetof(struct arch_context, pc) == ARCH_PC, "frame table");
_Static_assert(offsetof(struct arch_context, fp) == ARCH_FP, "frame table");
_Static_assert(offsetof(struct arch_context, fpcr) == ARCH_FPCR, "frame table");

/* The thread pointer ("ELF for the Arm 64-bit Architecture", section "Thread-Local Storage"). */
#define ARCH_TP 1

static inline void *arch_tp(void)
{
    void *tp;

    __asm__ volatile("mrs %0, tpidr_el0" : "=r"(tp));
    return tp;
}

static inline void arch_tp_set(void *tp)
{
    __asm__ volatile("msr tpidr_el0, %0" : : "r"(tp) : "memory");
}

void arch_switch(struct arch_context *from, struct arch_context *to);
void arch_context_init(struct arch_context *c, void *top, void (*entry)(void *), void *arg);
int arch_call(int (*fn)(void *), void *arg);

/* Unwind information for the one instruction that has left this frame and not yet reached the
 * other: its caller is the context that is about to run, whose stack pointer is loaded and whose
 * pc, which nobody has signed, is in x16. */
#ifdef __GCC_HAVE_DWARF2_CFI_ASM
#ifdef __ARM_FEATURE_PAC_DEFAULT /* the return address of a function with a frame is signed */
#define ARCH_CFI_UNSIGNED ".cfi_negate_ra_state\n\t"
#else
#define ARCH_CFI_UNSIGNED
#endif
#define ARCH_CFI_LEFT            \
    ".cfi_remember_state\n\t"    \
    ".cfi_def_cfa sp, 0\n\t"     \
    ".cfi_register x30, x16\n\t" \
    ".cfi_same_value x29\n\t" ARCH_CFI_UNSIGNED
#define ARCH_CFI_BACK ".cfi_restore_state\n\t"
#else
#define ARCH_CFI_LEFT
#define ARCH_CFI_BACK
#endif

/* The upper parts of z0 to z31 go with v0 to v31. */
#ifdef __ARM_FEATURE_SVE
#define ARCH_CLOBBER_SVE                                                                      \
    , "p0", "p1", "p2", "p3", "p4", "p5", "p6", "p7", "p8", "p9", "p10", "p11", "p12", "p13", \
        "p14", "p15"
#else
#define ARCH_CLOBBER_SVE
#endif

/* Always inlined: a call would make it arch_switch with detours. FPCR is written only when the two
 * contexts really differ, since a write waits for all floating-point instructions before it. The
 * brk is never reached: it keeps the address before the label, which is where an unwinder looks,
 * under the ordinary frame description. hint #36 is `bti j`, by its number because assemblers for
 * the first Armv8 do not know the name. */
__attribute__((always_inline)) static inline void arch_switch_inline(struct arch_context *from,
                                                                     struct arch_context *to)
{
    register struct arch_context *x0 __asm__("x0") = from;
    register struct arch_context *x1 __asm__("x1") = to;

    __asm__ volatile("mrs x9, fpcr\n\t"
                     "adr x16, 1f\n\t"
                     "mov x10, sp\n\t"
                     "stp x10, x16, [x0, %[sp]]\n\t"
                     "stp x29, x9, [x0, %[fp]]\n\t"
                     "ldp x10, x16, [x1, %[sp]]\n\t"
                     "ldp x12, x11, [x1, %[fp]]\n\t"
                     "cmp x9, x11\n\t"
                     "b.eq 2f\n\t"
                     "msr fpcr, x11\n"
                     "2:\n\t"
                     "mov x29, x12\n\t"
                     "mov sp, x10\n\t" /* clang-format */
                     ARCH_CFI_LEFT     /* would join */
                     "br x16\n\t"      /* these lines */
                     ARCH_CFI_BACK     /* otherwise */
                     "brk #1000\n"
                     "1:\n\t"
                     "hint #36"
                     : "+r"(x0), "+r"(x1)
                     : [sp] "i"(ARCH_SP), [fp] "i"(ARCH_FP)
                     : "x2", "x3", "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13",
                       "x14", "x15", "x16", "x17", "x18", "x19", "x20", "x21", "x22", "x23", "x24",
                       "x25", "x26", "x27", "x28", "x30", "cc", "memory", "v0", "v1", "v2", "v3",
                       "v4", "v5", "v6", "v7", "v8", "v9", "v10", "v11", "v12", "v13", "v14", "v15",
                       "v16", "v17", "v18", "v19", "v20", "v21", "v22", "v23", "v24", "v25", "v26",
                       "v27", "v28", "v29", "v30", "v31" ARCH_CLOBBER_SVE);
}

#endif
#endif
