/* SPDX-License-Identifier: MIT
 *
 * int registers_lost(void (*fn)(void), long seed): calls fn with a pattern of seed's in each
 * register that the ABI calls callee-saved; returns how many of them came back otherwise. */
        .text
        .globl registers_lost
        .hidden registers_lost
        .type registers_lost, @function
registers_lost:
        .cfi_startproc
        endbr64
        .irp r, rbx, rbp, r12, r13, r14, r15, rsi
        pushq %\r
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset \r, 0
        .endr
        leaq 1(%rsi), %rbx
        leaq 2(%rsi), %rbp
        leaq 3(%rsi), %r12
        leaq 4(%rsi), %r13
        leaq 5(%rsi), %r14
        leaq 6(%rsi), %r15
        callq *%rdi
        popq %rsi
        .cfi_adjust_cfa_offset -8
        xorl %eax, %eax

        .macro compare reg, n
        subq %rsi, %\reg
        cmpq $\n, %\reg
        setne %cl
        addb %cl, %al
        .endm
        compare rbx, 1
        compare rbp, 2
        compare r12, 3
        compare r13, 4
        compare r14, 5
        compare r15, 6

        .irp r, r15, r14, r13, r12, rbp, rbx
        popq %\r
        .cfi_adjust_cfa_offset -8
        .cfi_restore \r
        .endr
        ret
        .cfi_endproc
        .size registers_lost, . - registers_lost

#include "arch/x86_64/note.inc"
