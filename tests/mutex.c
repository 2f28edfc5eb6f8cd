/* SPDX-License-Identifier: MIT
 *
 * Section 7: the lock that knows its owner. */
#include "tests/kit.h"

struct locker {
    go_mutex *m;
    const char *name;
    go_time holds;
    bool keeps; /* ends while holding it */
    int rc, unlock;
};

static int locks(void *arg)
{
    struct locker *l = arg;

    l->rc = go_mutex_lock(l->m);
    mark("%s:%d", l->name, l->rc);
    if (l->rc < 0)
        return 0;
    if (l->holds)
        go_sleep(l->holds);
    if (!l->keeps)
        l->unlock = go_mutex_unlock(l->m);
    return 0;
}

LAW_VIRTUAL(excludes, "S7.01 one holds it; the others get it in the order in which they came")
{
    go_mutex m;
    struct locker l[4];
    static const char *names[] = {"a", "b", "c", "d"};
    go_time start = go_now();
    int rc;

    go_mutex_init(&m, 0);
    GO_NURSERY(n, rc) {
        for (int i = 0; i < 4; i++) {
            l[i] = (struct locker){&m, names[i], GO_MS, false, 1, 1};
            go_spawn(n, locks, &l[i]);
        }
    }
    CHECK_EQ(rc, 0);
    CHECK_TRACE("a:0 b:0 c:0 d:0");
    CHECK_EQ(go_now() - start, 4 * GO_MS);
    for (int i = 0; i < 4; i++)
        CHECK_EQ(l[i].unlock, 0);
    CHECK_EQ(go_mutex_try_lock(&m), 0);
    CHECK_EQ(go_mutex_unlock(&m), 0);
}

LAW_VIRTUAL(
    hands_over,
    "S7.01 unlocking hands over directly: who unlocks and locks again stands behind the waiter")
{
    go_mutex m;
    struct locker l = {&m, "waiter", 0, false, 1, 1};
    int rc;

    go_mutex_init(&m, 0);
    CHECK_EQ(go_mutex_lock(&m), 0);
    GO_NURSERY(n, rc) {
        go_spawn(n, locks, &l);
        go_yield();
        CHECK_EQ(go_mutex_unlock(&m), 0);
        CHECK_EQ(go_mutex_try_lock(&m), -EAGAIN); /* it is the waiter's, though that has not run */
        CHECK_EQ(go_mutex_lock(&m), 0);
        mark("main");
        CHECK_EQ(go_mutex_unlock(&m), 0);
    }
    CHECK_EQ(rc, 0);
    CHECK_TRACE("waiter:0 main");
}

LAW_VIRTUAL(try_never_overtakes, "S7.02 go_mutex_try_lock never overtakes a waiter")
{
    go_mutex m;
    struct locker l[2] = {{&m, "a", GO_MS, false, 1, 1}, {&m, "b", GO_MS, false, 1, 1}};
    int rc;

    go_mutex_init(&m, 0);
    CHECK_EQ(go_mutex_try_lock(&m), 0);
    GO_NURSERY(n, rc) {
        go_spawn(n, locks, &l[0]);
        go_spawn(n, locks, &l[1]);
        go_yield();
        CHECK_EQ(go_mutex_try_lock(&m), -EDEADLK); /* its own: as go_mutex_lock */
        CHECK_EQ(go_mutex_unlock(&m), 0);
        for (int i = 0; i < 4; i++) {
            CHECK_EQ(go_mutex_try_lock(&m), -EAGAIN);
            go_yield();
        }
    }
    CHECK_EQ(rc, 0);
    CHECK_TRACE("a:0 b:0");
}

LAW_VIRTUAL(relock, "S7.08 re-locking is -EDEADLK")
{
    go_mutex m;

    go_mutex_init(&m, 0);
    CHECK_EQ(go_mutex_lock(&m), 0);
    CHECK_EQ(go_mutex_lock(&m), -EDEADLK);
    CHECK_EQ(go_mutex_unlock(&m), 0); /* it was held once */
    CHECK_EQ(go_mutex_unlock(&m), -EPERM);
}

