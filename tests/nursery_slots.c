/* SPDX-License-Identifier: MIT
 *
 * Section 3: max_tasks, and those who wait for a slot. */
#include "tests/kit.h"

#define MAX(n) (&(go_nursery_opts){.max_tasks = (n)})

LAW_VIRTUAL(full_is_eagain, "S3.10 with max_tasks reached go_spawn does not wait: -EAGAIN")
{
    struct plan a = {.delay = GO_MS}, b = {.delay = GO_SEC}, c = {0}, d = {0};
    int rc;

    GO_NURSERY_OPTS(n, rc, MAX(2)) {
        CHECK_EQ(go_spawn(n, follow, &a), 0);
        CHECK_EQ(go_spawn(n, follow, &b), 0);
        CHECK_EQ(go_spawn(n, follow, &c), -EAGAIN);
        CHECK_EQ(go_spawn_with(n, NULL, follow, &c), -EAGAIN);
        go_sleep(10 * GO_MS); /* a has ended */
        CHECK_EQ(go_spawn(n, follow, &d), 0);
        CHECK_EQ(go_spawn(n, follow, &c), -EAGAIN);
    }
    CHECK_EQ(rc, 0);
    CHECK(!c.ran);
    CHECK(d.ran);
}

struct waiter {
    go_nursery *n;
    const char *name;
    struct plan child;
    int rc;
};

static int waits_for_slot(void *arg)
{
    struct waiter *w = arg;

    w->rc = go_spawn_wait(w->n, follow, &w->child);
    mark("%s:%d", w->name, w->rc);
    return 0;
}

LAW_VIRTUAL(slots_are_fifo, "S3.11 go_spawn_wait waits for a slot, first come first served")
{
    struct plan first = {.name = "first", .delay = 10 * GO_MS};
    struct waiter w[3] = {
        {.name = "a", .child = {.name = "A", .delay = 10 * GO_MS}},
        {.name = "b", .child = {.name = "B", .delay = 10 * GO_MS}},
        {.name = "c", .child = {.name = "C", .delay = 10 * GO_MS}},
    };
    go_time start = go_now();
    int rc, inner;

    GO_NURSERY(n, rc) {
        GO_NURSERY_OPTS(m, inner, MAX(1)) {
            CHECK_EQ(go_spawn_wait(m, follow, &first), 0); /* a free one: at once */
            CHECK_EQ(go_now(), start);
            for (int i = 0; i < 3; i++) {
                w[i].n = m;
                go_spawn(n, waits_for_slot, &w[i]);
            }
            go_sleep(GO_SEC);
        }
    }
    CHECK_EQ(rc, 0);
    CHECK_EQ(inner, 0);
    CHECK_TRACE("first a:0 A b:0 B c:0 C");
}

static int spawns_in_passing(void *arg)
{
    struct waiter *w = arg;

    go_sleep(10 * GO_MS);
    mark("passing");
    w->rc = go_spawn(w->n, follow, &w->child);
    return 0;
}

LAW_VIRTUAL(spawn_never_overtakes, "S3.11 go_spawn does not overtake those who wait for a slot")
{
    struct plan first = {.name = "first", .delay = 10 * GO_MS};
    struct waiter w = {.name = "a", .child = {.name = "A", .delay = 10 * GO_MS}};
    struct waiter passing = {.rc = 1};
    int rc, inner;

    GO_NURSERY(n, rc) {
        GO_NURSERY_OPTS(m, inner, MAX(1)) {
            passing.n = w.n = m;
            go_spawn(m, follow, &first);
            go_spawn(n, waits_for_slot, &w);
            go_spawn(n, spawns_in_passing, &passing); /* runs right after the first one's end */
            go_sleep(GO_SEC);
        }
    }
    CHECK_EQ(rc | inner, 0);
    CHECK_EQ(passing.rc, -EAGAIN);
    CHECK(!passing.child.ran);
    CHECK_TRACE("first passing a:0 A");
}

LAW_VIRTUAL(slot_while_closing,
            "S3.11 who waits for a slot of a closing nursery gets it from the last child")
{
    struct plan first = {.name = "first", .delay = 10 * GO_MS};
    struct waiter w = {.name = "a", .child = {.name = "A", .delay = 10 * GO_MS}};
    int rc, inner;

    GO_NURSERY(n, rc) {
        GO_NURSERY_OPTS(m, inner, MAX(1)) {
            w.n = m;
            go_spawn(m, follow, &first);
            go_spawn(n, waits_for_slot, &w);
        }
        mark("closed");
    }
    CHECK_EQ(rc | inner, 0);
    CHECK_TRACE("first a:0 A closed");
}

