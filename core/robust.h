/* SPDX-License-Identifier: MIT
 *
 * Robust mutexes whose owner ends without unlocking them: what the kernel does at a thread's end
 * (get_robust_list(2)), for threads and fibers that it does not know. */
#ifndef CORE_ROBUST_H
#define CORE_ROBUST_H

#include <stdbool.h>
#include <stdint.h>

struct robust_list_head;

/* Those in the list (NULL: none) that `tid` still owns are marked FUTEX_OWNER_DIED. left: told of
 * each, and whether it has waiters; inherits: its kind is PTHREAD_PRIO_INHERIT. */
void robust_abandon(const struct robust_list_head *head, uint32_t tid,
                    void (*left)(uint32_t *word, bool waiters, bool inherits));

#endif
