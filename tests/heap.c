/* SPDX-License-Identifier: MIT
 *
 * The deadline heap. */
#include "core/heap.h"
#include "tests/tap.h"

enum { MANY = 1000 };

static struct heap h;
static struct go_timer timers[MANY];

static void with_heap(void (*fn)(void))
{
    heap_init(&h);
    memset(timers, 0, sizeof(timers));
    if (CHECK_EQ(heap_reserve(&h, MANY), 0))
        fn();
    heap_fini(&h);
}

static unsigned next_random(unsigned n)
{
    static uint32_t x = 1;

    x = x * 1664525 + 1013904223;
    return (x >> 8) % n;
}

/* Every entry knows its timer, every timer its slot, and no child comes before its parent. */
static bool sound(void)
{
    for (uint32_t i = 1; i <= h.count; i++) {
        const struct heap_entry *e = &h.entries[i], *up = &h.entries[(i + 2) / 4];

        if (e->timer->slot != i)
            return false;
        if (i > 1 && (e->at < up->at || (e->at == up->at && e->seq < up->seq)))
            return false;
    }
    return true;
}

static int pop(void)
{
    struct go_timer *t = heap_top(&h)->timer;

    heap_remove(&h, t);
    return (int)(t - timers);
}

LAW_AROUND(with_heap, empty_heap, "an empty heap has no top, and a timer that is not in it no time")
{
    CHECK(heap_top(&h) == NULL);
    CHECK(heap_time(&h, &timers[0]) == GO_FOREVER);
    heap_remove(&h, &timers[0]);
    CHECK(heap_top(&h) == NULL);
}

LAW_AROUND(with_heap, smallest_first, "the earliest is on top, whatever the order of insertion")
{
    go_time last = INT64_MIN;

    for (int i = 0; i < MANY; i++) {
        heap_insert(&h, &timers[i], (go_time)next_random(100000) - 50000, h.seq++);
        if (!CHECK(sound()))
            return;
    }
    while (heap_top(&h)) {
        go_time at = heap_top(&h)->at;

        CHECK(at >= last && sound());
        last = at;
        pop();
    }
}

LAW_AROUND(with_heap, equals_in_order, "equal times come in the order in which they were set")
{
    for (int i = 0; i < MANY; i++)
        heap_insert(&h, &timers[i], 7, h.seq++);
    for (int i = 0; i < MANY; i++)
        CHECK_EQ(pop(), i);
}

LAW_AROUND(with_heap, given_order, "the order is the number given, not that of the calls")
{
    heap_insert(&h, &timers[0], 7, 2);
    heap_insert(&h, &timers[1], 7, 1);
    heap_insert(&h, &timers[2], 7, 3);
    heap_move(&h, &timers[2], 7, 0);
    CHECK_EQ(pop(), 2);
    CHECK_EQ(pop(), 1);
    CHECK_EQ(pop(), 0);
}

LAW_AROUND(with_heap, removal,
           "any timer can be taken out, twice too, and the rest keep their order")
{
    for (int i = 0; i < MANY; i++)
        heap_insert(&h, &timers[i], i / 10, h.seq++);
    for (int i = 0; i < MANY; i++) {
        if (i % 3 == 0)
            continue;
        heap_remove(&h, &timers[i]);
        heap_remove(&h, &timers[i]);
        if (!CHECK(sound()))
            return;
    }
    for (int i = 0; i < MANY; i += 3)
        CHECK_EQ(pop(), i);
    CHECK_EQ(h.count, 0);
}

LAW_AROUND(with_heap, moving, "moving changes a timer's time, to earlier and to later")
{
    for (int i = 0; i < MANY; i++)
        heap_insert(&h, &timers[i], 1000 + i, h.seq++);
    heap_move(&h, &timers[500], 1, h.seq++);
    CHECK(heap_top(&h)->timer == &timers[500]);
    CHECK(heap_time(&h, &timers[500]) == 1);
    heap_move(&h, &timers[500], 5000, h.seq++);
    CHECK(heap_top(&h)->timer == &timers[0] && sound());
    for (int i = 0; i < MANY - 1; i++)
        pop();
    CHECK_EQ(pop(), 500);
}

LAW_AROUND(with_heap, random_walk,
           "10,000 random operations keep it sound and in step with a plain array")
{
    static go_time model[MANY];

    for (int i = 0; i < MANY; i++)
        model[i] = GO_FOREVER;
    for (int step = 0; step < 10000; step++) {
        unsigned i = next_random(MANY);
        go_time at = next_random(500), least = GO_FOREVER;

        if (next_random(3) == 0) {
            heap_remove(&h, &timers[i]);
            model[i] = GO_FOREVER;
        } else {
            if (timers[i].slot)
                heap_move(&h, &timers[i], at, h.seq++);
            else
                heap_insert(&h, &timers[i], at, h.seq++);
            model[i] = at;
        }
        if (step % 16)
            continue;
        for (int k = 0; k < MANY; k++) {
            least = model[k] < least ? model[k] : least;
            if (!CHECK(heap_time(&h, &timers[k]) == model[k]))
                return;
        }
        if (!CHECK(sound() && (heap_top(&h) ? heap_top(&h)->at : GO_FOREVER) == least))
            return;
    }
}

LAW(reserving, "room is reserved for a number of entries in all, and what was in it stays")
{
    heap_init(&h);
    memset(timers, 0, sizeof(timers));
    CHECK_EQ(heap_reserve(&h, 1), 0);
    heap_insert(&h, &timers[0], 42, 0);
    CHECK_EQ(heap_reserve(&h, 100000), 0);
    CHECK(h.capacity >= 100000 && heap_time(&h, &timers[0]) == 42);
    CHECK_EQ(heap_reserve(&h, UINT32_MAX), -ENOMEM);
    CHECK(heap_time(&h, &timers[0]) == 42);
    heap_fini(&h);
}

TAP_MAIN