LAW_VIRTUAL(cancelled_slot_waiter, "S7.03 a cancelled waiter for a slot leaves no trace")
{
    struct plan first = {.delay = 10 * GO_MS};
    struct waiter w[3] = {
        {.name = "a", .child = {.name = "A", .delay = GO_MS}},
        {.name = "b", .child = {.name = "B", .delay = GO_MS}},
        {.name = "c", .child = {.name = "C", .delay = GO_MS}},
    };
    go_task t[3] = {{.result = 0}};
    int rc, inner;

    GO_NURSERY(n, rc) {
        GO_NURSERY_OPTS(m, inner, MAX(1)) {
            go_spawn(m, follow, &first);
            for (int i = 0; i < 3; i++) {
                w[i].n = m;
                go_spawn_with(n, &(go_spawn_opts){.task = &t[i]}, waits_for_slot, &w[i]);
            }
            go_sleep(GO_MS);
            go_task_cancel(&t[1], NULL); /* the one in the middle */
            go_sleep(GO_SEC);
        }
    }
    CHECK_EQ(rc | inner, 0);
    CHECK_EQ(w[1].rc, -ECANCELED);
    CHECK(!w[1].child.ran);
    CHECK_TRACE("b:-ECANCELED a:0 A c:0 C");
}

static int waits_in_its_own(void *arg)
{
    struct waiter *w = arg;

    go_yield();
    w->rc = go_spawn_wait(w->n, follow, &w->child);
    return 0;
}

LAW_VIRTUAL(only_child_waits,
            "S3.35 a child that holds the only slot and waits for one gets -EDEADLK")
{
    struct waiter w = {.rc = 1};
    int rc;

    GO_NURSERY_OPTS(n, rc, MAX(1)) {
        w.n = n;
        go_spawn(n, waits_in_its_own, &w);
    }
    CHECK_EQ(rc, 0);
    CHECK_EQ(w.rc, -EDEADLK);
    CHECK(!w.child.ran);
}

LAW_VIRTUAL(all_slots_wait,
            "S3.35 when waiters in go_spawn_wait hold every slot themselves, it returns -EDEADLK")
{
    struct waiter w[2] = {{.rc = 1}, {.rc = 1}};
    int rc;

    GO_NURSERY_OPTS(n, rc, MAX(2)) {
        for (int i = 0; i < 2; i++) {
            w[i].n = n;
            go_spawn(n, waits_in_its_own, &w[i]);
        }
    }
    CHECK_EQ(rc, 0);
    CHECK_EQ(w[1].rc, -EDEADLK);
    CHECK(w[0].rc == 0 || w[0].rc == -EDEADLK); /* the second's end makes room for the first */
    CHECK_EQ(w[0].child.ran, w[0].rc == 0);
}

LAW_VIRTUAL(some_slot_works, "S3.35 while one who does not wait holds a slot, there is no deadlock")
{
    struct plan works = {.name = "works", .delay = 10 * GO_MS};
    struct waiter w[2] = {{.rc = 1}, {.rc = 1}};
    int rc;

    GO_NURSERY_OPTS(n, rc, MAX(3)) {
        for (int i = 0; i < 2; i++) {
            w[i].n = n;
            go_spawn(n, waits_in_its_own, &w[i]);
        }
        go_spawn(n, follow, &works);
    }
    CHECK_EQ(rc, 0);
    CHECK_EQ(w[0].rc, 0);
    CHECK_EQ(w[1].rc, 0);
}

LAW_VIRTUAL(body_waits_for_children, "S3.35 the body holds no slot: it may wait for its children's")
{
    struct plan a[5] = {
        {.delay = GO_MS}, {.delay = GO_MS}, {.delay = GO_MS}, {.delay = GO_MS}, {.delay = GO_MS}};
    go_time start = go_now();
    int rc;

    GO_NURSERY_OPTS(n, rc, MAX(1)) {
        for (int i = 0; i < 5; i++)
            CHECK_EQ(go_spawn_wait(n, follow, &a[i]), 0);
    }
    CHECK_EQ(rc, 0);
    CHECK_EQ(go_now() - start, 5 * GO_MS);
}

TAP_MAIN
