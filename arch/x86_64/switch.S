/* SPDX-License-Identifier: MIT
 *
 * x86-64: the switch as a function, a context's first instructions, and the call that no exception
 * leaves. The ABI, and the record of a parked context, are in context.h.
 *
 * The stack of a context that left by arch_switch, from its sp upwards (ABI section 3.2.2, "The
 * Stack Frame"):
 *
 *      offset  contents
 *        0     r15
 *        8     r14
 *       16     r13
 *       24     r12
 *       32     rbx
 *       40     return address
 *
 * and of one that has never run:
 *
 *        0     arg
 *        8     entry
 *       16     top, a multiple of 16
 */
#include "context.h"

#define START_SIZE 16

        .hidden arch_personality /* escape.c */

        .text

/* void arch_switch(struct arch_context *from, struct arch_context *to); */
        .globl arch_switch
        .hidden arch_switch
        .type arch_switch, @function
        .p2align 5
arch_switch:
        .cfi_startproc
        endbr64
        pushq %rbx
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset rbx, 0
        pushq %r12
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset r12, 0
        pushq %r13
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset r13, 0
        pushq %r14
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset r14, 0
        pushq %r15
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset r15, 0

        /* leave into *from */
        stmxcsr ARCH_MXCSR(%rdi)
        fnstcw ARCH_X87CW(%rdi)
        leaq 1f(%rip), %rax
        movq %rsp, ARCH_SP(%rdi)
        movq %rbp, ARCH_FP(%rdi)
        movq %rax, ARCH_PC(%rdi)

        /* load the control words only where a control bit differs */
        movl ARCH_MXCSR(%rdi), %ecx
        movzwl ARCH_X87CW(%rdi), %edx
        xorl ARCH_MXCSR(%rsi), %ecx
        xorw ARCH_X87CW(%rsi), %dx
        andl $ARCH_MXCSR_CONTROL, %ecx
        orl %edx, %ecx
        jz 2f
        ldmxcsr ARCH_MXCSR(%rsi)
        fldcw ARCH_X87CW(%rsi)
2:
        /* go on in *to; for the length of the jump, the frame's caller is that context */
        movq ARCH_PC(%rsi), %rax
        movq ARCH_FP(%rsi), %rbp
        movq ARCH_SP(%rsi), %rsp
        .cfi_remember_state
        .cfi_def_cfa rsp, 0
        .cfi_register rip, rax
        .cfi_same_value rbx
        .cfi_same_value r12
        .cfi_same_value r13
        .cfi_same_value r14
        .cfi_same_value r15
        jmpq *%rax
        .cfi_restore_state
        int3

        /* Back, by an ordinary return: it pops the prediction that the resumer's call has pushed,
         * and is right when both called from the same place. Measured in fibers that park through
         * one function: 16 ns a switch, against 32 with `popq; jmpq`, which leaves all predictions
         * of later returns off by one. */
1:
        endbr64
        popq %r15
        .cfi_adjust_cfa_offset -8
        .cfi_restore r15
        popq %r14
        .cfi_adjust_cfa_offset -8
        .cfi_restore r14
        popq %r13
        .cfi_adjust_cfa_offset -8
        .cfi_restore r13
        popq %r12
        .cfi_adjust_cfa_offset -8
        .cfi_restore r12
        popq %rbx
        .cfi_adjust_cfa_offset -8
        .cfi_restore rbx
        ret
        .cfi_endproc
        .size arch_switch, . - arch_switch

/* void arch_context_init(struct arch_context *c, void *top, void (*entry)(void *), void *arg);
 * A new context has its creator's control words, as a new thread does. */
        .globl arch_context_init
        .hidden arch_context_init
        .type arch_context_init, @function
        .p2align 4
arch_context_init:
        .cfi_startproc
        endbr64
        movq %rcx, -16(%rsi)
        movq %rdx, -8(%rsi)
        subq $START_SIZE, %rsi
        leaq arch_start(%rip), %rax
        movq %rsi, ARCH_SP(%rdi)
        movq %rax, ARCH_PC(%rdi)
        movq $0, ARCH_FP(%rdi)
        stmxcsr ARCH_MXCSR(%rdi)
        fnstcw ARCH_X87CW(%rdi)
        ret
        .cfi_endproc
        .size arch_context_init, . - arch_context_init

/* Where a new context begins. It has no caller: rbp is 0 and the return address undefined, so that
 * both ways of walking a stack end here. */
        .hidden arch_start
        .type arch_start, @function
        .p2align 4
arch_start:
        .cfi_startproc
        .cfi_personality 0x1b, arch_personality
        .cfi_undefined rip
        .cfi_def_cfa rsp, START_SIZE
        endbr64
        popq %rdi
        .cfi_adjust_cfa_offset -8
        popq %rax
        .cfi_adjust_cfa_offset -8
        /* A call by hand: entry never returns, and a return address that the processor's predictor
         * knew of would be popped by whoever runs next. */
        leaq 1f(%rip), %rcx
        pushq %rcx
        .cfi_adjust_cfa_offset 8
        jmpq *%rax
        .cfi_adjust_cfa_offset -8
        ud2
1:      ud2 /* an unwinder looks just before the return address */
        .cfi_endproc
        .size arch_start, . - arch_start

/* int arch_call(int (*fn)(void *), void *arg); */
        .globl arch_call
        .hidden arch_call
        .type arch_call, @function
        .p2align 4
arch_call:
        .cfi_startproc
        .cfi_personality 0x1b, arch_personality
        endbr64
        subq $8, %rsp
        .cfi_adjust_cfa_offset 8
        movq %rdi, %rax
        movq %rsi, %rdi
        callq *%rax
        addq $8, %rsp
        .cfi_adjust_cfa_offset -8
        ret
        .cfi_endproc
        .size arch_call, . - arch_call

#include "note.inc"
