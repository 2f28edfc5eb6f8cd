/* SPDX-License-Identifier: MIT
 *
 * Counting the system calls of another process: by the kernel's own counters (perf_event_open on
 * the tracepoints of tracefs), which disturb hardly anything and want root; where they are not to
 * be had, by ptrace, which slows the process down ten times and more. */
#ifndef BENCH_CALLS_H
#define BENCH_CALLS_H

#include <errno.h>
#include <linux/perf_event.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

struct calls {
    uint64_t all;
    uint64_t epoll_ctl;
};

/* ---- the kernel's counters ---- */

struct calls_counters {
    int all, epoll_ctl; /* descriptors */
};

static inline int calls_counter(pid_t pid, const char *event)
{
    static const char *const roots[] = {"/sys/kernel/tracing", "/sys/kernel/debug/tracing"};
    struct perf_event_attr attr = {.type = PERF_TYPE_TRACEPOINT, .size = sizeof attr};
    unsigned long long id = 0;
    char path[128];

    for (unsigned i = 0; i < 2 && id == 0; i++) {
        FILE *f;

        snprintf(path, sizeof path, "%s/events/%s/id", roots[i], event);
        f = fopen(path, "r");
        if (f && fscanf(f, "%llu", &id) != 1)
            id = 0;
        if (f)
            fclose(f);
    }
    attr.config = id;
    if (id == 0)
        return -1;
    return (int)syscall(SYS_perf_event_open, &attr, pid, -1, -1, PERF_FLAG_FD_CLOEXEC);
}

/* False: this kernel, or this user, has none. */
static inline bool calls_open(struct calls_counters *c, pid_t pid)
{
    c->all = calls_counter(pid, "raw_syscalls/sys_enter");
    c->epoll_ctl = calls_counter(pid, "syscalls/sys_enter_epoll_ctl");
    return c->all >= 0 && c->epoll_ctl >= 0;
}

static inline void calls_close(struct calls_counters *c)
{
    if (c->all >= 0)
        close(c->all);
    if (c->epoll_ctl >= 0)
        close(c->epoll_ctl);
}

static inline void calls_read(const struct calls_counters *c, struct calls *out)
{
    if (read(c->all, &out->all, sizeof out->all) != sizeof out->all ||
        read(c->epoll_ctl, &out->epoll_ctl, sizeof out->epoll_ctl) != sizeof out->epoll_ctl)
        *out = (struct calls){0};
}

/* ---- ptrace ---- */

static inline bool calls_trace_one(pid_t pid, bool counting, struct calls *c)
{
    struct __ptrace_syscall_info info;
    int status, signo = 0;

    if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
        return false;
    if (WSTOPSIG(status) == (SIGTRAP | 0x80)) {
        if (counting && ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof info, &info) > 0 &&
            info.op == PTRACE_SYSCALL_INFO_ENTRY) {
            c->all++;
            c->epoll_ctl += info.entry.nr == SYS_epoll_ctl;
        }
    } else if (status >> 16 == 0) {
        signo = WSTOPSIG(status); /* one of its own, a watchdog's tick: it gets it */
    }
    return ptrace(PTRACE_SYSCALL, pid, 0, signo) == 0;
}

/* Traces the child pid, and counts while *phase is 1, until it is 2. False: not permitted. */
static inline bool calls_trace(pid_t pid, const _Atomic int *phase, struct calls *c)
{
    bool traced = ptrace(PTRACE_SEIZE, pid, 0, PTRACE_O_TRACESYSGOOD) == 0 &&
                  ptrace(PTRACE_INTERRUPT, pid, 0, 0) == 0;

    while (traced && *phase < 2)
        traced = calls_trace_one(pid, *phase == 1, c);
    if (traced)
        ptrace(PTRACE_DETACH, pid, 0, 0);
    return traced;
}

#endif
