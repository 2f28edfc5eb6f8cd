/* SPDX-License-Identifier: MIT
 *
 * Around each call of the engine's: from its beginning to its end its fiber is inside, so that
 * libc's functions that it uses are libc's; at its end signals are delivered. */
#ifndef SHIM_CALL_H
#define SHIM_CALL_H

#include "core/sched.h"
#include "shim/threads.h"
#include "shim/trace.h"

struct shim_call {
    fiber *fiber;
    struct traced traced;
};

static inline void call_begin(go_sched *s, struct shim_call *c)
{
    c->fiber = s->current;
    c->fiber->inside++;
    trace_begin(s, &c->traced);
}

/* rc: its result, or 0 where that is no -errno. True: a handler has run, and the call begins
 * anew. */
static inline bool call_again(go_sched *s, const struct shim_call *c, long rc)
{
    return unlikely(c->fiber->attention) && deliver_left(s, rc);
}

static inline void call_end(const struct shim_call *c, const char *name, int fd, long rc)
{
    c->fiber->inside--;
    trace_end(&c->traced, name, fd, rc);
}

#endif
