/* SPDX-License-Identifier: MIT
 *
 * int registers_lost(void (*fn)(void), long seed): calls fn with a pattern of seed's in each
 * register that the ABI calls callee-saved; returns how many of them came back otherwise. */
#define FRAME 224
#define SEED  208

        .text
        .macro each op
        .irp n, 8, 9, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27
        \op \n, 8 * \n
        .endr
        .endm

        .globl registers_lost
        .hidden registers_lost
        .type registers_lost, @function
registers_lost:
        .cfi_startproc
        addi sp, sp, -FRAME - 112
        .cfi_adjust_cfa_offset FRAME + 112
        sd ra, (SEED + 8)(sp)
        .cfi_rel_offset ra, SEED + 8
        sd a1, SEED(sp)

        .macro fill n, at
        sd x\n, (\at - 64)(sp)
        addi x\n, a1, \n
        .endm
        each fill
#ifdef __riscv_flen
        addi t1, sp, FRAME
        .irp n, 8, 9, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27
        fsd f\n, (t1)
        addi t1, t1, 8
        addi t0, a1, 3 * \n
        fmv.d.x f\n, t0
        .endr
#endif
        jalr a0
        ld a1, SEED(sp)
        li a0, 0

        .macro compare n, at
        addi t0, a1, \n
        sub t0, t0, x\n
        snez t0, t0
        add a0, a0, t0
        ld x\n, (\at - 64)(sp)
        .endm
        each compare
#ifdef __riscv_flen
        addi t1, sp, FRAME
        .irp n, 8, 9, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27
        fmv.x.d t2, f\n
        addi t0, a1, 3 * \n
        sub t0, t0, t2
        snez t0, t0
        add a0, a0, t0
        fld f\n, (t1)
        addi t1, t1, 8
        .endr
#endif
        ld ra, (SEED + 8)(sp)
        .cfi_restore ra
        addi sp, sp, FRAME + 112
        .cfi_adjust_cfa_offset -FRAME - 112
        ret
        .cfi_endproc
        .size registers_lost, . - registers_lost

        .section .note.GNU-stack, "", @progbits
