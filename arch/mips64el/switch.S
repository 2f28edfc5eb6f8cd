/* SPDX-License-Identifier: MIT
 *
 * MIPS of 64 bits: the switch, a context's first instructions, and the call that no exception
 * leaves. The ABI, and the frame of a parked context, are in context.h. Nothing here uses gp, so
 * nobody sets it up; functions are called by t9 ($25), from which they find their own. */
#include "context.h"

#define GP    64
#define FP    72
#define RA    80
#define F24   88
#define FCSR  152
#define FRAME 160

#define FCSR_CONTROL 0x01000f83 /* flush-to-zero, enables, rounding */

#define DWARF_F 32 /* $f0 */

        .hidden arch_personality /* escape.c */

        .text

        .macro save n, offset
        sd $\n, \offset($sp)
        .cfi_rel_offset \n, \offset
        .endm

        .macro load n, offset
        ld $\n, \offset($sp)
        .cfi_restore \n
        .endm

        .macro fsave n, offset
        sdc1 $f\n, \offset($sp)
        .cfi_rel_offset DWARF_F + \n, \offset
        .endm

        .macro fload n, offset
        ldc1 $f\n, \offset($sp)
        .cfi_restore DWARF_F + \n
        .endm

        .macro each op
        .irp n, 16, 17, 18, 19, 20, 21, 22, 23
        \op \n, 8 * (\n - 16)
        .endr
        \op 28, GP
        \op 30, FP
        \op 31, RA
        .endm

        .macro each_float op
        .irp n, 24, 25, 26, 27, 28, 29, 30, 31
        \op \n, F24 + 8 * (\n - 24)
        .endr
        .endm

/* void arch_switch(struct arch_context *from, struct arch_context *to); */
        .globl arch_switch
        .hidden arch_switch
        .type arch_switch, @function
        .p2align 4
        .ent arch_switch
arch_switch:
        .cfi_startproc
        daddiu $sp, $sp, -FRAME
        .cfi_adjust_cfa_offset FRAME
        each save
#ifndef __mips_soft_float
        each_float fsave
        cfc1 $12, $31
        sd $12, FCSR($sp)
#endif

        /* From here on the frame is the other's; it has the same form, so that its description
         * holds for both. */
        sd $sp, ARCH_SP($4)
        ld $sp, ARCH_SP($5)

#ifndef __mips_soft_float
        /* write the control word only where a control bit differs */
        ld $13, FCSR($sp)
        xor $12, $12, $13
        li $14, FCSR_CONTROL
        and $12, $12, $14
        beqz $12, 1f
        and $13, $13, $14 /* without its flags: an enabled one would trap */
        ctc1 $13, $31
1:
        each_float fload
#endif
        each load
        daddiu $sp, $sp, FRAME
        .cfi_adjust_cfa_offset -FRAME
        jr $31
        .cfi_endproc
        .end arch_switch
        .size arch_switch, . - arch_switch

/* void arch_context_init(struct arch_context *c, void *top, void (*entry)(void *), void *arg);
 * A new context has its creator's control word, as a new thread does. The address of arch_start is
 * where the bal returns to: so it needs no relocation. */
        .globl arch_context_init
        .hidden arch_context_init
        .type arch_context_init, @function
        .p2align 4
        .ent arch_context_init
arch_context_init:
        .cfi_startproc
        daddiu $5, $5, -FRAME
        sd $7, 0($5)
        sd $6, 8($5)
        sd $0, FP($5)
        sd $28, GP($5)
#ifndef __mips_soft_float
        cfc1 $12, $31
        sd $12, FCSR($5)
#endif
        sd $5, ARCH_SP($4)
        move $12, $31
        .cfi_register 31, 12
        bal 1f
        .cfi_endproc

/* Where a new context begins. It has no caller: fp is 0 and the return address undefined, so that
 * both ways of walking a stack end here. */
        .hidden arch_start
        .type arch_start, @function
arch_start:
        .cfi_startproc
        .cfi_personality 0x80, DW.ref.arch_personality
        .cfi_undefined 31
        move $4, $16
        move $25, $17
        jalr $25
        break /* entry never returns */
        .cfi_endproc
        .size arch_start, . - arch_start

        .cfi_startproc
        .cfi_register 31, 12
1:
        sd $31, RA($5)
        move $31, $12
        .cfi_restore 31
        jr $31
        .cfi_endproc
        .end arch_context_init
        .size arch_context_init, . - arch_context_init

/* int arch_call(int (*fn)(void *), void *arg); */
        .globl arch_call
        .hidden arch_call
        .type arch_call, @function
        .p2align 4
        .ent arch_call
arch_call:
        .cfi_startproc
        .cfi_personality 0x80, DW.ref.arch_personality
        daddiu $sp, $sp, -16
        .cfi_adjust_cfa_offset 16
        save 31, 8
        move $25, $4
        move $4, $5
        jalr $25
        load 31, 8
        daddiu $sp, $sp, 16
        .cfi_adjust_cfa_offset -16
        jr $31
        .cfi_endproc
        .end arch_call
        .size arch_call, . - arch_call

/* Unwind tables name the personality routine by its address here. */
        .section .data.rel.ro, "aw", @progbits
        .p2align 3
        .hidden DW.ref.arch_personality
        .type DW.ref.arch_personality, @object
DW.ref.arch_personality:
        .dword arch_personality
        .size DW.ref.arch_personality, 8

        .section .note.GNU-stack, "", @progbits
