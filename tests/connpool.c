/* SPDX-License-Identifier: MIT
 *
 * The connection pool, with connections that are numbers. */
#include "tests/kit.h"

static struct {
    int made, closed, opening, sick;
    int open_error;
    go_time open_takes;
} world;

static int opens(void **conn, void *arg)
{
    int rc;

    (void)arg;
    CHECK_EQ(++world.opening, 1); /* one at a time */
    rc = go_sleep(world.open_takes);
    world.opening--;
    if (rc < 0)
        return rc;
    if (world.open_error)
        return world.open_error;
    *conn = (void *)(intptr_t)++world.made;
    return 0;
}

static void closes(void *conn, void *arg)
{
    (void)arg;
    mark("close%d", (int)(intptr_t)conn);
    world.closed++;
}

static bool is_healthy(void *conn, void *arg)
{
    (void)arg;
    go_sleep(GO_MS);
    return (intptr_t)conn != world.sick;
}

static go_connpool pool;

static void init(go_connpool_opts opts)
{
    memset(&world, 0, sizeof world);
    world.open_takes = GO_MS;
    opts.open = opens;
    opts.close = closes;
    CHECK_EQ(go_connpool_init(&pool, &opts), 0);
}

struct user {
    const char *name;
    go_time hold, limit;
    bool broken;
};

static int uses(void *arg)
{
    const struct user *u = arg;
    void *conn = NULL;
    int rc, got;

    GO_MOVE_ON(u->limit ? u->limit : GO_FOREVER, rc) {
        got = go_connpool_get(&pool, &conn);
        mark("%s:%d", u->name, got < 0 ? got : (int)(intptr_t)conn);
        if (got == 0) {
            go_sleep(u->hold);
            go_connpool_put(&pool, conn, u->broken);
        }
        rc = 0;
    }
    return 0;
}

LAW_VIRTUAL(lends,
            "S7.122 it lends at most max, first come, first served, beyond max_waiting -EAGAIN")
{
    struct user u[] = {{.name = "a", .hold = 10 * GO_MS},
                       {.name = "b", .hold = 20 * GO_MS},
                       {.name = "c", .hold = GO_MS},
                       {.name = "d", .hold = GO_MS},
                       {.name = "e", .hold = GO_MS}};
    int rc;

    init((go_connpool_opts){.max = 2, .max_waiting = 2});
    GO_NURSERY(n, rc) {
        go_spawn(n, uses, &u[0]);
        go_spawn(n, uses, &u[1]);
        go_sleep(5 * GO_MS);
        for (int i = 2; i < 5; i++)
            go_spawn(n, uses, &u[i]);
    }
    CHECK_EQ(rc, 0);
    CHECK_TRACE("a:1 b:2 e:-11 c:1 d:1");
    go_connpool_close(&pool);
    CHECK_EQ(world.closed, 2);
}

LAW_VIRTUAL(opens_one,
            "S7.123 one is opened at a time; an error is the opener's, the next one tries")
{
    struct user u[] = {{.name = "a", .hold = GO_MS}, {.name = "b", .hold = GO_MS}};
    void *conn;
    int rc;

    init((go_connpool_opts){.max = 5});
    world.open_error = -ECONNREFUSED;
    GO_NURSERY(n, rc) {
        go_spawn(n, uses, &u[0]);
        go_spawn(n, uses, &u[1]);
        go_sleep(GO_MS + GO_MS / 2); /* a has failed, b is at it */
        world.open_error = 0;
    }
    CHECK_TRACE("a:-ECONNREFUSED b:1");
    CHECK_EQ(go_connpool_get(&pool, &conn), 0);
    CHECK_EQ(world.made, 1);
    go_connpool_put(&pool, conn, false);
    go_connpool_close(&pool);
}

LAW_VIRTUAL(expires, "S7.124 idle connections are closed after their time, but for min")
{
    struct user u[] = {{.name = "a", .hold = 10 * GO_MS},
                       {.name = "b", .hold = 10 * GO_MS},
                       {.name = "c", .hold = 10 * GO_MS}};
    int rc;

    init((go_connpool_opts){.max = 3, .min = 1, .idle = GO_SEC});
    GO_NURSERY(n, rc) {
        for (int i = 0; i < 3; i++)
            go_spawn(n, uses, &u[i]);
    }
    trace_reset();
    go_sleep(GO_SEC / 2);
    CHECK_EQ(world.closed, 0);
    go_sleep(GO_SEC);
    CHECK_EQ(world.closed, 2);
    go_sleep(10 * GO_SEC);
    CHECK_EQ(world.closed, 2);
    go_connpool_close(&pool);
    CHECK_EQ(world.closed, 3);
}

