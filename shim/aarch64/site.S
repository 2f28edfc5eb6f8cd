/* SPDX-License-Identifier: MIT
 *
 * AArch64: where a patched site goes. The kernel preserves every register but x0, flags included,
 * so the compiler may keep values in any. The site's thunk (site.h) has made this frame, with the
 * registers that are free from then on:
 *
 *      offset  contents
 *        0     x16
 *        8     x17
 *       16     the thunk's end, which restores them and goes back
 *       24     the address behind the site
 *
 * Outside fibers: the system call. In them: shim_site(registers), with everything saved around it
 * that a function may change: below that frame
 *
 *        0     x29, x30
 *
 * and, from sp upwards,
 *
 *        0     struct site_registers: x8, x0 to x5, the address behind the site
 *       64     x6, x7, x9 to x15, x18, the flags, the floating-point status
 *      160     q0 to q31
 *
 * Unwinders find the caller as if the site had called, but x30 is still the caller's own: hence
 * another column for the return address. pthread_cancel unwinds through here. */
#define FRAME 672
#define PC    96 /* DWARF's column: libgcc's alternative one for frames of signals */

        .text
        .globl shim_site_entry
        .hidden shim_site_entry
        .type shim_site_entry, %function
        .p2align 5
shim_site_entry:
        .cfi_startproc
        .cfi_return_column PC
        .cfi_def_cfa sp, 32
        .cfi_offset x16, -32
        .cfi_offset x17, -24
        .cfi_offset PC, -8
        hint #38 /* bti jc */
        adrp x16, :gottprel:sched_tls
        ldr x16, [x16, #:gottprel_lo12:sched_tls]
        mrs x17, tpidr_el0
        ldr x16, [x17, x16]
        cbnz x16, 1f
        svc #0
0:      ldr x16, [sp, #16]
        br x16
1:      stp x29, x30, [sp, #-16]!
        .cfi_def_cfa_offset 48
        .cfi_offset x29, -48
        .cfi_offset x30, -40
        mov x29, sp
        .cfi_def_cfa_register x29
        ldr x16, [sp, #40]
        sub sp, sp, #FRAME
        stp x8, x0, [sp]
        stp x1, x2, [sp, #16]
        stp x3, x4, [sp, #32]
        stp x5, x16, [sp, #48]
        stp x6, x7, [sp, #64]
        stp x9, x10, [sp, #80]
        stp x11, x12, [sp, #96]
        stp x13, x14, [sp, #112]
        stp x15, x18, [sp, #128]
        mrs x16, nzcv
        mrs x17, fpsr
        stp x16, x17, [sp, #144]
        add x16, sp, #160
        stp q0, q1, [x16, #0]
        stp q2, q3, [x16, #32]
        stp q4, q5, [x16, #64]
        stp q6, q7, [x16, #96]
        stp q8, q9, [x16, #128]
        stp q10, q11, [x16, #160]
        stp q12, q13, [x16, #192]
        stp q14, q15, [x16, #224]
        stp q16, q17, [x16, #256]
        stp q18, q19, [x16, #288]
        stp q20, q21, [x16, #320]
        stp q22, q23, [x16, #352]
        stp q24, q25, [x16, #384]
        stp q26, q27, [x16, #416]
        stp q28, q29, [x16, #448]
        stp q30, q31, [x16, #480]
        mov x0, sp
        bl shim_site
        add x16, sp, #160
        ldp q0, q1, [x16, #0]
        ldp q2, q3, [x16, #32]
        ldp q4, q5, [x16, #64]
        ldp q6, q7, [x16, #96]
        ldp q8, q9, [x16, #128]
        ldp q10, q11, [x16, #160]
        ldp q12, q13, [x16, #192]
        ldp q14, q15, [x16, #224]
        ldp q16, q17, [x16, #256]
        ldp q18, q19, [x16, #288]
        ldp q20, q21, [x16, #320]
        ldp q22, q23, [x16, #352]
        ldp q24, q25, [x16, #384]
        ldp q26, q27, [x16, #416]
        ldp q28, q29, [x16, #448]
        ldp q30, q31, [x16, #480]
        ldp x16, x17, [sp, #144]
        msr nzcv, x16
        msr fpsr, x17
        ldp x15, x18, [sp, #128]
        ldp x13, x14, [sp, #112]
        ldp x11, x12, [sp, #96]
        ldp x9, x10, [sp, #80]
        ldp x6, x7, [sp, #64]
        ldr x5, [sp, #48]
        ldp x3, x4, [sp, #32]
        ldp x1, x2, [sp, #16]
        ldr x8, [sp]
        add sp, sp, #FRAME
        ldp x29, x30, [sp], #16
        .cfi_def_cfa sp, 32
        .cfi_restore x29
        .cfi_restore x30
        b 0b
        .cfi_endproc
        .size shim_site_entry, . - shim_site_entry

#include "note.inc"
