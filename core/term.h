/* SPDX-License-Identifier: MIT
 *
 * The process's signals during runs: SIGTERM and SIGINT (first soft, then hard, then the default
 * action) and SIGPIPE (ignored), each only where the program left it SIG_DFL. The dispositions are
 * counted over all runs, and restored by the last. */
#ifndef CORE_TERM_H
#define CORE_TERM_H

#include "core/sched.h"

void term_enter(go_sched *s);
void term_leave(go_sched *s);
void term_fork(int when); /* FORK_PREPARE, FORK_PARENT, FORK_CHILD */

/* Whether it is us who ignore SIGPIPE, so that a child must not. Any thread. */
bool term_ignores_pipe(void);

/* Somebody who had taken sig meanwhile has just put back what he found, which may be out of date:
 * from before the last run ended, or the first began. Any thread. */
void term_refresh(int sig);

#endif