static int unlocks(void *arg)
{
    struct locker *l = arg;

    l->unlock = go_mutex_unlock(l->m);
    return 0;
}

LAW_VIRTUAL(foreign_unlock, "S7.09 unlocking by anyone but the owner is -EPERM")
{
    go_mutex m;
    struct locker l = {.m = &m, .unlock = 1};
    int rc;

    go_mutex_init(&m, 0);
    CHECK_EQ(go_mutex_unlock(&m), -EPERM); /* nobody's */
    CHECK_EQ(go_mutex_lock(&m), 0);
    GO_NURSERY(n, rc) {
        go_spawn(n, unlocks, &l);
    }
    CHECK_EQ(l.unlock, -EPERM);
    CHECK_EQ(go_mutex_unlock(&m), 0); /* it was not lost */
}

LAW_VIRTUAL(owner_dies,
            "S7.10 an owner that ends while holding it: waiters and later lockers get -EOWNERDEAD")
{
    go_mutex m;
    struct locker owner = {&m, "owner", GO_MS, true, 1, 1};
    struct locker l[2] = {{&m, "a", GO_MS, false, 1, 1}, {&m, "b", GO_MS, false, 1, 1}};
    int rc;

    go_mutex_init(&m, 0);
    GO_NURSERY(n, rc) {
        go_spawn(n, locks, &owner);
        go_spawn(n, locks, &l[0]);
        go_spawn(n, locks, &l[1]);
    }
    CHECK_EQ(rc, 0);
    CHECK_TRACE("owner:0 a:-EOWNERDEAD b:-EOWNERDEAD");
    CHECK_EQ(go_mutex_lock(&m), -EOWNERDEAD);
    CHECK_EQ(go_mutex_unlock(&m), -EPERM); /* they do not hold it */
    CHECK_EQ(go_mutex_try_lock(&m), -EOWNERDEAD);
    CHECK_EQ(go_mutex_lock(&m), -EOWNERDEAD); /* and it stays broken */
    go_mutex_init(&m, 0);
    CHECK_EQ(go_mutex_lock(&m), 0);
    CHECK_EQ(go_mutex_unlock(&m), 0);
}

LAW_VIRTUAL(owner_dies_unnoticed,
            "S7.10 the same when nobody waited, and the owner's stack is another fiber's by now")
{
    go_mutex m;
    struct locker owner = {&m, "owner", 0, true, 1, 1}, next = {&m, "next", 0, false, 1, 1};
    int rc;

    go_mutex_init(&m, 0);
    GO_NURSERY(n, rc) {
        go_spawn(n, locks, &owner);
        go_sleep(GO_MS);
        go_spawn(n, locks, &next); /* runs on the stack of the dead owner */
    }
    CHECK_EQ(rc, 0);
    CHECK_TRACE("owner:0 next:-EOWNERDEAD");
}

LAW_VIRTUAL(owner_dies_in_hand_over,
            "S7.10 the same when the lock was handed to one that ends without unlocking it")
{
    go_mutex m;
    struct locker keeper = {&m, "keeper", 0, true, 1, 1}, last = {&m, "last", 0, false, 1, 1};
    int rc;

    go_mutex_init(&m, 0);
    CHECK_EQ(go_mutex_lock(&m), 0);
    GO_NURSERY(n, rc) {
        go_spawn(n, locks, &keeper);
        go_spawn(n, locks, &last);
        go_yield();
        CHECK_EQ(go_mutex_unlock(&m), 0);
    }
    CHECK_EQ(rc, 0);
    CHECK_TRACE("keeper:0 last:-EOWNERDEAD");
}

