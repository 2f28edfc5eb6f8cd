/* SPDX-License-Identifier: MIT
 *
 * Arm of 32 bits: the switch, a context's first instructions, and the call that no exception leaves.
 * The ABI, and the frame of a parked context, are in context.h. Arm's own instructions, not Thumb's;
 * calls between the two are the linker's business and blx's (Armv5T and later).
 *
 * Exceptions and backtrace() find tables of Arm's own form (EHABI, IHI 0038), debuggers those of
 * DWARF. */
#include "context.h"

#define FPSCR 64
#define FRAME 104

#define FPSCR_CONTROL 0x07f79f00 /* AHP, DN, FZ, rounding, stride, length, enables */

#define DWARF_D8 264

        .syntax unified
        .arch armv5t
        .fpu vfpv2
        .arm
        .cfi_sections .debug_frame

        .hidden arch_personality /* escape.c */
        .hidden arch_vfp         /* vfp.c */

        .text

/* void arch_switch(struct arch_context *from, struct arch_context *to); */
        .globl arch_switch
        .hidden arch_switch
        .type arch_switch, %function
        .p2align 4
arch_switch:
        .fnstart
        .cfi_startproc
        push {r4-r11, lr}
        .save {r4-r11, lr}
        .cfi_adjust_cfa_offset 36
        .irp r, 4, 5, 6, 7, 8, 9, 10, 11
        .cfi_rel_offset r\r, 4 * (\r - 4)
        .endr
        .cfi_rel_offset lr, 32
        sub sp, sp, #68
        .pad #68
        .cfi_adjust_cfa_offset 68
#ifndef __ARM_FP
        ldr ip, .Lvfp
.Lat:   ldrb ip, [pc, ip]
        cmp ip, #0
        beq 1f
#endif
        vstmia sp, {d8-d15}
        .irp r, 0, 1, 2, 3, 4, 5, 6, 7
        .cfi_rel_offset DWARF_D8 + \r, 8 * \r
        .endr
        vmrs r2, fpscr
        str r2, [sp, #FPSCR]
1:
        /* From here on the frame is the other's; it has the same form, so that its description
         * holds for both. */
        str sp, [r0, #ARCH_SP]
        ldr sp, [r1, #ARCH_SP]

#ifndef __ARM_FP
        cmp ip, #0
        beq 2f
#endif
        /* write the control word only where a control bit differs */
        ldr r3, [sp, #FPSCR]
        ldr r4, .Lcontrol
        eor r2, r2, r3
        tst r2, r4
        vmsrne fpscr, r3
        vldmia sp, {d8-d15}
2:
        add sp, sp, #68
        .cfi_adjust_cfa_offset -68
        pop {r4-r11, pc}
        .cfi_endproc
        .fnend
        .p2align 2
.Lcontrol:
        .word FPSCR_CONTROL
#ifndef __ARM_FP
.Lvfp:  .word arch_vfp - (.Lat + 8) /* pc is two instructions ahead */
#endif
        .size arch_switch, . - arch_switch

/* void arch_context_init(struct arch_context *c, void *top, void (*entry)(void *), void *arg);
 * A new context has its creator's control word, as a new thread does. */
        .globl arch_context_init
        .hidden arch_context_init
        .type arch_context_init, %function
        .p2align 4
arch_context_init:
        .fnstart
        .cfi_startproc
        sub r1, r1, #FRAME
        str r3, [r1, #68]
        str r2, [r1, #72]
        mov r2, #0
        str r2, [r1, #96]
        adr r2, arch_start
        str r2, [r1, #100]
#ifndef __ARM_FP
        ldr ip, .Lvfp_too
.Lat_too:
        ldrb ip, [pc, ip]
        cmp ip, #0
        beq 3f
#endif
        vmrs r2, fpscr
        str r2, [r1, #FPSCR]
3:
        str r1, [r0, #ARCH_SP]
        bx lr
        .cfi_endproc
        .cantunwind
        .fnend
#ifndef __ARM_FP
        .p2align 2
.Lvfp_too:
        .word arch_vfp - (.Lat_too + 8)
#endif
        .size arch_context_init, . - arch_context_init

/* Where a new context begins. It has no caller: r11 is 0, the return address undefined, and Arm's
 * tables say that nobody can unwind further (0x80, 0x00). An exception finds a routine first. */
        .hidden arch_start
        .type arch_start, %function
        .p2align 2
arch_start:
        .fnstart
        .cfi_startproc
        .cfi_undefined lr
        .personality arch_personality
        .unwind_raw 0, 0x80, 0x00
        mov r0, r4
        blx r5
        udf #0 /* entry never returns */
        .cfi_endproc
        .handlerdata
        .text
        .fnend
        .size arch_start, . - arch_start

/* int arch_call(int (*fn)(void *), void *arg); */
        .globl arch_call
        .hidden arch_call
        .type arch_call, %function
        .p2align 4
arch_call:
        .fnstart
        .cfi_startproc
        push {r4, lr}
        .save {r4, lr}
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset r4, 0
        .cfi_rel_offset lr, 4
        mov r2, r0
        mov r0, r1
        blx r2
        pop {r4, pc}
        .cfi_endproc
        .personality arch_personality
        .handlerdata
        .text
        .fnend
        .size arch_call, . - arch_call

        .section .note.GNU-stack, "", %progbits
