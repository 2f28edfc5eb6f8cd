/* SPDX-License-Identifier: MIT
 *
 * LoongArch: a system call by the bare instruction, for code that stands in for libc's functions
 * and must not meet itself. Linux's convention (syscall(2), "Architecture calling conventions"):
 * the number in a7, arguments in a0 to a5; the kernel destroys t0 to t8; the result is in a0,
 * -errno on failure. */
#ifndef ARCH_LOONGARCH64_SYSCALL_H
#define ARCH_LOONGARCH64_SYSCALL_H

static inline long arch_syscall6(long nr, long a, long b, long c, long d, long e, long f)
{
    register long a7 __asm__("$a7") = nr;
    register long a0 __asm__("$a0") = a;
    register long a1 __asm__("$a1") = b;
    register long a2 __asm__("$a2") = c;
    register long a3 __asm__("$a3") = d;
    register long a4 __asm__("$a4") = e;
    register long a5 __asm__("$a5") = f;

    __asm__ volatile("syscall 0"
                     : "+r"(a0)
                     : "r"(a7), "r"(a1), "r"(a2), "r"(a3), "r"(a4), "r"(a5)
                     : "$t0", "$t1", "$t2", "$t3", "$t4", "$t5", "$t6", "$t7", "$t8", "memory");
    return a0;
}

#endif
