/* SPDX-License-Identifier: MIT
 *
 * Where fibers wait for each other, or for a value: condition, barrier, once, future. Each law runs
 * with objects of one scheduler and with shared ones. */
#include "tests/kit.h"

static go_mutex m;
static go_cond c;
static int flags;

#define BOTH_KINDS() for (flags = 0; flags <= GO_SHARED; flags++)

static void init(void)
{
    go_mutex_init(&m, flags);
    go_cond_init(&c, flags);
}

/* ---- condition ---- */

struct waiter {
    const char *name;
    go_time limit;
};

static int waits(void *arg)
{
    const struct waiter *w = arg;
    int rc, got;

    CHECK_EQ(go_mutex_lock(&m), 0);
    GO_MOVE_ON(w->limit ? w->limit : GO_FOREVER, rc) {
        got = go_cond_wait(&c, &m);
        mark("%s:%d", w->name, got);
        rc = 0;
    }
    CHECK_EQ(go_mutex_unlock(&m), 0); /* it is held again, whatever came */
    return 0;
}

LAW_VIRTUAL(notify, "S7.135 notify wakes those who have waited longest, and no more")
{
    struct waiter w[] = {{"a", 0}, {"b", 0}, {"c", 0}, {"d", 0}};
    int rc;

    BOTH_KINDS()
    {
        init();
        GO_NURSERY(n, rc) {
            for (int i = 0; i < 4; i++)
                go_spawn(n, waits, &w[i]);
            go_sleep(GO_MS);
            go_cond_notify(&c, 1);
            go_sleep(GO_MS);
            CHECK_TRACE("a:0");
            go_cond_notify(&c, 2);
            go_sleep(GO_MS);
            CHECK_TRACE("b:0 c:0");
            go_cond_notify(&c, 0);
            go_cond_notify_all(&c);
        }
        CHECK_EQ(rc, 0);
        CHECK_TRACE("d:0");
        go_cond_notify_all(&c); /* nobody */
    }
}

static int notifies_holding(void *arg)
{
    (void)arg;
    CHECK_EQ(go_mutex_lock(&m), 0);
    go_cond_notify_all(&c);
    mark("notified");
    go_sleep(GO_MS);
    mark("unlocks");
    CHECK_EQ(go_mutex_unlock(&m), 0);
    return 0;
}

LAW_VIRTUAL(relocks, "S7.136 a notified waiter goes on when it has the lock")
{
    struct waiter w = {"a", 0};
    int rc;

    BOTH_KINDS()
    {
        init();
        GO_NURSERY(n, rc) {
            go_spawn(n, waits, &w);
            go_spawn(n, notifies_holding, NULL);
        }
        CHECK_EQ(rc, 0);
        CHECK_TRACE("notified unlocks a:0");
    }
}

static int holds_for(void *arg)
{
    CHECK_EQ(go_mutex_lock(&m), 0);
    go_sleep(*(go_time *)arg);
    mark("unlocks");
    CHECK_EQ(go_mutex_unlock(&m), 0);
    return 0;
}

LAW_VIRTUAL(cancelled, "S7.20 after a cancelled condition wait the lock is held again")
{
    struct waiter w[] = {{"a", 0}, {"b", GO_MS}, {"c", 0}};
    go_time hold = 5 * GO_MS;
    int rc;

    BOTH_KINDS()
    {
        init();
        GO_NURSERY(n, rc) {
            for (int i = 0; i < 3; i++)
                go_spawn(n, waits, &w[i]);
            go_spawn(n, holds_for, &hold); /* b's time is up meanwhile: it waits for the lock */
            go_sleep(10 * GO_MS);
            CHECK_TRACE("unlocks b:-ECANCELED");
            go_cond_notify_all(&c);
        }
        CHECK_EQ(rc, 0);
        CHECK_TRACE("a:0 c:0");
    }
}

LAW_VIRTUAL(not_held, "S7.137 waiting without the lock is -EPERM")
{
    BOTH_KINDS()
    {
        init();
        CHECK_EQ(go_cond_wait(&c, &m), -EPERM);
    }
}

/* ---- barrier ---- */

static go_barrier barrier;

