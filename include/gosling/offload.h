/* SPDX-License-Identifier: MIT
 *
 * Blocking work on threads of its own. */
#ifndef GOSLING_OFFLOAD_H
#define GOSLING_OFFLOAD_H

#include <gosling/run.h>

GO_BEGIN_DECLS

/* [checkpoint] Runs fn(arg) on a thread of the process's pool, and waits for it. The pool has no
 * thread before the first use, and at most go_run_opts.pool_max; more work queues. Cancelled while
 * it queues, the work is withdrawn and this returns -ECANCELED; once it runs it is waited for,
 * since arg is the caller's, and its result is returned. fn may call go_run itself. Returns fn's
 * result, -ECANCELED, -EAGAIN when no thread could be created and there is none, -ESHUTDOWN outside
 * a run. */
GO_API int go_offload(go_fn *fn, void *arg);

/* How many threads the pool has now, and how many it may have. Any thread. */
GO_API unsigned go_offload_threads(unsigned *most);

GO_END_DECLS

#endif
