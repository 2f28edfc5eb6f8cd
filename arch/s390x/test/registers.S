/* SPDX-License-Identifier: MIT
 *
 * int registers_lost(void (*fn)(void), long seed): calls fn with a pattern of seed's in each
 * register that the ABI calls callee-saved; returns how many of them came back otherwise. */
#define FRAME (160 + 8 + 64)

        .text
        .globl registers_lost
        .hidden registers_lost
        .type registers_lost, @function
registers_lost:
        .cfi_startproc
        stmg %r6, %r15, 48(%r15)
        .cfi_rel_offset %r14, 112
        .cfi_rel_offset %r15, 120
        aghi %r15, -FRAME
        .cfi_adjust_cfa_offset FRAME
        stg %r3, 160(%r15)
        .irp f, 8, 9, 10, 11, 12, 13, 14, 15
        std %f\f, 168 + 8 * (\f - 8)(%r15)
        la %r1, \f * 3(%r3)
        ldgr %f\f, %r1
        .endr
        .irp r, 6, 7, 8, 9, 10, 11, 12, 13
        la %r\r, \r(%r3)
        .endr
        basr %r14, %r2
        lg %r3, 160(%r15)
        lghi %r2, 0
        .irp r, 6, 7, 8, 9, 10, 11, 12, 13
        la %r1, \r(%r3)
        cgr %r1, %r\r
        je 1f
        aghi %r2, 1
1:
        .endr
        .irp f, 8, 9, 10, 11, 12, 13, 14, 15
        la %r1, \f * 3(%r3)
        lgdr %r4, %f\f
        cgr %r1, %r4
        je 1f
        aghi %r2, 1
1:
        ld %f\f, 168 + 8 * (\f - 8)(%r15)
        .endr
        lmg %r6, %r15, FRAME + 48(%r15)
        br %r14
        .cfi_endproc
        .size registers_lost, . - registers_lost

        .section .note.GNU-stack, "", @progbits
