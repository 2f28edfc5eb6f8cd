/* SPDX-License-Identifier: MIT */
#ifndef GOSLING_ONCE_H
#define GOSLING_ONCE_H

#include <gosling/sync.h>

GO_BEGIN_DECLS

/* Something that is done once. Zero-initialised: `static go_once once;`. Any thread may use it.
 * Fields are private. */
typedef struct go_once {
    struct go_lot lot;
    uint64_t runner; /* who runs it */
    int result;
    int state;
} go_once;

/* [checkpoint] The first caller runs fn(arg); later ones wait for that, and all get its result.
 * Once it is done, this is a load and a branch. When fn returns -ECANCELED it has not happened: who
 * has waited longest runs its own fn then, or else the next caller does. Returns fn's result;
 * -ECANCELED; -EDEADLK when fn calls it again. */
GO_API int go_once_run(go_once *o, go_fn *fn, void *arg);

GO_END_DECLS

#endif
