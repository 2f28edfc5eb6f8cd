/* SPDX-License-Identifier: MIT
 *
 * Interposers that cannot be generated: by hand. Of functions with a variable number of arguments
 * the last one is at most one word, and there is always a word to be read, given or not. */
#undef _FORTIFY_SOURCE
#include "shim/originals.h"
#include "shim/sites.h"
#include "shim/trap.h"
#include <fcntl.h>
#include <stdarg.h>
#include <unistd.h>

#pragma GCC diagnostic ignored "-Wmissing-prototypes"

#define EXPORT __attribute__((visibility("default")))
#define OWN    __attribute__((visibility("hidden")))

#define LAST(last, arg)         \
    do {                        \
        va_list ap;             \
        va_start(ap, last);     \
        arg = va_arg(ap, long); \
        va_end(ap);             \
    } while (0)

#define FCNTL(name)                                                   \
    EXPORT int name(int fd, int command, ...)                         \
    {                                                                 \
        go_sched *s = shim_fiber(GO_SHIM_IO);                         \
        long arg;                                                     \
                                                                      \
        LAST(command, arg);                                           \
        if (unlikely(s))                                              \
            return (int)shim_result(shim_fcntl(s, fd, command, arg)); \
        return ORIGINAL(name)(fd, command, arg);                      \
    }                                                                 \
    OWN int gosling_own_##name(int fd, int command, long arg)         \
    {                                                                 \
        go_sched *s = shim_own_begin();                               \
        int rc = ORIGINAL(name)(fd, command, arg);                    \
        shim_own_end(s);                                              \
        return rc;                                                    \
    }

#define OPEN(name)                                                                          \
    EXPORT int name(const char *path, int flags, ...)                                       \
    {                                                                                       \
        go_sched *s = shim_fiber(GO_SHIM_IO);                                               \
        long mode;                                                                          \
                                                                                            \
        LAST(flags, mode);                                                                  \
        if (unlikely(s))                                                                    \
            return (int)shim_result(shim_openat(s, AT_FDCWD, path, flags, (unsigned)mode)); \
        return ORIGINAL(name)(path, flags, mode);                                           \
    }                                                                                       \
    OWN int gosling_own_##name(const char *path, int flags, long mode)                      \
    {                                                                                       \
        go_sched *s = shim_own_begin();                                                     \
        int rc = ORIGINAL(name)(path, flags, mode);                                         \
        shim_own_end(s);                                                                    \
        return rc;                                                                          \
    }

#define OPENAT(name)                                                                   \
    EXPORT int name(int dir, const char *path, int flags, ...)                         \
    {                                                                                  \
        go_sched *s = shim_fiber(GO_SHIM_IO);                                          \
        long mode;                                                                     \
                                                                                       \
        LAST(flags, mode);                                                             \
        if (unlikely(s))                                                               \
            return (int)shim_result(shim_openat(s, dir, path, flags, (unsigned)mode)); \
        return ORIGINAL(name)(dir, path, flags, mode);                                 \
    }                                                                                  \
    OWN int gosling_own_##name(int dir, const char *path, int flags, long mode)        \
    {                                                                                  \
        go_sched *s = shim_own_begin();                                                \
        int rc = ORIGINAL(name)(dir, path, flags, mode);                               \
        shim_own_end(s);                                                               \
        return rc;                                                                     \
    }

FCNTL(fcntl)
FCNTL(fcntl64)
FCNTL(__fcntl)
OPEN(open)
OPEN(open64)
OPEN(__open)
OPEN(__open64)
OPENAT(openat)
OPENAT(openat64)

/* A child that shares our memory would work on our tables while this process stands still, so it
 * gets a copy: POSIX allows vfork to be fork. Outside fibers as well, since an interposer cannot
 * return twice. */
#define VFORK(name)                    \
    EXPORT pid_t name(void)            \
    {                                  \
        return fork();                 \
    }                                  \
    OWN pid_t gosling_own_##name(void) \
    {                                  \
        return fork();                 \
    }

VFORK(vfork)
VFORK(__vfork)

/* ---- by number ---- */

/* By the bare instruction where there is one, for allocators call this from their own beginning,
 * before there is an original. */
static long by_number(const struct site_registers *r)
{
    const long *a = r->a;

#ifdef ARCH_SYSCALL_IS_LIBCS
    return ORIGINAL(syscall)(r->nr, a[0], a[1], a[2], a[3], a[4], a[5]);
#else
    return shim_result(arch_syscall6(r->nr, a[0], a[1], a[2], a[3], a[4], a[5]));
#endif
}

EXPORT long syscall(long nr, ...)
{
    struct site_registers r = {.nr = nr};
    va_list ap;

    va_start(ap, nr);
    for (int i = 0; i < 6; i++)
        r.a[i] = va_arg(ap, long);
    va_end(ap);
    return sched_self() && shim_knows(nr) ? shim_result(shim_site(&r)) : by_number(&r);
}

OWN long gosling_own_syscall(long nr, long a, long b, long c, long d, long e, long f)
{
    const struct site_registers r = {.nr = nr, .a = {a, b, c, d, e, f}};

    return by_number(&r);
}

/* ---- handlers ---- */

#define SIGACTION(name)                                                                     \
    EXPORT int name(int sig, const struct sigaction *new, struct sigaction *old)            \
    {                                                                                       \
        return shim_sigaction(sig, new, old);                                               \
    }                                                                                       \
    OWN int gosling_own_##name(int sig, const struct sigaction *new, struct sigaction *old) \
    {                                                                                       \
        return ORIGINAL(name)(sig, new, old);                                               \
    }

SIGACTION(sigaction)
SIGACTION(__sigaction)

#define SIGNAL(name, flags)                                                \
    EXPORT __sighandler_t name(int sig, __sighandler_t handler)            \
    {                                                                      \
        return shim_signal(sig, handler, flags);                           \
    }                                                                      \
    OWN __sighandler_t gosling_own_##name(int sig, __sighandler_t handler) \
    {                                                                      \
        return ORIGINAL(name)(sig, handler);                               \
    }

SIGNAL(signal, SA_RESTART)
SIGNAL(bsd_signal, SA_RESTART)
SIGNAL(ssignal, SA_RESTART)
SIGNAL(sysv_signal, SA_RESETHAND | SA_NODEFER)
SIGNAL(__sysv_signal, SA_RESETHAND | SA_NODEFER)

/* The program cannot block the signal of the traps: a system call that is stopped would end it. */
#define MASK(name, result)                                                  \
    EXPORT int name(int how, const sigset_t *set, sigset_t *old)            \
    {                                                                       \
        int rc = shim_sigmask(sched_self(), how, set, old);                 \
                                                                            \
        return result;                                                      \
    }                                                                       \
    OWN int gosling_own_##name(int how, const sigset_t *set, sigset_t *old) \
    {                                                                       \
        return ORIGINAL(name)(how, set, old);                               \
    }

MASK(sigprocmask, rc ? (errno = rc, -1) : 0)
MASK(pthread_sigmask, rc)

EXPORT int siginterrupt(int sig, int flag)
{
    return shim_siginterrupt(sig, flag);
}

OWN int gosling_own_siginterrupt(int sig, int flag)
{
    return ORIGINAL(siginterrupt)(sig, flag);
}
