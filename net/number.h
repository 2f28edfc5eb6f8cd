/* SPDX-License-Identifier: MIT
 *
 * The generation of each descriptor number, for the whole process: it changes whenever the library
 * makes the number another file, or none. Odd: the file is one of ours. A scheduler that had armed
 * a watcher for a number learns by its generation that another thread's has closed it. Any thread.
 */
#ifndef NET_NUMBER_H
#define NET_NUMBER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* Where fd's (>= 0) is kept, for ever; those of numbers that share all but the lowest 16 bits lie
 * side by side. NULL: no memory. */
atomic_uint *number_generation(int fd);

/* Whether every close of the process comes by here: then foreign numbers are as good as ours. Set
 * and unset by a process of one thread. */
extern bool numbers_seen;

/* Makes it the next one, ours or foreign, and returns it. */
uint32_t number_next(atomic_uint *now, bool ours);

#endif
