/* SPDX-License-Identifier: MIT
 *
 * Positions only grow; their difference is what is in the ring. Memory orders, which
 * tests/interleave.c checks with store buffers:
 *
 *  - in.at is stored with release after the items are, and loaded with acquire before they are
 *    read: who sees the position sees the items.
 *  - out.at is stored with release after the items were copied, and loaded with acquire before
 *    their places are written again: nothing is overwritten that is still being read.
 *  - A side's own position needs no order. */
#include "core/san.h"
#include <errno.h>
#include <gosling/ring.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define AT(side) ((_Atomic size_t *)&(side).at)

int go_ring_init(go_ring *r, size_t item_size, size_t capacity)
{
    size_t room = 1, bytes;

    if (item_size == 0 || capacity == 0 || capacity > SIZE_MAX / 4)
        return -EINVAL;
    while (room < capacity)
        room *= 2;
    if (__builtin_mul_overflow(room, item_size, &bytes))
        return -EINVAL;
    memset(r, 0, sizeof *r);
    r->items = malloc(bytes);
    if (!r->items)
        return -ENOMEM;
    r->item_size = item_size;
    r->mask = room - 1;
    return 0;
}

/* n items between the ring, from position `at` on, and p. */
static void copy_in(go_ring *r, size_t at, const char *p, size_t n)
{
    size_t first = r->mask + 1 - (at & r->mask), k = n < first ? n : first;

    memcpy(r->items + (at & r->mask) * r->item_size, p, k * r->item_size);
    memcpy(r->items, p + k * r->item_size, (n - k) * r->item_size);
}

static void copy_out(const go_ring *r, size_t at, char *p, size_t n)
{
    size_t first = r->mask + 1 - (at & r->mask), k = n < first ? n : first;

    memcpy(p, r->items + (at & r->mask) * r->item_size, k * r->item_size);
    memcpy(p + k * r->item_size, r->items, (n - k) * r->item_size);
}

size_t go_ring_put(go_ring *r, const void *items, size_t n)
{
    size_t at = atomic_load_explicit(AT(r->in), memory_order_relaxed);
    size_t room = r->mask + 1 - (at - r->in.other);

    if (room < n) { /* look at the other side's line only when it matters */
        r->in.other = atomic_load_explicit(AT(r->out), memory_order_acquire);
        san_acquire(&r->out);
        room = r->mask + 1 - (at - r->in.other);
    }
    if (n > room)
        n = room;
    copy_in(r, at, items, n);
    san_release(&r->in);
    atomic_store_explicit(AT(r->in), at + n, memory_order_release);
    return n;
}

size_t go_ring_take(go_ring *r, void *items, size_t n)
{
    size_t at = atomic_load_explicit(AT(r->out), memory_order_relaxed);
    size_t there = r->out.other - at;

    if (there < n) {
        r->out.other = atomic_load_explicit(AT(r->in), memory_order_acquire);
        san_acquire(&r->in);
        there = r->out.other - at;
    }
    if (n > there)
        n = there;
    copy_out(r, at, items, n);
    san_release(&r->out);
    atomic_store_explicit(AT(r->out), at + n, memory_order_release);
    return n;
}

void go_ring_fini(go_ring *r)
{
    free(r->items);
    r->items = NULL;
}
