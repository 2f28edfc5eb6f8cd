/* SPDX-License-Identifier: MIT
 *
 * The program's signal handlers, and EINTR. */
#ifndef SHIM_HANDLERS_H
#define SHIM_HANDLERS_H

#include "shim/shim.h"

/* A run begins (or goes on, in a fork child) or ends on this thread. */
void handlers_entered(go_sched *s, bool in);

#endif
