/* SPDX-License-Identifier: MIT
 *
 * The stack overflow report. A SIGSEGV (and SIGBUS) handler on an alternate stack, which the
 * scheduler's thread installs for the length of a run: a fault in the guard of the running fiber's
 * stack prints a sentence that names the fiber and its stack size; every fault then goes to the
 * handler that was there before, or kills as it would have. The signal dispositions are
 * process-wide and counted: the last run to end restores them. */
#ifndef CORE_OVERFLOW_H
#define CORE_OVERFLOW_H

#include <gosling/types.h>

struct overflow {
    void *altstack; /* NULL: not installed, or the thread had one already */
    size_t size;
    bool installed; /* overflow_enter has succeeded; else overflow_leave does nothing */
};

/* 0 or -errno; on failure there is no report, and nothing else is lost */
int overflow_enter(struct overflow *o);
void overflow_leave(struct overflow *o);

#endif
