/* SPDX-License-Identifier: MIT */
#include "core/clock.h"
#include "core/fork.h"
#include "core/hold.h"
#include "core/misuse.h"
#include "core/nursery.h"
#include "core/pool.h"
#include "core/sched.h"
#include "core/term.h"
#include "core/turn.h"
#include "core/watchdog.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

void (*sched_entered)(go_sched *s, bool in);
bool run_open;

static _Atomic(go_sched *) all;
static _Atomic uint64_t made; /* how many */
/* this thread's, running or not */
static __thread go_sched *mine __attribute__((tls_model("initial-exec")));

go_sched *sched_all(void)
{
    return atomic_load(&all);
}

/* This thread's scheduler: made once and never freed, so that a late go_post is refused instead of
 * a crash. */
static go_sched *sched_of_thread(void)
{
    go_sched *s = mine, *first;

    if (s)
        return s;
    s = aligned_alloc(64, (sizeof *s + 63) & ~(size_t)63);
    if (!s)
        return NULL;
    memset(s, 0, sizeof *s);
    s->next_id = atomic_fetch_add(&made, 1) << FIBER_NUMBER_BITS;
    mine = s;
    first = atomic_load(&all);
    do
        s->all_next = first;
    while (!atomic_compare_exchange_weak(&all, &first, s));
    return s;
}

static void wake_loop(void *loop)
{
    loop_wake(loop);
}

static uint64_t seed_of(const go_run_opts *o)
{
    const char *text = getenv("GO_SEED");

    if (o->seed)
        return o->seed;
    return text ? strtoull(text, NULL, 0) : 0;
}

static void reset(go_sched *s, const go_run_opts *o)
{
    uint64_t seed = seed_of(o);

    s->opts = *o;
    s->fuel = FIBER_SLICE;
    s->tail = s->pending = NULL;
    s->pending_tail = &s->pending;
    s->until_look = TURN_LOOK;
    s->looks = 0;
    s->stride = 1;
    tcb_of_thread(&s->own);
    s->errno_at = s->own.errno_at;
    s->masked = NULL;
    s->on_switch = NULL;
    s->eh = s->own.eh;
    s->switch_extras = s->eh || SAN;
    s->dispatched = 0;
    s->virtual_clock = o->clock == GO_CLOCK_VIRTUAL;
    /* virtual time starts at a round number, the same in each run */
    s->now = s->virtual_clock ? GO_SEC : clock_real();
    s->polled_at = s->trim_at = s->now;
    memset(&s->stats, 0, sizeof s->stats);
    s->stats.slices_from = s->now;
    s->fired_at = s->poll_after = 0;
    s->seeded = seed != 0;
    s->random = seed ? seed : UINT64_C(0x9E3779B97F4A7C15);
    s->doomed = s->fork_pending = false;
    s->child_main = NULL;
    s->no_park = 0;
    s->fibers = s->outside = s->offloads = s->soft = s->timers = 0;
    atomic_store(&s->holds, 0);
    s->ends = 0;
    s->first_id = s->next_id + 1;
    s->stack_class = stack_class_of(o->stack_size    ? o->stack_size
                                    : tcb_by_default ? STACK_FOREIGN
                                                     : STACK_DEFAULT);
    s->verdict = 0;
    memset(s->slots, 0, sizeof s->slots);
}

/* The fiber that is this thread's own stack. */
static void main_fiber_init(go_sched *s, fiber *f, go_fn *fn, void *arg)
{
    memset(f, 0, sizeof *f);
    f->sched = s;
    f->state = FIBER_READY;
    f->id = ++s->next_id;
    s->stats.ids_from = s->next_id;
    f->timer.kind = TIMER_FIBER;
    f->until = GO_FOREVER;
    f->fn = fn;
    f->arg = arg;
    san_main_begin(f);
    s->main = f;
    s->fibers = 1;
}

static int loop_fiber_init(go_sched *s)
{
    fiber *f = (fiber *)stack_get(&s->stacks, stack_class_of(STACK_DEFAULT));

    if (!f)
        return -ENOMEM;
    memset((char *)f + sizeof f->stack, 0, sizeof *f - sizeof f->stack);
    f->sched = s;
    f->alarm = GO_FOREVER;
    f->until = GO_FOREVER;
    f->state = FIBER_READY;
    san_fiber_begin(f);
    arch_context_init(&f->context, f, sched_loop, f);
    s->loop_fiber = f;
    return 0;
}

