/* SPDX-License-Identifier: MIT
 *
 * What nothing tells about is asked for again, ever less often: locks on files, System V's queues
 * and semaphores, any child. */
#include "shim/shim.h"
#include <gosling/fiber.h>

#define FIRST (GO_MS / 4)
#define MOST  (10 * GO_MS)

long shim_again(go_sched *s, go_time *pause, go_time until, enum shim_interrupts kind)
{
    go_time now = sched_now(s), at;

    if (now >= until)
        return -EAGAIN;
    *pause = *pause == 0 ? FIRST : *pause * 2 < MOST ? *pause * 2 : MOST;
    at = now + *pause;
    return SHIM_WAITS(s, kind, go_sleep_until(at < until ? at : until));
}
