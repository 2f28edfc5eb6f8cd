/* SPDX-License-Identifier: MIT */
#ifndef GOSLING_BREAKER_H
#define GOSLING_BREAKER_H

#include <gosling/run.h>

GO_BEGIN_DECLS

/* A circuit breaker: after some failures in a row it fails at once for a while, instead of asking a
 * server again that is down. Fields are private. The idea is Michael Nygard's ("Release It!"). */
typedef struct go_breaker {
    unsigned limit;
    unsigned failures; /* in a row */
    go_time cool_down;
    go_time opened_at;
    bool probing; /* one call is under way that decides */
} go_breaker;

/* Initialises b, closed. limit: failures in a row that open it, 0: 5. cool_down: nanoseconds that
 * it stays open, 0: 30 s. Not a checkpoint; nothing to free. */
GO_API void go_breaker_init(go_breaker *b, unsigned limit, go_time cool_down);

/* Calls fn(arg) and returns its result, unless b is open: then -EAGAIN at once. After the cool-down
 * one call is let through, and the others are still refused: if it succeeds, b closes; if it fails,
 * b stays open for another cool-down. -ECANCELED from fn says nothing about the server, and counts
 * as neither. go_fail's message says until when it is open. Not a checkpoint but for what fn does.
 * -ESHUTDOWN outside a run. */
GO_API int go_breaker_call(go_breaker *b, go_fn *fn, void *arg);

/* Whether a call would be refused now. Not a checkpoint. */
GO_API bool go_breaker_is_open(const go_breaker *b);

GO_END_DECLS

#endif
