/* SPDX-License-Identifier: MIT
 *
 * Where a program without libc begins (tests/registers/). */
        .text
        .globl _start
        .type _start, @function
_start:
        bl registers_main
        break 0
        .size _start, . - _start

        .section .note.GNU-stack, "", @progbits
