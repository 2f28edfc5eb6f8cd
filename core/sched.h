/* SPDX-License-Identifier: MIT
 *
 * The scheduler: one per OS thread, alive during go_run. The main fiber runs on the thread's own
 * stack; the loop fiber has a stack of its own and runs when nothing else is ready, or when a look
 * at the outside is due.
 *
 * Ready fibers stand in one FIFO queue. Who parks, yields or ends switches straight to the next
 * one. Every 16 dispatches the clock is read, and after 256 dispatches or 200 µs the loop fiber
 * comes first, whatever the queue does. With a seed the queue is taken in batches, each shuffled.
 *
 * Everything here belongs to the scheduler's thread, but the inbox, the holds, and the fields
 * marked atomic. */
#ifndef CORE_SCHED_H
#define CORE_SCHED_H

#include "core/fiber.h"
#include "core/heap.h"
#include "core/hostile.h"
#include "core/inbox.h"
#include "core/loop.h"
#include "core/overflow.h"
#include "core/signals.h"
#include "core/stack.h"
#include "core/stats.h"
#include "core/tcb.h"
#include <errno.h>
#include <gosling/run.h>

/* State of the layers above, by number; core calls what they left here and knows no more of
 * them. */
enum { SLOT_NET, SLOT_RESOLVER, SLOT_FUTEX, SLOT_HANDLERS, SLOT_KEPT, SLOT_COUNT };

struct sched_slot {
    void *state;
    void (*fini)(go_sched *s, void *state); /* at the end of the run */
    /* in a fork child; the loop is new, its watchers were kept */
    void (*forked)(go_sched *s, void *state);
    unsigned (*dump)(go_sched *s, void *state, FILE *out); /* may be NULL */
};

/* A timer of the layers above: fire runs on the loop and must not wait. Embed it;
 * zero-initialise. */
struct timer {
    struct go_timer node;
    void (*fire)(struct timer *t);
};
enum { CHATTY = 16, SPINS = 400 };
enum { TIMER_FIBER, TIMER_GRACE, TIMER_CALL };

struct go_sched {
    fiber *current;     /* hot from here: who runs */
    int32_t fuel;       /* checkpoints left until somebody must look; the fast path's one test */
    int32_t until_look; /* dispatches until the clock is read */
    /* the ring of ready fibers: the last; the first, who runs, is tail->next. NULL: empty */
    fiber *tail;
    uint32_t looks;      /* times TURN_LOOK dispatches that have passed since the last poll */
    uint32_t stride;     /* times TURN_LOOK dispatches that until_look began with */
    int *errno_at;       /* errno of who runs */
    bool switch_extras;  /* more to a switch than the switch: eh, a sanitizer, control blocks */
    uint64_t dispatched; /* dispatches, up to when until_look was last set */
    go_time now;         /* the last clock reading */
    fiber *loop_fiber;   /* hot until here */
    void **eh;           /* C++'s exception state of who runs, or NULL: a program without C++ */
    struct tcb *masked;  /* control blocks whose fibers have signal masks of their own */
    uint64_t mask;       /* while there are any: the kernel's */
    /* for the shim's threads: `to` is about to run; NULL: nobody asks. Only if switch_extras. */
    void (*on_switch)(go_sched *s, const fiber *to);
    struct tcb own;     /* the thread's control block, of fibers without their own */
    struct stats stats; /* its first line is hot where fibers park */
    go_time polled_at;
    go_time poll_after; /* polls between fibers have cost their share of the time until then */
    go_time fired_at;   /* when timers last fired */
    go_time trim_at;    /* when free stacks are looked at next */
    bool fork_pending;  /* in a fork child that has not settled */
    bool virtual_clock;
    bool seeded;
    bool running;
    bool doomed;        /* a deadlock outlived cancellation: shields do not hide any more */
    int32_t saved_look; /* of who runs the callback */
    int32_t saved_fuel;
    uint8_t no_park;      /* > 0: in a callback that must not wait */
    const char *callback; /* which one, for the diagnosis */
    fiber *pending;       /* with a seed: the next batch */
    fiber **pending_tail;
    uint64_t random;      /* the seed's state; also serves fairness */
    unsigned fibers;      /* live, the main one included */
    unsigned outside;     /* parked fibers whom the outside world may wake */
    atomic_uint holds;    /* go_sched_hold */
    unsigned offloads;    /* jobs in the pool */
    unsigned soft;        /* scopes with a soft cancel */
    unsigned timers;      /* struct timers and grace timers that have room in the heap */
    uint64_t next_id;     /* never set back, so that an id is never used twice */
    uint64_t first_id;    /* of this run: who has a smaller one is gone, with its memory */
    uint64_t ends;        /* tasks with handles that have ended */
    unsigned stack_class; /* of a spawn that says nothing */
    struct heap heap;
    struct loop *loop;
    struct stack_pool stacks;
    struct inbox inbox;
    go_nursery root; /* the main fiber's parent */
    fiber *main;     /* the main fiber's record: main_room */
    fiber main_room; /* not in go_run's frame, which a thread's end may unwind (run_open) */
    int verdict;     /* -EDEADLK once a deadlock was reported */
    /* in a fork child, the fiber whose end is the process's; NULL: none, or the run's own main */
    fiber *child_main;
    int chatty;                  /* how often it is still worth to spin before it sleeps (CHATTY) */
    struct go_hold *spare_holds; /* records for hold.h */
    unsigned spare_hold_count;
    uint32_t forks; /* how many forks deep: a child's is one more than its parent's */
    atomic_bool takes_signals;
    atomic_bool signal_queued; /* signal_msg is in the inbox */
    atomic_uint signals;       /* how many SIGTERM and SIGINT came */
    struct signals sources;    /* go_signals */
    struct sched_slot slots[SLOT_COUNT];
    struct overflow overflow;
    struct watchdog *watchdog;
    struct inbox_msg signal_msg; /* SIGTERM, SIGINT: see term.c */
    go_time grace;
    go_run_opts opts;
    void *uring;        /* the shim's, of all runs of this thread: uring.c */
    go_sched *all_next; /* every scheduler ever, for signal handlers; never unlinked */
};