LAW_VIRTUAL(cancel_the_middle, "S7.03 a cancelled waiter leaves no trace: the middle one of three")
{
    go_mutex m;
    struct locker l[3] = {{&m, "a", 0, false, 1, 1},
                          {&m, "b", 0, false, 1, 1},
                          {&m, "c", 0, false, 1, 1}};
    go_task t = {.result = 0};
    int rc;

    go_mutex_init(&m, 0);
    CHECK_EQ(go_mutex_lock(&m), 0);
    GO_NURSERY(n, rc) {
        go_spawn(n, locks, &l[0]);
        go_spawn_with(n, &(go_spawn_opts){.task = &t}, locks, &l[1]);
        go_spawn(n, locks, &l[2]);
        go_sleep(GO_MS);
        go_task_cancel(&t, NULL);
        go_sleep(GO_MS);
        CHECK_EQ(go_mutex_unlock(&m), 0);
    }
    CHECK_EQ(rc, 0);
    CHECK_TRACE("b:-ECANCELED a:0 c:0");
}

LAW_VIRTUAL(cancel_each, "S7.03 the first, the last, all of them")
{
    for (int which = 0; which < 4; which++) {
        go_mutex m;
        struct locker l[3] = {{&m, "a", 0, false, 1, 1},
                              {&m, "b", 0, false, 1, 1},
                              {&m, "c", 0, false, 1, 1}};
        go_task t[3] = {{.result = 0}};
        int rc;

        go_mutex_init(&m, 0);
        CHECK_EQ(go_mutex_lock(&m), 0);
        GO_NURSERY(n, rc) {
            for (int i = 0; i < 3; i++)
                go_spawn_with(n, &(go_spawn_opts){.task = &t[i]}, locks, &l[i]);
            go_yield();
            for (int i = 0; i < 3; i++)
                if (i == which || which == 3)
                    go_task_cancel(&t[i], NULL);
            CHECK_EQ(go_mutex_unlock(&m), 0); /* before they have run */
        }
        CHECK_EQ(rc, 0);
        for (int i = 0; i < 3; i++)
            CHECK_EQ(l[i].rc, i == which || which == 3 ? -ECANCELED : 0);
        CHECK_EQ(go_mutex_try_lock(&m), 0);
    }
}

LAW_VIRTUAL(hand_over_then_cancel,
            "S4.15 handed over and cancelled in the same turn: the waiter holds the lock")
{
    go_mutex m;
    struct locker l = {&m, "a", 0, false, 1, 1};
    go_task t = {.result = 0};
    int rc;

    go_mutex_init(&m, 0);
    CHECK_EQ(go_mutex_lock(&m), 0);
    GO_NURSERY(n, rc) {
        go_spawn_with(n, &(go_spawn_opts){.task = &t}, locks, &l);
        go_yield();
        CHECK_EQ(go_mutex_unlock(&m), 0);
        go_task_cancel(&t, NULL);
    }
    CHECK_EQ(rc, 0);
    CHECK_EQ(l.rc, 0);
    CHECK_EQ(l.unlock, 0);
}

struct timed {
    go_mutex *m;
    go_time at;
    int locked, rc;
};

static int locks_timed(void *arg)
{
    struct timed *t = arg;
    go_scope s = {0};

    GO_SCOPE(&s, t->rc, &(go_scope_opts){.deadline = t->at}) {
        t->rc = t->locked = go_mutex_lock(t->m);
    }
    if (t->locked == 0)
        CHECK_EQ(go_mutex_unlock(t->m), 0);
    return 0;
}

LAW_VIRTUAL(time_out_and_hand_over,
            "S4.15 time-out and hand-over in the same turn: one of them, and no lock is lost")
{
    for (int order = 0; order < 2; order++) {
        go_time at = go_now() + GO_MS;
        go_mutex m;
        struct timed t[2] = {{&m, at, 1, 1}, {&m, GO_FOREVER, 1, 1}};
        int rc;

        go_mutex_init(&m, 0);
        CHECK_EQ(go_mutex_lock(&m), 0);
        GO_NURSERY(n, rc) {
            go_spawn(n, locks_timed, &t[0]);
            go_spawn(n, locks_timed, &t[1]);
            if (order)
                go_yield(); /* their timer is set before ours, or after */
            go_sleep_until(at);
            CHECK_EQ(go_mutex_unlock(&m), 0);
        }
        CHECK_EQ(rc, 0);
        CHECK((t[0].locked == 0 && t[0].rc == 0) ||
              (t[0].locked == -ECANCELED && t[0].rc == -ETIMEDOUT));
        CHECK_EQ(t[1].locked, 0);
        CHECK_EQ(go_mutex_try_lock(&m), 0);
    }
}