LAW_VIRTUAL(health,
            "S7.125 a sick one is replaced when it is lent, a broken one when it is put back")
{
    struct user a = {.name = "a"}, broken = {.name = "b", .broken = true};

    init((go_connpool_opts){.max = 1, .healthy = is_healthy});
    uses(&a);
    uses(&a);
    CHECK_TRACE("a:1 a:1");
    world.sick = 1;
    uses(&a);
    CHECK_TRACE("close1 a:2");
    uses(&broken);
    uses(&a);
    CHECK_TRACE("b:2 close2 a:3");
    go_connpool_close(&pool);
}

LAW_VIRTUAL(overload, "S7.125 a waiter gets another one in the broken one's place")
{
    struct user u[] = {{.name = "a", .hold = 5 * GO_MS, .broken = true}, {.name = "b", .hold = 0}};
    int rc;

    init((go_connpool_opts){.max = 1});
    GO_NURSERY(n, rc) {
        go_spawn(n, uses, &u[0]);
        go_spawn(n, uses, &u[1]);
    }
    CHECK_TRACE("a:1 close1 b:2");
    go_connpool_close(&pool);
}

LAW_VIRTUAL(cancelled, "S7.126 who is cancelled while it waits, or opens, takes no slot along")
{
    struct user u[] = {{.name = "a", .hold = 9 * GO_MS},
                       {.name = "b", .limit = 4 * GO_MS},
                       {.name = "c", .hold = 0}};
    struct user cut = {.name = "x", .limit = GO_MS / 2}, after = {.name = "y"};
    int rc;

    init((go_connpool_opts){.max = 1});
    GO_NURSERY(n, rc) {
        for (int i = 0; i < 3; i++)
            go_spawn(n, uses, &u[i]);
    }
    CHECK_TRACE("a:1 b:-ECANCELED c:1");
    go_connpool_close(&pool);
    init((go_connpool_opts){.max = 1});
    GO_NURSERY(n, rc) {
        go_spawn(n, uses, &cut); /* cancelled in the middle of opening */
        go_spawn(n, uses, &after);
    }
    CHECK_TRACE("close1 x:-ECANCELED y:1");
    go_connpool_close(&pool);
}

LAW_VIRTUAL(handed_over, "S7.126 who is handed one and is cancelled in the same turn has it")
{
    struct user u = {.name = "a"};
    void *conn;
    int rc;

    init((go_connpool_opts){.max = 1});
    CHECK_EQ(go_connpool_get(&pool, &conn), 0);
    GO_NURSERY(n, rc) {
        go_spawn(n, uses, &u);
        go_yield();
        go_connpool_put(&pool, conn, false);
        go_nursery_cancel(n, "too late");
    }
    CHECK_TRACE("a:1");
    CHECK_EQ(go_connpool_get(&pool, &conn), 0);
    go_connpool_put(&pool, conn, false);
    go_connpool_close(&pool);
}

LAW_VIRTUAL(closed,
            "S7.19 closing gives waiters -ESHUTDOWN, and closes what is out when it comes back")
{
    struct user u[] = {{.name = "a", .hold = 9 * GO_MS}, {.name = "b"}, {.name = "c"}};
    int rc;

    init((go_connpool_opts){.max = 1});
    GO_NURSERY(n, rc) {
        for (int i = 0; i < 3; i++)
            go_spawn(n, uses, &u[i]);
        go_sleep(5 * GO_MS);
        go_connpool_close(&pool);
        go_sleep(GO_MS);
        CHECK_TRACE("a:1 b:-ESHUTDOWN c:-ESHUTDOWN");
        uses(&u[1]);
        CHECK_TRACE("b:-ESHUTDOWN");
    }
    CHECK_TRACE("close1");
    go_connpool_close(&pool); /* again */
}

LAW(bad, "S1.01 go_connpool_init: what it needs")
{
    go_connpool p;

    CHECK_EQ(go_connpool_init(&p, &(go_connpool_opts){.max = 1}), -EINVAL);
    CHECK_EQ(go_connpool_init(&p, &(go_connpool_opts){.open = opens, .min = 2, .max = 1}), -EINVAL);
}

TAP_MAIN
