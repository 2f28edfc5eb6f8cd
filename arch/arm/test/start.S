/* SPDX-License-Identifier: MIT
 *
 * Where a program without libc begins (tests/registers/). */
        .syntax unified
        .arch armv5t
        .arm
        .text
        .globl _start
        .type _start, %function
_start:
        mov fp, #0
        blx registers_main
        udf #0
        .size _start, . - _start

/* Tables of unwinding name them. */
        .globl __aeabi_unwind_cpp_pr0, __aeabi_unwind_cpp_pr1
__aeabi_unwind_cpp_pr0:
__aeabi_unwind_cpp_pr1:
        udf #0

        .section .note.GNU-stack, "", %progbits
