/* SPDX-License-Identifier: MIT
 *
 * RISC-V of 64 bits: the switch, a context's first instructions, and the call that no exception
 * leaves. The ABI, and the frame of a parked context, are in context.h. */
#include "context.h"

#define RA    96
#define FS    104
#define FRM   200
#define FRAME 208

#define DWARF_F 32 /* f0 */

        .hidden arch_personality /* escape.c */

        .text

        .macro save n, offset
        sd x\n, \offset(sp)
        .cfi_rel_offset \n, \offset
        .endm

        .macro load n, offset
        ld x\n, \offset(sp)
        .cfi_restore \n
        .endm

        .macro fsave n, offset
        fsd f\n, \offset(sp)
        .cfi_rel_offset DWARF_F + \n, \offset
        .endm

        .macro fload n, offset
        fld f\n, \offset(sp)
        .cfi_restore DWARF_F + \n
        .endm

        .macro each op
        \op 8, 0
        \op 9, 8
        .irp n, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27
        \op \n, (16 + 8 * (\n - 18))
        .endr
        .endm

        .macro each_float op
        \op 8, (FS)
        \op 9, (FS + 8)
        .irp n, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27
        \op \n, (FS + 16 + 8 * (\n - 18))
        .endr
        .endm

/* void arch_switch(struct arch_context *from, struct arch_context *to); */
        .globl arch_switch
        .hidden arch_switch
        .type arch_switch, @function
        .p2align 4
arch_switch:
        .cfi_startproc
        addi sp, sp, -FRAME
        .cfi_adjust_cfa_offset FRAME
        each save
        save 1, RA
#ifdef __riscv_flen
        each_float fsave
        frrm t0
        sd t0, FRM(sp)
#endif

        /* From here on the frame is the other's; it has the same form, so that its description
         * holds for both. */
        sd sp, ARCH_SP(a0)
        ld sp, ARCH_SP(a1)

#ifdef __riscv_flen
        ld t1, FRM(sp)
        beq t0, t1, 1f
        fsrm t1
1:
        each_float fload
#endif
        each load
        load 1, RA
        addi sp, sp, FRAME
        .cfi_adjust_cfa_offset -FRAME
        ret
        .cfi_endproc
        .size arch_switch, . - arch_switch

/* void arch_context_init(struct arch_context *c, void *top, void (*entry)(void *), void *arg);
 * A new context has its creator's rounding mode, as a new thread does. */
        .globl arch_context_init
        .hidden arch_context_init
        .type arch_context_init, @function
        .p2align 4
arch_context_init:
        .cfi_startproc
        addi a1, a1, -FRAME
        sd zero, 0(a1)
        sd a3, 8(a1)
        sd a2, 16(a1)
        lla t0, arch_start
        sd t0, RA(a1)
#ifdef __riscv_flen
        frrm t1
        sd t1, FRM(a1)
#endif
        sd a1, ARCH_SP(a0)
        ret
        .cfi_endproc
        .size arch_context_init, . - arch_context_init

/* Where a new context begins. It has no caller: s0 is 0 and the return address undefined, so that
 * both ways of walking a stack end here. */
        .hidden arch_start
        .type arch_start, @function
        .p2align 4
arch_start:
        .cfi_startproc
        .cfi_personality 0x9b, DW.ref.arch_personality
        .cfi_undefined ra
        mv a0, s1
        jalr s2
        ebreak /* entry never returns */
        .cfi_endproc
        .size arch_start, . - arch_start

/* int arch_call(int (*fn)(void *), void *arg); */
        .globl arch_call
        .hidden arch_call
        .type arch_call, @function
        .p2align 4
arch_call:
        .cfi_startproc
        .cfi_personality 0x9b, DW.ref.arch_personality
        addi sp, sp, -16
        .cfi_adjust_cfa_offset 16
        save 1, 8
        mv t0, a0
        mv a0, a1
        jalr t0
        load 1, 8
        addi sp, sp, 16
        .cfi_adjust_cfa_offset -16
        ret
        .cfi_endproc
        .size arch_call, . - arch_call

/* Unwind tables name the personality routine by its address here. */
        .section .data.rel.ro, "aw"
        .p2align 3
        .type DW.ref.arch_personality, @object
DW.ref.arch_personality:
        .dword arch_personality
        .size DW.ref.arch_personality, 8

        .section .note.GNU-stack, "", @progbits
