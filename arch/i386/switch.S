/* SPDX-License-Identifier: MIT
 *
 * i386: the switch, a context's first instructions, and the call that no exception leaves. The ABI,
 * and the frame of a parked context, are in context.h. */
#include "context.h"

#define MXCSR 0
#define X87CW 4
#define FRAME 28 /* with the return address */

#define MXCSR_CONTROL 0xffc0

        .hidden arch_personality /* escape.c */
        .hidden arch_sse         /* sse.c */

        .text

/* eax = the address behind the call: by a return, so that predictions stay right. */
        .type here, @function
here:
        .cfi_startproc
        movl (%esp), %eax
        ret
        .cfi_endproc
        .size here, . - here

        .macro save r
        pushl %\r
        .cfi_adjust_cfa_offset 4
        .cfi_rel_offset \r, 0
        .endm

        .macro load r
        popl %\r
        .cfi_adjust_cfa_offset -4
        .cfi_restore \r
        .endm

/* void arch_switch(struct arch_context *from, struct arch_context *to); */
        .globl arch_switch
        .hidden arch_switch
        .type arch_switch, @function
        .p2align 4
arch_switch:
        .cfi_startproc
        movl 4(%esp), %ecx
        movl 8(%esp), %edx
        save ebp
        save ebx
        save esi
        save edi
        subl $8, %esp
        .cfi_adjust_cfa_offset 8
        fnstcw X87CW(%esp)
        movzwl X87CW(%esp), %ebx
#ifndef __SSE__
        call here
1:      cmpb $0, arch_sse - 1b(%eax)
        je 2f
#endif
        stmxcsr MXCSR(%esp)
        movl MXCSR(%esp), %esi
2:
        /* From here on the frame is the other's; it has the same form, so that its description
         * holds for both. */
        movl %esp, ARCH_SP(%ecx)
        movl ARCH_SP(%edx), %esp

        /* load a control word only where it differs */
        cmpw X87CW(%esp), %bx
        je 3f
        fldcw X87CW(%esp)
3:
#ifndef __SSE__
        cmpb $0, arch_sse - 1b(%eax)
        je 4f
#endif
        xorl MXCSR(%esp), %esi
        testl $MXCSR_CONTROL, %esi
        jz 4f
        ldmxcsr MXCSR(%esp)
4:
        addl $8, %esp
        .cfi_adjust_cfa_offset -8
        load edi
        load esi
        load ebx
        load ebp
        ret
        .cfi_endproc
        .size arch_switch, . - arch_switch

/* void arch_context_init(struct arch_context *c, void *top, void (*entry)(void *), void *arg);
 * A new context has its creator's control words, as a new thread does. At arch_start there are 16
 * bytes above the frame, for the argument of a call. */
        .globl arch_context_init
        .hidden arch_context_init
        .type arch_context_init, @function
        .p2align 4
arch_context_init:
        .cfi_startproc
        call here
5:      leal arch_start - 5b(%eax), %edx
        movl 8(%esp), %ecx
        subl $16 + FRAME, %ecx
        movl %edx, 24(%ecx)
        movl $0, 20(%ecx)
        movl 12(%esp), %edx
        movl %edx, 12(%ecx)
        movl 16(%esp), %edx
        movl %edx, 8(%ecx)
        fnstcw X87CW(%ecx)
#ifndef __SSE__
        cmpb $0, arch_sse - 5b(%eax)
        je 6f
#endif
        stmxcsr MXCSR(%ecx)
6:
        movl 4(%esp), %edx
        movl %ecx, ARCH_SP(%edx)
        ret
        .cfi_endproc
        .size arch_context_init, . - arch_context_init

/* Where a new context begins. It has no caller: ebp is 0 and the return address undefined, so that
 * both ways of walking a stack end here. */
        .hidden arch_start
        .type arch_start, @function
        .p2align 4
arch_start:
        .cfi_startproc
        .cfi_personality 0x1b, arch_personality
        .cfi_undefined eip
        .cfi_def_cfa esp, 16
        movl %edi, (%esp)
        call *%esi
        ud2 /* entry never returns */
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
        movl 4(%esp), %eax
        movl 8(%esp), %ecx
        subl $12, %esp
        .cfi_adjust_cfa_offset 12
        movl %ecx, (%esp)
        call *%eax
        addl $12, %esp
        .cfi_adjust_cfa_offset -12
        ret
        .cfi_endproc
        .size arch_call, . - arch_call

        .section .note.GNU-stack, "", @progbits
