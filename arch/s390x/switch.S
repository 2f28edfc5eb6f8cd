/* SPDX-License-Identifier: MIT
 *
 * s390x: the switch, a context's first instructions, and the call that no exception leaves. The
 * ABI, and the frame of a parked context, are in context.h. */
#include "context.h"

#define CALLER 160 /* what a caller leaves for its callee */
#define SAVED  48  /* where in it r6 to r15 are */
#define FPC    64
#define FRAME  80

#define DWARF_R14 14

        .hidden arch_personality /* escape.c */

        .text

/* Stores or loads f8 to f15; DWARF numbers the even ones first. */
        .macro each_float op, cfi
        .irp f, 8, 9, 10, 11, 12, 13, 14, 15
        \op %f\f, 8 * (\f - 8)(%r15)
        .endr
        .irp d, 0, 1, 2, 3
        .ifc \op, std
        .cfi_rel_offset 24 + \d, 16 * \d
        .cfi_rel_offset 28 + \d, 16 * \d + 8
        .else
        .cfi_restore 24 + \d
        .cfi_restore 28 + \d
        .endif
        .endr
        .endm

/* void arch_switch(struct arch_context *from, struct arch_context *to); */
        .globl arch_switch
        .hidden arch_switch
        .type arch_switch, @function
        .p2align 4
arch_switch:
        .cfi_startproc
        stmg %r6, %r15, SAVED(%r15)
        .irp r, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
        .cfi_rel_offset %r\r, SAVED + 8 * (\r - 6)
        .endr
        aghi %r15, -FRAME
        .cfi_adjust_cfa_offset FRAME
        each_float std
        stfpc FPC(%r15)

        /* From here on the frame is the other's; it has the same form, so that its description
         * holds for both. */
        l %r1, FPC(%r15)
        stg %r15, ARCH_SP(%r2)
        lg %r15, ARCH_SP(%r3)

        /* write the control word only where it differs: that waits */
        c %r1, FPC(%r15)
        je 1f
        lfpc FPC(%r15)
1:
        each_float ld
        lmg %r6, %r15, FRAME + SAVED(%r15)
        .cfi_adjust_cfa_offset -FRAME
        .irp r, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
        .cfi_restore %r\r
        .endr
        br %r14
        .cfi_endproc
        .size arch_switch, . - arch_switch

/* void arch_context_init(struct arch_context *c, void *top, void (*entry)(void *), void *arg);
 * A new context has its creator's control word, as a new thread does. */
        .globl arch_context_init
        .hidden arch_context_init
        .type arch_context_init, @function
        .p2align 4
arch_context_init:
        .cfi_startproc
        aghi %r3, -CALLER
        lgr %r1, %r3
        aghi %r3, -FRAME
        stfpc FPC(%r3)
        stg %r5, FRAME + SAVED(%r3)
        stg %r4, FRAME + SAVED + 8(%r3)
        larl %r0, arch_start
        stg %r0, FRAME + SAVED + 64(%r3)
        stg %r1, FRAME + SAVED + 72(%r3)
        stg %r3, ARCH_SP(%r2)
        br %r14
        .cfi_endproc
        .size arch_context_init, . - arch_context_init

/* Where a new context begins. It has no caller: the back chain is 0 and the return address
 * undefined, so that both ways of walking a stack end here. */
        .hidden arch_start
        .type arch_start, @function
        .p2align 4
arch_start:
        .cfi_startproc
        .cfi_personality 0x1b, arch_personality
        .cfi_undefined DWARF_R14
        xc 0(8, %r15), 0(%r15)
        lgr %r2, %r6
        basr %r14, %r7
        j .+2 /* entry never returns; this traps */
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
        stmg %r14, %r15, SAVED + 64(%r15)
        .cfi_rel_offset %r14, SAVED + 64
        .cfi_rel_offset %r15, SAVED + 72
        lgr %r1, %r15
        aghi %r15, -CALLER
        .cfi_adjust_cfa_offset CALLER
        stg %r1, 0(%r15)
        lgr %r1, %r2
        lgr %r2, %r3
        basr %r14, %r1
        lmg %r14, %r15, CALLER + SAVED + 64(%r15)
        .cfi_adjust_cfa_offset -CALLER
        .cfi_restore %r14
        .cfi_restore %r15
        br %r14
        .cfi_endproc
        .size arch_call, . - arch_call

        .section .note.GNU-stack, "", @progbits
