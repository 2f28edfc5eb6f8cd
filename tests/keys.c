/* SPDX-License-Identifier: MIT
 *
 * Values that belong to a fiber. */
#include "tests/kit.h"

static int exhausts(void *arg)
{
    static go_key keys[2000];
    int made = 0, rc = 0;

    (void)arg;
    for (int i = 0; i < 2000 && rc == 0; i++) {
        rc = go_key_init(&keys[i], NULL);
        made += rc == 0;
    }
    CHECK_EQ(rc, -EAGAIN);
    CHECK_EQ(made, 1024);
    return 0;
}

LAW(exhausted, "S1.01 go_key_init is -EAGAIN when all 1,024 are taken") /* first, and in a child: it
                                                                           takes them all */
{
    CHECK_EXITS(exhausts, NULL, 0);
}

static go_key own, inherited, counted;

static int destroyed;

static void destroys(void *value)
{
    destroyed += *(int *)value;
    mark("d%d", *(int *)value);
}

static int sets_own(void *arg)
{
    CHECK(!go_get(&own)); /* private: nothing comes from the spawner */
    CHECK_EQ(go_set(&own, arg), 0);
    go_yield();
    CHECK(go_get(&own) == arg);
    return 0;
}

LAW_VIRTUAL(private_values, "S1.02 a private key's value belongs to its fiber alone")
{
    char a, b, mine;
    int rc;

    CHECK_EQ(go_key_init(&own, NULL), 0);
    CHECK_EQ(go_key_init(&own, NULL), -EBUSY);
    CHECK_EQ(go_key_init_inherited(&own), -EBUSY);
    CHECK(!go_get(&own));
    CHECK_EQ(go_set(&own, &mine), 0);
    GO_NURSERY(n, rc) {
        go_spawn(n, sets_own, &a);
        go_spawn(n, sets_own, &b);
    }
    CHECK_EQ(rc, 0);
    CHECK(go_get(&own) == &mine);
    CHECK_EQ(go_set(&own, NULL), 0);
    CHECK(!go_get(&own));
}

static int sets_counted(void *arg)
{
    CHECK_EQ(go_set(&counted, arg), 0);
    go_sleep(GO_MS);
    mark("end");
    return 0;
}

static int sets_null(void *arg)
{
    CHECK_EQ(go_set(&counted, arg), 0);
    CHECK_EQ(go_set(&counted, NULL), 0);
    return 0;
}

LAW_VIRTUAL(destructors,
            "S2.07 when a fiber ends, destructors run for its values that are not NULL")
{
    int one = 1, ten = 10, rc;

    CHECK_EQ(go_key_init(&counted, destroys), 0);
    GO_NURSERY(n, rc) {
        go_spawn(n, sets_counted, &one);
        go_spawn(n, sets_null, &ten);
    }
    CHECK_EQ(rc, 0);
    CHECK_EQ(destroyed, 1);
    CHECK_TRACE("end d1");
}

static int child_reads(void *arg)
{
    mark("%s", (char *)go_get(&inherited));
    go_set(&inherited, arg);
    go_yield();
    mark("%s", (char *)go_get(&inherited));
    return 0;
}

static int child_passes_on(void *arg)
{
    int rc;

    go_set(&inherited, "grand");
    GO_NURSERY(n, rc) {
        go_spawn(n, child_reads, arg);
    }
    return rc;
}

LAW_VIRTUAL(inheritance, "S3.13 the child has a copy of the spawner's inherited values")
{
    int rc;

    CHECK_EQ(go_key_init_inherited(&inherited), 0);
    CHECK_EQ(go_set(&inherited, "mine"), 0);
    GO_NURSERY(n, rc) {
        go_spawn(n, child_reads, "a");
        go_spawn(n, child_reads, "b");
    }
    CHECK_TRACE("mine mine a b");
    CHECK_STR(go_get(&inherited), "mine");
    GO_NURSERY(n, rc) {
        go_spawn(n, child_passes_on, "c");
    }
    CHECK_EQ(rc, 0);
    CHECK_TRACE("grand c");
    CHECK_STR(go_get(&inherited), "mine");
    GO_NURSERY(n, rc) {
        go_spawn(n, child_reads, "d");
        go_set(&inherited, "later"); /* after the spawn: not seen */
    }
    CHECK_TRACE("mine d");
}

static go_nursery *elsewhere;

static int spawns_elsewhere(void *arg)
{
    (void)arg;
    go_set(&inherited, "spawner's");
    return go_spawn(elsewhere, child_reads, "x");
}

LAW_VIRTUAL(from_the_spawner, "S3.13 the spawner's, not the nursery's opener's")
{
    int outer, inner;

    go_set(&inherited, "opener's");
    GO_NURSERY(n, outer) {
        elsewhere = n;
        GO_NURSERY(m, inner) {
            go_spawn(m, spawns_elsewhere, NULL);
        }
    }
    CHECK_EQ(outer | inner, 0);
    CHECK_TRACE("spawner's x");
}

static go_key many[64];

static int many_values(void *arg)
{
    (void)arg;
    for (int i = 0; i < 64; i++)
        CHECK_EQ(go_set(&many[i], &many[63 - i]), 0);
    go_yield();
    for (int i = 0; i < 64; i++)
        CHECK(go_get(&many[i]) == &many[63 - i]);
    return 0;
}

LAW_VIRTUAL(many_keys, "S1.02 many keys, set in many fibers")
{
    int rc;

    for (int i = 0; i < 64; i++)
        CHECK_EQ(i % 2 ? go_key_init_inherited(&many[i]) : go_key_init(&many[i], NULL), 0);
    GO_NURSERY(n, rc) {
        for (int i = 0; i < 20; i++)
            go_spawn(n, many_values, NULL);
    }
    CHECK_EQ(rc, 0);
}

LAW_VIRTUAL(not_initialised, "S1.01 a key that was not initialised is -EINVAL")
{
    static go_key never;

    CHECK_EQ(go_set(&never, "x"), -EINVAL);
    CHECK(!go_get(&never));
}

LAW(outside, "S1.20 outside a run go_set is -ESHUTDOWN and go_get NULL")
{
    static go_key k;

    CHECK_EQ(go_key_init(&k, NULL), 0); /* any thread */
    CHECK_EQ(go_set(&k, "x"), -ESHUTDOWN);
    CHECK(!go_get(&k));
}

TAP_MAIN
