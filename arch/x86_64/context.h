/* SPDX-License-Identifier: MIT
 *
 * x86-64, System V ABI ("System V Application Binary Interface, AMD64 Architecture Processor
 * Supplement", 1.0). What a context that does not run must keep is what its section 3.2.1
 * ("Registers") and figure 3.4 call callee-saved: rsp, rbp, rbx, r12 to r15, the control bits of
 * MXCSR, and the x87 control word. Section 3.2.2: the stack pointer is a multiple of 16 before a
 * call, and 128 bytes below it (the red zone) are the function's own; a switch writes nothing
 * there.
 *
 * A parked context is one record, at whichever switch it left:
 *
 *      offset  field
 *        0     sp      the stack pointer
 *        8     pc      where it goes on: in an inlined switch, in arch_switch, or arch_start
 *       16     fp      rbp, by hand: gcc refuses it as a clobber where it is the frame pointer
 *       24     mxcsr   SSE control and status; only the control bits count
 *       28     x87cw   the x87 control word
 *
 * rbx and r12 to r15 are nowhere in it: an inlined switch names them as clobbered, so that the
 * compiler saves those that are live there, often none; arch_switch pushes them. Hence every kind
 * of switch can resume what any other kind parked.
 *
 * Going on is an indirect jump, which has a prediction of its own for each place that leaves. A
 * `ret` would be predicted to return to the last caller, in the context that leaves, and that would
 * be wrong at each switch. */
#ifndef ARCH_X86_64_CONTEXT_H
#define ARCH_X86_64_CONTEXT_H

#define ARCH_SP    0
#define ARCH_PC    8
#define ARCH_FP    16
#define ARCH_MXCSR 24
#define ARCH_X87CW 28
#define ARCH_MXCSR_CONTROL \
    0xffc0 /* masks, rounding, flush-to-zero, denormals; the other six bits are sticky status */

#ifndef __ASSEMBLER__

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define arch_pause() __asm__ volatile("pause" ::: "memory")

struct arch_context {
    void *sp;
    void *pc;
    void *fp;
    uint32_t mxcsr;
    uint16_t x87cw;
};

_Static_assert(offsetof(struct arch_context, sp) == ARCH_SP, "frame table");
_Static_assert(offsetof(struct arch_context, pc) == ARCH_PC, "frame table");
_Static_assert(offsetof(struct arch_context, fp) == ARCH_FP, "frame table");
_Static_assert(offsetof(struct arch_context, mxcsr) == ARCH_MXCSR, "frame table");
_Static_assert(offsetof(struct arch_context, x87cw) == ARCH_X87CW, "frame table");

/* The thread pointer, the base of fs (ABI section 3.3, "Thread-local storage": the first word there
 * is its own address). By an instruction where the kernel allows it, else by a system call. */
#define ARCH_TP 1

extern bool arch_fsgsbase __attribute__((visibility("hidden")));
void arch_tp_set_by_call(void *tp);

static inline void *arch_tp(void)
{
    void *tp;

    __asm__("movq %%fs:0, %0" : "=r"(tp));
    return tp;
}

static inline void arch_tp_set(void *tp)
{
    if (__builtin_expect(arch_fsgsbase, 1))
        __asm__ volatile("wrfsbase %0" : : "r"(tp) : "memory");
    else
        arch_tp_set_by_call(tp);
}

void arch_switch(struct arch_context *from, struct arch_context *to);
void arch_context_init(struct arch_context *c, void *top, void (*entry)(void *), void *arg);
int arch_call(int (*fn)(void *), void *arg);

/* Unwind information for the one instruction that has left this frame and not yet reached the
 * other: its caller is the context that is about to run, whose stack pointer is loaded and whose pc
 * is in rax. */
#ifdef __GCC_HAVE_DWARF2_CFI_ASM
#define ARCH_CFI_LEFT            \
    ".cfi_remember_state\n\t"    \
    ".cfi_def_cfa rsp, 0\n\t"    \
    ".cfi_register rip, rax\n\t" \
    ".cfi_same_value rbp\n\t"
#define ARCH_CFI_BACK ".cfi_restore_state\n\t"
#else
#define ARCH_CFI_LEFT
#define ARCH_CFI_BACK
#endif

#ifdef __AVX512F__
#define ARCH_CLOBBER_AVX512                                                                       \
    , "xmm16", "xmm17", "xmm18", "xmm19", "xmm20", "xmm21", "xmm22", "xmm23", "xmm24", "xmm25",   \
        "xmm26", "xmm27", "xmm28", "xmm29", "xmm30", "xmm31", "k0", "k1", "k2", "k3", "k4", "k5", \
        "k6", "k7"
#else
#define ARCH_CLOBBER_AVX512
#endif

/* Always inlined: a call would make it arch_switch with detours. The stores of the control words
 * are compared in the sizes in which they were made, since a wider load cannot be forwarded from
 * the store buffer. ldmxcsr was measured at 60 ns, so the words are loaded only when the two
 * contexts really differ. The int3 is never reached: it keeps the address before the label, which
 * is where an unwinder looks, under the ordinary frame description, and stops straight-line
 * speculation. */
__attribute__((always_inline)) static inline void arch_switch_inline(struct arch_context *from,
                                                                     struct arch_context *to)
{
    __asm__ volatile(
        "stmxcsr %c[mxcsr](%%rdi)\n\t"
        "fnstcw %c[x87cw](%%rdi)\n\t"
        "leaq 1f(%%rip), %%rax\n\t"
        "movq %%rsp, %c[sp](%%rdi)\n\t"
        "movq %%rbp, %c[fp](%%rdi)\n\t"
        "movq %%rax, %c[pc](%%rdi)\n\t"
        "movl %c[mxcsr](%%rdi), %%ecx\n\t"
        "movzwl %c[x87cw](%%rdi), %%edx\n\t"
        "xorl %c[mxcsr](%%rsi), %%ecx\n\t"
        "xorw %c[x87cw](%%rsi), %%dx\n\t"
        "andl %[control], %%ecx\n\t"
        "orl %%edx, %%ecx\n\t"
        "jz 2f\n\t"
        "ldmxcsr %c[mxcsr](%%rsi)\n\t"
        "fldcw %c[x87cw](%%rsi)\n"
        "2:\n\t"
        "movq %c[pc](%%rsi), %%rax\n\t"
        "movq %c[fp](%%rsi), %%rbp\n\t"
        "movq %c[sp](%%rsi), %%rsp\n\t" /* clang-format */
        ARCH_CFI_LEFT                   /* would join */
        "jmpq *%%rax\n\t"               /* these lines */
        ARCH_CFI_BACK                   /* otherwise */
        "int3\n"
        "1:\n\t"
        "endbr64"
        : "+D"(from), "+S"(to)
        : [sp] "i"(ARCH_SP), [pc] "i"(ARCH_PC), [fp] "i"(ARCH_FP), [mxcsr] "i"(ARCH_MXCSR),
          [x87cw] "i"(ARCH_X87CW), [control] "i"(ARCH_MXCSR_CONTROL)
        : "rax", "rbx", "rcx", "rdx", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "cc",
          "memory", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9",
          "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15", "st", "st(1)", "st(2)", "st(3)",
          "st(4)", "st(5)", "st(6)", "st(7)" ARCH_CLOBBER_AVX512);
}

#endif
#endif
