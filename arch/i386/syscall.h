/* SPDX-License-Identifier: MIT
 *
 * i386: a system call by the bare instruction, for code that stands in for libc's functions and
 * must not meet itself. Linux's convention (syscall(2), "Architecture calling conventions"): the
 * number in eax, arguments in ebx, ecx, edx, esi, edi, ebp; the kernel preserves all of these; the
 * result is in eax, -errno on failure. Compilers do not let ebp be named, so it is exchanged by
 * hand. */
#ifndef ARCH_I386_SYSCALL_H
#define ARCH_I386_SYSCALL_H

static inline long arch_syscall6(long nr, long a, long b, long c, long d, long e, long f)
{
    long both[2] = {nr, f};
    long result;

    __asm__ volatile("pushl %%ebp\n\t"
                     "movl 4(%%eax), %%ebp\n\t"
                     "movl (%%eax), %%eax\n\t"
                     "int $0x80\n\t"
                     "popl %%ebp"
                     : "=a"(result)
                     : "a"(both), "b"(a), "c"(b), "d"(c), "S"(d), "D"(e)
                     : "cc", "memory");
    return result;
}

#endif
