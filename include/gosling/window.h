/* SPDX-License-Identifier: MIT */
#ifndef GOSLING_WINDOW_H
#define GOSLING_WINDOW_H

#include <gosling/gate.h>

GO_BEGIN_DECLS

enum { GO_WINDOW_FEW = 16 };

/* A sliding window: at most `limit` in any span of time, wherever one lays it. Fields are
 * private. */
typedef struct go_window {
    go_gate gate;
    go_time span;
    go_time *taken; /* when, a ring of `limit` */
    unsigned limit;
    unsigned next; /* in taken: the oldest, or not used yet */
    go_time few[GO_WINDOW_FEW];
} go_window;

/* Initialises w: at most `limit` takes in `span` nanoseconds. It remembers when each of the last
 * `limit` was: with more than GO_WINDOW_FEW that memory is allocated, and go_window_fini frees it.
 * Not a checkpoint. Returns 0, -EINVAL for a limit of 0 or a span below 1, -ENOMEM. */
GO_API int go_window_init(go_window *w, unsigned limit, go_time span);

/* [checkpoint] Takes one place, waiting until there is one; first come, first served. Returns 0,
 * -ECANCELED (nothing is taken), -ESHUTDOWN outside a run. */
GO_API int go_window_take(go_window *w);

/* Frees what go_window_init allocated. Nobody may wait on w. Not a checkpoint. */
GO_API void go_window_fini(go_window *w);

GO_END_DECLS

#endif