static int comes(void *arg)
{
    const struct waiter *w = arg;
    int rc, got;

    GO_MOVE_ON(w->limit ? w->limit : GO_FOREVER, rc) {
        got = go_barrier_wait(&barrier);
        mark("%s:%d", w->name, got);
        rc = 0;
    }
    return 0;
}

LAW_VIRTUAL(rounds, "S7.138 a barrier lets n go on at once, the last is told so, and begins anew")
{
    struct waiter w[] = {{"a", 0}, {"b", 0}, {"c", 0}, {"d", 0}, {"e", 0}, {"f", 0}};
    int rc;

    BOTH_KINDS()
    {
        go_barrier_init(&barrier, 3, flags);
        GO_NURSERY(n, rc) {
            for (int i = 0; i < 6; i++) {
                go_spawn(n, comes, &w[i]);
                go_yield();
            }
        }
        CHECK_EQ(rc, 0);
        CHECK_TRACE("c:1 a:0 b:0 f:1 d:0 e:0");
    }
}

LAW_VIRTUAL(absent, "S7.139 who is cancelled at a barrier was not there")
{
    struct waiter w[] = {{"a", GO_MS}, {"b", 0}, {"c", 0}};
    int rc;

    BOTH_KINDS()
    {
        go_barrier_init(&barrier, 2, flags);
        GO_NURSERY(n, rc) {
            go_spawn(n, comes, &w[0]);
            go_sleep(2 * GO_MS);
            go_spawn(n, comes, &w[1]);
            go_sleep(GO_MS);
            CHECK_TRACE("a:-ECANCELED");
            go_spawn(n, comes, &w[2]);
        }
        CHECK_EQ(rc, 0);
        CHECK_TRACE("c:1 b:0");
    }
    go_barrier_init(&barrier, 0, 0);
    CHECK_EQ(go_barrier_wait(&barrier), 1);
}

/* ---- once ---- */

static go_once once;
static int runs;

static int makes(void *arg)
{
    runs++;
    go_sleep(GO_MS);
    return (int)(intptr_t)arg;
}

static int wants(void *arg)
{
    mark("%d", go_once_run(&once, makes, arg));
    return 0;
}

LAW_VIRTUAL(one_run, "S7.140 go_once_run: one runs it, the others wait and get its result")
{
    int rc;

    once = (go_once){0};
    runs = 0;
    GO_NURSERY(n, rc) {
        for (intptr_t i = 7; i < 10; i++)
            go_spawn(n, wants, (void *)i);
    }
    CHECK_EQ(rc, 0);
    CHECK_EQ(runs, 1);
    CHECK_TRACE("7 7 7");
    CHECK_EQ(go_once_run(&once, makes, NULL), 7);
    once = (go_once){0};
    CHECK_EQ(go_once_run(&once, makes, (void *)-EIO), -EIO);
    CHECK_EQ(go_once_run(&once, makes, NULL), -EIO); /* an error is a result */
}

static int again(void *arg)
{
    (void)arg;
    return go_once_run(&once, makes, NULL);
}

LAW_VIRTUAL(recursion, "S7.141 go_once_run from inside itself is -EDEADLK")
{
    once = (go_once){0};
    CHECK_EQ(go_once_run(&once, again, NULL), -EDEADLK);
}

static int is_cut_short(void *arg)
{
    int rc;

    GO_MOVE_ON(GO_MS / 2, rc) {
        rc = go_once_run(&once, makes, arg);
        mark("%d", rc);
        rc = 0;
    }
    return 0;
}

static int makes_if_not_cancelled(void *arg)
{
    int rc = go_sleep(GO_MS);

    return rc < 0 ? rc : (int)(intptr_t)arg;
}

static int wants_more(void *arg)
{
    mark("%d", go_once_run(&once, makes_if_not_cancelled, arg));
    return 0;
}

static int first_is_cancelled(void *arg)
{
    int rc;

    GO_MOVE_ON(GO_MS / 2, rc) {
        rc = go_once_run(&once, makes_if_not_cancelled, arg);
        mark("%d", rc);
        rc = 0;
    }
    return 0;
}

