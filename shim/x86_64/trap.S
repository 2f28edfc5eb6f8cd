/* SPDX-License-Identifier: MIT
 *
 * x86-64: _Noreturn void trap_return(unsigned long sp, void *stub);
 *
 * The return from the signal whose frame is at sp. */
        .text
        .globl trap_return
        .hidden trap_return
        .type trap_return, @function
        .p2align 4
trap_return:
        .cfi_startproc
        .cfi_undefined rip
        endbr64
        movq %rdi, %rsp
        movl $15, %eax
        jmpq *%rsi
        .cfi_endproc
        .size trap_return, . - trap_return

#include "note.inc"
