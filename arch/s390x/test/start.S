/* SPDX-License-Identifier: MIT
 *
 * Where a program without libc begins (tests/registers/). */
        .text
        .globl _start
        .type _start, @function
_start:
        aghi %r15, -160
        brasl %r14, registers_main
        j .+2
        .size _start, . - _start

        .section .note.GNU-stack, "", @progbits
