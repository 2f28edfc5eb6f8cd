/* SPDX-License-Identifier: MIT
 *
 * Section 2: fibers and order. */
#include "tests/kit.h"

/* ---- S2.01, S2.02 ---- */

LAW_VIRTUAL(spawn_does_not_switch, "S2.01 go_spawn never switches to the child")
{
    int rc;

    GO_NURSERY(n, rc) {
        for (int i = 0; i < 200; i++) /* more than a slice: spawning is no checkpoint */
            CHECK_EQ(go_spawn(n, marker, "child"), 0);
        CHECK_STR(kit_trace, "");
    }
    CHECK_EQ(rc, 0);
    CHECK_HAS(kit_trace, "child");
}

static int spawns_late(void *arg)
{
    mark("1");
    go_spawn((go_nursery *)arg, marker, "4");
    return 0;
}

LAW_VIRTUAL(spawned_are_appended, "S2.02 a spawned fiber is appended to a FIFO run queue")
{
    int rc;

    GO_NURSERY(n, rc) {
        go_spawn(n, spawns_late, n);
        go_spawn(n, marker, "2");
        go_spawn(n, marker, "3");
    }
    CHECK_EQ(rc, 0);
    CHECK_TRACE("1 2 3 4");
}

static int yields_between(void *arg)
{
    mark("%sa", (char *)arg);
    go_yield();
    mark("%sb", (char *)arg);
    return 0;
}

LAW_VIRTUAL(yield_goes_to_the_end, "S2.02 a fiber that yields stands behind everybody who is ready")
{
    int rc;

    GO_NURSERY(n, rc) {
        go_spawn(n, yields_between, "1");
        go_spawn(n, marker, "2");
        go_yield();
        mark("main");
        go_spawn(n, marker, "3");
    }
    CHECK_EQ(rc, 0);
    CHECK_TRACE("1a 2 main 1b 3");
}

LAW_VIRTUAL(sleep_of_nothing_is_a_yield, "S2.02 a sleep that ends now is a yield")
{
    int rc;

    GO_NURSERY(n, rc) {
        go_spawn(n, marker, "1");
        go_sleep(0);
        mark("main");
        go_spawn(n, marker, "2");
        go_sleep(-5);
        mark("main");
        go_spawn(n, marker, "3");
        go_sleep_until(go_now() - 1);
        mark("main");
    }
    CHECK_EQ(rc, 0);
    CHECK_TRACE("1 main 2 main 3 main");
}

/* ---- S2.03: a program with some of everything, run twice ---- */

struct mixed {
    go_chan chan;
    go_mutex mutex;
    uint32_t random;
};

static uint32_t next_random(struct mixed *m)
{
    m->random = m->random * 1664525 + 1013904223;
    return m->random >> 16;
}

static int mixed_fiber(void *arg)
{
    struct mixed *m = arg;
    uint32_t item = 0, me = next_random(m) % 1000;

    for (int i = 0; i < 8; i++) {
        mark("%u", me);
        switch (next_random(m) % 5) {
        case 0:
            go_yield();
            break;
        case 1:
            go_sleep(next_random(m) % 3 * GO_MS);
            break;
        case 2:
            go_chan_try_send(&m->chan, &me);
            break;
        case 3:
            if (go_chan_try_recv(&m->chan, &item) == 1)
                mark("got%u", item);
            break;
        case 4:
            go_mutex_lock(&m->mutex);
            go_sleep(GO_MS);
            go_mutex_unlock(&m->mutex);
            break;
        }
    }
    return 0;
}

static int mixed_program(void *arg)
{
    struct mixed m = {.random = 42};
    int rc;

    (void)arg;
    go_mutex_init(&m.mutex, 0);
    go_chan_init(&m.chan, sizeof(uint32_t), 4, 0);
    GO_NURSERY(n, rc) {
        for (int i = 0; i < 20; i++)
            go_spawn(n, mixed_fiber, &m);
    }
    go_chan_fini(&m.chan);
    return rc;
}

LAW(same_program_same_order, "S2.03 the same program runs in the same order")
{
    char *first;

    trace_reset();
    CHECK_EQ(virtual_run(mixed_program, NULL), 0);
    first = strdup(kit_trace);
    CHECK(strlen(first) > 500);
    trace_reset();
    CHECK_EQ(virtual_run(mixed_program, NULL), 0);
    CHECK_TRACE(first);
    free(first);
}

/* ---- S2.04 ---- */

static int a_yield_b(void *arg)
{
    mark("%sA", (char *)arg);
    go_yield();
    mark("%sB", (char *)arg);
    return 0;
}

