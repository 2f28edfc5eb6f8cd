/* SPDX-License-Identifier: MIT
 *
 * Child processes, inside. A go_process is STARTED until its status is taken from the kernel, and
 * ENDED from then on. While it is started it has an exit descriptor, which becomes readable when it
 * ends: a pidfd; or, where there are none, an eventfd that the reaper writes to. Whoever finds the
 * process ended first reaps it and closes that descriptor; everybody else who waits on it is woken
 * by the close, and finds the status. */
#ifndef NET_PROCESS_H
#define NET_PROCESS_H

#include <gosling/process.h>

enum process_phase { PROCESS_NONE, PROCESS_STARTED, PROCESS_ENDED };

/* Beside a descriptor, 0 and -1 for stderr: a copy of whatever stdout is. */
enum { PROCESS_LIKE_OUT = -2 };

/* go_process_start with the three streams given apart. */
int process_start(go_process *p, char *const argv[], const go_process_opts *opts,
                  const int streams[3]);

/* Whether p has ended; its status is taken then. Does not wait. */
bool process_ended(go_process *p);

/* The end that cannot fail: SIGKILL, and the OS thread waits for it. For want of memory to wait
 * with. */
void process_end_now(go_process *p);

#endif
