/* SPDX-License-Identifier: MIT */
#ifndef GOSLING_MAP_H
#define GOSLING_MAP_H

#include <gosling/run.h>

GO_BEGIN_DECLS

/* [checkpoint] Calls fn(args[i]) for each of n, in fibers, at most at_most of them at once (0:
 * all), begun in the order of args. results[i] (results may be NULL) is what fn returned: a failing
 * item does not cancel the others. Waits for all. Returns 0, or the error that came first, whose
 * tree go_last_error() then has; -ECANCELED: items that were not begun have that as result;
 * -ENOMEM: so do items for which there was no memory; -EINVAL, -ESHUTDOWN outside a run. */
GO_API int go_map(go_fn *fn, void *const *args, int *results, size_t n, unsigned at_most);

GO_END_DECLS

#endif
