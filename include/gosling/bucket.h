/* SPDX-License-Identifier: MIT */
#ifndef GOSLING_BUCKET_H
#define GOSLING_BUCKET_H

#include <gosling/gate.h>

GO_BEGIN_DECLS

/* A token bucket: a rate limit that allows bursts. It starts full and fills at a constant rate.
 * Fields are private. */
typedef struct go_bucket {
    go_gate gate;
    double per_second;
    double burst;
    double tokens; /* that there were at `at` */
    go_time at;
} go_bucket;

/* Initialises b, full: burst tokens, per_second new ones each second, never more than burst. What
 * is negative or no number counts as 0: such a bucket never fills. Not a checkpoint; nothing to
 * free. */
GO_API void go_bucket_init(go_bucket *b, double per_second, double burst);

/* [checkpoint] Takes n tokens, all at once, waiting until they are there; first come, first served,
 * so that a large amount is not starved by small ones. Returns 0, -EINVAL for n < 0, no number or
 * more than burst, -ECANCELED (nothing is taken), -ESHUTDOWN outside a run. */
GO_API int go_bucket_take(go_bucket *b, double n);

GO_END_DECLS

#endif