LAW_VIRTUAL(cancelled_run, "S7.142 what was cancelled has not been done: the next one does it")
{
    int rc;

    once = (go_once){0};
    GO_NURSERY(n, rc) {
        go_spawn(n, first_is_cancelled, (void *)1);
        go_spawn(n, wants_more, (void *)2);
        go_spawn(n, wants_more, (void *)3);
    }
    CHECK_TRACE("-ECANCELED 2 2");
    once = (go_once){0};
    GO_NURSERY(n, rc) {
        go_spawn(n, wants, (void *)4);
        go_spawn(n, is_cut_short, (void *)5); /* a waiter, which leaves */
    }
    CHECK_TRACE("-ECANCELED 4");
}

/* ---- future ---- */

static go_future future;

static int gets(void *arg)
{
    const struct waiter *w = arg;
    intptr_t value = -1;
    int rc, got;

    GO_MOVE_ON(w->limit ? w->limit : GO_FOREVER, rc) {
        got = go_future_get(&future, &value);
        mark("%s:%d:%d", w->name, got, (int)value);
        rc = 0;
    }
    return 0;
}

LAW_VIRTUAL(set, "S7.143 a future is set once, and everybody gets it")
{
    struct waiter w[] = {{"a", 0}, {"b", GO_MS}, {"c", 0}};
    int rc;

    BOTH_KINDS()
    {
        go_future_init(&future, flags);
        GO_NURSERY(n, rc) {
            for (int i = 0; i < 3; i++)
                go_spawn(n, gets, &w[i]);
            go_sleep(2 * GO_MS);
            CHECK_EQ(go_future_set(&future, 42), 0);
            CHECK_EQ(go_future_set(&future, 43), -EALREADY);
            CHECK_EQ(go_future_fail(&future, EIO), -EALREADY);
        }
        CHECK_EQ(rc, 0);
        CHECK_TRACE("b:-ECANCELED:-1 a:0:42 c:0:42");
        CHECK_EQ(go_future_get(&future, NULL), 0);
    }
}

LAW_VIRTUAL(failed, "S7.144 a future may fail, with any error")
{
    struct waiter w = {"a", 0};
    int rc;

    BOTH_KINDS()
    {
        go_future_init(&future, flags);
        GO_NURSERY(n, rc) {
            go_spawn(n, gets, &w);
            go_yield();
            CHECK_EQ(go_future_fail(&future, EAGAIN), 0);
        }
        CHECK_TRACE("a:-11:-1");
        CHECK_EQ(go_future_get(&future, NULL), -EAGAIN);
        go_future_init(&future, flags);
        go_future_fail(&future, -EIO);
        CHECK_EQ(go_future_get(&future, NULL), -EIO);
        go_future_init(&future, flags);
        go_future_fail(&future, 0);
        CHECK_EQ(go_future_get(&future, NULL), -EINVAL);
    }
}

static void sets_it(void *arg)
{
    go_future_set(arg, 5);
}

LAW_VIRTUAL(callback, "S7.145 a future may be set from a callback")
{
    intptr_t value = 0;

    go_future_init(&future, 0);
    CHECK_EQ(go_post(go_sched_self(), sets_it, &future), 0);
    CHECK_EQ(go_future_get(&future, &value), 0);
    CHECK_EQ(value, 5);
}

/* ---- select ---- */

static int fails_it(void *arg)
{
    (void)arg;
    return go_future_fail(&future, EIO);
}

LAW_VIRTUAL(selected, "S7.27 go_select waits on semaphores and futures")
{
    go_sem s;
    go_case cases[3];
    int rc;

    BOTH_KINDS()
    {
        go_future_init(&future, flags);
        go_sem_init(&s, 0, 0, flags);
        cases[0] = GO_GET(&future);
        cases[1] = GO_ACQUIRE(&s);
        cases[2] = GO_AFTER(GO_MS);
        CHECK_EQ(go_select(cases, 3), 2);
        go_sem_release(&s);
        CHECK_EQ(go_select(cases, 3), 1);
        CHECK_EQ(go_sem_try_acquire(&s), -EAGAIN);
        GO_NURSERY(n, rc) {
            go_spawn(n, fails_it, NULL);
            CHECK_EQ(go_select(cases, 2), 0);
        }
        CHECK_EQ(cases[0].result, -EIO);
    }
}

TAP_MAIN
