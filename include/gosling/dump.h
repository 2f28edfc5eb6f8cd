/* SPDX-License-Identifier: MIT
 *
 * Seeing what happens. */
#ifndef GOSLING_DUMP_H
#define GOSLING_DUMP_H

#include <gosling/run.h>

GO_BEGIN_DECLS

/* Prints the tree of fibers of this thread's scheduler: each with its name, where it was spawned,
 * what it waits for and who holds that, for how long, its deadline, and how deep its stack was
 * used. From a fiber or a posted function. Not a checkpoint. Outside a run it says so. */
GO_API void go_dump(FILE *out);

GO_END_DECLS

#endif
