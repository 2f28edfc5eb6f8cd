/* SPDX-License-Identifier: MIT
 *
 * Section 3: nurseries; what closing and spawning promise. Policies, go_start, errors and slots
 * have files of their own. */
#include "tests/kit.h"

/* ---- closing ---- */

LAW_VIRTUAL(close_waits_for_all, "S3.01 closing waits for every child")
{
    struct plan a = {.delay = 10 * GO_MS}, b = {.delay = 30 * GO_MS}, c = {.delay = 20 * GO_MS};
    go_time start = go_now();
    int rc;

    GO_NURSERY(n, rc) {
        go_spawn(n, follow, &a);
        go_spawn(n, follow, &b);
        go_spawn(n, follow, &c);
        CHECK(!a.ran);
    }
    CHECK_EQ(rc, 0);
    CHECK(a.ran && b.ran && c.ran);
    CHECK_EQ(go_now() - start, 30 * GO_MS);
}

struct generations {
    go_nursery *n;
    int left, ran;
};

static int begets(void *arg)
{
    struct generations *g = arg;
    int rc;

    g->ran++;
    rc = go_sleep(GO_MS);
    if (g->left-- > 0)
        CHECK_EQ(go_spawn(g->n, begets, g), 0);
    return rc;
}

LAW_VIRTUAL(close_waits_for_late_children,
            "S3.01 closing waits for children that are spawned while it waits")
{
    struct generations g = {.left = 9};
    go_time start = go_now();
    int rc;

    GO_NURSERY(n, rc) {
        g.n = n;
        go_spawn(n, begets, &g);
    }
    CHECK_EQ(rc, 0);
    CHECK_EQ(g.ran, 10);
    CHECK_EQ(go_now() - start, 10 * GO_MS);
}

LAW_VIRTUAL(nested_nurseries, "S3.01 nurseries nest: each close waits for its own")
{
    struct plan slow = {.delay = 50 * GO_MS}, quick = {.delay = 10 * GO_MS};
    go_time start = go_now();
    int outer, inner;

    GO_NURSERY(n, outer) {
        go_spawn(n, follow, &slow);
        GO_NURSERY(m, inner) {
            go_spawn(m, follow, &quick);
        }
        CHECK_EQ(inner, 0);
        CHECK_EQ(go_now() - start, 10 * GO_MS);
    }
    CHECK_EQ(outer, 0);
    CHECK_EQ(go_now() - start, 50 * GO_MS);
}

LAW_VIRTUAL(explicit_pair, "S3.49 go_nursery_open and go_nursery_close are equal to the block form")
{
    struct plan a = {.name = "a", .delay = 10 * GO_MS},
                bad = {.name = "bad", .delay = 5 * GO_MS, .result = -EIO};
    go_nursery n;

    CHECK_EQ(go_nursery_open(&n, NULL), 0);
    CHECK_EQ(go_spawn(&n, follow, &a), 0);
    CHECK_EQ(go_nursery_close(&n, 3), 3); /* the body's rc */
    CHECK_TRACE("a");
    CHECK_EQ(go_nursery_open(&n, NULL), 0); /* the memory may be used again */
    CHECK_EQ(go_spawn(&n, follow, &a), 0);
    CHECK_EQ(go_spawn(&n, follow, &bad), 0);
    CHECK_EQ(go_nursery_close(&n, 0), -EIO);
    CHECK_EQ(a.slept, -ECANCELED);
    CHECK(error_find(go_last_error(), -EIO, "bad"));
    CHECK_EQ(go_nursery_open(&n, NULL), 0);
    CHECK_EQ(go_nursery_close(&n, -EPIPE), -EPIPE);
    CHECK_EQ(go_nursery_open(&n, &(go_nursery_opts){.policy = (go_policy)99}), -EINVAL);
}

LAW_VIRTUAL(body_joins_the_group, "S3.05 the body's error joins the group and cancels the others")
{
    struct plan a = {.delay = GO_FOREVER};
    int rc;

    go_name("boss");
    GO_NURSERY(n, rc) {
        go_spawn(n, follow, &a);
        go_yield();
        rc = -EIO;
    }
    CHECK_EQ(rc, -EIO);
    CHECK_EQ(a.slept, -ECANCELED);
    CHECK(error_find(go_last_error(), -EIO, "boss"));
    CHECK_EQ(error_count(go_last_error()), 1);
}

