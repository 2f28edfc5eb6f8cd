/* SPDX-License-Identifier: MIT */
#include "core/turn.h"
#include "core/clock.h"
#include "core/deadlock.h"
#include "core/scope.h"
#include "core/watchdog.h"

/* free stacks of a class that keep their memory; trimmed in one go */
enum { TRIM_KEEP = 256, TRIM_MOST = 1024 };
#define TRIM_EVERY  GO_SEC
#define TIMER_SLACK (50 * GO_US) /* Linux's own default, prctl(PR_SET_TIMERSLACK) */
#define TRIM_AGAIN  (5 * GO_MS)  /* when one go was not enough */

static inline bool anybody_ready(const go_sched *s)
{
    return s->tail || s->pending;
}

/* When a fiber must wake, by its park; GO_FOREVER: only others wake it. */
static go_time fiber_due(const fiber *f)
{
    if (f->state != FIBER_PARKED)
        return GO_FOREVER;
    return f->how & WAIT_CANCEL && f->alarm < f->until ? f->alarm : f->until;
}

void fiber_timer_set(go_sched *s, fiber *f)
{
    go_time at = fiber_due(f);

    if (at == GO_FOREVER)
        return; /* what is still armed from an earlier park is found stale when it fires */
    if (f->timer.slot)
        heap_move(&s->heap, &f->timer, at, s->heap.seq++);
    else
        heap_insert(&s->heap, &f->timer, at, s->heap.seq++);
    sched_look_soon(s);
}

/* Where the time is the same, so is its place among equal ones: they expire in the order in which
 * they were set, whatever has been cancelled meanwhile without reaching f. */
void fiber_timer_check(go_sched *s, fiber *f)
{
    if (fiber_due(f) != heap_time(&s->heap, &f->timer))
        fiber_timer_set(s, f);
}

/* When it was due; GO_FOREVER: it was armed for an earlier park, and nothing has happened. */
static go_time fiber_timer_fired(go_sched *s, fiber *f, go_time now)
{
    go_time at = fiber_due(f);

    if (at > now) {
        fiber_timer_set(s, f);
        return GO_FOREVER;
    }
    /* Its deadline was set before its wait: of equal times the deadline comes first. */
    if (f->how & WAIT_CANCEL && f->alarm <= f->until && scope_due(f, now)) {
        if (f->state == FIBER_PARKED && f->how & WAIT_CANCEL)
            fiber_wake_up(f, WAKE_CANCEL);
    } else if (f->until <= now) {
        fiber_wake_up(f, WAKE_TIME);
    } else {
        fiber_timer_set(s, f);
    }
    return at;
}

static void fire_timers(go_sched *s, go_time now)
{
    struct heap_entry *e = heap_top(&s->heap);
    go_time first = GO_FOREVER;

    if (!e || e->at > now)
        return;
    s->fired_at = now;

    while ((e = heap_top(&s->heap)) && e->at <= now) {
        struct go_timer *t = e->timer;
        go_time due = e->at;

        heap_remove(&s->heap, t);
        switch (t->kind) {
        case TIMER_FIBER:
            due = fiber_timer_fired(s, list_entry(t, fiber, timer), now);
            break;
        case TIMER_GRACE:
            scope_grace_over(s, t);
            break;
        default: {
            struct timer *call = list_entry(t, struct timer, node);

            callback_enter(s, "timer");
            call->fire(call);
            callback_leave(s);
        }
        }
        s->stats.timers_fired += due != GO_FOREVER;
        if (due < first)
            first = due;
    }
    if (first != GO_FOREVER && !s->virtual_clock)
        histogram_add(&s->stats.loop_lag, now - first, 1);
}

/* The earliest time at which something is really due: timers that were left armed by an earlier
 * park are dropped or moved on the way, each once. */
static go_time next_due(go_sched *s)
{
    struct heap_entry *e;

    while ((e = heap_top(&s->heap)) && e->timer->kind == TIMER_FIBER) {
        go_time at = fiber_due(list_entry(e->timer, fiber, timer));

        if (at == e->at)
            break;
        if (at == GO_FOREVER)
            heap_remove(&s->heap, e->timer);
        else
            heap_move(&s->heap, e->timer, at, e->seq);
    }
    return e ? e->at : GO_FOREVER;
}

