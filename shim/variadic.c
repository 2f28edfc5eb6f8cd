/* SPDX-License-Identifier: MIT
 *
 * Interposers that cannot be generated: by hand. Of functions with a variable number of arguments
 * the last one is at most one word, and there is always a word to be read, given or not. */
#undef _FORTIFY_SOURCE
#include "shim/originals.h"
#include "shim/call.h"
#include "shim/memory.h"
#include "shim/sites.h"
#include "shim/trap.h"
#include <fcntl.h>
#include <stdarg.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
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

#define CALLED(s, name, fd, call)        \
    ({                                   \
        struct shim_call c_;             \
        long rc_;                        \
                                         \
        call_begin(s, &c_);              \
        do                               \
            rc_ = (call);                \
        while (call_again(s, &c_, rc_)); \
        call_end(&c_, name, fd, rc_);    \
        (int)shim_result(rc_);           \
    })

#define FCNTL(name)                                                       \
    EXPORT int name(int fd, int command, ...)                             \
    {                                                                     \
        go_sched *s = shim_by_name(GO_SHIM_IO);                           \
        long arg;                                                         \
                                                                          \
        LAST(command, arg);                                               \
        if (unlikely(s))                                                  \
            return CALLED(s, #name, fd, shim_fcntl(s, fd, command, arg)); \
        return ORIGINAL(name)(fd, command, arg);                          \
    }                                                                     \
    OWN int gosling_own_##name(int fd, int command, long arg)             \
    {                                                                     \
        go_sched *s = shim_own_begin();                                   \
        int rc = ORIGINAL(name)(fd, command, arg);                        \
        shim_own_end(s);                                                  \
        return rc;                                                        \
    }

#define OPEN(name)                                                                              \
    EXPORT int name(const char *path, int flags, ...)                                           \
    {                                                                                           \
        go_sched *s = shim_by_name(GO_SHIM_IO);                                                 \
        long mode;                                                                              \
                                                                                                \
        LAST(flags, mode);                                                                      \
        if (unlikely(s))                                                                        \
            return CALLED(s, #name, -1, shim_openat(s, AT_FDCWD, path, flags, (unsigned)mode)); \
        return ORIGINAL(name)(path, flags, mode);                                               \
    }                                                                                           \
    OWN int gosling_own_##name(const char *path, int flags, long mode)                          \
    {                                                                                           \
        go_sched *s = shim_own_begin();                                                         \
        int rc = ORIGINAL(name)(path, flags, mode);                                             \
        shim_own_end(s);                                                                        \
        return rc;                                                                              \
    }

#define OPENAT(name)                                                                       \
    EXPORT int name(int dir, const char *path, int flags, ...)                             \
    {                                                                                      \
        go_sched *s = shim_by_name(GO_SHIM_IO);                                            \
        long mode;                                                                         \
                                                                                           \
        LAST(flags, mode);                                                                 \
        if (unlikely(s))                                                                   \
            return CALLED(s, #name, -1, shim_openat(s, dir, path, flags, (unsigned)mode)); \
        return ORIGINAL(name)(dir, path, flags, mode);                                     \
    }                                                                                      \
    OWN int gosling_own_##name(int dir, const char *path, int flags, long mode)            \
    {                                                                                      \
        go_sched *s = shim_own_begin();                                                    \
        int rc = ORIGINAL(name)(dir, path, flags, mode);                                   \
        shim_own_end(s);                                                                   \
        return rc;                                                                         \
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
        if (threads_on) /* libc's call comes to deliver.c */                                \
            return ORIGINAL(name)(sig, new, old);                                           \
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
        if (threads_on)                                                    \
            return ORIGINAL(name)(sig, handler);                           \
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
        int rc;                                                             \
                                                                            \
        if (threads_on)                                                     \
            return ORIGINAL(name)(how, set, old);                           \
        rc = shim_sigmask(sched_self(), how, set, old);                     \
        return result;                                                      \
    }                                                                       \
    OWN int gosling_own_##name(int how, const sigset_t *set, sigset_t *old) \
    {                                                                       \
        return ORIGINAL(name)(how, set, old);                               \
    }

MASK(sigprocmask, rc ? (errno = rc, -1) : 0)
MASK(pthread_sigmask, rc)

/* ---- names of threads ---- */

/* libc has them from files of the kernel's, which does not know our threads. */
EXPORT int pthread_setname_np(pthread_t thread, const char *name)
{
    struct thread *t = threads_on ? thread_by_id(tcb_tid(thread)) : NULL;

    if (!t)
        return ORIGINAL(pthread_setname_np)(thread, name);
    return thread_set_name(t, name);
}

EXPORT int pthread_getname_np(pthread_t thread, char *name, size_t room)
{
    const struct thread *t = threads_on ? thread_by_id(tcb_tid(thread)) : NULL;

    if (!t)
        return ORIGINAL(pthread_getname_np)(thread, name, room);
    if (room < sizeof t->comm)
        return ERANGE;
    memcpy(name, t->comm, sizeof t->comm);
    return 0;
}

OWN int gosling_own_pthread_setname_np(pthread_t thread, const char *name)
{
    return ORIGINAL(pthread_setname_np)(thread, name);
}

OWN int gosling_own_pthread_getname_np(pthread_t thread, char *name, size_t room)
{
    return ORIGINAL(pthread_getname_np)(thread, name, room);
}

/* ---- memory ---- */

/* Of a list that is ours while the program's threads are fibers. */
EXPORT void freeaddrinfo(struct addrinfo *res)
{
    if (!memory_is(res)) {
        ORIGINAL(freeaddrinfo)(res);
        return;
    }
    while (res) {
        struct addrinfo *next = res->ai_next;

        if (memory_is(res->ai_canonname))
            memory_put(res->ai_canonname);
        else
            free(res->ai_canonname);
        memory_put(res);
        res = next;
    }
}

OWN void gosling_own_freeaddrinfo(struct addrinfo *res)
{
    freeaddrinfo(res);
}

EXPORT int siginterrupt(int sig, int flag)
{
    if (threads_on)
        return ORIGINAL(siginterrupt)(sig, flag);
    return shim_siginterrupt(sig, flag);
}

OWN int gosling_own_siginterrupt(int sig, int flag)
{
    return ORIGINAL(siginterrupt)(sig, flag);
}
