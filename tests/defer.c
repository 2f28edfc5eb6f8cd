/* SPDX-License-Identifier: MIT
 *
 * go_defer: what is done at a fiber's end, whatever way it ends. */
#include "tests/kit.h"

static void marks(void *arg)
{
    mark("%s", (char *)arg);
}

static int defers_three(void *arg)
{
    CHECK_EQ(go_defer(marks, "1"), 0);
    CHECK_EQ(go_defer(marks, "2"), 0);
    CHECK_EQ(go_defer(marks, "3"), 0);
    mark("body");
    return *(int *)arg;
}

LAW_VIRTUAL(lifo, "S3.51 go_defer runs at the fiber's end, last registered first")
{
    go_task t = {.result = 0};
    int rc, five = 5;

    GO_NURSERY(n, rc) {
        go_spawn_with(n, &(go_spawn_opts){.task = &t}, defers_three, &five);
        go_task_join(&t);
        mark("joined");
    }
    CHECK_EQ(rc, 0);
    CHECK_EQ(go_task_result(&t), 5);
    CHECK_TRACE("body 3 2 1 joined");
}

static void sleeps(void *arg)
{
    int rc = go_sleep(*(go_time *)arg);

    mark("slept:%d", rc);
}

static int defers_sleep(void *arg)
{
    go_defer(sleeps, arg);
    return go_sleep(GO_FOREVER);
}

LAW_VIRTUAL(shielded, "S3.51 under a shield: a cancelled fiber may still clean up")
{
    go_time start = go_now(), second = GO_SEC;
    int rc;

    GO_NURSERY(n, rc) {
        go_spawn(n, defers_sleep, &second);
        go_sleep(GO_MS);
        go_nursery_cancel(n, NULL);
    }
    CHECK_EQ(rc, -ECANCELED);
    CHECK_TRACE("slept:0");
    CHECK_EQ(go_now() - start, GO_SEC + GO_MS);
}

LAW_VIRTUAL(bounded, "S3.51 the shield is bounded: 10 s")
{
    go_time start = go_now(), hour = 3600 * GO_SEC;
    int rc;

    GO_NURSERY(n, rc) {
        go_spawn(n, defers_sleep, &hour);
        go_sleep(GO_MS);
        go_nursery_cancel(n, NULL);
    }
    CHECK_EQ(rc, -ECANCELED);
    CHECK_TRACE("slept:-ECANCELED");
    CHECK_EQ(go_now() - start, 10 * GO_SEC + GO_MS);
}

static int fails_with_defer(void *arg)
{
    go_defer(marks, "deferred");
    (void)arg;
    return go_fail(EIO, "after all");
}

LAW_VIRTUAL(after_an_error, "S3.51 after an error, too, and the error is what it was")
{
    int rc;

    GO_NURSERY(n, rc) {
        go_spawn(n, fails_with_defer, NULL);
    }
    CHECK_EQ(rc, -EIO);
    CHECK_STR(go_error_message(go_error_child(go_last_error(), 0)), "after all");
    CHECK_TRACE("deferred");
}

static void defers_more(void *arg)
{
    mark("outer");
    go_defer(marks, arg);
}

static int defers_in_defer(void *arg)
{
    go_defer(marks, "first");
    go_defer(defers_more, arg);
    return 0;
}

LAW_VIRTUAL(from_a_deferred, "S3.51 a deferred function may defer")
{
    int rc;

    GO_NURSERY(n, rc) {
        go_spawn(n, defers_in_defer, "inner");
    }
    CHECK_EQ(rc, 0);
    CHECK_TRACE("outer inner first");
}

static int main_defers(void *arg)
{
    (void)arg;
    go_defer(marks, "main's");
    return 3;
}

LAW(main_fiber, "S3.51 the main fiber's run before go_run returns")
{
    trace_reset();
    CHECK_EQ(virtual_run(main_defers, NULL), 3);
    CHECK_TRACE("main's");
    CHECK_EQ(go_defer(marks, "never"), -ESHUTDOWN);
}

static int defers_many(void *arg)
{
    (void)arg;
    for (int i = 0; i < 100; i++)
        CHECK_EQ(go_defer(marks, "x"), 0);
    return 0;
}

LAW_VIRTUAL(many, "S3.51 a hundred of them")
{
    int rc;

    GO_NURSERY(n, rc) {
        go_spawn(n, defers_many, NULL);
    }
    CHECK_EQ(rc, 0);
    CHECK_EQ(strlen(kit_trace), 199);
}

TAP_MAIN
