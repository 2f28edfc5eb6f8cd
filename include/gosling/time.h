/* SPDX-License-Identifier: MIT
 *
 * Time. All of gosling counts in nanoseconds of CLOCK_MONOTONIC, in a signed 64-bit integer. */
#ifndef GOSLING_TIME_H
#define GOSLING_TIME_H

#include <gosling/types.h>

GO_BEGIN_DECLS

typedef int64_t go_time;

#define GO_US      ((go_time)1000)
#define GO_MS      (1000 * GO_US)
#define GO_SEC     (1000 * GO_MS)
#define GO_FOREVER INT64_MAX /* as a timeout: none; as a shield's budget: no limit */

/* The time in nanoseconds: CLOCK_MONOTONIC's, or inside a run with GO_CLOCK_VIRTUAL that run's own.
 * Works outside a run. Not a checkpoint. Cannot fail. */
GO_API go_time go_now(void);

GO_END_DECLS

#endif
