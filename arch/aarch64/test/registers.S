/* SPDX-License-Identifier: MIT
 *
 * int registers_lost(void (*fn)(void), long seed): calls fn with a pattern of seed's in each
 * register that the ABI calls callee-saved; returns how many of them came back otherwise. */
        .text
        .globl registers_lost
        .hidden registers_lost
        .type registers_lost, %function
registers_lost:
        .cfi_startproc
        hint #25 /* paciasp */
        .cfi_negate_ra_state
        stp x29, x30, [sp, #-176]!
        .cfi_def_cfa_offset 176
        .cfi_rel_offset x29, 0
        .cfi_rel_offset x30, 8
        stp x19, x20, [sp, #16]
        stp x21, x22, [sp, #32]
        stp x23, x24, [sp, #48]
        stp x25, x26, [sp, #64]
        stp x27, x28, [sp, #80]
        stp d8, d9, [sp, #96]
        stp d10, d11, [sp, #112]
        stp d12, d13, [sp, #128]
        stp d14, d15, [sp, #144]
        str x1, [sp, #160]
        .irp r, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29
        add x\r, x1, #\r
        .endr
        .irp r, 8, 9, 10, 11, 12, 13, 14, 15
        add x9, x1, #\r
        fmov d\r, x9
        .endr
        blr x0
        ldr x1, [sp, #160]
        mov w0, #0
        .irp r, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29
        sub x9, x\r, x1
        cmp x9, #\r
        cinc w0, w0, ne
        .endr
        .irp r, 8, 9, 10, 11, 12, 13, 14, 15
        fmov x9, d\r
        sub x9, x9, x1
        cmp x9, #\r
        cinc w0, w0, ne
        .endr
        ldp d14, d15, [sp, #144]
        ldp d12, d13, [sp, #128]
        ldp d10, d11, [sp, #112]
        ldp d8, d9, [sp, #96]
        ldp x27, x28, [sp, #80]
        ldp x25, x26, [sp, #64]
        ldp x23, x24, [sp, #48]
        ldp x21, x22, [sp, #32]
        ldp x19, x20, [sp, #16]
        ldp x29, x30, [sp], #176
        .cfi_restore x29
        .cfi_restore x30
        .cfi_def_cfa_offset 0
        hint #29 /* autiasp */
        .cfi_negate_ra_state
        ret
        .cfi_endproc
        .size registers_lost, . - registers_lost

#include "arch/aarch64/note.inc"