static int notes_reason(void *arg)
{
    int rc = go_sleep(GO_FOREVER);

    snprintf(arg, 64, "%s", go_cancel_reason());
    return rc;
}

LAW_VIRTUAL(body_is_a_sibling, "S3.05 the body counts as a child: its error is the others' reason")
{
    char reason[64] = "";
    int rc;

    go_name("boss");
    GO_NURSERY(n, rc) {
        go_spawn(n, notes_reason, reason);
        go_yield();
        rc = -EIO;
    }
    CHECK_EQ(rc, -EIO);
    CHECK_STR(reason, "sibling failed: boss");
}

LAW_VIRTUAL(body_is_cancelled_too, "S3.05 a child's error cancels the body as well")
{
    struct plan bad = {.delay = GO_MS, .result = -EIO};
    int rc, slept = 0;

    GO_NURSERY(n, rc) {
        go_spawn(n, follow, &bad);
        rc = slept = go_sleep(GO_FOREVER);
    }
    CHECK_EQ(slept, -ECANCELED);
    CHECK_EQ(rc, -EIO);
    CHECK_EQ(go_checkpoint(), 0); /* it ended with the block */
}

LAW_VIRTUAL(body_result_is_kept, "S3.14 without an error the close returns the body's rc")
{
    struct plan a = {.result = 5};
    int rc;

    GO_NURSERY(n, rc) {
        go_spawn(n, follow, &a);
        rc = 7;
    }
    CHECK_EQ(rc, 7);
    CHECK(!go_last_error());
}

static int sees_no_cancel(void *arg)
{
    bool *fine = arg;

    *fine = go_sleep(GO_SEC) == 0 && !go_cancelled() && !go_cancel_reason() &&
            go_deadline() == GO_FOREVER;
    return 0;
}

LAW_VIRTUAL(close_cancels_nobody,
            "S3.14 a nursery never originates a cancellation: a close cancels nobody")
{
    bool fine = false;
    int rc;

    GO_NURSERY(n, rc) {
        go_spawn(n, sees_no_cancel, &fine);
    }
    CHECK_EQ(rc, 0);
    CHECK(fine);
}

LAW_VIRTUAL(close_is_a_schedule_point,
            "S3.15 closing is always a schedule point, also of an empty nursery")
{
    go_nursery empty;
    int rc, inner;

    GO_NURSERY(n, rc) {
        go_spawn(n, marker, "other");
        GO_NURSERY(m, inner) {}
        mark("closed");
        go_spawn(n, marker, "other");
        go_nursery_open(&empty, NULL);
        go_nursery_close(&empty, 0);
        mark("closed");
    }
    CHECK_EQ(rc | inner, 0);
    CHECK_TRACE("other closed other closed");
}

LAW_VIRTUAL(close_schedules_when_cancelled,
            "S3.15 closing is a schedule point in a cancelled scope too")
{
    go_scope s = {0};
    int rc, middle, inner;

    GO_NURSERY(n, rc) {
        GO_SCOPE(&s, middle, NULL) {
            go_scope_cancel(&s, NULL);
            go_spawn(n, marker, "other");
            GO_NURSERY(m, inner) {}
            mark("closed");
        }
    }
    CHECK_EQ(rc | middle | inner, 0);
    CHECK_TRACE("other closed");
}

LAW_VIRTUAL(close_delivers_nothing, "S3.16 closing delivers no cancellation")
{
    struct plan quick = {.result = 3};
    go_scope s = {0};
    int rc, inner = 0;

    GO_SCOPE(&s, rc, NULL) {
        go_scope_cancel(&s, NULL);
        GO_NURSERY(n, inner) {
            go_spawn(n, follow, &quick); /* passes no checkpoint */
        }
        rc = 0;
    }
    CHECK_EQ(inner, 0);
    CHECK_EQ(rc, 0);
    CHECK(quick.ran);
    CHECK(!go_scope_caught(&s));
}

static int shielded_sleeper(void *arg)
{
    int *slept = arg;

    GO_SHIELD(GO_FOREVER) {
        *slept = go_sleep(GO_SEC);
    }
    return 0;
}

