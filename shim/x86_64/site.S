/* SPDX-License-Identifier: MIT
 *
 * x86-64: where a patched site goes. The site's thunk (sites.c) has put the system call's number
 * into rax, and the address behind the site into r11; rcx and r11 are free, since the kernel
 * destroys them, and so are the flags. Everything else is the caller's, the 128 bytes below its
 * stack pointer (ABI section 3.2.2, the red zone) included.
 *
 * Outside fibers: the system call, but for futexes. In them: shim_site(registers), with the SSE registers saved around
 * it, as a compiler may keep values there across what it takes for one instruction. Not the upper
 * halves of AVX: libc is compiled for the baseline, and its functions for newer processors make no
 * system calls. Not the x87 stack: the functions that have these sites compute nothing. (fxsave and
 * fxrstor would save both, and were measured at 65 to 74 ns.)
 *
 * At the end the flags are those of `cmp $-4096, %rax`, for the sites from which that instruction
 * was moved here.
 *
 * The unwinder finds the caller as if the site had called: the return address lies below the red
 * zone, and the caller's stack pointer is the frame's address. pthread_cancel unwinds through here.
 */
#define RED_ZONE 128
#define SSE      256

.macro each_xmm to_memory
        .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
        .if \to_memory
        movaps %xmm\n, 16 * \n(%rsp)
        .else
        movaps 16 * \n(%rsp), %xmm\n
        .endif
        .endr
.endm

        .text
        .globl shim_site_entry
        .hidden shim_site_entry
        .type shim_site_entry, @function
        .p2align 5
shim_site_entry:
        .cfi_startproc
        .cfi_def_cfa rsp, 0
        .cfi_register rip, r11
        endbr64
        movq sched_tls@GOTTPOFF(%rip), %rcx
        leaq -RED_ZONE(%rsp), %rsp
        .cfi_def_cfa_offset RED_ZONE
        pushq %r11
        .cfi_def_cfa_offset RED_ZONE + 8
        .cfi_offset rip, -(RED_ZONE + 8)
        cmpq $0, %fs:(%rcx)
        jne 1f
        cmpl $202, %eax /* a futex: a fiber may wait there */
        je 1f
        syscall
0:      popq %r11
        .cfi_remember_state
        .cfi_def_cfa_offset RED_ZONE
        .cfi_register rip, r11
        leaq RED_ZONE(%rsp), %rsp
        .cfi_def_cfa_offset 0
        cmpq $-4096, %rax
        jmpq *%r11
        .cfi_restore_state
1:      pushq %rbp
        .cfi_def_cfa_offset RED_ZONE + 16
        .cfi_offset rbp, -(RED_ZONE + 16)
        movq %rsp, %rbp
        .cfi_def_cfa_register rbp
        pushq %r11
        pushq %r9
        pushq %r8
        pushq %r10
        pushq %rdx
        pushq %rsi
        pushq %rdi
        pushq %rax
        movq %rsp, %rdi
        subq $SSE, %rsp
        andq $-16, %rsp
        each_xmm 1
        cld
        call shim_site
        each_xmm 0
        leaq -64(%rbp), %rsp
        addq $8, %rsp
        popq %rdi
        popq %rsi
        popq %rdx
        popq %r10
        popq %r8
        popq %r9
        popq %r11
        popq %rbp
        .cfi_def_cfa rsp, RED_ZONE + 8
        .cfi_same_value rbp
        jmp 0b
        .cfi_endproc
        .size shim_site_entry, . - shim_site_entry

#include "note.inc"
