/* SPDX-License-Identifier: MIT
 *
 * AArch64: the switch as a function, a context's first instructions, and the call that no exception
 * leaves. The ABI, and the record of a parked context, are in context.h.
 *
 * The stack of a context that left by arch_switch, from its sp upwards (AAPCS64 section 6.4.6, "The
 * Frame Pointer": the first two are a frame record, to which x29 points):
 *
 *      offset  contents
 *        0     x29, x30; x30 signed, by the sp of arch_switch's caller
 *       16     x19, x20
 *       32     x21, x22
 *       48     x23, x24
 *       64     x25, x26
 *       80     x27, x28
 *       96     d8, d9
 *      112     d10, d11
 *      128     d12, d13
 *      144     d14, d15
 *      160     the caller's
 *
 * and of one that has never run:
 *
 *        0     arg
 *        8     entry
 *       16     top, a multiple of 16
 *
 * Landing pads and signatures are hints, which older processors pass over, by their numbers, which
 * older assemblers know. */
#include "context.h"

#define FRAME_SIZE 160
#define START_SIZE 16

#define BTI_C   hint #34
#define BTI_J   hint #36
#define PACIASP hint #25 /* a landing pad too, for calls */
#define AUTIASP hint #29

#define DWARF_D8 72 /* d9 is 73, and so on */

        .hidden arch_personality /* escape.c */

        .text

/* Stores a pair in the frame, and says so; `a` is the first one's number in DWARF. */
        .macro save x, y, a, offset
        stp \x, \y, [sp, \offset]
        .cfi_rel_offset \a, \offset
        .cfi_rel_offset \a + 1, \offset + 8
        .endm

        .macro load x, y, a, offset
        ldp \x, \y, [sp, \offset]
        .cfi_restore \a
        .cfi_restore \a + 1
        .endm

/* void arch_switch(struct arch_context *from, struct arch_context *to); */
        .globl arch_switch
        .hidden arch_switch
        .type arch_switch, %function
        .p2align 5
arch_switch:
        .cfi_startproc
        PACIASP
        .cfi_negate_ra_state
        stp x29, x30, [sp, -FRAME_SIZE]!
        .cfi_adjust_cfa_offset FRAME_SIZE
        .cfi_rel_offset x29, 0
        .cfi_rel_offset x30, 8
        mov x29, sp
        save x19, x20, 19, 16
        save x21, x22, 21, 32
        save x23, x24, 23, 48
        save x25, x26, 25, 64
        save x27, x28, 27, 80
        save d8, d9, DWARF_D8, 96
        save d10, d11, DWARF_D8 + 2, 112
        save d12, d13, DWARF_D8 + 4, 128
        save d14, d15, DWARF_D8 + 6, 144

        /* leave into *from, and load the other */
        mrs x9, fpcr
        adr x16, 1f
        mov x10, sp
        stp x10, x16, [x0, ARCH_SP]
        stp x29, x9, [x0, ARCH_FP]
        ldp x10, x16, [x1, ARCH_SP]
        ldp x12, x11, [x1, ARCH_FP]

        /* write the control word only where it differs */
        cmp x9, x11
        b.eq 2f
        msr fpcr, x11
2:
        /* go on in *to; for the length of the jump, the frame's caller is that context */
        mov x29, x12
        mov sp, x10
        .cfi_remember_state
        .cfi_def_cfa sp, 0
        .cfi_register x30, x16
        .cfi_negate_ra_state
        .irp r, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 72, 73, 74, 75, 76, 77, 78, 79
        .cfi_same_value \r
        .endr
        br x16
        .cfi_restore_state
        brk #1000

        /* Back, by an ordinary return: it pops the prediction that the resumer's call has pushed,
         * and is right when both called from the same place. */
1:
        BTI_J
        load d14, d15, DWARF_D8 + 6, 144
        load d12, d13, DWARF_D8 + 4, 128
        load d10, d11, DWARF_D8 + 2, 112
        load d8, d9, DWARF_D8, 96
        load x27, x28, 27, 80
        load x25, x26, 25, 64
        load x23, x24, 23, 48
        load x21, x22, 21, 32
        load x19, x20, 19, 16
        ldp x29, x30, [sp], FRAME_SIZE
        .cfi_adjust_cfa_offset -FRAME_SIZE
        .cfi_restore x29
        .cfi_restore x30
        AUTIASP
        .cfi_negate_ra_state
        ret
        .cfi_endproc
        .size arch_switch, . - arch_switch

/* void arch_context_init(struct arch_context *c, void *top, void (*entry)(void *), void *arg);
 * A new context has its creator's control word, as a new thread does. */
        .globl arch_context_init
        .hidden arch_context_init
        .type arch_context_init, %function
        .p2align 4
arch_context_init:
        .cfi_startproc
        BTI_C
        stp x3, x2, [x1, -START_SIZE]!
        adr x9, arch_start
        mrs x10, fpcr
        stp x1, x9, [x0, ARCH_SP]
        stp xzr, x10, [x0, ARCH_FP]
        ret
        .cfi_endproc
        .size arch_context_init, . - arch_context_init

/* Where a new context begins. It has no caller: x29 is 0 and the return address undefined, so that
 * both ways of walking a stack end here. */
        .hidden arch_start
        .type arch_start, %function
        .p2align 4
arch_start:
        .cfi_startproc
        .cfi_personality 0x1b, arch_personality
        .cfi_undefined x30
        .cfi_def_cfa sp, START_SIZE
        BTI_J
        ldp x0, x16, [sp], START_SIZE
        .cfi_adjust_cfa_offset -START_SIZE
        /* A call by hand: entry never returns, and a return address that the processor's predictor
         * knew of would be popped by whoever runs next. By x16, so that entry's landing pad, one
         * for calls, takes it. */
        adr x30, 1f
        br x16
        brk #1000
1:      brk #1000 /* an unwinder looks just before the return address */
        .cfi_endproc
        .size arch_start, . - arch_start

/* int arch_call(int (*fn)(void *), void *arg); */
        .globl arch_call
        .hidden arch_call
        .type arch_call, %function
        .p2align 4
arch_call:
        .cfi_startproc
        .cfi_personality 0x1b, arch_personality
        PACIASP
        .cfi_negate_ra_state
        stp x29, x30, [sp, -16]!
        .cfi_adjust_cfa_offset 16
        .cfi_rel_offset x29, 0
        .cfi_rel_offset x30, 8
        mov x29, sp
        mov x9, x0
        mov x0, x1
        blr x9
        ldp x29, x30, [sp], 16
        .cfi_adjust_cfa_offset -16
        .cfi_restore x29
        .cfi_restore x30
        AUTIASP
        .cfi_negate_ra_state
        ret
        .cfi_endproc
        .size arch_call, . - arch_call

#include "note.inc"
