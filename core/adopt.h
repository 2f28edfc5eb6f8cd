/* SPDX-License-Identifier: MIT
 *
 * A fiber on a stack that is not the pool's, with a thread control block that comes with it. Its
 * record is the caller's. */
#ifndef CORE_ADOPT_H
#define CORE_ADOPT_H

#include "core/fiber.h"

/* f becomes a child of the run's outermost nursery; its context is the caller's to fill in. It is
 * not ready yet. 0 or -ENOMEM. */
int adopt_fiber(go_sched *s, fiber *f, struct tcb *t);

/* The running fiber, which is such a one, ends; its stack and its record are the caller's again as
 * soon as another fiber runs. */
_Noreturn void adopted_leave(go_sched *s, fiber *f);

/* The running fiber, on the thread's own stack, has t for its control block from now on. */
void adopt_main(go_sched *s, struct tcb *t);

#endif