LAW_VIRTUAL(a_yield_b_twice, "S2.04 two fibers doing A; yield; B print 1A 2A 1B 2B")
{
    int rc;

    GO_NURSERY(n, rc) {
        go_spawn(n, a_yield_b, "1");
        go_spawn(n, a_yield_b, "2");
    }
    CHECK_EQ(rc, 0);
    CHECK_TRACE("1A 2A 1B 2B");
}

/* ---- S2.05, S2.06 ---- */

static int shuffled_fiber(void *arg)
{
    for (int i = 0; i < 3; i++) {
        mark("%s", (char *)arg);
        go_yield();
    }
    return 0;
}

static int shuffled_program(void *arg)
{
    int rc;

    (void)arg;
    GO_NURSERY(n, rc) {
        go_spawn(n, shuffled_fiber, "a");
        go_spawn(n, shuffled_fiber, "b");
        go_spawn(n, shuffled_fiber, "c");
        go_spawn(n, shuffled_fiber, "d");
        go_spawn(n, shuffled_fiber, "e");
        go_spawn(n, shuffled_fiber, "f");
    }
    return rc;
}

static const char *order_with_seed(uint64_t seed)
{
    go_run_opts opts = {.clock = GO_CLOCK_VIRTUAL, .no_signals = true, .seed = seed};

    trace_reset();
    CHECK_EQ(go_run_with(&opts, shuffled_program, NULL), 0);
    return kit_trace;
}

LAW(seed_is_reproducible, "S2.05 the same seed gives the same order again")
{
    unsetenv("GO_SEED");
    for (uint64_t seed = 1; seed <= 20; seed++) {
        char *first = strdup(order_with_seed(seed));

        CHECK_STR(order_with_seed(seed), first);
        free(first);
    }
}

LAW(seed_shuffles, "S2.05 with a seed every batch of ready fibers is shuffled")
{
    char *fifo = strdup(order_with_seed(0));
    int unlike_fifo = 0, unlike_first = 0, later_batch = 0;
    char *first = strdup(order_with_seed(1));

    CHECK_STR(fifo, "a b c d e f a b c d e f a b c d e f");
    for (uint64_t seed = 1; seed <= 20; seed++) {
        const char *order = order_with_seed(seed);
        int count[6] = {0};

        unlike_fifo += strcmp(order, fifo) != 0;
        unlike_first += strcmp(order, first) != 0;
        later_batch += strncmp(order, order + 12, 11) != 0; /* not the first batch's order again */
        for (const char *p = order; *p; p++)
            if (*p != ' ')
                count[*p - 'a']++;
        for (int i = 0; i < 6; i++)
            CHECK_EQ(count[i], 3);
    }
    CHECK(unlike_fifo >= 19); /* one in 6!^3 is FIFO by chance */
    CHECK(unlike_first >= 15);
    CHECK(later_batch >= 15);
    free(fifo);
    free(first);
}

LAW(seed_from_the_environment, "S2.06 GO_SEED=n in the environment sets the seed")
{
    char *seven = strdup(order_with_seed(7));
    char *fifo = strdup(order_with_seed(0));

    CHECK(strcmp(seven, fifo) != 0);
    setenv("GO_SEED", "7", 1);
    CHECK_STR(order_with_seed(0), seven);
    setenv("GO_SEED", "8", 1);
    CHECK_STR(order_with_seed(7), seven); /* what the program says comes first */
    unsetenv("GO_SEED");
    CHECK_STR(order_with_seed(0), fifo);
    free(seven);
    free(fifo);
}

/* ---- S2.07 ---- */

LAW_VIRTUAL(result_is_the_int,
            "S2.07 a fiber ends by returning; its int is its result or its error")
{
    go_task good = {0}, bad = {0};
    int forty_two = 42, eio = -EIO, rc;

    GO_NURSERY_OPTS(n, rc, &(go_nursery_opts){.policy = GO_SUPERVISE}) {
        go_spawn_with(n, &(go_spawn_opts){.task = &good}, returner, &forty_two);
        go_spawn_with(n, &(go_spawn_opts){.task = &bad}, returner, &eio);
    }
    CHECK_EQ(go_task_result(&good), 42);
    CHECK_EQ(go_task_result(&bad), -EIO);
    CHECK_EQ(rc, -EIO);
}

static int answer(void *arg)
{
    (void)arg;
    return 7;
}

LAW(result_of_the_main_fiber, "S2.07 go_run returns its function's result, or its error")
{
    int eio = -EIO, zero = 0;

    CHECK_EQ(virtual_run(answer, NULL), 7);
    CHECK_EQ(virtual_run(returner, &zero), 0);
    CHECK_EQ(virtual_run(returner, &eio), -EIO);
    CHECK_EQ(go_run(answer, NULL), 7);
}

TAP_MAIN
