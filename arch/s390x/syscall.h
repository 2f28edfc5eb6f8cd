/* SPDX-License-Identifier: MIT
 *
 * s390x: a system call by the bare instruction, for code that stands in for libc's functions and
 * must not meet itself. Linux's convention (syscall(2), "Architecture calling conventions"): the
 * number in r1, arguments in r2 to r7; the kernel preserves all other registers; the result is in
 * r2, -errno on failure. */
#ifndef ARCH_S390X_SYSCALL_H
#define ARCH_S390X_SYSCALL_H

static inline long arch_syscall6(long nr, long a, long b, long c, long d, long e, long f)
{
    register long r1 __asm__("r1") = nr;
    register long r2 __asm__("r2") = a;
    register long r3 __asm__("r3") = b;
    register long r4 __asm__("r4") = c;
    register long r5 __asm__("r5") = d;
    register long r6 __asm__("r6") = e;
    register long r7 __asm__("r7") = f;

    __asm__ volatile("svc 0"
                     : "+r"(r2)
                     : "r"(r1), "r"(r3), "r"(r4), "r"(r5), "r"(r6), "r"(r7)
                     : "cc", "memory");
    return r2;
}

#endif
