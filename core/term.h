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

#endif
