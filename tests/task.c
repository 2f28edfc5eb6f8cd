/* SPDX-License-Identifier: MIT
 *
 * Task handles: joining, results, callbacks, cancelling one fiber alone, and supervisors that
 * restart. */
#include "tests/kit.h"

#define SUPERVISE (&(go_nursery_opts){.policy = GO_SUPERVISE})
#define TASK(t)   (&(go_spawn_opts){.task = (t)})

/* ---- one task ---- */

LAW_VIRTUAL(join_result, "S2.07 go_task_join returns the task's result")
{
    struct plan p = {.delay = 10 * GO_MS, .result = 42};
    go_time start = go_now();
    go_task t = {.result = 0};
    int rc;

    CHECK_EQ(go_task_result(&t), -EINVAL);
    GO_NURSERY(n, rc) {
        CHECK_EQ(go_task_join(&t), -EINVAL); /* never spawned */
        CHECK_EQ(go_task_on_exit(&t, NULL, NULL), -EINVAL);
        go_spawn_with(n, TASK(&t), follow, &p);
        CHECK_EQ(go_task_result(&t), -EAGAIN);
        CHECK_EQ(go_task_join(&t), 42);
        CHECK_EQ(go_now() - start, 10 * GO_MS);
        CHECK_EQ(go_task_result(&t), 42);
        CHECK_EQ(go_task_join(&t), 42); /* again, at once */
    }
    CHECK_EQ(rc, 0);
    CHECK_EQ(go_task_result(&t), 42); /* the handle is the caller's */
}

struct joiner {
    go_task *t;
    const char *name;
    int rc;
};

static int joins(void *arg)
{
    struct joiner *j = arg;

    j->rc = go_task_join(j->t);
    mark("%s:%d", j->name, j->rc);
    return 0;
}

LAW_VIRTUAL(many_join,
            "S7.01 several fibers may join a task; they go on in the order in which they came")
{
    struct plan p = {.name = "task", .delay = 10 * GO_MS, .result = 4};
    go_task t = {.result = 0};
    struct joiner j[3] = {{&t, "a", 0}, {&t, "b", 0}, {&t, "c", 0}};
    int rc;

    GO_NURSERY(n, rc) {
        go_spawn_with(n, TASK(&t), follow, &p);
        for (int i = 0; i < 3; i++)
            go_spawn(n, joins, &j[i]);
    }
    CHECK_EQ(rc, 0);
    CHECK_TRACE("task a:4 b:4 c:4");
}

LAW_VIRTUAL(cancelled_joiner, "S7.03 a cancelled joiner leaves no trace, and the task goes on")
{
    struct plan p = {.name = "task", .delay = 10 * GO_MS, .result = 4};
    go_task t = {.result = 0}, middle = {.result = 0};
    struct joiner j[3] = {{&t, "a", 0}, {&t, "b", 0}, {&t, "c", 0}};
    int rc;

    GO_NURSERY(n, rc) {
        go_spawn_with(n, TASK(&t), follow, &p);
        go_spawn(n, joins, &j[0]);
        go_spawn_with(n, TASK(&middle), joins, &j[1]);
        go_spawn(n, joins, &j[2]);
        go_sleep(GO_MS);
        go_task_cancel(&middle, NULL);
    }
    CHECK_EQ(rc, 0);
    CHECK_TRACE("b:-ECANCELED task a:4 c:4");
}

static int joins_itself(void *arg)
{
    return go_task_join(arg) == -EDEADLK ? 0 : -EIO;
}

LAW_VIRTUAL(join_self, "S1.15 a task that joins itself gets -EDEADLK")
{
    go_task t = {.result = 0};
    int rc;

    GO_NURSERY(n, rc) {
        go_spawn_with(n, TASK(&t), joins_itself, &t);
    }
    CHECK_EQ(rc, 0);
}

LAW_VIRTUAL(cancel_one, "S4.01 a task handle has a scope: go_task_cancel cancels that fiber alone")
{
    struct plan a = {.name = "a", .delay = GO_FOREVER}, b = {.name = "b", .delay = 10 * GO_MS};
    go_task t = {.result = 0};
    int rc;

    GO_NURSERY(n, rc) {
        go_spawn_with(n, TASK(&t), follow, &a);
        go_spawn(n, follow, &b);
        go_sleep(GO_MS);
        go_task_cancel(&t, "this one");
        CHECK_EQ(go_task_join(&t), -ECANCELED);
    }
    CHECK_EQ(rc, 0); /* a cancelled child is no error */
    CHECK_TRACE("a! b");
    go_task_cancel(&t, NULL); /* ended: no effect */
    CHECK_EQ(go_task_result(&t), -ECANCELED);
}

