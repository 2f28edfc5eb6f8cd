/* SPDX-License-Identifier: MIT
 *
 * int registers_lost(void (*fn)(void), long seed): calls fn with a pattern of seed's in each
 * register that the ABI calls callee-saved; returns how many of them came back otherwise. The
 * processors that run it have VFP, for which the program need not have been compiled. */
        .syntax unified
        .arch armv5t
        .fpu vfpv2
        .arm
        .text
        .globl registers_lost
        .hidden registers_lost
        .type registers_lost, %function
registers_lost:
        .fnstart
        push {r1, r4-r11, lr}
        .save {r4-r11, lr}
        vpush {d8-d15}
        .irp n, 8, 9, 10, 11, 12, 13, 14, 15
        add r2, r1, #3 * \n
        mvn r3, r2
        vmov d\n, r2, r3
        .endr
        .irp n, 4, 5, 6, 7, 8, 9, 10, 11
        add r\n, r1, #\n
        .endr
        blx r0
        ldr r1, [sp, #64]
        mov r0, #0
        .irp n, 4, 5, 6, 7, 8, 9, 10, 11
        sub r2, r\n, r1
        cmp r2, #\n
        addne r0, r0, #1
        .endr
        .irp n, 8, 9, 10, 11, 12, 13, 14, 15
        vmov r2, r3, d\n
        mvn r3, r3
        cmp r2, r3
        subeq r2, r2, r1
        cmpeq r2, #3 * \n
        addne r0, r0, #1
        .endr
        vpop {d8-d15}
        pop {r1, r4-r11, pc}
        .fnend
        .size registers_lost, . - registers_lost

        .section .note.GNU-stack, "", %progbits
