/* SPDX-License-Identifier: MIT
 *
 * For the condition, which locks again what its waiter had to unlock. */
#ifndef SYNC_MUTEX_H
#define SYNC_MUTEX_H

#include "core/sched.h"
#include <gosling/mutex.h>

/* go_mutex_lock without its checkpoint. how: WAIT_*; 0: nothing ends the wait but the lock. */
int mutex_lock_how(go_mutex *m, go_sched *s, unsigned how);

/* Does the caller hold m? */
bool mutex_is_mine(const go_mutex *m, go_sched *s);

#endif
