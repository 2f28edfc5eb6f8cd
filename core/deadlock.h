/* SPDX-License-Identifier: MIT
 *
 * The global deadlock: nobody is ready, no time will come, and nobody outside can wake anyone. Go
 * reports the same, and ends the program; here the root scope is cancelled, so that everybody can
 * clean up, and go_run returns -EDEADLK. */
#ifndef CORE_DEADLOCK_H
#define CORE_DEADLOCK_H

#include "core/sched.h"

void deadlock(go_sched *s);

/* Debug builds: f is about to wait for w. If that closes a cycle of locks, says so. */
void deadlock_closing(fiber *f, const struct wait *w);

#endif
