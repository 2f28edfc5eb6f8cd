/* SPDX-License-Identifier: MIT
 *
 * x86-64: void call_on_stack(void *top, handler, int sig, siginfo_t *info, void *context);
 *
 * handler(sig, info, context) on the stack that ends at top. The frame lies on the caller's own
 * stack, by rbp, so that the handler can be unwound through. */
        .text
        .globl call_on_stack
        .hidden call_on_stack
        .type call_on_stack, @function
        .p2align 4
call_on_stack:
        .cfi_startproc
        endbr64
        pushq %rbp
        .cfi_adjust_cfa_offset 8
        .cfi_offset rbp, -16
        movq %rsp, %rbp
        .cfi_def_cfa_register rbp
        movq %rdi, %rsp
        andq $-16, %rsp
        movq %rsi, %rax
        movl %edx, %edi
        movq %rcx, %rsi
        movq %r8, %rdx
        call *%rax
        movq %rbp, %rsp
        popq %rbp
        .cfi_def_cfa rsp, 8
        ret
        .cfi_endproc
        .size call_on_stack, . - call_on_stack

#include "note.inc"