/* Everything that can fail, undone in reverse. */
static int begin(go_sched *s, const go_run_opts *o)
{
    int rc;

    reset(s, o);
    stack_pool_init(&s->stacks, sizeof(fiber));
    heap_init(&s->heap);
    rc = heap_reserve(&s->heap, 16);
    if (rc < 0)
        goto free_heap;
    rc = loop_new(&s->loop);
    if (rc < 0)
        goto free_heap;
    rc = loop_fiber_init(s);
    if (rc < 0)
        goto free_loop;
    if (run_open || overflow_enter(&s->overflow) < 0)
        s->overflow.altstack = NULL; /* no report, but everything else works */
    fork_watch();
    if (o->pool_max)
        pool_limit(o->pool_max);
    inbox_open(&s->inbox, wake_loop, s->loop);
    signals_enter(s);
    term_enter(s);
    s->running = true;
    sched_tls = s;
    if (sched_entered)
        sched_entered(s, true);
    watchdog_start(s, o->watchdog);
    return 0;

free_loop:
    loop_free(s->loop);
free_heap:
    heap_fini(&s->heap);
    stack_pool_fini(&s->stacks);
    return rc;
}

static void end(go_sched *s)
{
    callback_enter(s, "go_post");
    inbox_close(&s->inbox);
    callback_leave(s);
    for (int i = 0; i < SLOT_COUNT; i++)
        if (s->slots[i].fini)
            s->slots[i].fini(s, s->slots[i].state);
    watchdog_stop(s);
    if (sched_entered)
        sched_entered(s, false);
    sched_tls = NULL;
    s->running = false;
    s->current = NULL;
    term_leave(s);
    signals_leave(s);
    overflow_leave(&s->overflow);
    loop_free(s->loop);
    heap_fini(&s->heap);
    san_drop(s->loop_fiber);
    san_main_end(s->main);
    stack_pool_fini(&s->stacks);
    hold_spares_free(s);
}

/* The main fiber's life, on this thread's own stack. */
static int run_main(go_sched *s, fiber *f, go_fn *fn, void *arg)
{
    int rc;

    nursery_begin(&s->root, s->loop_fiber, NULL); /* the root nursery is the loop's, as it were */
    main_fiber_init(s, f, fn, arg);
    nursery_adopt(&s->root, f);
    scope_begin(f, &s->root.scope);
    s->current = s->tail = f->next = f;
    rc = fiber_finish(f, run_open ? fn(arg) : arch_call(fn, arg));
    if (s->root.errors && f->climbed) {
        report("an error that no block delivered climbed past the main fiber, and is go_run's "
               "result:");
        error_print(s->root.errors->first, stderr, 1);
    }
    error_free(s->root.errors);
    s->root.errors = NULL;
    return s->verdict ? s->verdict : rc;
}

static int check_opts(const go_run_opts *o)
{
    if ((o->clock != GO_CLOCK_REAL && o->clock != GO_CLOCK_VIRTUAL) ||
        (unsigned)o->resolver > GO_RESOLVER_THREAD)
        return -EINVAL;
    return o->stack_size && stack_class_of(o->stack_size) == 0 ? -EINVAL : 0;
}

int go_run_with(const go_run_opts *opts, go_fn *fn, void *arg)
{
    static const go_run_opts defaults;
    go_sched *s;
    int rc;

    if (sched_self())
        return -EBUSY;
    if (!fn || (opts && check_opts(opts) < 0))
        return -EINVAL;
    s = sched_of_thread();
    if (!s)
        return -ENOMEM;
    rc = begin(s, opts ? opts : &defaults);
    if (rc < 0)
        return rc;
    rc = run_main(s, &s->main_room, fn, arg);
    end(s);
    return rc;
}

int go_run(go_fn *fn, void *arg)
{
    return go_run_with(NULL, fn, arg);
}

go_time go_now(void)
{
    go_sched *s = sched_self();

    return s ? sched_now(s) : clock_real();
}