LAW_VIRTUAL(close_is_not_interrupted, "S3.17 the wait of a close cannot be interrupted")
{
    go_time start = go_now();
    int rc, inner, slept = 1;

    GO_TIMEOUT(100 * GO_MS, rc) {
        GO_NURSERY(n, inner) {
            go_spawn(n, shielded_sleeper, &slept);
        }
        CHECK_EQ(go_now() - start, GO_SEC);
        CHECK_EQ(inner, 0); /* nothing was delivered to a child */
    }
    CHECK_EQ(slept, 0);
    CHECK_EQ(rc, 0);
}

LAW_VIRTUAL(cancel_wakes_the_children, "S3.17 cancelling wakes the children, and they end the wait")
{
    struct plan a = {.delay = GO_FOREVER}, b = {.delay = GO_FOREVER};
    go_time start = go_now();
    int rc, inner;

    GO_TIMEOUT(100 * GO_MS, rc) {
        GO_NURSERY(n, inner) {
            go_spawn(n, follow, &a);
            go_spawn(n, follow, &b);
        }
        rc = inner;
    }
    CHECK_EQ(go_now() - start, 100 * GO_MS);
    CHECK_EQ(a.slept, -ECANCELED);
    CHECK_EQ(b.slept, -ECANCELED);
    CHECK_EQ(inner, -ECANCELED);
    CHECK_EQ(rc, -ETIMEDOUT);
}

static int cancels_nursery(void *arg)
{
    go_nursery_cancel(arg, "enough");
    return 0;
}

LAW_VIRTUAL(nursery_cancel,
            "S3.17 go_nursery_cancel while it closes ends the children; rc is -ECANCELED")
{
    char reason[64] = "";
    int rc;

    GO_NURSERY(n, rc) {
        go_spawn(n, notes_reason, reason);
        go_spawn(n, cancels_nursery, n);
    }
    CHECK_EQ(rc, -ECANCELED);
    CHECK_STR(reason, "explicit \"enough\"");
}

LAW_VIRTUAL(nursery_cancel_undelivered,
            "S4.10 go_nursery_cancel that reaches no checkpoint leaves rc alone")
{
    int rc;

    GO_NURSERY(n, rc) {
        go_spawn(n, marker, "child");
        go_nursery_cancel(n, NULL);
        rc = 4;
    }
    CHECK_EQ(rc, 4);
    CHECK_TRACE("child");
}

/* ---- who may spawn ---- */

static int spawns_marker(void *arg)
{
    CHECK_EQ(go_spawn(arg, marker, "grandchild"), 0);
    return 0;
}

LAW_VIRTUAL(children_spawn, "S3.07 go_spawn is legal from children")
{
    int rc;

    GO_NURSERY(n, rc) {
        go_spawn(n, spawns_marker, n);
        go_sleep(GO_MS);
    }
    CHECK_EQ(rc, 0);
    CHECK_TRACE("grandchild");
}

LAW_VIRTUAL(holders_spawn, "S3.07 go_spawn is legal from anyone who holds the nursery")
{
    int outer, inner;

    GO_NURSERY(n, outer) {
        GO_NURSERY(m, inner) { /* m's child spawns into n, n's into m */
            go_spawn(m, spawns_marker, n);
            go_spawn(n, spawns_marker, m);
            go_sleep(GO_MS);
        }
    }
    CHECK_EQ(outer | inner, 0);
    CHECK_TRACE("grandchild grandchild");
}

static void posted_spawn(void *arg)
{
    CHECK_EQ(go_spawn(arg, marker, "posted"), 0);
}

LAW_VIRTUAL(posts_spawn, "S3.07 go_spawn is legal from a posted function")
{
    int rc;

    GO_NURSERY(n, rc) {
        CHECK_EQ(go_post(go_sched_self(), posted_spawn, n), 0);
        go_sleep(GO_MS);
    }
    CHECK_EQ(rc, 0);
    CHECK_TRACE("posted");
}

LAW_VIRTUAL(spawn_while_closing,
            "S3.08 go_spawn is legal while the nursery closes, as long as one fiber is in it")
{
    struct generations g = {.left = 1};
    int rc;

    GO_NURSERY(n, rc) {
        g.n = n;
        go_spawn(n, begets, &g); /* its spawn comes a millisecond after the body's end */
    }
    CHECK_EQ(rc, 0);
    CHECK_EQ(g.ran, 2);
}

