/* SPDX-License-Identifier: MIT
 *
 * Where a program without libc begins (tests/registers/). */
#include "arch/ppc64/abi.inc"

        .text
        function _start
        .protected _start
        li 0, 0
        stdu 0, -START_FRAME(1)
        bl registers_main
        nop
        trap
        end _start

        .section .note.GNU-stack, "", @progbits
