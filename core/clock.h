/* SPDX-License-Identifier: MIT
 *
 * The real clock: nanoseconds of CLOCK_MONOTONIC, by the vDSO. Any thread, any signal handler. The
 * scheduler asks once in many dispatches and remembers the answer; a virtual clock is the
 * scheduler's business. */
#ifndef CORE_CLOCK_H
#define CORE_CLOCK_H

#include <gosling/time.h>

go_time clock_real(void);

#endif