go_sched *sched_all(void); /* the first of them */

/* For the shim: a run begins or ends on this thread, or goes on in a fork child; NULL: nobody asks.
 */
extern void (*sched_entered)(go_sched *s, bool in);

/* The main fiber's function may be left by an exception, or the thread's end, for who called
 * go_run. */
extern bool run_open;

extern __thread go_sched *sched_tls
    __attribute__((tls_model("initial-exec"), visibility("hidden")));

/* This thread's scheduler while it runs, or NULL. */
static inline go_sched *sched_self(void)
{
    return sched_tls;
}

#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

/* ---- checkpoints ---- */

int checkpoint_slow(go_sched *s);

/* The two tests of every checkpoint in one: counts down the slice, and whoever wants the fiber to
 * look sets the count to zero. 0, or -ECANCELED: then return it and do nothing. s may be NULL:
 * -ESHUTDOWN, a call outside a run. */
static inline int checkpoint(go_sched *s)
{
    if (unlikely(!s))
        return -ESHUTDOWN;
    if (hostile(HOSTILE_YIELD))
        s->fuel = -1 - FIBER_SLICE;
    if (likely(--s->fuel >= 0))
        return 0;
    return checkpoint_slow(s);
}

/* ---- running and parking ---- */

void sched_ready(fiber *f);        /* appends f, not ready yet, to the run queue */
void sched_yield_now(go_sched *s); /* lets everybody who is ready run first */
/* Ends f's park for a reason other than a win: its waits are disarmed, and it becomes ready. */
void fiber_wake_up(fiber *f, enum fiber_wake why);

/* The clock: the run's own if it is virtual, else a fresh reading. */
go_time sched_now(go_sched *s);

/* ---- timers ---- */

/* room for one struct timer more: 0 or -ENOMEM; before its first use */
int timer_reserve(go_sched *s);
void timer_release(go_sched *s, struct timer *t);         /* disarms, and gives the room back */
void timer_set(go_sched *s, struct timer *t, go_time at); /* arms or moves it; GO_FOREVER disarms */
void fiber_timer_set(go_sched *s, fiber *f);   /* f parks: armed if it must wake at some time */
void fiber_timer_check(go_sched *s, fiber *f); /* … which may be another by now */

/* A number in [0, n), from the seed: the same run after run. */
uint32_t sched_random(go_sched *s, uint32_t n);

/* ---- callbacks: code that runs on behalf of the scheduler and must not wait ---- */
static inline void callback_enter(go_sched *s, const char *what)
{
    if (s->no_park++ > 0)
        return;
    s->callback = what;
    s->saved_look = s->until_look;
    s->saved_fuel = s->fuel;
    s->until_look = 0; /* whatever would wait now has to look first, and finds out */
    s->fuel = 0;
}

static inline void callback_leave(go_sched *s)
{
    if (--s->no_park > 0)
        return;
    s->until_look = s->saved_look;
    s->fuel = s->saved_fuel;
}

enum { TURN_LOOK = 16 }; /* dispatches between two looks */

void sched_shorten_stride(go_sched *s);

/* Something has just been armed that a look must find in time: ends the long stride of a scheduler
 * that had nothing to look for. */
static inline void sched_look_soon(go_sched *s)
{
    if (unlikely(s->stride > 1))
        sched_shorten_stride(s);
}

/* How many dispatches there were. */
static inline uint64_t sched_dispatches(const go_sched *s)
{
    int32_t left = s->no_park ? s->saved_look : s->until_look;

    return s->dispatched + (uint64_t)((int32_t)s->stride * TURN_LOOK - left);
}

#endif