static int child_of_child(void *arg)
{
    int rc;

    GO_NURSERY(n, rc) {
        go_spawn(n, follow, arg);
    }
    return rc;
}

LAW_VIRTUAL(cancel_reaches_down,
            "S4.01 the scopes form a tree: a task's cancellation reaches the nurseries inside it")
{
    struct plan a = {.name = "a", .delay = GO_FOREVER};
    go_task t = {.result = 0};
    int rc;

    GO_NURSERY(n, rc) {
        go_spawn_with(n, TASK(&t), child_of_child, &a);
        go_sleep(GO_MS);
        go_task_cancel(&t, NULL);
    }
    CHECK_EQ(rc, 0);
    CHECK_EQ(a.slept, -ECANCELED);
    CHECK_EQ(go_task_result(&t), -ECANCELED);
}

LAW_VIRTUAL(cancel_before_first_run,
            "S4.12 cancelled before its first run, it starts, and its first checkpoint says so")
{
    struct plan a = {.name = "a", .delay = GO_SEC};
    go_task t = {.result = 0};
    int rc;

    GO_NURSERY(n, rc) {
        go_spawn_with(n, TASK(&t), follow, &a);
        go_task_cancel(&t, NULL);
    }
    CHECK_EQ(rc, 0);
    CHECK(a.ran);
    CHECK_EQ(a.slept, -ECANCELED);
}

LAW_VIRTUAL(cancel_delayed, "S4.13 a delayed fiber that is cancelled before its start ends at once")
{
    struct plan a = {.name = "a"}, b = {.name = "b"};
    go_time start = go_now();
    go_task t = {.result = 0};
    int rc;

    GO_NURSERY(n, rc) {
        go_spawn_with(n, &(go_spawn_opts){.task = &t, .delay = 3600 * GO_SEC}, follow, &a);
        go_yield();
        go_task_cancel(&t, NULL);
        CHECK_EQ(go_task_join(&t), -ECANCELED);
        CHECK_EQ(go_now(), start);
    }
    CHECK_EQ(rc, 0);
    GO_NURSERY(n, rc) {
        go_spawn_with(n, &(go_spawn_opts){.delay = 3600 * GO_SEC}, follow, &b);
        go_nursery_cancel(n, NULL);
    }
    CHECK_EQ(go_now(), start);
    CHECK(!a.ran && !b.ran);
}

LAW_VIRTUAL(busy_handle, "S3.33 a handle whose task still runs is -EBUSY")
{
    struct plan p = {.delay = GO_MS};
    go_task t = {.result = 0};
    int rc;

    GO_NURSERY(n, rc) {
        CHECK_EQ(go_spawn_with(n, TASK(&t), follow, &p), 0);
        CHECK_EQ(go_spawn_with(n, TASK(&t), follow, &p), -EBUSY);
        go_yield();
        CHECK_EQ(go_spawn_with(n, TASK(&t), follow, &p), -EBUSY);
    }
    CHECK_EQ(rc, 0);
}

/* ---- callbacks ---- */

static void on_exit_marks(go_task *t, void *arg)
{
    mark("%s:%d", (char *)arg, go_task_result(t));
}

LAW_VIRTUAL(on_exit_order,
            "S3.55 go_task_on_exit: in order of registration, before anybody who waits goes on")
{
    struct plan p = {.name = "task", .delay = 10 * GO_MS, .result = 4};
    go_task t = {.result = 0};
    struct joiner j = {&t, "join", 0};
    int rc;

    GO_NURSERY(n, rc) {
        go_spawn_with(n, TASK(&t), follow, &p);
        go_spawn(n, joins, &j);
        CHECK_EQ(go_task_on_exit(&t, on_exit_marks, "1"), 0);
        CHECK_EQ(go_task_on_exit(&t, on_exit_marks, "2"), 0);
        go_yield();
        CHECK_EQ(go_task_on_exit(&t, on_exit_marks, "3"), 0);
    }
    CHECK_EQ(rc, 0);
    CHECK_TRACE("task 1:4 2:4 3:4 join:4");
    CHECK_EQ(go_task_on_exit(&t, on_exit_marks, "late"), 0);
    CHECK_TRACE("late:4"); /* it had ended: at once */
}

