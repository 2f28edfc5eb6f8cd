/* SPDX-License-Identifier: MIT
 *
 * `gosling run --trace FILE`: a line for each call that has waited: when it ended, in seconds since
 * the program began; what it was, on what; what came of it; and how long it waited. */
#ifndef SHIM_TRACE_H
#define SHIM_TRACE_H

#include "core/sched.h"

/* The file, or -1: nothing is traced. */
extern int trace_fd;

/* 0 or -errno. "-": standard error. */
int trace_open(const char *path);

struct traced {
    go_time began, parked; /* parked: when its fiber last did */
    fiber *fiber;
};

void trace_begin_(go_sched *s, struct traced *t);
void trace_end_(const struct traced *t, const char *name, int fd, long rc);

/* Around a call. fd: what it is about, or -1. */
static inline void trace_begin(go_sched *s, struct traced *t)
{
    if (unlikely(trace_fd >= 0))
        trace_begin_(s, t);
}

static inline void trace_end(const struct traced *t, const char *name, int fd, long rc)
{
    if (unlikely(trace_fd >= 0))
        trace_end_(t, name, fd, rc);
}

#endif
