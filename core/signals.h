/* SPDX-License-Identifier: MIT
 *
 * Signal sources. Dispositions are the process's: each signal that has a source, in whichever
 * scheduler, has our handler, and what was there before is kept until the last source on it closes.
 * The handler counts the signal and wakes every scheduler with a source on it; each source
 * remembers how many it has received. So there is nothing to allocate, to lock or to overflow in
 * the handler.
 *
 * A source's state is heap memory of its scheduler, freed when it is closed or the run ends: the
 * caller's go_signals may lie on the stack of a fiber that has gone without closing it. */
#ifndef CORE_SIGNALS_H
#define CORE_SIGNALS_H

#include "core/inbox.h"
#include "core/list.h"
#include "core/wait.h"
#include <gosling/signals.h>

/* A scheduler's part. */
struct signals {
    list open;             /* the sources */
    unsigned count;        /* how many: each may wake the program */
    _Atomic(uint64_t) set; /* the signals that any of them wants; read by the handler */
    atomic_bool queued;    /* msg is in the inbox */
    struct inbox_msg msg;
};

void signals_enter(go_sched *s);
void signals_leave(go_sched *s); /* closes what is left open */
void signals_fork(int when);     /* FORK_PREPARE first of all, FORK_CHILD last of all */

extern const struct waitable signals_waitable; /* for go_select; the object is a go_signals */

#endif
