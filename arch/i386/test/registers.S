/* SPDX-License-Identifier: MIT
 *
 * int registers_lost(void (*fn)(void), long seed): calls fn with a pattern of seed's in each
 * register that the ABI calls callee-saved; returns how many of them came back otherwise. */
        .text
        .globl registers_lost
        .hidden registers_lost
        .type registers_lost, @function
registers_lost:
        .cfi_startproc
        .irp r, ebx, ebp, esi, edi
        pushl %\r
        .cfi_adjust_cfa_offset 4
        .cfi_rel_offset \r, 0
        .endr
        subl $12, %esp
        .cfi_adjust_cfa_offset 12
        movl 36(%esp), %ecx
        leal 1(%ecx), %ebx
        leal 2(%ecx), %ebp
        leal 3(%ecx), %esi
        leal 4(%ecx), %edi
        call *32(%esp)
        movl 36(%esp), %ecx
        xorl %eax, %eax
        xorl %edx, %edx

        .macro compare reg, n
        subl %ecx, %\reg
        cmpl $\n, %\reg
        setne %dl
        addl %edx, %eax
        .endm
        compare ebx, 1
        compare ebp, 2
        compare esi, 3
        compare edi, 4

        addl $12, %esp
        .cfi_adjust_cfa_offset -12
        .irp r, edi, esi, ebp, ebx
        popl %\r
        .cfi_adjust_cfa_offset -4
        .cfi_restore \r
        .endr
        ret
        .cfi_endproc
        .size registers_lost, . - registers_lost

        .section .note.GNU-stack, "", @progbits
