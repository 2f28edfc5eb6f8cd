/* SPDX-License-Identifier: MIT
 *
 * Queues, of one scheduler and shared. */
#include "tests/kit.h"
#include <limits.h>

static go_queue q;
static int flags;

#define BOTH_KINDS() for (flags = 0; flags <= GO_SHARED; flags++)

#define ITEM(n) ((void *)(intptr_t)(n))

static void init(go_order order, size_t capacity)
{
    CHECK_EQ(go_queue_init(&q, order, capacity, flags), 0);
}

static int get(void)
{
    void *item = NULL;
    int rc = go_queue_try_get(&q, &item);

    return rc == 1 ? (int)(intptr_t)item : rc;
}

LAW_VIRTUAL(fifo, "S7.146 GO_FIFO gives the oldest first, GO_LIFO the newest")
{
    BOTH_KINDS()
    {
        init(GO_FIFO, 0);
        for (int i = 1; i <= 100; i++)
            CHECK_EQ(go_queue_put(&q, ITEM(i), 0), 0);
        for (int i = 1; i <= 50; i++)
            CHECK_EQ(get(), i);
        for (int i = 101; i <= 200; i++) /* around the end of the ring, and beyond */
            CHECK_EQ(go_queue_put(&q, ITEM(i), 0), 0);
        for (int i = 51; i <= 200; i++)
            CHECK_EQ(get(), i);
        CHECK_EQ(get(), -EAGAIN);
        go_queue_fini(&q);
        init(GO_LIFO, 3);
        for (int i = 1; i <= 3; i++)
            CHECK_EQ(go_queue_put(&q, ITEM(i), 0), 0);
        CHECK_EQ(go_queue_try_put(&q, ITEM(4), 0), -EAGAIN);
        for (int i = 3; i >= 1; i--)
            CHECK_EQ(get(), i);
        go_queue_fini(&q);
    }
}

LAW_VIRTUAL(priority, "S7.13 GO_PRIORITY gives the smallest first, first in first out among equals")
{
    static int order[1000];
    unsigned x = 1, seen = 0;
    int last = INT_MIN, last_number = 0;

    BOTH_KINDS()
    {
        init(GO_PRIORITY, 0);
        for (int i = 0; i < 1000; i++) {
            x = x * 1103515245 + 12345;
            order[i] = (int)(x >> 16) % 20 - 10;
            CHECK_EQ(go_queue_put(&q, &order[i], order[i]), 0);
        }
        seen = 0;
        last = INT_MIN;
        for (void *item; go_queue_try_get(&q, &item) == 1; seen++) {
            int *it = item;

            CHECK(*it > last || (*it == last && it - order > last_number));
            last = *it;
            last_number = (int)(it - order);
        }
        CHECK_EQ(seen, 1000);
        go_queue_fini(&q);
    }
}

static int puts_one(void *arg)
{
    int rc = go_queue_put(&q, arg, 0);

    mark("put%d:%d", (int)(intptr_t)arg, rc);
    return 0;
}

static int gets_one(void *arg)
{
    void *item = NULL;
    int rc = go_queue_get(&q, &item);

    mark("%s:%d:%d", (const char *)arg, rc, (int)(intptr_t)item);
    return 0;
}

LAW_VIRTUAL(back_pressure, "S7.147 a full queue makes putters wait, an empty one getters, in turn")
{
    int rc;

    BOTH_KINDS()
    {
        init(GO_FIFO, 1);
        GO_NURSERY(n, rc) {
            for (int i = 1; i <= 3; i++)
                go_spawn(n, puts_one, ITEM(i));
            go_sleep(GO_MS);
            CHECK_TRACE("put1:0");
            CHECK_EQ(go_queue_try_put(&q, ITEM(9), 0), -EAGAIN); /* does not overtake */
            for (int i = 1; i <= 3; i++)
                CHECK_EQ(get(), i);
            CHECK_EQ(get(), -EAGAIN);
            go_sleep(GO_MS);
            CHECK_TRACE("put2:0 put3:0");
            go_spawn(n, gets_one, "a");
            go_spawn(n, gets_one, "b");
            go_sleep(GO_MS);
            CHECK_EQ(go_queue_put(&q, ITEM(4), 0), 0);
            CHECK_EQ(go_queue_put(&q, ITEM(5), 0), 0);
            CHECK_EQ(get(), -EAGAIN); /* they are a's and b's */
        }
        CHECK_EQ(rc, 0);
        CHECK_TRACE("a:1:4 b:1:5");
        go_queue_fini(&q);
    }
}

static int cancelled_get(void *arg)
{
    int rc;

    GO_MOVE_ON(GO_MS, rc) {
        rc = gets_one(arg);
    }
    return 0;
}

static int cancelled_put(void *arg)
{
    int rc;

    GO_MOVE_ON(GO_MS, rc) {
        rc = puts_one(arg);
    }
    return 0;
}

LAW_VIRTUAL(cancel, "S7.03 a cancelled getter loses no item, a cancelled putter leaves none")
{
    int rc;

    BOTH_KINDS()
    {
        init(GO_FIFO, 1);
        GO_NURSERY(n, rc) {
            go_spawn(n, gets_one, "a");
            go_spawn(n, cancelled_get, "b");
            go_spawn(n, gets_one, "c");
            go_sleep(2 * GO_MS);
            for (int i = 1; i <= 2; i++)
                CHECK_EQ(go_queue_put(&q, ITEM(i), 0), 0);
        }
        CHECK_TRACE("b:-ECANCELED:0 a:1:1 c:1:2");
        GO_NURSERY(n, rc) {
            go_spawn(n, puts_one, ITEM(1));
            go_spawn(n, puts_one, ITEM(2));
            go_spawn(n, cancelled_put, ITEM(3));
            go_spawn(n, puts_one, ITEM(4));
            go_sleep(2 * GO_MS);
            CHECK_EQ(get(), 1);
            CHECK_EQ(get(), 2);
            CHECK_EQ(get(), 4);
        }
        CHECK_TRACE("put1:0 put3:-ECANCELED put2:0 put4:0");
        go_queue_fini(&q);
    }
}

