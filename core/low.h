/* SPDX-License-Identifier: MIT
 *
 * The numbers of the loop's own descriptors. In a program of ours they are whatever is free. In one
 * that is wrapped, low numbers are the program's: shells and daemons use 3 and up by number. There,
 * low ones are held while the loop makes its own. */
#ifndef CORE_LOW_H
#define CORE_LOW_H

#include <stdbool.h>

extern bool low_kept; /* set once, before the first run */

/* What is opened between these two gets a high number. It costs a system call for each low one, and
 * other threads would meet it: for the first loop, before there are any. */
void low_hold(void);
void low_release(void);

/* Whether what this thread's loop opens by libev is to be moved, too: the shim does it, where it
 * sees the call. */
extern _Thread_local bool low_moves;

/* That one with a high number, if there is one; it was just opened, to be closed on exec. Also
 * passes on an error. */
int low_move(int fd);

/* Descriptors of the loop's: from this number on; INT_MAX: anywhere. */
int low_end(void);

#endif
