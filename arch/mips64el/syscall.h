/* SPDX-License-Identifier: MIT
 *
 * MIPS of 64 bits: a system call by the bare instruction, for code that stands in for libc's
 * functions and must not meet itself. Linux's convention (syscall(2), "Architecture calling
 * conventions"): the number in v0 ($2), arguments in a0 to a5 ($4 to $9); the result is in v0, and
 * a3 ($7) says whether it is an errno; the kernel destroys the other temporaries. */
#ifndef ARCH_MIPS64EL_SYSCALL_H
#define ARCH_MIPS64EL_SYSCALL_H

static inline long arch_syscall6(long nr, long a, long b, long c, long d, long e, long f)
{
    register long v0 __asm__("$2") = nr;
    register long a0 __asm__("$4") = a;
    register long a1 __asm__("$5") = b;
    register long a2 __asm__("$6") = c;
    register long a3 __asm__("$7") = d;
    register long a4 __asm__("$8") = e;
    register long a5 __asm__("$9") = f;

    __asm__ volatile("syscall"
                     : "+r"(v0), "+r"(a3), "+r"(a4), "+r"(a5)
                     : "r"(a0), "r"(a1), "r"(a2)
                     : "$1", "$3", "$10", "$11", "$12", "$13", "$14", "$15", "$24", "$25", "hi",
                       "lo", "memory");
    return a3 ? -v0 : v0;
}

#endif
