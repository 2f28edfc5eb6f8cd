/* SPDX-License-Identifier: MIT
 *
 * LoongArch of 64 bits: the switch, a context's first instructions, and the call that no exception
 * leaves. The ABI, and the frame of a parked context, are in context.h. */
#include "context.h"

#define RA    80
#define FS    88
#define FCSR  152
#define FRAME 160

#define FCSR_CONTROL 0x31f /* rounding, enables */

#define DWARF_F 32 /* f0 */

        .hidden arch_personality /* escape.c */

        .text

        .macro save n, offset
        st.d $r\n, $sp, \offset
        .cfi_rel_offset \n, \offset
        .endm

        .macro load n, offset
        ld.d $r\n, $sp, \offset
        .cfi_restore \n
        .endm

        .macro fsave n, offset
        fst.d $f\n, $sp, \offset
        .cfi_rel_offset DWARF_F + \n, \offset
        .endm

        .macro fload n, offset
        fld.d $f\n, $sp, \offset
        .cfi_restore DWARF_F + \n
        .endm

        .macro each op
        .irp n, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
        \op \n, 8 * (\n - 22)
        .endr
        \op 1, RA
        .endm

        .macro each_float op
        .irp n, 24, 25, 26, 27, 28, 29, 30, 31
        \op \n, FS + 8 * (\n - 24)
        .endr
        .endm

/* void arch_switch(struct arch_context *from, struct arch_context *to); */
        .globl arch_switch
        .hidden arch_switch
        .type arch_switch, @function
        .p2align 4
arch_switch:
        .cfi_startproc
        addi.d $sp, $sp, -FRAME
        .cfi_adjust_cfa_offset FRAME
        each save
#ifndef __loongarch_soft_float
        each_float fsave
        movfcsr2gr $t0, $fcsr0
        st.d $t0, $sp, FCSR
#endif

        /* From here on the frame is the other's; it has the same form, so that its description
         * holds for both. */
        st.d $sp, $a0, ARCH_SP
        ld.d $sp, $a1, ARCH_SP

#ifndef __loongarch_soft_float
        /* write the control word only where a control bit differs */
        ld.d $t1, $sp, FCSR
        xor $t0, $t0, $t1
        andi $t0, $t0, FCSR_CONTROL
        beqz $t0, 1f
        movgr2fcsr $fcsr0, $t1
1:
        each_float fload
#endif
        each load
        addi.d $sp, $sp, FRAME
        .cfi_adjust_cfa_offset -FRAME
        jr $ra
        .cfi_endproc
        .size arch_switch, . - arch_switch

/* void arch_context_init(struct arch_context *c, void *top, void (*entry)(void *), void *arg);
 * A new context has its creator's control word, as a new thread does. The address of arch_start is
 * where the bl returns to: so it needs no relocation, which not every linker knows yet. */
        .globl arch_context_init
        .hidden arch_context_init
        .type arch_context_init, @function
        .p2align 4
arch_context_init:
        .cfi_startproc
        addi.d $a1, $a1, -FRAME
        st.d $zero, $a1, 0
        st.d $a3, $a1, 8
        st.d $a2, $a1, 16
#ifndef __loongarch_soft_float
        movfcsr2gr $t0, $fcsr0
        st.d $t0, $a1, FCSR
#endif
        st.d $a1, $a0, ARCH_SP
        move $t0, $ra
        .cfi_register 1, 12
        bl .Lfound_start
        .cfi_endproc

/* Where a new context begins. It has no caller: fp is 0 and the return address undefined, so that
 * both ways of walking a stack end here. */
        .hidden arch_start
        .type arch_start, @function
arch_start:
        .cfi_startproc
        .cfi_personality 0x9b, DW.ref.arch_personality
        .cfi_undefined 1
        move $a0, $s0
        jirl $ra, $s1, 0
        break 0 /* entry never returns */
        .cfi_endproc
        .size arch_start, . - arch_start

        .cfi_startproc
        .cfi_register 1, 12
.Lfound_start:
        st.d $ra, $a1, RA
        move $ra, $t0
        .cfi_restore 1
        jr $ra
        .cfi_endproc
        .size arch_context_init, . - arch_context_init

/* int arch_call(int (*fn)(void *), void *arg); */
        .globl arch_call
        .hidden arch_call
        .type arch_call, @function
        .p2align 4
arch_call:
        .cfi_startproc
        .cfi_personality 0x9b, DW.ref.arch_personality
        addi.d $sp, $sp, -16
        .cfi_adjust_cfa_offset 16
        save 1, 8
        move $t0, $a0
        move $a0, $a1
        jirl $ra, $t0, 0
        load 1, 8
        addi.d $sp, $sp, 16
        .cfi_adjust_cfa_offset -16
        jr $ra
        .cfi_endproc
        .size arch_call, . - arch_call

/* Unwind tables name the personality routine by its address here. */
        .section .data.rel.ro, "aw"
        .p2align 3
        .hidden DW.ref.arch_personality
        .type DW.ref.arch_personality, @object
DW.ref.arch_personality:
        .dword arch_personality
        .size DW.ref.arch_personality, 8

        .section .note.GNU-stack, "", @progbits
