/* SPDX-License-Identifier: MIT
 *
 * What belongs to a fiber and ends with it: values of keys, and deferred calls. */
#ifndef CORE_LOCAL_H
#define CORE_LOCAL_H

#include "core/fiber.h"

void local_inherit(fiber *child, const fiber *from); /* shares from's inherited values */
void local_end(fiber *f);                            /* destructors; frees */
void defer_run(go_sched *s, fiber *f);               /* last registered first, under a shield */

#endif