LAW_VIRTUAL(time_out_waiting, "S1.05 waiting for a lock under a timeout")
{
    go_mutex m;
    struct locker owner = {&m, "owner", GO_SEC, false, 1, 1};
    go_time start = go_now();
    int rc, timed;

    go_mutex_init(&m, 0);
    GO_NURSERY(n, rc) {
        go_spawn(n, locks, &owner);
        go_yield();
        GO_TIMEOUT(GO_MS, timed) {
            timed = go_mutex_lock(&m);
        }
        CHECK_EQ(timed, -ETIMEDOUT);
        CHECK_EQ(go_now() - start, GO_MS);
        CHECK_EQ(go_mutex_unlock(&m), -EPERM);
    }
    CHECK_EQ(rc, 0);
}

/* ---- O(1) ---- */

struct queue_of_waiters {
    int n;
    go_time best;
};

static int measures_cancel(void *arg)
{
    struct queue_of_waiters *q = arg;
    go_task *t = calloc((size_t)q->n, sizeof *t);
    struct locker *l = calloc((size_t)q->n, sizeof *l);
    go_mutex m;
    int rc;

    q->best = GO_FOREVER;
    go_mutex_init(&m, 0);
    go_mutex_lock(&m);
    GO_NURSERY(n, rc) {
        for (int i = 0; i < q->n; i++) {
            l[i] = (struct locker){&m, "", 0, false, 1, 1};
            go_spawn_with(n, &(go_spawn_opts){.task = &t[i], .stack_size = 16 * 1024}, locks,
                          &l[i]);
        }
        go_sleep(GO_MS);
        for (int i = 0; i < 200; i++) { /* from the middle on */
            go_time before = real_now(), took;

            go_task_cancel(&t[q->n / 2 + i], NULL);
            took = real_now() - before;
            if (took < q->best)
                q->best = took;
        }
        go_mutex_unlock(&m);
    }
    free(t);
    free(l);
    trace_reset();
    return rc;
}

LAW(leaves_in_constant_time, "S7.04 a cancelled waiter leaves in O(1)")
{
    struct queue_of_waiters few = {.n = 500}, many = {.n = tap_slow() ? 5000 : 40000};

    CHECK_EQ(virtual_run(measures_cancel, &few), 0);
    CHECK_EQ(virtual_run(measures_cancel, &many), 0);
    CHECK(many.best < 10 * few.best + 2 * GO_US); /* a walk over half the queue would be a hundred
                                                     times longer */
}

/* ---- whose it is ---- */

static go_mutex global;

static int uses_global(void *arg)
{
    (void)arg;
    CHECK_EQ(go_mutex_lock(&global), 0);
    CHECK_EQ(go_mutex_unlock(&global), 0);
    return 0;
}

LAW(initialised_outside, "S7.06 an object that was initialised outside a run belongs to the first "
                         "scheduler that uses it")
{
    go_mutex_init(&global, 0);
    CHECK_EQ(virtual_run(uses_global, NULL), 0);
    CHECK_EQ(virtual_run(uses_global, NULL), 0); /* this thread's next run is the same scheduler */
}

LAW(outside, "S1.20 outside a run go_mutex_lock is -ESHUTDOWN")
{
    go_mutex m;

    go_mutex_init(&m, 0);
    CHECK_EQ(go_mutex_lock(&m), -ESHUTDOWN);
    CHECK(go_mutex_try_lock(&m) < 0);
    CHECK(go_mutex_unlock(&m) < 0);
}

TAP_MAIN