static void on_exit_spawns(go_task *t, void *arg)
{
    (void)t;
    CHECK_EQ(go_spawn(arg, marker, "spawned"), 0);
}

LAW_VIRTUAL(on_exit_spawn, "S3.55 a go_task_on_exit callback may spawn")
{
    go_task t = {.result = 0};
    int rc;

    GO_NURSERY(n, rc) {
        go_spawn_with(n, TASK(&t), marker, "task");
        go_task_on_exit(&t, on_exit_spawns, n);
        go_sleep(GO_MS);
    }
    CHECK_EQ(rc, 0);
    CHECK_TRACE("task spawned");
}

/* ---- several tasks ---- */

LAW_VIRTUAL(next_in_order, "S3.54 go_nursery_next gives the tasks in order of completion, then 0")
{
    struct plan p[] = {{.delay = 20 * GO_MS}, {.delay = 5 * GO_MS}, {.delay = 10 * GO_MS}};
    struct plan anonymous = {.delay = 40 * GO_MS};
    go_task t[3] = {{.result = 0}}, *done = NULL;
    static const int order[] = {1, 2, 0};
    go_time start = go_now();
    int rc;

    GO_NURSERY(n, rc) {
        CHECK_EQ(go_nursery_next(n, &done), 0);
        for (int i = 0; i < 3; i++)
            go_spawn_with(n, TASK(&t[i]), follow, &p[i]);
        go_spawn(n, follow, &anonymous); /* no handle: not waited for here */
        for (int i = 0; i < 3; i++) {
            CHECK_EQ(go_nursery_next(n, &done), 1);
            CHECK(done == &t[order[i]]);
        }
        CHECK_EQ(go_nursery_next(n, &done), 0);
        CHECK_EQ(go_now() - start, 20 * GO_MS);
    }
    CHECK_EQ(rc, 0);
}

LAW_VIRTUAL(next_cancelled, "S7.03 a cancelled go_nursery_next loses no task")
{
    struct plan p = {.delay = 20 * GO_MS};
    go_task t = {.result = 0}, *done = NULL;
    int rc, timed;

    GO_NURSERY(n, rc) {
        go_spawn_with(n, TASK(&t), follow, &p);
        GO_TIMEOUT(GO_MS, timed) {
            timed = go_nursery_next(n, &done);
        }
        CHECK_EQ(timed, -ETIMEDOUT);
        CHECK(!done);
        CHECK_EQ(go_nursery_next(n, &done), 1);
        CHECK(done == &t);
        CHECK_EQ(go_nursery_next(n, &done), 0);
    }
    CHECK_EQ(rc, 0);
}

LAW_VIRTUAL(join_all, "S7.24 go_join_all waits for all, and returns 0 when none failed")
{
    struct plan p[] = {{.delay = 20 * GO_MS, .result = 4},
                       {.delay = 5 * GO_MS},
                       {.delay = 10 * GO_MS}};
    go_task t[3] = {{.result = 0}}, *all[] = {&t[0], &t[1], &t[2]};
    go_time start = go_now();
    int rc;

    GO_NURSERY(n, rc) {
        for (int i = 0; i < 3; i++)
            go_spawn_with(n, TASK(&t[i]), follow, &p[i]);
        CHECK_EQ(go_join_all(all, 3), 0);
        CHECK_EQ(go_now() - start, 20 * GO_MS);
        CHECK_EQ(go_join_all(all, 3), 0);
        CHECK_EQ(go_join_all(all, 0), 0);
    }
    CHECK_EQ(rc, 0);
}

