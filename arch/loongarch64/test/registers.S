/* SPDX-License-Identifier: MIT
 *
 * int registers_lost(void (*fn)(void), long seed): calls fn with a pattern of seed's in each
 * register that the ABI calls callee-saved; returns how many of them came back otherwise. */
#define FRAME 176
#define SEED  160

        .text
        .macro each op
        .irp n, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
        \op \n, 8 * (\n - 22)
        .endr
        .endm

        .globl registers_lost
        .hidden registers_lost
        .type registers_lost, @function
registers_lost:
        .cfi_startproc
        addi.d $sp, $sp, -FRAME
        .cfi_adjust_cfa_offset FRAME
        st.d $ra, $sp, 80
        .cfi_rel_offset 1, 80
        st.d $a1, $sp, SEED

        .macro fill n, at
        st.d $r\n, $sp, \at
        addi.d $r\n, $a1, \n
        .endm
        each fill
#ifndef __loongarch_soft_float
        .irp n, 24, 25, 26, 27, 28, 29, 30, 31
        fst.d $f\n, $sp, 88 + 8 * (\n - 24)
        addi.d $t0, $a1, 3 * \n
        movgr2fr.d $f\n, $t0
        .endr
#endif
        jirl $ra, $a0, 0
        ld.d $a1, $sp, SEED
        move $a0, $zero

        .macro compare n, at
        addi.d $t0, $a1, \n
        xor $t0, $t0, $r\n
        sltu $t0, $zero, $t0
        add.d $a0, $a0, $t0
        ld.d $r\n, $sp, \at
        .endm
        each compare
#ifndef __loongarch_soft_float
        .irp n, 24, 25, 26, 27, 28, 29, 30, 31
        addi.d $t0, $a1, 3 * \n
        movfr2gr.d $t1, $f\n
        xor $t0, $t0, $t1
        sltu $t0, $zero, $t0
        add.d $a0, $a0, $t0
        fld.d $f\n, $sp, 88 + 8 * (\n - 24)
        .endr
#endif
        ld.d $ra, $sp, 80
        .cfi_restore 1
        addi.d $sp, $sp, FRAME
        .cfi_adjust_cfa_offset -FRAME
        jr $ra
        .cfi_endproc
        .size registers_lost, . - registers_lost

        .section .note.GNU-stack, "", @progbits
