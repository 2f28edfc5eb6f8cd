/* SPDX-License-Identifier: MIT
 *
 * int registers_lost(void (*fn)(void), long seed): calls fn with a pattern of seed's in each
 * register that the ABI calls callee-saved; returns how many of them came back otherwise. The
 * processors that run it have vectors, for which the program need not have been compiled. */
#include "arch/ppc64/abi.inc"

#define R14    112
#define F14    256
#define V20    400
#define SEED   592
#define WORK   608 /* a vector */
#define VRSAVE 624
#define FRAME  640

        .machine power4
        .machine altivec

        .text

        .macro each op
        .irp n, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
        \op \n
        .endr
        .endm

        .macro each_vector op
        .irp n, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
        \op \n
        .endr
        .endm

        .macro fill n
        std \n, R14 + 8 * (\n - 14)(1)
        stfd \n, F14 + 8 * (\n - 14)(1)
        addi 5, 4, 3 * \n
        std 5, WORK(1)
        lfd \n, WORK(1)
        addi \n, 4, \n
        .endm

        .macro fill_vector n
        li 7, V20 + 16 * (\n - 20)
        stvx \n, 7, 1
        addi 5, 4, 5 * \n
        addi 6, 4, 7 * \n
        std 5, WORK(1)
        std 6, WORK + 8(1)
        li 7, WORK
        lvx \n, 7, 1
        .endm

        .macro count /* r5 and r6 must be the same */
        xor 5, 5, 6
        addic 6, 5, -1
        subfe 5, 6, 5
        add 3, 3, 5
        .endm

        .macro compare n
        addi 5, 4, \n
        mr 6, \n
        count
        ld \n, R14 + 8 * (\n - 14)(1)
        addi 5, 4, 3 * \n
        stfd \n, WORK(1)
        ld 6, WORK(1)
        count
        lfd \n, F14 + 8 * (\n - 14)(1)
        .endm

        .macro compare_vector n
        li 7, WORK
        stvx \n, 7, 1
        addi 5, 4, 5 * \n
        ld 6, WORK(1)
        count
        addi 5, 4, 7 * \n
        ld 6, WORK + 8(1)
        count
        li 7, V20 + 16 * (\n - 20)
        lvx \n, 7, 1
        .endm

        function registers_lost
        .cfi_startproc
        mflr 0
        mfcr 5
        std 0, 16(1)
        .cfi_rel_offset 65, 16
        stw 5, 8(1)
        stdu 1, -FRAME(1)
        .cfi_adjust_cfa_offset FRAME
        std 4, SEED(1)
        mfspr 5, 256
        stw 5, VRSAVE(1)
        each fill
        each_vector fill_vector
        mtspr 256, 4
        slwi 5, 4, 12
        mtcrf 0x38, 5
        call_by 3
        li 3, 0
        ld 4, SEED(1)
        mfcr 5
        lis 6, 0x00ff
        ori 6, 6, 0xf000
        and 5, 5, 6
        slwi 7, 4, 12
        and 6, 7, 6
        count
        mfspr 5, 256
        clrldi 5, 5, 32
        clrldi 6, 4, 32
        count
        lwz 5, VRSAVE(1)
        mtspr 256, 5
        each compare
        each_vector compare_vector
        addi 1, 1, FRAME
        .cfi_adjust_cfa_offset -FRAME
        lwz 5, 8(1)
        mtcrf 0x38, 5
        ld 0, 16(1)
        mtlr 0
        extsw 3, 3
        blr
        .cfi_endproc
        end registers_lost

        .section .note.GNU-stack, "", @progbits