LAW_VIRTUAL(join_all_error,
            "S7.24 go_join_all returns the error that came first, and it counts as delivered")
{
    struct plan p[] = {{.delay = 20 * GO_MS, .result = -EIO},
                       {.delay = 5 * GO_MS, .result = -EPIPE},
                       {.delay = 30 * GO_MS}};
    go_task t[3] = {{.result = 0}}, *all[] = {&t[0], &t[1], &t[2]};
    go_time start = go_now();
    int rc;

    GO_NURSERY_OPTS(n, rc, SUPERVISE) {
        for (int i = 0; i < 3; i++)
            go_spawn_with(n, TASK(&t[i]), follow, &p[i]);
        CHECK_EQ(go_join_all(all, 3), -EPIPE);
        CHECK_EQ(go_now() - start, 30 * GO_MS); /* it waits for all of them */
    }
    CHECK_EQ(rc, -EIO); /* the other one was not taken */
    CHECK(!error_find(go_last_error(), -EPIPE, NULL));
}

LAW_VIRTUAL(join_all_after, "S7.24 the error that came first, also when all have ended before")
{
    struct plan p[] = {{.delay = 20 * GO_MS, .result = -EIO},
                       {.delay = 5 * GO_MS, .result = -EPIPE}};
    go_task t[2] = {{.result = 0}}, *all[] = {&t[0], &t[1]};
    int rc;

    GO_NURSERY_OPTS(n, rc, SUPERVISE) {
        for (int i = 0; i < 2; i++)
            go_spawn_with(n, TASK(&t[i]), follow, &p[i]);
        go_sleep(GO_SEC);
        CHECK_EQ(go_join_all(all, 2), -EPIPE);
    }
    CHECK_EQ(rc, -EIO);
}

LAW_VIRTUAL(join_any, "S7.30 go_join_any returns the index of the first to end")
{
    struct plan p[] = {{.delay = 20 * GO_MS}, {.delay = 5 * GO_MS}, {.delay = 10 * GO_MS}};
    go_task t[3] = {{.result = 0}}, *all[] = {&t[0], &t[1], &t[2]};
    go_time start = go_now();
    int rc;

    GO_NURSERY(n, rc) {
        for (int i = 0; i < 3; i++)
            go_spawn_with(n, TASK(&t[i]), follow, &p[i]);
        CHECK_EQ(go_join_any(all, 3), 1);
        CHECK_EQ(go_now() - start, 5 * GO_MS);
        CHECK_EQ(go_join_any(&all[2], 1), 0);
        CHECK_EQ(go_now() - start, 10 * GO_MS);
        CHECK_EQ(go_join_any(all, 0), -EINVAL);
    }
    CHECK_EQ(rc, 0);
}

LAW_VIRTUAL(join_any_cancelled, "S7.03 a cancelled go_join_any leaves no trace")
{
    struct plan p[] = {{.delay = 20 * GO_MS}, {.delay = 10 * GO_MS}};
    go_task t[2] = {{.result = 0}}, *all[] = {&t[0], &t[1]};
    int rc, timed;

    GO_NURSERY(n, rc) {
        for (int i = 0; i < 2; i++)
            go_spawn_with(n, TASK(&t[i]), follow, &p[i]);
        GO_TIMEOUT(GO_MS, timed) {
            timed = go_join_any(all, 2);
        }
        CHECK_EQ(timed, -ETIMEDOUT);
        GO_TIMEOUT(GO_MS, timed) {
            timed = go_join_all(all, 2);
        }
        CHECK_EQ(timed, -ETIMEDOUT);
    }
    CHECK_EQ(rc, 0);
}

/* ---- supervisors ---- */

LAW_VIRTUAL(join_takes_the_error,
            "S3.31 under GO_SUPERVISE an error taken by go_task_join is delivered")
{
    struct plan bad = {.delay = GO_MS, .result = -EIO},
                worse = {.delay = 2 * GO_MS, .result = -EPIPE};
    go_task t = {.result = 0};
    int rc;

    GO_NURSERY_OPTS(n, rc, SUPERVISE) {
        go_spawn_with(n, TASK(&t), follow, &bad);
        CHECK_EQ(go_task_join(&t), -EIO);
    }
    CHECK_EQ(rc, 0);
    CHECK(!go_last_error());
    GO_NURSERY_OPTS(n, rc, SUPERVISE) {
        go_spawn_with(n, TASK(&t), follow, &bad);
        go_spawn(n, follow, &worse);
        go_sleep(GO_SEC);
        CHECK_EQ(go_task_join(&t), -EIO); /* also when it had ended long ago */
    }
    CHECK_EQ(rc, -EPIPE);
    CHECK_EQ(error_count(go_last_error()), 1);
}