static bool outside_may_wake(go_sched *s)
{
    return s->outside > 0 || s->offloads > 0 || s->sources.count > 0 || s->opts.no_deadlock ||
           atomic_load_explicit(&s->holds, memory_order_acquire) > 0;
}

/* Another thread that has just woken a fiber through a shared object often does so again before one
 * could fall asleep: a look or two at the inbox for some 3 µs, instead of a sleep and a wake-up of
 * 5 µs on this side and 1.6 on the other. Through a channel between two threads 96 ns an item, and
 * 45 with this. Where it is in vain 16 times it is over until the next such message. */
static bool spin(go_sched *s)
{
    for (int i = 0; i < SPINS; i++) {
        if (!inbox_empty(&s->inbox)) {
            s->chatty = CHATTY;
            return true;
        }
        arch_pause();
    }
    s->chatty--;
    return false;
}

static void sleep_until(go_sched *s, go_time until)
{
    go_time now;

    if (unlikely(s->chatty > 0) && spin(s))
        return;
    if (!inbox_sleep(&s->inbox))
        return;
    now = s->virtual_clock ? clock_real() : sched_now(s);
    if (!s->virtual_clock)
        stats_slices(&s->stats, now, sched_dispatches(s));
    s->stats.sleeps++;
    watchdog_idle(s, true);
    loop_poll_at(s->loop, until, now);
    watchdog_idle(s, false);
    inbox_awake(&s->inbox);
}

/* Nobody is ready: waits for the outside, or lets virtual time jump. */
static void idle(go_sched *s)
{
    go_time due = next_due(s);
    unsigned calls;

    if (s->now >= s->trim_at)
        s->trim_at =
            s->now + (stack_trim(&s->stacks, TRIM_KEEP, TRIM_MOST) ? TRIM_AGAIN : TRIM_EVERY);
    if (due == GO_FOREVER && !outside_may_wake(s)) {
        /* a wait that reports nothing to us may have been ended by it all the same */
        loop_poll(s->loop, INT64_MIN);
        if (!anybody_ready(s) && inbox_empty(&s->inbox))
            deadlock(s);
        return;
    }
    if (!s->virtual_clock || due == GO_FOREVER) {
        /* Timers that stand close together fire together: each time that the kernel wakes us costs
         * as much as ten of them. */
        sleep_until(s, due != GO_FOREVER && due < s->fired_at + TIMER_SLACK
                           ? s->fired_at + TIMER_SLACK
                           : due);
        return;
    }
    calls = loop_calls(s->loop);
    loop_poll(s->loop, INT64_MIN);
    /* A callback that woke nobody may have moved a deadline all the same: `due` is out of date. */
    if (anybody_ready(s) || !inbox_empty(&s->inbox) || loop_calls(s->loop) != calls)
        return;
    if (s->offloads > 0)
        sleep_until(s, GO_FOREVER);
    else if (due > s->now)
        s->now = due;
}

/* A poll while fibers are ready. The kernel reports every descriptor that is readable, also those
 * whose fibers stand in the queue already: with a thousand busy connections, polling every 200 µs
 * made a request cost 2.35 times what it costs raw epoll. So polls take at most a 64th of the time,
 * but come after 10 ms in any case; who becomes ready meanwhile would have to stand at the end of
 * the queue anyway. */
static void poll_between(go_sched *s)
{
    go_time before = sched_now(s), cost;

    loop_poll(s->loop, INT64_MIN);
    cost = sched_now(s) - before;
    s->poll_after = s->now + (cost < TURN_GAP / TURN_SHARE ? cost * TURN_SHARE : TURN_GAP);
}

void turn(go_sched *s)
{
    do {
        s->looks = 0;
        s->dispatched = sched_dispatches(s);
        s->stride = 1;
        s->until_look = TURN_LOOK;
        s->stats.turns++;
        callback_enter(s, "go_post");
        inbox_drain(&s->inbox);
        callback_leave(s);
        if (!anybody_ready(s))
            idle(s);
        else if (s->now >= s->poll_after)
            poll_between(s);
        s->polled_at = sched_now(s);
        s->stats.slices_from = s->now;
        s->stats.slices_at = s->dispatched;
        fire_timers(s, s->now);
    } while (!anybody_ready(s));
    turn_stride(s);
    watchdog_busy(s);
}
