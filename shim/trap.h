/* SPDX-License-Identifier: MIT
 *
 * Entry C: system calls of code that is neither libc's nor ours, and passes no symbol. The kernel
 * stops them (Syscall User Dispatch, Linux 5.11, x86) and sends SIGSYS. */
#ifndef SHIM_TRAP_H
#define SHIM_TRAP_H

#include <signal.h>
#include <stdbool.h>

struct go_sched;

/* After the call sites. NULL: each scheduler's thread traps from now on; or why not. */
const char *trap_begin(void);

/* A run begins (or goes on, in a fork child) or ends on this thread. */
void trap_entered(struct go_sched *s, bool in);

/* set, as the program may have it: without SIGSYS where that is ours; a copy then is in *room. NULL
 * stays NULL. */
const sigset_t *trap_mask(int how, const sigset_t *set, sigset_t *room);

/* The program's own handler of SIGSYS, which is told what is not ours. As sigaction(2), or -ENOSYS.
 */
int trap_action(const struct sigaction *new, struct sigaction *old);

#endif