LAW_VIRTUAL(join_takes_only_under_supervise,
            "S3.18 under GO_FAIL_FAST a joined error is the group's all the same")
{
    struct plan bad = {.delay = GO_MS, .result = -EIO};
    go_task t = {.result = 0};
    int rc, joined = 0;

    GO_NURSERY(n, rc) {
        go_spawn_with(n, TASK(&t), follow, &bad);
        joined = go_task_join(&t);
    }
    CHECK(joined == -EIO || joined == -ECANCELED);
    CHECK_EQ(rc, -EIO);
}

LAW_VIRTUAL(next_takes_the_error,
            "S3.32 under GO_SUPERVISE an error taken by go_nursery_next is delivered")
{
    struct plan p[] = {{.delay = GO_MS, .result = -EIO}, {.delay = 2 * GO_MS, .result = -EPIPE}};
    go_task t[2] = {{.result = 0}}, *done = NULL;
    int rc;

    GO_NURSERY_OPTS(n, rc, SUPERVISE) {
        go_spawn_with(n, TASK(&t[0]), follow, &p[0]);
        go_spawn_with(n, TASK(&t[1]), follow, &p[1]);
        CHECK_EQ(go_nursery_next(n, &done), 1);
        CHECK_EQ(go_task_result(done), -EIO);
    }
    CHECK_EQ(rc, -EPIPE);
    CHECK_EQ(error_count(go_last_error()), 1);
}

struct flaky {
    int failures, runs;
};

static int fails_at_first(void *arg)
{
    struct flaky *f = arg;
    int rc = go_sleep(GO_MS);

    f->runs++;
    if (rc == 0 && f->failures-- > 0)
        rc = go_fail(EIO, "attempt %d", f->runs);
    return rc;
}

LAW_VIRTUAL(restart,
            "S3.33 an ended go_task may be spawned again: that is how a supervisor restarts")
{
    struct flaky f[2] = {{.failures = 3}, {.failures = 1}};
    go_task t[2] = {{.result = 0}}, *done = NULL;
    int rc, restarts = 0;

    GO_NURSERY_OPTS(n, rc, SUPERVISE) {
        for (int i = 0; i < 2; i++)
            go_spawn_with(n, TASK(&t[i]), fails_at_first, &f[i]);
        while (go_nursery_next(n, &done) == 1) {
            int i = (int)(done - t);

            if (go_task_result(done) == 0)
                continue;
            restarts++;
            CHECK_EQ(go_spawn_with(n, TASK(done), fails_at_first, &f[i]), 0);
            CHECK_EQ(go_task_result(done), -EAGAIN);
        }
    }
    CHECK_EQ(rc, 0);
    CHECK_EQ(restarts, 4);
    CHECK_EQ(f[0].runs, 4);
    CHECK_EQ(f[1].runs, 2);
    CHECK(!go_last_error());
}

LAW_VIRTUAL(respawn_untaken,
            "S3.33 a task that is spawned again without being asked loses no error")
{
    struct plan bad = {.name = "bad", .delay = GO_MS, .result = -EIO}, good = {.delay = GO_MS};
    go_task t = {.result = 0};
    int rc;

    GO_NURSERY_OPTS(n, rc, SUPERVISE) {
        go_spawn_with(n, TASK(&t), follow, &bad);
        go_sleep(10 * GO_MS);
        CHECK_EQ(go_spawn_with(n, TASK(&t), follow, &good), 0);
        CHECK_EQ(go_task_join(&t), 0);
    }
    CHECK_EQ(rc, -EIO);
    CHECK(error_find(go_last_error(), -EIO, "bad"));
}

LAW_VIRTUAL(respawn_after_cancel, "S3.33 a cancelled task that is spawned again is not cancelled")
{
    struct plan a = {.delay = GO_FOREVER}, b = {.delay = GO_MS, .result = 6};
    go_task t = {.result = 0};
    int rc;

    GO_NURSERY(n, rc) {
        go_spawn_with(n, TASK(&t), follow, &a);
        go_yield();
        go_task_cancel(&t, NULL);
        CHECK_EQ(go_task_join(&t), -ECANCELED);
        CHECK_EQ(go_spawn_with(n, TASK(&t), follow, &b), 0);
        CHECK_EQ(go_task_join(&t), 6);
    }
    CHECK_EQ(rc, 0);
}

TAP_MAIN
