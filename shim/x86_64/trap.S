/* SPDX-License-Identifier: MIT
 *
 * x86-64: two system calls that cannot be made for somebody else from a handler of SIGSYS. */

        .text

/* long trap_clone_raw(const long *arguments, const greg_t *registers);
 *
 * clone with a stack of the child's. The child goes on where the trapped call was, with its
 * registers (sys/ucontext.h's order) and 0 in rax, and with rcx as the kernel leaves it: the address
 * to go on at. They travel on the child's own stack, since the handler's is gone when it looks. */
#define RDI 64
#define RSP 120
#define RIP 128
#define BLOCK 144

        .globl trap_clone_raw
        .hidden trap_clone_raw
        .type trap_clone_raw, @function
        .p2align 4
trap_clone_raw:
        .cfi_startproc
        endbr64
        movq %rdi, %r9
        movq 8(%r9), %rax
        leaq -BLOCK(%rax), %r11
        movq %r11, %rdi
        movl $BLOCK / 8, %ecx
        cld
        rep movsq
        movq %rax, RSP(%r11)
        movq (%r9), %rdi
        movq %r11, %rsi
        movq 16(%r9), %rdx
        movq 24(%r9), %r10
        movq 32(%r9), %r8
        movl $56, %eax /* clone */
        syscall
        testq %rax, %rax
        jz 1f
        ret
1:      .cfi_undefined rip
        movq 0(%rsp), %r8
        movq 8(%rsp), %r9
        movq 16(%rsp), %r10
        movq 24(%rsp), %r11
        movq 32(%rsp), %r12
        movq 40(%rsp), %r13
        movq 48(%rsp), %r14
        movq 56(%rsp), %r15
        movq RDI(%rsp), %rdi
        movq 72(%rsp), %rsi
        movq 80(%rsp), %rbp
        movq 88(%rsp), %rbx
        movq 96(%rsp), %rdx
        movq RIP(%rsp), %rcx
        movq RSP(%rsp), %rsp
        jmpq *%rcx
        .cfi_endproc
        .size trap_clone_raw, . - trap_clone_raw

/* _Noreturn void trap_return(unsigned long sp, void *stub);
 *
 * The return from the signal whose frame is at sp. */
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
