/* SPDX-License-Identifier: MIT
 *
 * fork. The child keeps the fiber that called fork, as its main fiber, and drops the others without
 * running them. At the fork itself only what is cheap happens (the inbox is emptied, a flag is
 * set), because most children exec at once, and walking over 100,000 parked fibers would copy all
 * their pages. The first spawn, wait or end in the child settles the rest: new loop, empty queues,
 * waits of the dropped taken off their objects. */
#ifndef CORE_FORK_H
#define CORE_FORK_H

#include "core/sched.h"
#include <stdbool.h>

enum { FORK_PREPARE, FORK_PARENT, FORK_CHILD, FORK_ALONE };

void fork_watch(void);

/* The library's locks are not taken before a fork, for the calling fiber may still have to wait
 * before it happens, and others would meet them; the child makes them anew. For the shim's threads.
 */
extern bool fork_lightly;         /* registers with pthread_atfork, once */
void fork_settle(go_sched *s);    /* in a child, when s->fork_pending */
void fork_without_libc(void);     /* in a fiber's child: libc may not call handlers of fork's */
_Noreturn void fork_exit(int rc); /* the fiber that became a child's main fiber has returned */

#endif
