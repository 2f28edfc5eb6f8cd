/* SPDX-License-Identifier: MIT
 *
 * x86-64: clone, whose child goes on where the caller called, with the caller's registers. They
 * travel in a block in the order of sys/ucontext.h's greg_t. */
#define R8     0
#define R9     8
#define R10    16
#define R11    24
#define R12    32
#define R13    40
#define R14    48
#define R15    56
#define RDI    64
#define RSI    72
#define RBP    80
#define RBX    88
#define RDX    96
#define RAX    104
#define RCX    112
#define RSP    120
#define RIP    128
#define BLOCK  144 /* the 17 of them, and 8 bytes so that it is a multiple of 16 */

#define RED_ZONE 128

.macro load_most
        movq R8(%rsp), %r8
        movq R9(%rsp), %r9
        movq R10(%rsp), %r10
        movq R12(%rsp), %r12
        movq R13(%rsp), %r13
        movq R14(%rsp), %r14
        movq R15(%rsp), %r15
        movq RDI(%rsp), %rdi
        movq RSI(%rsp), %rsi
        movq RBP(%rsp), %rbp
        movq RBX(%rsp), %rbx
        movq RDX(%rsp), %rdx
.endm

        .text

/* Where the thunk of a patched clone or clone3 goes. Its own call, which the child returns from, is
 * at r11, and 2 bytes long. Outside fibers it is made; in them shim_clone(registers) says whether:
 * true, or it has put a result into their rax. SSE registers are not kept: libc keeps nothing there
 * across the making of a thread or a process, all of which are functions that call others. */
        .globl shim_clone_entry
        .hidden shim_clone_entry
        .type shim_clone_entry, @function
        .p2align 4
shim_clone_entry:
        .cfi_startproc
        .cfi_undefined rip
        endbr64
        movq sched_tls@GOTTPOFF(%rip), %rcx
        cmpq $0, %fs:(%rcx)
        jne 1f
        jmpq *%r11
1:      movq %rsp, %rcx
        leaq -(RED_ZONE + BLOCK)(%rsp), %rsp
        movq %r8, R8(%rsp)
        movq %r9, R9(%rsp)
        movq %r10, R10(%rsp)
        movq %r11, R11(%rsp)
        movq %r12, R12(%rsp)
        movq %r13, R13(%rsp)
        movq %r14, R14(%rsp)
        movq %r15, R15(%rsp)
        movq %rdi, RDI(%rsp)
        movq %rsi, RSI(%rsp)
        movq %rbp, RBP(%rsp)
        movq %rbx, RBX(%rsp)
        movq %rdx, RDX(%rsp)
        movq %rax, RAX(%rsp)
        movq %rcx, RSP(%rsp)
        leaq 2(%r11), %rcx
        movq %rcx, RIP(%rsp)
        movq %rsp, %rdi
        movq %rsp, %rbp
        andq $-16, %rsp
        cld
        call shim_clone
        movq %rbp, %rsp
        testb %al, %al
        movq RIP(%rsp), %r11
        leaq -2(%r11), %rcx
        cmovneq %rcx, %r11
        movq RAX(%rsp), %rax
        load_most
        movq RSP(%rsp), %rsp
        jmpq *%r11
        .cfi_endproc
        .size shim_clone_entry, . - shim_clone_entry

/* Where a thread that is a fiber begins: its registers lie at rsp, rax is 0, and rcx what the kernel
 * leaves there, the address to go on at. */
        .globl clone_child
        .hidden clone_child
        .type clone_child, @function
        .p2align 4
clone_child:
        .cfi_startproc
        .cfi_undefined rip
        endbr64
        movq R11(%rsp), %r11
        movq RIP(%rsp), %rcx
        load_most
        movq RSP(%rsp), %rsp
        xorl %eax, %eax
        jmpq *%rcx
        .cfi_endproc
        .size clone_child, . - clone_child

/* long clone_raw(const long *arguments, const greg_t *registers);
 *
 * clone, for another process, with a stack of the child's, on which its registers travel: what they
 * were copied from may be gone when it looks. */
        .globl clone_raw
        .hidden clone_raw
        .type clone_raw, @function
        .p2align 4
clone_raw:
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
        jz clone_child
        ret
        .cfi_endproc
        .size clone_raw, . - clone_raw

#include "note.inc"
