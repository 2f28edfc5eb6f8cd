/* SPDX-License-Identifier: MIT
 *
 * The shim: libc's blocking calls, by their own names, wait for the calling fiber alone. It is in
 * libgosling-shim (pkg-config gosling-shim), which is linked instead of libgosling, or preloaded;
 * it has everything that libgosling has. Outside fibers, and on threads without a scheduler, libc's
 * calls are as they were.
 *
 * The idea is gevent's monkey patching. */
#ifndef GOSLING_SHIM_H
#define GOSLING_SHIM_H

#include <gosling/types.h>
#include <stdio.h>

GO_BEGIN_DECLS

/* The families of calls. docs/shim.md lists the functions of each. */
enum {
    GO_SHIM_IO = 1,       /* read, write, open, fsync, flock, … */
    GO_SHIM_SOCKET = 2,   /* recv, send, accept, connect, … */
    GO_SHIM_DNS = 4,      /* getaddrinfo, gethostbyname, res_query, … */
    GO_SHIM_TIME = 8,     /* sleep, nanosleep, sched_yield, … */
    GO_SHIM_POLL = 16,    /* poll, select, epoll_wait, … */
    GO_SHIM_PROCESS = 32, /* waitpid, system, pclose, … */
    GO_SHIM_SIGNAL = 64,  /* sigwait, sigtimedwait, … */
    GO_SHIM_SYNC = 128,   /* System V semaphores, … */
    GO_SHIM_STDIO = 256,  /* what stdio reads and writes */
    GO_SHIM_ALL = 511
};

/* Replaces the set of families whose calls are the shim's; at the start it is GO_SHIM_ALL. 0: none.
 * For the whole process, at once, also for calls that begin on other threads; those that wait
 * already go on as they began. Not a checkpoint. Returns the set as it was; -EINVAL: not a set of
 * families; -ENOSYS: this program is linked with libgosling, which has no shim. */
GO_API int go_shim_enable(unsigned what);

/* libc's own function of that name, past the shim; its caller knows the type. NULL: the shim has no
 * such name, or libc has not. Not a checkpoint. */
GO_API void *go_shim_original(const char *name);

/* Prints the calls that the shim could not do for their fiber alone and that blocked the OS thread,
 * with how often, for how long in all, and who called: a line each, the longest first. Writes with
 * stdio, so not a checkpoint, but it may block. */
GO_API void go_shim_report(FILE *out);

/* Prints by which entries the shim is reached here, and what there is not, with the reason: libc's
 * names, its own call sites, and traps for the system calls of other code; and whether fibers have
 * thread control blocks of their own. A line each. Not a checkpoint. */
GO_API void go_shim_entries(FILE *out);

GO_END_DECLS

#endif
