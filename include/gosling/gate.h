/* SPDX-License-Identifier: MIT */
#ifndef GOSLING_GATE_H
#define GOSLING_GATE_H

#include <gosling/sync.h>

/* What go_bucket and go_window have in common. Private. */
typedef struct go_gate {
    const void *kind;
    go_sched *sched;
    struct go_link waiters; /* in order of arrival; the first has a timer */
    uint32_t leaving;       /* have left the line and have not run yet */
    uint32_t forks;         /* in which process that was counted */
} go_gate;

#endif
