/* SPDX-License-Identifier: MIT
 *
 * Where a program without libc begins (tests/registers/). */
        .text
        .globl _start
        .type _start, @function
_start:
        .option push
        .option norelax
        la gp, __global_pointer$
        .option pop
        call registers_main
        ebreak
        .size _start, . - _start

        .section .note.GNU-stack, "", @progbits
