/* SPDX-License-Identifier: MIT
 *
 * PowerPC: a system call by the bare instruction, for code that stands in for libc's functions and
 * must not meet itself. Linux's convention (syscall(2), "Architecture calling conventions"): the
 * number in r0, arguments in r3 to r8; the result is in r3, and the summary overflow of CR's field
 * 0 says whether it is an errno; the kernel destroys r0, r4 to r12, CR0, CTR and XER. */
#ifndef ARCH_PPC64_SYSCALL_H
#define ARCH_PPC64_SYSCALL_H

static inline long arch_syscall6(long nr, long a, long b, long c, long d, long e, long f)
{
    register long r0 __asm__("r0") = nr;
    register long r3 __asm__("r3") = a;
    register long r4 __asm__("r4") = b;
    register long r5 __asm__("r5") = c;
    register long r6 __asm__("r6") = d;
    register long r7 __asm__("r7") = e;
    register long r8 __asm__("r8") = f;

    __asm__ volatile("sc\n\t"
                     "bns+ 1f\n\t"
                     "neg 3, 3\n"
                     "1:"
                     : "+r"(r0), "+r"(r3), "+r"(r4), "+r"(r5), "+r"(r6), "+r"(r7), "+r"(r8)
                     :
                     : "r9", "r10", "r11", "r12", "cr0", "ctr", "xer", "memory");
    return r3;
}

#endif
