/* SPDX-License-Identifier: MIT
 *
 * The gate: a line of fibers of whom the first may pass at a time that is known in advance. What
 * the rate limiters have in common. Only the first has a timer; whoever leaves the line sets the
 * next one's. */
#ifndef SYNC_GATE_H
#define SYNC_GATE_H

#include "sync/lot.h"
#include <gosling/gate.h>

struct gate_kind {
    const char *name; /* for reports: "token bucket" */
    /* When amount may pass, if nobody passes before; GO_FOREVER: never. */
    go_time (*due)(const go_gate *g, double amount);
    /* It does, now; due: the time that it waited for, or -1 if it did not wait. */
    void (*pass)(go_gate *g, double amount, go_time now, go_time due);
};

void gate_init(go_gate *g, const struct gate_kind *kind);

/* [checkpoint] Passes, in turn: 0, -ECANCELED, -ESHUTDOWN. */
int gate_pass(go_gate *g, double amount, const char *function);

#endif