LAW_VIRTUAL(spawn_from_outside_while_closing, "S3.08 while it closes, outsiders may spawn too")
{
    struct plan slow = {.delay = 10 * GO_MS};
    go_nursery inner;
    int rc;

    GO_NURSERY(n, rc) {
        go_nursery_open(&inner, NULL);
        go_spawn(&inner, follow, &slow);
        go_spawn(n, spawns_marker, &inner); /* runs while main closes inner */
        CHECK_EQ(go_nursery_close(&inner, 0), 0);
        CHECK_TRACE("grandchild");
    }
    CHECK_EQ(rc, 0);
}

LAW_VIRTUAL(spawn_after_close, "S3.09 spawn after close is -ESHUTDOWN")
{
    go_nursery n;

    go_nursery_open(&n, NULL);
    go_nursery_close(&n, 0);
    CHECK_EQ(go_spawn(&n, marker, "never"), -ESHUTDOWN);
    CHECK_EQ(go_spawn_with(&n, NULL, marker, "never"), -ESHUTDOWN);
    CHECK_EQ(go_spawn_copy(&n, marker, "never", 6), -ESHUTDOWN);
    CHECK_EQ(go_spawn_wait(&n, marker, "never"), -ESHUTDOWN);
    go_sleep(GO_MS);
    CHECK_TRACE("");
}

struct latecomer {
    go_nursery *n;
    int rc;
};

static int spawns_after_the_last(void *arg)
{
    struct latecomer *late = arg;

    go_yield(); /* the last child of n ends now; n's owner has not run yet */
    late->rc = go_spawn(late->n, marker, "never");
    mark("late");
    return 0;
}

LAW_VIRTUAL(spawn_after_the_last,
            "S3.09 when the last fiber has left a closing nursery, spawn is -ESHUTDOWN")
{
    go_nursery inner;
    struct latecomer late = {&inner, 0};
    int rc;

    GO_NURSERY(n, rc) {
        go_spawn(n, spawns_after_the_last, &late);
        go_nursery_open(&inner, NULL);
        go_spawn(&inner, marker, "last");
        CHECK_EQ(go_nursery_close(&inner, 0), 0);
        mark("closed");
    }
    CHECK_EQ(rc, 0);
    CHECK_EQ(late.rc, -ESHUTDOWN);
    CHECK_HAS(kit_trace, "last late");
    CHECK_LACKS(kit_trace, "never");
}

/* ---- what a child gets ---- */

static int says_cancelled(void *arg)
{
    int *got = arg;

    go_yield();
    *got = go_checkpoint();
    return 0;
}

LAW_VIRTUAL(child_has_the_nurserys_scope,
            "S3.12 the child inherits the nursery's scope, not the spawner's")
{
    go_scope s = {0};
    int rc, inner, got = 1;

    GO_NURSERY(n, rc) {
        GO_SCOPE(&s, inner, NULL) {
            go_spawn(n, says_cancelled, &got);
            go_scope_cancel(&s, NULL);
            CHECK_EQ(go_sleep(GO_SEC), -ECANCELED);
        }
    }
    CHECK_EQ(rc, 0);
    CHECK_EQ(inner, -ECANCELED);
    CHECK_EQ(got, 0);
}

static int spawns_sleeper_elsewhere(void *arg)
{
    struct generations *g = arg;

    g->left = go_spawn(g->n, says_cancelled, &g->ran);
    return 0;
}

LAW_VIRTUAL(child_dies_with_the_nursery,
            "S3.12 a child is cancelled with the nursery, whoever spawned it")
{
    struct generations g = {.left = 1, .ran = 1};
    int outer, inner;

    GO_NURSERY(n, outer) {
        GO_NURSERY(m, inner) {
            g.n = m;
            go_spawn(n, spawns_sleeper_elsewhere, &g); /* n's child spawns into m, which is
                                                          cancelled */
            go_nursery_cancel(m, NULL);
            go_checkpoint_shielded();
            go_checkpoint_shielded();
        }
    }
    CHECK_EQ(outer, 0);
    CHECK_EQ(g.left, 0);
    CHECK_EQ(g.ran, -ECANCELED);
}

static go_key tint;

static int reads_tint(void *arg)
{
    *(void **)arg = go_get(&tint);
    go_set(&tint, arg);
    return 0;
}