/* ---- task_done and join ---- */

static int joins(void *arg)
{
    (void)arg;
    mark("joined:%d", go_queue_join(&q));
    return 0;
}

LAW_VIRTUAL(done, "S7.148 go_queue_join waits until every item has been dealt with")
{
    int rc;

    BOTH_KINDS()
    {
        init(GO_FIFO, 0);
        CHECK_EQ(go_queue_join(&q), 0); /* nothing was put */
        CHECK_EQ(go_queue_task_done(&q), -EINVAL);
        go_queue_put(&q, ITEM(1), 0);
        go_queue_put(&q, ITEM(2), 0);
        GO_NURSERY(n, rc) {
            go_spawn(n, joins, NULL);
            go_spawn(n, joins, NULL);
            CHECK_EQ(get(), 1);
            CHECK_EQ(get(), 2);
            go_sleep(GO_MS);
            CHECK_EQ(go_queue_task_done(&q), 0);
            go_sleep(GO_MS);
            CHECK_TRACE("");
            CHECK_EQ(go_queue_task_done(&q), 0);
        }
        CHECK_TRACE("joined:0 joined:0");
        go_queue_fini(&q);
    }
}

/* ---- shutdown ---- */

LAW_VIRTUAL(graceful, "S7.149 shut down: no more puts, what is there is drained, then 0 for ever")
{
    int rc;

    BOTH_KINDS()
    {
        init(GO_FIFO, 2);
        GO_NURSERY(n, rc) {
            for (int i = 1; i <= 3; i++)
                go_spawn(n, puts_one, ITEM(i));
            go_sleep(GO_MS);
            go_queue_shutdown(&q, false);
            CHECK_EQ(go_queue_put(&q, ITEM(4), 0), -EPIPE);
            CHECK_EQ(go_queue_try_put(&q, ITEM(4), 0), -EPIPE);
        }
        CHECK_TRACE("put1:0 put2:0 put3:-32");
        CHECK_EQ(get(), 1);
        CHECK_EQ(get(), 2);
        CHECK_EQ(get(), 0);
        CHECK_EQ(get(), 0);
        go_queue_fini(&q);
        init(GO_FIFO, 2);
        GO_NURSERY(n, rc) {
            go_spawn(n, gets_one, "a");
            go_sleep(GO_MS);
            go_queue_shutdown(&q, false);
        }
        CHECK_TRACE("a:0:0");
        go_queue_fini(&q);
    }
}

LAW_VIRTUAL(immediate, "S7.14 shut down at once: items are dropped, and count as done")
{
    int rc;

    BOTH_KINDS()
    {
        init(GO_PRIORITY, 0);
        for (int i = 1; i <= 3; i++)
            go_queue_put(&q, ITEM(i), i);
        CHECK_EQ(get(), 1);
        GO_NURSERY(n, rc) {
            go_spawn(n, joins, NULL);
            go_sleep(GO_MS);
            go_queue_shutdown(&q, false);
            go_queue_shutdown(&q, true);
            CHECK_EQ(get(), 0);
            go_sleep(GO_MS);
            CHECK_TRACE(""); /* the first is still being dealt with */
            go_queue_task_done(&q);
        }
        CHECK_TRACE("joined:0");
        go_queue_fini(&q);
    }
}

LAW_VIRTUAL(try_get, "S7.16 a try_get answers 1, 0 at the end, or -EAGAIN")
{
    void *item;

    BOTH_KINDS()
    {
        init(GO_FIFO, 0);
        CHECK_EQ(go_queue_try_get(&q, &item), -EAGAIN);
        go_queue_put(&q, &q, 0);
        CHECK_EQ(go_queue_try_get(&q, &item), 1);
        CHECK(item == &q);
        go_queue_shutdown(&q, false);
        CHECK_EQ(go_queue_try_get(&q, &item), 0);
        go_queue_fini(&q);
    }
}

LAW_VIRTUAL(bad, "S1.01 go_queue_init: orders, sizes and flags")
{
    CHECK_EQ(go_queue_init(&q, (go_order)3, 0, 0), -EINVAL);
    CHECK_EQ(go_queue_init(&q, GO_FIFO, SIZE_MAX / 2, 0), -EINVAL);
    CHECK_EQ(go_queue_init(&q, GO_FIFO, 1, 64), -EINVAL);
}

static int drains(void *arg)
{
    void *item;
    int rc;

    (void)arg;
    while ((rc = go_queue_get(&q, &item)) == 1)
        mark("%d", (int)(intptr_t)item);
    mark("end:%d", rc);
    return 0;
}

LAW_VIRTUAL(source,
            "S4.31 getting from a GO_SOURCE queue is refused once a soft cancel asks to stop")
{
    go_scope *scope;
    int rc;

    CHECK_EQ(go_queue_init(&q, GO_FIFO, 0, GO_SOURCE), 0);
    GO_NURSERY(n, rc) {
        go_spawn(n, drains, NULL);
        go_queue_put(&q, ITEM(1), 0);
        go_sleep(GO_MS);
        scope = go_nursery_scope(n);
        go_scope_cancel_soft(scope, GO_SEC, "enough");
        go_sleep(GO_MS);
    }
    CHECK_TRACE("1 end:-ECANCELED");
    go_queue_fini(&q);
}

TAP_MAIN
