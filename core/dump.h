/* SPDX-License-Identifier: MIT */
#ifndef CORE_DUMP_H
#define CORE_DUMP_H

#include "core/sched.h"

void dump_tree(go_sched *s, FILE *out); /* every fiber, its children indented beneath it */

#endif
