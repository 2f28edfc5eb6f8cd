/* SPDX-License-Identifier: MIT
 *
 * Where a program without libc begins (tests/registers/). gp is set up by hand: no function says
 * where this one is. */
        .text
        .globl __start
        .type __start, @function
        .ent __start
__start:
        bal 1f
1:      .cpsetup $31, $16, 1b
        dla $25, registers_main
        jalr $25
        break
        .end __start
        .size __start, . - __start

        .section .note.GNU-stack, "", @progbits
