/* SPDX-License-Identifier: MIT
 *
 * Interruption: a signal whose handler the program has set ends one fiber's wait, as it ends a
 * thread's system call. Which waits may be so ended says who waits, in the fiber's `interrupts`. */
#ifndef CORE_INTERRUPT_H
#define CORE_INTERRUPT_H

#include <stdbool.h>

struct go_sched;

/* One fiber that waits so, and does not block the signal, is made ready, its wait_park returns
 * -EINTR: the main fiber if it does, else the first in order of spawning. False: nobody does. On
 * the loop only. */
bool interrupt_one(struct go_sched *s, int sig);

#endif
