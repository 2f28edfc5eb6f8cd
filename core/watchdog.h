/* SPDX-License-Identifier: MIT
 *
 * The watchdog: a fiber that does not let the others run. A timer signal on the scheduler's own
 * thread (no thread of its own: one idle thread makes libc's locks several times slower) ticks
 * twice per limit; two ticks that find the same dispatch still running report it, once, with a
 * backtrace. A tick that finds the loop idle disarms the timer; who wakes from idle arms it
 * again. */
#ifndef CORE_WATCHDOG_H
#define CORE_WATCHDOG_H

#include "core/sched.h"

/* without the means (a sandbox, an emulator) there is no watchdog */
void watchdog_start(go_sched *s, go_time limit);
void watchdog_stop(go_sched *s);
void watchdog_forked(go_sched *s); /* in a fork child, which inherits no timers */
/* about to wait in the kernel; back again, perhaps by a tick */
void watchdog_idle(go_sched *s, bool idle);
int watchdog_signal(void);       /* the signal that the process's watchdogs use, or 0 */
void watchdog_busy(go_sched *s); /* a fiber is about to run: armed again if a tick disarmed it */

#endif
