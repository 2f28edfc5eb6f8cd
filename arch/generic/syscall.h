/* SPDX-License-Identifier: MIT
 *
 * Any architecture: a system call by libc's syscall(). Leaves errno alone, as the bare instruction
 * does. */
#ifndef ARCH_GENERIC_SYSCALL_H
#define ARCH_GENERIC_SYSCALL_H

#include <errno.h>
#include <unistd.h>

/* It must not be called by what stands in for that. */
#define ARCH_SYSCALL_IS_LIBCS 1

static inline long arch_syscall6(long nr, long a, long b, long c, long d, long e, long f)
{
    int saved = errno;
    long result = syscall(nr, a, b, c, d, e, f);

    if (result == -1) {
        result = -errno;
        errno = saved;
    }
    return result;
}

#endif
