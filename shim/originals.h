/* SPDX-License-Identifier: MIT
 *
 * libc's own functions, found with dlsym: at the constructor, or at the first call, for some other
 * library's constructor may be earlier. Nothing here takes a lock or allocates. */
#ifndef SHIM_ORIGINALS_H
#define SHIM_ORIGINALS_H

#include "shim/shim.h"
#include <aio.h>
#include <pthread.h>
#include <spawn.h>
#include <wordexp.h>

struct shim_originals {
#define X(name, family, ret, params) ret(*name) params;
#include "gen/names.h"
#undef X
};

extern struct shim_originals shim_originals;

#define ORIGINAL(name)                                                        \
    (*(likely(shim_originals.name)                                            \
           ? shim_originals.name                                              \
           : (shim_resolve_one(#name, (void **)(void *)&shim_originals.name), \
              shim_originals.name)))

/* An allocator may be what calls, in the middle of its own beginning, and dlsym allocates for a
 * name that is not there: so only the one that is wanted is looked for. */
void shim_resolve_one(const char *name, void **at);

#endif
