/* SPDX-License-Identifier: MIT
 *
 * x86-64: a system call by the bare instruction, for code that stands in for libc's functions and
 * must not meet itself. ABI appendix A.2.1: the number in rax, arguments in rdi, rsi, rdx, r10, r8,
 * r9; the kernel destroys rcx and r11; the result is in rax, -errno on failure.
 *
 * Each is followed by a no-op, so that there is room for a call, and its address is in the section
 * gosling_syscalls: where the kernel catches system calls by where they are made (shim/trap.c), the
 * library's own are moved to where they may be. */
#ifndef ARCH_X86_64_SYSCALL_H
#define ARCH_X86_64_SYSCALL_H

static inline long arch_syscall6(long nr, long a, long b, long c, long d, long e, long f)
{
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    long result;

    __asm__ volatile("771: syscall\n\t"
                     ".byte 0x0f, 0x1f, 0x00\n\t"
                     ".pushsection gosling_syscalls, \"a\"\n\t"
                     ".long 771b - .\n\t"
                     ".popsection"
                     : "=a"(result)
                     : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "cc", "memory");
    return result;
}

#endif
