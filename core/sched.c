/* SPDX-License-Identifier: MIT
 *
 * Switching and queueing.
 *
 * Who stops running picks the next fiber itself and switches straight to it: no trip over a scheduler's stack, one switch
 * for each hand-over. The loop is a fiber like the others, on a stack of its own, because libev's frames would deepen
 * whichever stack they ran on, and every page that a parked fiber has touched stays touched.
 *
 * The queue is a singly linked FIFO with a pointer to its tail. With a seed, new arrivals go to `pending` and the queue is
 * the current batch; the tail pointer then points into `pending`, so that pushing is the same three stores in both modes.
 *
 * Looking at the clock costs 18 ns and a turn of the loop 170 ns; a dispatch costs 4. So the clock is read every 16
 * dispatches and the loop runs every 256, or after 200 µs: whatever the queue does, a descriptor or a timer waits no longer
 * than that.
 *
 * errno and C++'s exception state belong to the thread as far as their libraries know. They are exchanged in the switch:
 * the first always, because nothing tells whether somebody still wants it; the second only in programs that have it.
 *
 * Rejected: run queues by priority or wake-to-front (order would no longer be what a reader of the program expects), and a
 * separate "next" slot (it starves the queue in ping-pong). */
#include "core/sched.h"
#include "core/clock.h"
#include "core/fork.h"
#include "core/misuse.h"
#include "core/scope.h"
#include "core/switch.h"
#include "core/turn.h"
#include <errno.h>
#include <gosling/fiber.h>

__thread go_sched *sched_tls __attribute__((tls_model("initial-exec"), visibility("hidden")));

/* Fisher and Yates over the pending batch, which becomes the queue. */
static void shuffle_batch(go_sched *s)
{
    fiber *f, **slot;
    uint32_t left = 0;

    for (f = s->pending; f; f = f->next)
        left++;
    s->head = NULL;
    slot = &s->head;
    while (left > 0) {
        fiber **pick = &s->pending;

        for (uint32_t skip = sched_random(s, left--); skip > 0; skip--)
            pick = &(*pick)->next;
        f = *pick;
        *pick = f->next;
        f->next = NULL;
        *slot = f;
        slot = &f->next;
    }
    s->pending = NULL;
    s->tail = &s->pending;
}

fiber *sched_next_batch(go_sched *s)
{
    fiber *f;

    if (!s->seeded || !s->pending)
        return s->loop_fiber;
    shuffle_batch(s);
    f = s->head;
    s->head = f->next;
    return f;
}

static _Noreturn __attribute__((noinline, cold)) void must_not_wait(go_sched *s, const char *what)
{
    misuse(s->callback ? s->callback : "callback",
           "%s would wait, in a function that must not; spawn a fiber from it instead", what);
}

bool sched_look(go_sched *s)
{
    if (unlikely(s->no_park))
        must_not_wait(s, "it");
    s->until_look = TURN_LOOK;
    s->looked++;
    if (unlikely(s->fork_pending)) {
        fiber *f = s->current;
        bool ready = f->state == FIBER_READY;

        fork_settle(s);
        if (ready)
            queue_push(s, f); /* it stood in the queue that was dropped */
    }
    s->looks++;
    if (turn_idle(s) && s->looks < TURN_POLL / TURN_LOOK)
        return false; /* nothing outside that could be late: not even the clock is worth its 18 ns */
    if (!s->virtual_clock)
        s->now = clock_real();
    return s->looks >= TURN_POLL / TURN_LOOK || s->now - s->polled_at >= TURN_SPAN;
}

void sched_ready(fiber *f)
{
    f->state = FIBER_READY;
    queue_push(f->sched, f);
}

static inline void yield_now(go_sched *s, fiber *f)
{
    fiber *to;

    queue_push(s, f);
    to = next_fiber(s);
    if (unlikely(to == f))
        s->fuel = f->slice;
    else
        switch_to(s, f, to);
}

void sched_yield_now(go_sched *s)
{
    yield_now(s, s->current);
}

/* The loop fiber: a turn, then whoever is ready. */
void sched_loop(void *arg)
{
    go_sched *s = arg;

    for (;;) {
        turn(s);
        switch_to(s, s->loop_fiber, queue_pop(s));
    }
}

int checkpoint_slow(go_sched *s)
{
    fiber *f = s->current;

    if (unlikely(s->no_park))
        must_not_wait(s, "a checkpoint");
    if (unlikely(s->fork_pending)) {
        fork_settle(s);
        s->fuel = f->slice - 1;
    }
    if (f->alarm != GO_FOREVER) {
        if (scope_due(f, f->alarm == INT64_MIN ? s->now : sched_now(s)))
            return scope_deliver(f);
        if (f->slice - s->fuel <= FIBER_SLICE)
            return 0;
    }
    if (s->fuel >= 0)
        return 0;
    sched_yield_now(s);
    s->fuel--; /* the operation that is about to happen is the new slice's first */
    if (f->alarm != GO_FOREVER && scope_due(f, s->now))
        return scope_deliver(f);
    return 0;
}

int go_yield(void)
{
    go_sched *s = sched_self();
    fiber *f;

    if (unlikely(!s))
        return -ESHUTDOWN;
    f = s->current;
    if (unlikely(f->slice == 0) && scope_due(f, sched_now(s)))
        return scope_deliver(f);
    yield_now(s, f);
    return 0;
}

go_time sched_now(go_sched *s)
{
    if (!s->virtual_clock)
        s->now = clock_real();
    return s->now;
}

/* xorshift64*, by Vigna (2014): a few instructions, and good enough to shuffle. The remainder's bias is below 2^-32. */
uint32_t sched_random(go_sched *s, uint32_t n)
{
    uint64_t x = s->random;

    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    s->random = x;
    return (uint32_t)((((x * UINT64_C(0x2545F4914F6CDD1D)) >> 32) * n) >> 32);
}
