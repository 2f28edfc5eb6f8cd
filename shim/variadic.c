/* SPDX-License-Identifier: MIT
 *
 * Interposers that cannot be generated. Of functions with a variable number of arguments the last
 * one is at most one word, and there is always a word to be read, given or not. */
#undef _FORTIFY_SOURCE
#include "shim/originals.h"
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
