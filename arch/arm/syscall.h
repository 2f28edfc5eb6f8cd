/* SPDX-License-Identifier: MIT
 *
 * Arm of 32 bits: a system call by the bare instruction, for code that stands in for libc's
 * functions and must not meet itself. Linux's convention (syscall(2), "Architecture calling
 * conventions", arm/EABI): the number in r7, arguments in r0 to r5; the kernel preserves all other
 * registers; the result is in r0, -errno on failure. r7 is Thumb's frame pointer, which compilers
 * do not let be named, so it is exchanged by hand. */
#ifndef ARCH_ARM_SYSCALL_H
#define ARCH_ARM_SYSCALL_H

static inline long arch_syscall6(long nr, long a, long b, long c, long d, long e, long f)
{
    register long r0 __asm__("r0") = a;
    register long r1 __asm__("r1") = b;
    register long r2 __asm__("r2") = c;
    register long r3 __asm__("r3") = d;
    register long r4 __asm__("r4") = e;
    register long r5 __asm__("r5") = f;

    __asm__ volatile("mov ip, r7\n\t"
                     "mov r7, %[nr]\n\t"
                     "svc #0\n\t"
                     "mov r7, ip"
                     : "+r"(r0)
                     : [nr] "r"(nr), "r"(r1), "r"(r2), "r"(r3), "r"(r4), "r"(r5)
                     : "ip", "cc", "memory");
    return r0;
}

#endif
