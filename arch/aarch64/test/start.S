/* SPDX-License-Identifier: MIT
 *
 * Where a program without libc begins (tests/registers/). */
        .text
        .globl _start
        .type _start, %function
_start:
        mov x29, #0
        mov x30, #0
        bl registers_main
        brk #1000
        .size _start, . - _start

#include "arch/aarch64/note.inc"
