/* SPDX-License-Identifier: MIT */
#include "net/number.h"
#include <limits.h>
#include <stdlib.h>

bool numbers_seen;

enum { CHUNK_BITS = 16, CHUNK = 1 << CHUNK_BITS };

/* Chunks are made on first use, by whichever thread is first, and stay. 256 KiB each, committed by
 * touch. */
static _Atomic(atomic_uint *) chunks[(INT_MAX >> CHUNK_BITS) + 1];

atomic_uint *number_generation(int fd)
{
    _Atomic(atomic_uint *) *slot = &chunks[fd >> CHUNK_BITS];
    atomic_uint *chunk = atomic_load_explicit(slot, memory_order_acquire), *mine;

    if (!chunk) {
        mine = calloc(CHUNK, sizeof *mine); /* lazily committed, being so large */
        if (!mine)
            return NULL;
        if (atomic_compare_exchange_strong(slot, &chunk, mine))
            chunk = mine;
        else
            free(mine);
    }
    return &chunk[fd & (CHUNK - 1)];
}

/* The next generation, ours or foreign. Two threads that do this to one number at once have a race
 * of their own. */
uint32_t number_next(atomic_uint *now, bool ours)
{
    uint32_t next = (atomic_load_explicit(now, memory_order_relaxed) | 1) + 1 + ours;

    atomic_store_explicit(now, next, memory_order_relaxed);
    return next;
}
