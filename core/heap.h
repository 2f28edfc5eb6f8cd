/* SPDX-License-Identifier: MIT
 *
 * The deadline heap: a 4-ary min-heap by (time, order of setting), so that equal deadlines expire
 * in the order in which they were set. A timer is embedded in its owner and knows its slot, so that
 * taking one out is O(log n) without a search; the times live in the heap's own array, where the
 * comparisons are. */
#ifndef CORE_HEAP_H
#define CORE_HEAP_H

#include <gosling/time.h>

struct heap_entry {
    go_time at;
    uint64_t seq;
    struct go_timer *timer;
};

struct heap {
    struct heap_entry *entries; /* 1-based: slot 0 means not armed */
    uint32_t count;
    uint32_t capacity;
    uint64_t seq; /* the next order number */
};

void heap_init(struct heap *h);
void heap_fini(struct heap *h);

/* Room for one more entry: 0 or -ENOMEM. The scheduler reserves one for each fiber and scope timer
 * when it is made, so that arming cannot fail. */
int heap_reserve(struct heap *h, uint32_t count);

/* t is not in it; room was reserved */
void heap_insert(struct heap *h, struct go_timer *t, go_time at, uint64_t seq);
void heap_remove(struct heap *h, struct go_timer *t); /* harmless when it is not in it */
/* changes an armed one's time */
void heap_move(struct heap *h, struct go_timer *t, go_time at, uint64_t seq);

static inline struct heap_entry *heap_top(struct heap *h)
{
    return h->count ? &h->entries[1] : NULL;
}

/* GO_FOREVER: not armed */
static inline go_time heap_time(const struct heap *h, const struct go_timer *t)
{
    return t->slot ? h->entries[t->slot].at : GO_FOREVER;
}

#endif
