/* SPDX-License-Identifier: MIT */
#include "core/robust.h"
#include <linux/futex.h>
#include <stddef.h>

enum { MOST = 1 << 20 }; /* entries: as the kernel's limit, for the list is the program's */

typedef void left_fn(uint32_t *word, bool waiters, bool inherits);

/* A link's lowest bit says that the mutex inherits priorities. */
static char *entry_of(const struct robust_list *l)
{
    return (char *)((uintptr_t)l & ~(uintptr_t)1);
}

static void abandon(const struct robust_list_head *head, const struct robust_list *l, uint32_t tid,
                    left_fn *left)
{
    uint32_t *word = (uint32_t *)(void *)(entry_of(l) + head->futex_offset), was = *word;

    do
        if ((was & FUTEX_TID_MASK) != tid)
            return;
    while (!__atomic_compare_exchange_n(word, &was, (was & FUTEX_WAITERS) | FUTEX_OWNER_DIED, false,
                                        __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE));
    left(word, was & FUTEX_WAITERS, (uintptr_t)l & 1);
}

void robust_abandon(const struct robust_list_head *head, uint32_t tid, left_fn *left)
{
    const struct robust_list *l, *next, *pending;
    unsigned most = MOST;

    if (!head)
        return;
    pending = head->list_op_pending; /* it was about to be taken, or has just been given back */
    for (l = head->list.next; l && entry_of(l) != (const char *)&head->list && most-- > 0;
         l = next) {
        next = ((const struct robust_list *)(const void *)entry_of(l))->next;
        if (l != pending)
            abandon(head, l, tid, left);
    }
    if (pending)
        abandon(head, pending, tid, left);
}