LAW_VIRTUAL(child_has_inherited_values,
            "S3.13 the child has a copy of the spawner's inherited values")
{
    char red, blue;
    void *got[3] = {NULL, NULL, NULL};
    int rc;

    go_key_init_inherited(&tint);
    go_set(&tint, &red);
    GO_NURSERY(n, rc) {
        go_spawn(n, reads_tint, &got[0]);
        go_spawn(n, reads_tint, &got[1]);
        go_set(&tint, &blue); /* too late for those two */
        go_spawn(n, reads_tint, &got[2]);
    }
    CHECK_EQ(rc, 0);
    CHECK(got[0] == &red);
    CHECK(got[1] == &red);
    CHECK(got[2] == &blue);
    CHECK(go_get(&tint) == &blue); /* what they set is theirs */
}

struct copied {
    char text[100];
    long long numbers[20];
};

static int checks_copy(void *arg)
{
    struct copied *c = arg;

    CHECK_EQ((uintptr_t)arg % 16, 0);
    go_yield();
    CHECK_STR(c->text, "before");
    CHECK_EQ(c->numbers[19], 19);
    mark("copy");
    return 0;
}

LAW_VIRTUAL(spawn_copy, "S3.50 go_spawn_copy hands the child a copy of its argument")
{
    struct copied c = {.text = "before", .numbers = {[19] = 19}};
    int rc;

    GO_NURSERY(n, rc) {
        CHECK_EQ(go_spawn_copy(n, checks_copy, &c, sizeof c), 0);
        memset(&c, 'x', sizeof c);
        go_yield();
        memset(&c, 'y', sizeof c);
    }
    CHECK_EQ(rc, 0);
    CHECK_TRACE("copy");
}

static int reads_byte(void *arg)
{
    return *(char *)arg == 'z' ? 0 : -EIO;
}

LAW_VIRTUAL(spawn_copy_limit, "S3.50 go_spawn_copy of more than a quarter of the stack is -E2BIG")
{
    static char big[64 * 1024];
    int rc;

    memset(big, 'z', sizeof big);
    GO_NURSERY(n, rc) {
        CHECK_EQ(go_spawn_copy(n, reads_byte, big, 8 * 1024), 0);
        CHECK_EQ(go_spawn_copy(n, reads_byte, big, 1), 0);
        CHECK_EQ(go_spawn_copy(n, reads_byte, big, 17 * 1024), -E2BIG);
        CHECK_EQ(go_spawn_copy(n, reads_byte, big, sizeof big), -E2BIG);
        CHECK_EQ(go_spawn_copy(n, reads_byte, big, SIZE_MAX - 8), -E2BIG);
    }
    CHECK_EQ(rc, 0);
}

static int notes_time(void *arg)
{
    *(go_time *)arg = go_now();
    return 0;
}

LAW_VIRTUAL(spawn_with_delay, "S3.52 a spawn with a delay starts after it")
{
    go_time start = go_now(), at = 0, at_once = 0;
    int rc;

    GO_NURSERY(n, rc) {
        go_spawn_with(n, &(go_spawn_opts){.delay = 5 * GO_MS}, notes_time, &at);
        go_spawn_with(n, &(go_spawn_opts){.delay = 0}, notes_time, &at_once);
    }
    CHECK_EQ(rc, 0);
    CHECK_EQ(at - start, 5 * GO_MS);
    CHECK_EQ(at_once - start, 0);
}

static int says_name(void *arg)
{
    (void)arg;
    return go_fail(EIO, "hello");
}

LAW_VIRTUAL(spawn_options, "S1.01 go_spawn_with: name, stack size and foreign")
{
    int rc;

    GO_NURSERY(n, rc) {
        CHECK_EQ(go_spawn_with(n, &(go_spawn_opts){.foreign = -1}, marker, "1"), 0);
        CHECK_EQ(go_spawn_with(n, &(go_spawn_opts){.stack_size = 1 << 20}, marker, "2"), 0);
        CHECK_EQ(go_spawn_with(n, &(go_spawn_opts){.stack_size = 1}, marker, "3"), 0);
        CHECK_EQ(go_spawn_with(n, NULL, marker, "4"), 0);
        CHECK_EQ(go_spawn(n, NULL, NULL), -EINVAL);
        go_sleep(GO_MS);
        CHECK_EQ(go_spawn_with(n,
                               &(go_spawn_opts){
                                   .name = "a name that is longer than the 47 bytes that are kept"},
                               says_name, NULL),
                 0);
    }
    CHECK_EQ(rc, -EIO);
    CHECK(error_find(go_last_error(), -EIO, "a name that is longer than the 47 bytes that ar"));
    CHECK_TRACE("1 2 3 4");
}

TAP_MAIN
