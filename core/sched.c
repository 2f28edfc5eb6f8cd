/* SPDX-License-Identifier: MIT
 *
 * Switching and queueing.
 *
 * Who stops running picks the next fiber itself and switches straight to it: no trip over a
 * scheduler's stack, one switch for each hand-over. The loop is a fiber like the others, on a stack
 * of its own, because libev's frames would deepen whichever stack they ran on, and every page that
 * a parked fiber has touched stays touched.
 *
 * The queue is a ring, in which whoever runs stands first: `tail` is the one before it. So a yield
 * turns the ring by one store, and pushing at the end is pushing before the first. The loop is
 * never in it. With a seed the ring is the present batch, and who becomes ready waits in `pending`
 * for the next one; pushing then takes another path.
 *
 * Looking at the clock costs 18 ns and a turn of the loop 170 ns; a dispatch costs 4. So the clock
 * is read every 16 dispatches and the loop runs every 256, or after 200 µs: whatever the queue
 * does, a descriptor or a timer waits no longer than that.
 *
 * errno and C++'s exception state belong to the thread as far as their libraries know. They are
 * exchanged in the switch: the first always, because nothing tells whether somebody still wants it;
 * the second only in programs that have it.
 *
 * Rejected: run queues by priority or wake-to-front (order would no longer be what a reader of the
 * program expects), and a separate "next" slot (it starves the queue in ping-pong). */
#include "core/sched.h"
#include "core/clock.h"
#include "core/fork.h"
#include "core/misuse.h"
#include "core/scope.h"
#include "core/switch.h"
#include "core/turn.h"
#include <errno.h>
#include <gosling/fiber.h>
#include <stdlib.h>

__thread go_sched *sched_tls __attribute__((tls_model("initial-exec"), visibility("hidden")));

void sched_push_pending(go_sched *s, fiber *f)
{
    f->next = NULL;
    *s->pending_tail = f;
    s->pending_tail = &f->next;
}

/* Fisher and Yates. Without memory for it the batch keeps its order, which is one of the possible
 * ones. */
static void shuffle(go_sched *s, fiber **batch, uint32_t n)
{
    for (uint32_t left = n; left > 1; left--) {
        uint32_t pick = sched_random(s, left);
        fiber *f = batch[left - 1];

        batch[left - 1] = batch[pick];
        batch[pick] = f;
    }
    for (uint32_t i = 0; i < n; i++)
        batch[i]->next = batch[i + 1 < n ? i + 1 : 0];
    s->tail = batch[n - 1];
}

/* The pending fibers become the ring. */
static void begin_batch(go_sched *s)
{
    fiber **batch = NULL, *f, *last = NULL;
    uint32_t n = 0;

    for (f = s->pending; f; f = f->next, n++)
        last = f;
    last->next = s->pending;
    s->tail = last;
    if (n > 1)
        batch = malloc(n * sizeof *batch);
    f = s->pending;
    for (uint32_t i = 0; batch && i < n; i++, f = f->next)
        batch[i] = f;
    s->pending = NULL;
    s->pending_tail = &s->pending;
    if (batch)
        shuffle(s, batch, n);
    free(batch);
}

fiber *sched_next_batch(go_sched *s)
{
    if (!s->pending)
        return s->loop_fiber;
    begin_batch(s);
    return s->tail->next;
}

static _Noreturn __attribute__((noinline, cold)) void must_not_wait(go_sched *s, const char *what)
{
    misuse(s->callback ? s->callback : "callback",
           "%s would wait, in a function that must not; spawn a fiber from it instead", what);
}

bool sched_look(go_sched *s)
{
    bool long_stride;

    if (unlikely(s->no_park))
        must_not_wait(s, "it");
    if (unlikely(s->fork_pending))
        fork_settle(s);
    long_stride = s->stride > 1;
    s->looks += s->stride;
    turn_stride(s);
    /* nothing outside that could be late: not even the clock is worth its 18 ns */
    if (long_stride) {
        s->looks = 0;
        return false;
    }
    if (!s->virtual_clock) {
        s->now = clock_real();
        stats_slices(&s->stats, s->now, s->dispatched);
    }
    if (s->looks < TURN_POLL / TURN_LOOK && s->now - s->polled_at < TURN_SPAN)
        return false;
    return s->now >= s->poll_after || turn_urgent(s);
}

void sched_shorten_stride(go_sched *s)
{
    int32_t *left = s->no_park ? &s->saved_look : &s->until_look;
    uint32_t used = s->stride * TURN_LOOK - (uint32_t)*left;

    s->stride = used / TURN_LOOK + 1;
    *left = (int32_t)(s->stride * TURN_LOOK - used);
}

void sched_ready(fiber *f)
{
    f->state = FIBER_READY;
    queue_push(f->sched, f);
}

/* f goes from the front of its batch to the end of the next. */
static __attribute__((noinline)) fiber *yield_seeded(go_sched *s, fiber *f)
{
    bool loop_first = --s->until_look <= 0 && sched_look(s);
    fiber *to = ring_leave(s, f);

    sched_push_pending(s, f);
    if (loop_first)
        return s->loop_fiber;
    return to ? to : sched_next_batch(s);
}

/* The ring turns: who runs stands first, and is last now. */
static inline __attribute__((always_inline)) void yield_now(go_sched *s, fiber *f)
{
    fiber *to;

    if (unlikely(s->seeded)) {
        to = yield_seeded(s, f);
    } else {
        bool loop_first = unlikely(--s->until_look <= 0) && sched_look(s);

        s->tail = f;
        to = unlikely(loop_first) ? s->loop_fiber : f->next;
    }
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
    fiber *f = arg;
    go_sched *s;

    san_entered(f);
    s = f->sched;
    for (;;) {
        turn(s);
        if (!s->tail)
            sched_next_batch(s);
        switch_to(s, f, s->tail->next);
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

/* xorshift64*, by Vigna (2014): a few instructions, and good enough to shuffle. The remainder's
 * bias is below 2^-32. */
uint32_t sched_random(go_sched *s, uint32_t n)
{
    uint64_t x = s->random;

    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    s->random = x;
    return (uint32_t)((((x * UINT64_C(0x2545F4914F6CDD1D)) >> 32) * n) >> 32);
}
