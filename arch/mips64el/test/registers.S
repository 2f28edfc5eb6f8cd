/* SPDX-License-Identifier: MIT
 *
 * int registers_lost(void (*fn)(void), long seed): calls fn with a pattern of seed's in each
 * register that the ABI calls callee-saved; returns how many of them came back otherwise. */
#define FRAME 176
#define SEED  160

        .text
        .macro each op
        .irp n, 16, 17, 18, 19, 20, 21, 22, 23
        \op \n, 8 * (\n - 16)
        .endr
        \op 28, 64
        \op 30, 72
        .endm

        .globl registers_lost
        .hidden registers_lost
        .type registers_lost, @function
        .ent registers_lost
registers_lost:
        .cfi_startproc
        daddiu $sp, $sp, -FRAME
        .cfi_adjust_cfa_offset FRAME
        sd $31, 80($sp)
        .cfi_rel_offset 31, 80
        sd $5, SEED($sp)

        .macro fill n, at
        sd $\n, \at($sp)
        daddiu $\n, $5, \n
        .endm
        each fill
#ifndef __mips_soft_float
        .irp n, 24, 25, 26, 27, 28, 29, 30, 31
        sdc1 $f\n, 88 + 8 * (\n - 24)($sp)
        daddiu $12, $5, 3 * \n
        dmtc1 $12, $f\n
        .endr
#endif
        move $25, $4
        jalr $25
        ld $5, SEED($sp)
        move $2, $0

        .macro compare n, at
        daddiu $12, $5, \n
        xor $12, $12, $\n
        sltu $12, $0, $12
        addu $2, $2, $12
        ld $\n, \at($sp)
        .endm
        each compare
#ifndef __mips_soft_float
        .irp n, 24, 25, 26, 27, 28, 29, 30, 31
        daddiu $12, $5, 3 * \n
        dmfc1 $13, $f\n
        xor $12, $12, $13
        sltu $12, $0, $12
        addu $2, $2, $12
        ldc1 $f\n, 88 + 8 * (\n - 24)($sp)
        .endr
#endif
        ld $31, 80($sp)
        .cfi_restore 31
        daddiu $sp, $sp, FRAME
        .cfi_adjust_cfa_offset -FRAME
        jr $31
        .cfi_endproc
        .end registers_lost
        .size registers_lost, . - registers_lost

        .section .note.GNU-stack, "", @progbits
