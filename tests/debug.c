/* SPDX-License-Identifier: MIT
 *
 * What debug builds report as it happens. Hostile builds are such: make check-hostile runs this. */
#include "tests/kit.h"
#include <pthread.h>

static bool is_debug_build(void)
{
    if (getenv("GOSLING_HOSTILE"))
        return true;
    TAP_SKIP("not a debug build");
    return false;
}

static go_mutex a, b;
static go_rwlock l;

static int takes_ab(void *arg)
{
    (void)arg;
    go_name("left");
    go_mutex_lock(&a);
    go_sleep(GO_MS);
    return go_mutex_lock(&b);
}

static int takes_ba(void *arg)
{
    int rc;

    (void)arg;
    go_name("right");
    go_rwlock_write(&l);
    go_mutex_lock(&b);
    go_sleep(2 * GO_MS);
    GO_MOVE_ON(GO_SEC, rc) { /* time undoes it: no deadlock of all */
        rc = go_mutex_lock(&a);
    }
    go_mutex_unlock(&b);
    return go_rwlock_unlock(&l);
}

static int crosses(void *arg)
{
    int rc;

    (void)arg;
    go_mutex_init(&a, 0);
    go_mutex_init(&b, 0);
    go_rwlock_init(&l, 0);
    GO_NURSERY(n, rc) {
        go_spawn(n, takes_ab, NULL);
        go_spawn(n, takes_ba, NULL);
    }
    return rc;
}

static int cycle_program(void *arg)
{
    return virtual_run(crosses, arg);
}

LAW(cycle, "S10.50 debug builds: a cycle of locks is reported when it closes")
{
    if (!is_debug_build())
        return;
    CHECK_EXITS(cycle_program, NULL, 0);
    CHECK_HAS(kit_output, "a cycle of locks has just closed");
    CHECK_HAS(kit_output, "right, spawned at");
    CHECK_HAS(kit_output, "held by left");
    CHECK_HAS(kit_output, "held by right");
    CHECK_LACKS(kit_output, "deadlock:");
}

static pthread_mutex_t plain = PTHREAD_MUTEX_INITIALIZER;

static int holds_and_sleeps(void *arg)
{
    (void)arg;
    pthread_mutex_lock(&plain);
    go_sleep(GO_MS);
    go_sleep(GO_MS); /* once is enough */
    pthread_mutex_unlock(&plain);
    go_sleep(GO_MS);
    return 0;
}

static int plain_program(void *arg)
{
    return virtual_run(holds_and_sleeps, arg);
}

LAW(plain_mutex, "S10.51 debug builds: who waits with a pthread mutex held is reported, once")
{
    const char *first;

    if (!is_debug_build())
        return;
    CHECK_EXITS(plain_program, NULL, 0);
    CHECK_HAS(kit_output, "while it holds the pthread mutex");
    CHECK_HAS(kit_output, "waiting at:");
    first = strstr(kit_output, "while it holds");
    CHECK(!first || !strstr(first + 1, "while it holds"));
}

static int takes_in_order(void *arg)
{
    (void)arg;
    for (int i = 0; i < 3; i++) {
        go_mutex_lock(&a);
        go_yield();
        go_mutex_lock(&b);
        go_yield();
        go_mutex_unlock(&b);
        go_mutex_unlock(&a);
        pthread_mutex_lock(&plain);
        pthread_mutex_unlock(&plain);
    }
    return 0;
}

static int in_order(void *arg)
{
    int rc;

    (void)arg;
    go_mutex_init(&a, 0);
    go_mutex_init(&b, 0);
    GO_NURSERY(n, rc) {
        for (int i = 0; i < 4; i++)
            go_spawn(n, takes_in_order, NULL);
    }
    return rc;
}

static int orderly_program(void *arg)
{
    return virtual_run(in_order, arg);
}

LAW(silence, "S10.51 and who does neither hears nothing")
{
    if (!is_debug_build())
        return;
    CHECK_EXITS(orderly_program, NULL, 0);
    CHECK_STR(kit_output, "");
}

TAP_MAIN
