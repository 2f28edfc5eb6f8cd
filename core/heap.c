/* SPDX-License-Identifier: MIT */
#include "core/heap.h"
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

/* Four children per node: half the levels of a binary heap, and the four lie in two cache lines at
 * most, so that a removal from a heap that has left the cache costs half the misses. With slots
 * counted from 1, the children of i are 4i - 2 … 4i + 1. */
enum { ARITY = 4, FIRST_CAPACITY = 64 };

static inline uint32_t parent_of(uint32_t slot)
{
    return (slot + 2) / ARITY;
}

static inline bool before(const struct heap_entry *a, const struct heap_entry *b)
{
    return a->at != b->at ? a->at < b->at : a->seq < b->seq;
}

static inline void place(struct heap *h, uint32_t slot, struct heap_entry e)
{
    h->entries[slot] = e;
    e.timer->slot = slot;
}

/* The two sifts move a hole and write the entry once, at the end. O(log n). */
static void sift_up(struct heap *h, uint32_t slot, struct heap_entry e)
{
    while (slot > 1 && before(&e, &h->entries[parent_of(slot)])) {
        place(h, slot, h->entries[parent_of(slot)]);
        slot = parent_of(slot);
    }
    place(h, slot, e);
}

static void sift_down(struct heap *h, uint32_t slot, struct heap_entry e)
{
    for (;;) {
        uint64_t first = (uint64_t)slot * ARITY - 2;
        uint64_t end = first + ARITY <= h->count ? first + ARITY : (uint64_t)h->count + 1;
        uint64_t least = first;

        for (uint64_t i = first + 1; i < end; i++)
            if (before(&h->entries[i], &h->entries[least]))
                least = i;
        if (first >= end || !before(&h->entries[least], &e))
            break;
        place(h, slot, h->entries[least]);
        slot = (uint32_t)least;
    }
    place(h, slot, e);
}

/* Puts e, which is new at this slot, where it belongs. */
static void sift(struct heap *h, uint32_t slot, struct heap_entry e)
{
    if (slot > 1 && before(&e, &h->entries[parent_of(slot)]))
        sift_up(h, slot, e);
    else
        sift_down(h, slot, e);
}

void heap_init(struct heap *h)
{
    *h = (struct heap){0};
}

void heap_fini(struct heap *h)
{
    free(h->entries);
    heap_init(h);
}

/* `count` is how many entries there must be room for in all. Never shrinks; grows by doubling, so
 * that n calls cost O(n). */
int heap_reserve(struct heap *h, uint32_t count)
{
    uint64_t capacity = h->capacity ? h->capacity : FIRST_CAPACITY;
    struct heap_entry *entries;

    if (count <= h->capacity)
        return 0;
    while (capacity < count)
        capacity *= 2;
    if (capacity >= UINT32_MAX)
        return -ENOMEM;
    entries = realloc(h->entries, (size_t)(capacity + 1) * sizeof(*entries));
    if (!entries)
        return -ENOMEM;
    h->entries = entries;
    h->capacity = (uint32_t)capacity;
    return 0;
}

void heap_insert(struct heap *h, struct go_timer *t, go_time at, uint64_t seq)
{
    assert(!t->slot && h->count < h->capacity);
    sift_up(h, ++h->count, (struct heap_entry){at, seq, t});
}

void heap_remove(struct heap *h, struct go_timer *t)
{
    uint32_t slot = t->slot;
    struct heap_entry last;

    if (!slot)
        return;
    assert(slot <= h->count && h->entries[slot].timer == t);
    t->slot = 0;
    last = h->entries[h->count--];
    if (last.timer != t)
        sift(h, slot, last);
}

void heap_move(struct heap *h, struct go_timer *t, go_time at, uint64_t seq)
{
    assert(t->slot && t->slot <= h->count && h->entries[t->slot].timer == t);
    sift(h, t->slot, (struct heap_entry){at, seq, t});
}
