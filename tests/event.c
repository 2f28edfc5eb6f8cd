/* SPDX-License-Identifier: MIT
 *
 * Section 7: events. */
#include "tests/kit.h"

struct waiter {
    go_event *e;
    const char *name;
    int rc;
};

static int waits(void *arg)
{
    struct waiter *w = arg;

    w->rc = go_event_wait(w->e);
    mark("%s:%d", w->name, w->rc);
    return 0;
}

LAW_VIRTUAL(wakes_all, "S7.31 an event wakes every waiter, in the order in which they came")
{
    go_event e;
    struct waiter w[3] = {{&e, "a", 1}, {&e, "b", 1}, {&e, "c", 1}};
    int rc;

    go_event_init(&e, 0);
    CHECK(!go_event_is_set(&e));
    GO_NURSERY(n, rc) {
        for (int i = 0; i < 3; i++)
            go_spawn(n, waits, &w[i]);
        go_sleep(GO_MS);
        CHECK_TRACE("");
        go_event_set(&e);
        CHECK(go_event_is_set(&e));
    }
    CHECK_EQ(rc, 0);
    CHECK_TRACE("a:0 b:0 c:0");
    CHECK_EQ(go_event_wait(&e), 0); /* it stays set */
    go_event_set(&e);
    CHECK(go_event_is_set(&e));
}

LAW_VIRTUAL(keeps_wake_up, "S7.31 waiters keep their wake-up when it is cleared before they run")
{
    go_event e;
    struct waiter w = {&e, "a", 1}, late = {&e, "late", 1};
    int rc, timed;

    go_event_init(&e, 0);
    GO_NURSERY(n, rc) {
        go_spawn(n, waits, &w);
        go_yield();
        go_event_set(&e);
        go_event_clear(&e);
        CHECK(!go_event_is_set(&e));
        go_sleep(GO_MS);
        CHECK_TRACE("a:0");
        GO_TIMEOUT(GO_MS, timed) {
            timed = go_event_wait(&e); /* later waits wait */
        }
        CHECK_EQ(timed, -ETIMEDOUT);
        go_spawn(n, waits, &late);
        go_sleep(GO_MS);
        go_event_set(&e);
    }
    CHECK_EQ(rc, 0);
    CHECK_TRACE("late:0");
}

LAW_VIRTUAL(cancel_the_middle, "S7.03 a cancelled waiter leaves no trace: the middle one of three")
{
    go_event e;
    struct waiter w[3] = {{&e, "a", 1}, {&e, "b", 1}, {&e, "c", 1}};
    go_task t = {.result = 0};
    int rc;

    go_event_init(&e, 0);
    GO_NURSERY(n, rc) {
        go_spawn(n, waits, &w[0]);
        go_spawn_with(n, &(go_spawn_opts){.task = &t}, waits, &w[1]);
        go_spawn(n, waits, &w[2]);
        go_sleep(GO_MS);
        go_task_cancel(&t, NULL);
        go_sleep(GO_MS);
        go_event_set(&e);
    }
    CHECK_EQ(rc, 0);
    CHECK_TRACE("b:-ECANCELED a:0 c:0");
}

LAW_VIRTUAL(set_then_cancel, "S4.15 set and cancelled in the same turn: the wait has completed")
{
    go_event e;
    struct waiter w = {&e, "a", 1};
    go_task t = {.result = 0};
    int rc;

    go_event_init(&e, 0);
    GO_NURSERY(n, rc) {
        go_spawn_with(n, &(go_spawn_opts){.task = &t}, waits, &w);
        go_yield();
        go_event_set(&e);
        go_task_cancel(&t, NULL);
    }
    CHECK_EQ(rc, 0);
    CHECK_TRACE("a:0");
}

LAW_VIRTUAL(cancel_then_set,
            "S4.14 cancelled and then set in the same turn: the wait was cancelled")
{
    go_event e;
    struct waiter w = {&e, "a", 1};
    go_task t = {.result = 0};
    int rc;

    go_event_init(&e, 0);
    GO_NURSERY(n, rc) {
        go_spawn_with(n, &(go_spawn_opts){.task = &t}, waits, &w);
        go_yield();
        go_task_cancel(&t, NULL);
        go_event_set(&e);
    }
    CHECK_EQ(rc, 0);
    CHECK_TRACE("a:-ECANCELED");
}

static void sets(void *arg)
{
    go_event_set(arg);
}

LAW_VIRTUAL(set_from_a_post, "S9.02 a posted function may set an event")
{
    go_event e;

    go_event_init(&e, 0);
    CHECK_EQ(go_post(go_sched_self(), sets, &e), 0);
    CHECK_EQ(go_event_wait(&e), 0);
}

LAW(outside, "S1.20 outside a run go_event_wait is -ESHUTDOWN, and setting is harmless")
{
    go_event e;

    go_event_init(&e, 0);
    CHECK_EQ(go_event_wait(&e), -ESHUTDOWN);
    go_event_set(&e);
    CHECK(go_event_is_set(&e));
    go_event_clear(&e);
    CHECK(!go_event_is_set(&e));
}

TAP_MAIN
