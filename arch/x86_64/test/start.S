/* SPDX-License-Identifier: MIT
 *
 * Where a program without libc begins (tests/registers/). */
        .text
        .globl _start
        .type _start, @function
_start:
        xorl %ebp, %ebp
        callq registers_main
        hlt
        .size _start, . - _start

#include "arch/x86_64/note.inc"
