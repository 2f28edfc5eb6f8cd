/* SPDX-License-Identifier: MIT
 *
 * The sliding window: the one that was taken `limit` takes ago must be `span` old. */
#include "sync/gate.h"
#include <errno.h>
#include <gosling/window.h>
#include <stdlib.h>

static go_time window_due(const go_gate *g, double one)
{
    const go_window *w = list_entry(g, go_window, gate);
    go_time oldest = w->taken[w->next];

    (void)one;
    return oldest < GO_FOREVER - w->span ? oldest + w->span : GO_FOREVER;
}

static void window_pass(go_gate *g, double one, go_time now, go_time due)
{
    go_window *w = list_entry(g, go_window, gate);

    (void)one;
    (void)due; /* a late one keeps the later ones waiting: no span may hold more than the limit */
    w->taken[w->next] = now;
    w->next = w->next + 1 < w->limit ? w->next + 1 : 0;
}

static const struct gate_kind window_kind = {.name = "sliding window",
                                             .due = window_due,
                                             .pass = window_pass};

int go_window_init(go_window *w, unsigned limit, go_time span)
{
    w->taken = w->few;
    if (limit == 0 || span < 1)
        return -EINVAL;
    if (limit > GO_WINDOW_FEW && !(w->taken = malloc(limit * sizeof *w->taken)))
        return -ENOMEM;
    for (unsigned i = 0; i < limit; i++)
        w->taken[i] = -span; /* long ago: not taken at all */
    w->span = span;
    w->limit = limit;
    w->next = 0;
    gate_init(&w->gate, &window_kind);
    return 0;
}

int go_window_take(go_window *w)
{
    return gate_pass(&w->gate, 1, "go_window_take");
}

void go_window_fini(go_window *w)
{
    if (!list_empty(&w->gate.waiters))
        misuse("go_window_fini", "fibers still wait on this window; cancel them first");
    if (w->taken != w->few)
        free(w->taken);
    w->taken = w->few;
}
