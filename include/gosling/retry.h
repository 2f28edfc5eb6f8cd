/* SPDX-License-Identifier: MIT */
#ifndef GOSLING_RETRY_H
#define GOSLING_RETRY_H

#include <gosling/run.h>

GO_BEGIN_DECLS

/* How often, and after which pauses. A zero field means its default. */
typedef struct {
    unsigned attempts; /* at most; default 5 */
    go_time pause;     /* nanoseconds after the first failure; default 100 ms */
    go_time max_pause; /* default 30 s */
    double factor;     /* by which the pause grows from one to the next; default 2 */
    /* Whether this error is worth another attempt; must not wait. Default: every one. */
    bool (*worth)(int error, void *arg);
} go_retry_opts;

/* [checkpoint] Calls fn(arg) until it does not fail, with exponentially growing pauses. Of each
 * pause between a half and all is slept, by chance, so that many who failed together do not come
 * back together; with a seed the chance is the same each time. opts may be NULL. Returns fn's
 * result; after the last attempt its error, with its message; -ECANCELED, which is never tried
 * again; -ESHUTDOWN outside a run. Pauses with jitter are Marc Brooker's ("Exponential Backoff And
 * Jitter", AWS Architecture Blog, 2015). */
GO_API int go_retry(const go_retry_opts *opts, go_fn *fn, void *arg);

GO_END_DECLS

#endif
