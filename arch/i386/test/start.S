/* SPDX-License-Identifier: MIT
 *
 * Where a program without libc begins (tests/registers/). */
        .text
        .globl _start
        .type _start, @function
_start:
        xorl %ebp, %ebp
        andl $-16, %esp
        call registers_main
        hlt
        .size _start, . - _start

        .section .note.GNU-stack, "", @progbits
