/* SPDX-License-Identifier: MIT
 *
 * The interposers: made at build time (interposers.awk) from names.tab. Compiled without
 * _FORTIFY_SOURCE, whose wrappers would be defined a second time here. */
#undef _FORTIFY_SOURCE
#include "shim/originals.h"
#include "shim/call.h"
#include <grp.h>
#include <sched.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <termios.h>
#include <threads.h>
#include <unistd.h>
#include <resolv.h>

/* libc declares most of these, but not its _chk names and the like. */
#pragma GCC diagnostic ignored "-Wmissing-prototypes"
#pragma GCC diagnostic ignored "-Wnonnull-compare"
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

#define EXPORT __attribute__((visibility("default")))
#define OWN    __attribute__((visibility("hidden")))

/* resolv.h's macros */
#undef res_query
#undef res_search
#undef res_querydomain
#undef res_send

#include "gen/code.h"
