/* SPDX-License-Identifier: MIT
 *
 * Section 3: error trees, what is real, and errors that nobody took. */
#include "tests/kit.h"

#define SUPERVISE (&(go_nursery_opts){.policy = GO_SUPERVISE})

static void print_error(FILE *out, const void *e)
{
    go_error_print(e, out);
}

/* ---- the tree ---- */

LAW_VIRTUAL(tree_none, "S3.38 without an error there is no tree: NULL")
{
    struct plan good = {.delay = GO_MS}, bad = {.result = -EIO};
    int rc;

    CHECK(!go_last_error());
    GO_NURSERY(n, rc) {
        go_spawn(n, follow, &bad);
    }
    CHECK_EQ(rc, -EIO);
    CHECK(go_last_error());
    GO_NURSERY(n, rc) {
        CHECK(error_find(go_last_error(), -EIO, NULL)); /* until the next block closes */
        go_spawn(n, follow, &good);
    }
    CHECK_EQ(rc, 0);
    CHECK(!go_last_error());
    CHECK(!go_error_child(NULL, 0));
    CHECK_EQ(go_error_code(NULL), 0);
    CHECK(go_error_message(NULL));
    CHECK(go_error_fiber(NULL));
}

LAW_VIRTUAL(tree_root, "S3.38 the root is the group, its children the errors")
{
    struct plan p[] = {
        {.name = "one", .delay = GO_MS, .result = -EIO},
        {.name = "fine", .delay = GO_MS},
        {.name = "two", .delay = 2 * GO_MS, .result = -EPIPE},
    };
    int rc;

    go_name("boss");
    GO_NURSERY_OPTS(n, rc, SUPERVISE) {
        for (int i = 0; i < 3; i++)
            go_spawn(n, follow, &p[i]);
        rc = -ENODEV; /* cancels: but both are error enough already */
        go_sleep(GO_SEC);
    }
    CHECK_EQ(rc, -EIO);
    CHECK_EQ(error_count(go_last_error()), 3);
    CHECK(error_find(go_last_error(), -EIO, "one"));
    CHECK(error_find(go_last_error(), -EPIPE, "two"));
    CHECK(error_find(go_last_error(), -ENODEV, "boss"));
    CHECK(!error_find(go_last_error(), 0, NULL));
}

static int place_of_this_spawn(void *arg)
{
    go_name("leaf");
    go_sleep(GO_MS);
    return go_fail(ENOSPC, "disk %s is full", (char *)arg);
}

LAW_VIRTUAL(tree_fields, "S3.39 each error has its code, message, fiber name and place of spawn")
{
    struct plan plain = {.name = "plain", .delay = 2 * GO_MS, .result = -EIO};
    const go_error *e;
    char text[4096];
    int rc;

    GO_NURSERY_OPTS(n, rc, SUPERVISE) {
        go_spawn(n, place_of_this_spawn, "sda");
        go_spawn(n, follow, &plain);
    }
    CHECK_EQ(rc, -ENOSPC);
    e = go_error_child(go_last_error(), 0);
    CHECK_EQ(go_error_code(e), -ENOSPC);
    CHECK_STR(go_error_message(e), "disk sda is full");
    CHECK_STR(go_error_fiber(e), "leaf");
    e = go_error_child(go_last_error(), 1);
    CHECK_EQ(go_error_code(e), -EIO);
    CHECK_STR(go_error_message(e), strerror(EIO)); /* the code's own */
    CHECK_STR(go_error_fiber(e), "plain");
    CHECK(!go_error_child(go_last_error(), 2));
    printed(print_error, go_last_error(), text, sizeof text);
    CHECK_HAS(text, "leaf");
    CHECK_HAS(text, "disk sda is full");
    CHECK_HAS(text, "plain");
    CHECK_HAS(text, "errors"); /* where it was spawned: this program */
}

LAW_VIRTUAL(nameless_fiber, "S3.39 a fiber without a name has one in its error: never NULL")
{
    struct plan bad = {.result = -EIO};
    int rc;

    GO_NURSERY(n, rc) {
        go_spawn(n, follow, &bad);
    }
    CHECK(go_error_fiber(go_error_child(go_last_error(), 0)) != NULL);
    CHECK_HAS(go_error_fiber(go_error_child(go_last_error(), 0)), "");
}

static int middle(void *arg)
{
    int rc;

    go_name("middle");
    GO_NURSERY(n, rc) {
        go_spawn(n, place_of_this_spawn, arg);
    }
    return rc < 0 ? go_fail(EIO, "cannot save") : rc;
}

LAW_VIRTUAL(tree_cause, "S3.39 each error has its cause")
{
    const go_error *e, *cause;
    char text[4096];
    int rc;

    GO_NURSERY(n, rc) {
        go_spawn(n, middle, "sdb");
    }
    CHECK_EQ(rc, -EIO);
    CHECK_EQ(error_count(go_last_error()), 1);
    e = go_error_child(go_last_error(), 0);
    CHECK_EQ(go_error_code(e), -EIO);
    CHECK_STR(go_error_message(e), "cannot save");
    CHECK_STR(go_error_fiber(e), "middle");
    cause = error_find(e, -ENOSPC, "leaf");
    if (CHECK(cause))
        CHECK_STR(go_error_message(cause), "disk sdb is full");
    printed(print_error, go_last_error(), text, sizeof text);
    CHECK_HAS(text, "cannot save");
    CHECK_HAS(text, "disk sdb is full");
    CHECK(strstr(text, "cannot save") < strstr(text, "disk sdb"));
}

LAW_VIRTUAL(tree_cap, "S3.44 the tree is capped, with a count of the rest")
{
    struct plan p[10];
    char text[4096];
    int rc;

    memset(p, 0, sizeof p);
    GO_NURSERY_OPTS(n, rc, &(go_nursery_opts){.policy = GO_SUPERVISE, .max_errors = 3}) {
        for (int i = 0; i < 10; i++) {
            p[i].delay = (i + 1) * GO_MS;
            p[i].result = -(i + 1);
            go_spawn(n, follow, &p[i]);
        }
    }
    CHECK_EQ(rc, -1);
    CHECK_EQ(error_count(go_last_error()), 3);
    for (int i = 0; i < 3; i++)
        CHECK_EQ(go_error_code(go_error_child(go_last_error(), (size_t)i)), -(i + 1));
    printed(print_error, go_last_error(), text, sizeof text);
    CHECK_HAS(text, "7");
    CHECK_HAS(text, "more");
}

LAW_VIRTUAL(tree_default_cap, "S3.44 the cap is 64 by default")
{
    int rc, bad = -EIO;

    GO_NURSERY_OPTS(n, rc, SUPERVISE) {
        for (int i = 0; i < 200; i++)
            go_spawn(n, returner, &bad);
    }
    CHECK_EQ(rc, -EIO);
    CHECK_EQ(error_count(go_last_error()), 64);
}

/* ---- go_fail ---- */

LAW_VIRTUAL(fail_returns, "S3.41 go_fail returns -|err|, and keeps errno")
{
    char text[400];

    errno = ENOTTY;
    CHECK_EQ(go_fail(EIO, "x"), -EIO);
    CHECK_EQ(go_fail(-EIO, "x"), -EIO);
    CHECK_EQ(go_fail(0, "x"), -EINVAL);
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    CHECK_EQ(go_fail(EPIPE, "%s", text), -EPIPE);
    CHECK_EQ(errno, ENOTTY);
}

static int fails_long(void *arg)
{
    (void)arg;
    go_fail(EPERM, "an earlier one");
    return go_fail(EIO, "%0300d", 7);
}

LAW_VIRTUAL(fail_long, "S3.39 a message has 255 bytes, and it is the last one")
{
    int rc;

    GO_NURSERY(n, rc) {
        go_spawn(n, fails_long, NULL);
    }
    CHECK_EQ(rc, -EIO);
    CHECK_EQ(strlen(go_error_message(go_error_child(go_last_error(), 0))), 255);
    CHECK_EQ(go_error_message(go_error_child(go_last_error(), 0))[0], '0');
}

LAW(fail_outside, "S1.20 go_fail works outside a run")
{
    CHECK_EQ(go_fail(EIO, "nobody hears %d", 1), -EIO);
    CHECK(!go_last_error());
}

/* ---- what is real ---- */

LAW_VIRTUAL(laundered,
            "S3.40 what is returned after a delivered cancellation is in the tree, but not real")
{
    struct plan p = {.name = "launderer", .delay = GO_FOREVER, .stubborn = true, .result = -EIO};
    int rc, inner;

    GO_TIMEOUT(GO_MS, rc) {
        GO_NURSERY(n, inner) {
            go_spawn(n, follow, &p);
        }
        CHECK(error_find(go_last_error(), -EIO, "launderer"));
    }
    CHECK_EQ(inner, -ECANCELED);
    CHECK_EQ(rc, -ETIMEDOUT);
}

LAW_VIRTUAL(laundered_sibling, "S3.40 the first real error is rc, not what it made of the siblings")
{
    struct plan p[] = {
        {.name = "launderer", .delay = GO_FOREVER, .stubborn = true, .result = -EIO},
        {.name = "bad", .delay = GO_MS, .result = -EPIPE},
    };
    int rc;

    GO_NURSERY(n, rc) {
        go_spawn(n, follow, &p[0]);
        go_spawn(n, follow, &p[1]);
    }
    CHECK_EQ(rc, -EPIPE);
    CHECK(error_find(go_last_error(), -EPIPE, "bad"));
    CHECK(error_find(go_last_error(), -EIO, "launderer"));
}

LAW_VIRTUAL(real_without_delivery,
            "S3.40 an error of a fiber to which nothing was delivered is real, though cancelled")
{
    struct plan p = {.name = "quick", .result = -EIO}; /* no checkpoint on its way */
    int rc;

    GO_NURSERY(n, rc) {
        go_spawn(n, follow, &p);
        go_nursery_cancel(n, NULL);
    }
    CHECK_EQ(rc, -EIO);
}

LAW_VIRTUAL(fail_is_real,
            "S3.41 an error made by go_fail is real even after a delivered cancellation")
{
    struct plan p = {
        .name = "honest", .delay = GO_FOREVER, .stubborn = true, .result = -EIO, .fails = true};
    int rc, inner;

    GO_TIMEOUT(GO_MS, rc) {
        GO_NURSERY(n, inner) {
            go_spawn(n, follow, &p);
        }
    }
    CHECK_EQ(inner, -EIO);
}

static int own_timeout(void *arg)
{
    int rc;

    (void)arg;
    GO_TIMEOUT(GO_MS, rc) {
        rc = go_sleep(GO_FOREVER);
    }
    return rc;
}

LAW_VIRTUAL(own_timeout_is_real, "S3.40 a fiber's own timeout is an error like any other: real")
{
    int rc;

    GO_NURSERY(n, rc) {
        go_spawn(n, own_timeout, NULL);
    }
    CHECK_EQ(rc, -ETIMEDOUT);
    CHECK(error_find(go_last_error(), -ETIMEDOUT, NULL));
}

LAW_VIRTUAL(cancelled_is_no_error, "S3.45 cancelled children are not errors")
{
    struct plan p[] = {
        {.name = "a", .delay = GO_FOREVER},
        {.name = "b", .delay = GO_FOREVER},
        {.name = "bad", .delay = GO_MS, .result = -EIO},
    };
    int rc;

    GO_NURSERY(n, rc) {
        for (int i = 0; i < 3; i++)
            go_spawn(n, follow, &p[i]);
    }
    CHECK_EQ(rc, -EIO);
    CHECK_EQ(error_count(go_last_error()), 1);
    GO_NURSERY(n, rc) {
        go_spawn(n, follow, &p[0]);
        go_yield();
        go_nursery_cancel(n, NULL);
    }
    CHECK_EQ(rc, -ECANCELED);
    CHECK(!go_error_child(go_last_error(), 0));
}

LAW_VIRTUAL(replaced_value,
            "S3.42 a value that a block replaces by its rule for rc is found in the tree")
{
    int rc;

    go_name("boss");
    GO_TIMEOUT(GO_MS, rc) {
        go_sleep(GO_FOREVER);
        rc = -EIO;
    }
    CHECK_EQ(rc, -ETIMEDOUT);
    CHECK(error_find(go_last_error(), -EIO, "boss"));
    GO_NURSERY(n, rc) {
        go_nursery_cancel(n, NULL);
        CHECK_EQ(go_yield(), -ECANCELED);
        rc = -EPIPE;
    }
    CHECK_EQ(rc, -ECANCELED);
    CHECK(error_find(go_last_error(), -EPIPE, "boss"));
}

LAW_VIRTUAL(first_real,
            "S3.43 the nursery's int is the first real error; the tree holds all of them")
{
    struct plan p[] = {
        {.name = "c", .delay = 3 * GO_MS, .result = -EDOM},
        {.name = "a", .delay = 1 * GO_MS, .result = -EIO},
        {.name = "b", .delay = 2 * GO_MS, .result = -EPIPE},
    };
    int rc;

    GO_NURSERY_OPTS(n, rc, SUPERVISE) {
        for (int i = 0; i < 3; i++)
            go_spawn(n, follow, &p[i]);
    }
    CHECK_EQ(rc, -EIO);
    CHECK_EQ(go_error_code(go_error_child(go_last_error(), 0)), -EIO);
    CHECK_EQ(go_error_code(go_error_child(go_last_error(), 1)), -EPIPE);
    CHECK_EQ(go_error_code(go_error_child(go_last_error(), 2)), -EDOM);
}

/* ---- delivered, and not ---- */

static int takes_rc(void *arg)
{
    int rc;

    GO_NURSERY(n, rc) {
        go_spawn(n, follow, arg);
    }
    CHECK_EQ(rc, -EIO);
    CHECK(error_find(go_last_error(), -EIO, "bad"));
    return 0; /* seen, and dealt with */
}

LAW_VIRTUAL(delivered_through_rc,
            "S3.46 an error that came out through rc is delivered, and go_last_error has the tree")
{
    struct plan bad = {.name = "bad", .delay = GO_MS, .result = -EIO};
    int rc;

    GO_NURSERY(n, rc) {
        go_spawn(n, takes_rc, &bad);
    }
    CHECK_EQ(rc, 0);
    CHECK(!go_last_error());
}

static int returns_early(void *arg)
{
    int rc;

    go_name("early");
    GO_NURSERY(n, rc) {
        go_spawn(n, follow, arg);
        return 0;
    }
    return 1;
}

LAW_VIRTUAL(climbs_to_the_parent,
            "S3.47 an error that an early return could not deliver climbs to the parent")
{
    struct plan bad = {.name = "bad", .delay = GO_MS, .result = -EIO, .fails = true};
    struct plan sibling = {.delay = GO_FOREVER};
    int rc;

    GO_NURSERY(n, rc) {
        go_spawn(n, follow, &sibling);
        go_spawn(n, returns_early, &bad);
    }
    CHECK_EQ(rc, -EIO);
    CHECK_EQ(sibling.slept, -ECANCELED); /* an error like any other there */
    if (CHECK(error_find(go_last_error(), -EIO, "bad")))
        CHECK_STR(go_error_message(error_find(go_last_error(), -EIO, "bad")), "bad failed");
}

static int breaks_out(void *arg)
{
    int rc;

    GO_NURSERY(n, rc) {
        go_spawn(n, follow, arg);
        break;
    }
    return rc == -EIO ? 0 : -ENODATA;
}

LAW_VIRTUAL(break_delivers, "S3.46 break out of the block delivers: rc has the error")
{
    struct plan bad = {.name = "bad", .delay = GO_MS, .result = -EIO};
    int rc;

    GO_NURSERY(n, rc) {
        go_spawn(n, breaks_out, &bad);
    }
    CHECK_EQ(rc, 0);
}

static int two_levels(void *arg)
{
    int rc;

    go_name("upper");
    GO_NURSERY(n, rc) {
        go_spawn(n, returns_early, arg);
        return 0;
    }
    return 1;
}

LAW_VIRTUAL(climbs_twice, "S3.47 it climbs as far as it must")
{
    struct plan bad = {.name = "bad", .delay = GO_MS, .result = -EIO};
    int rc;

    GO_NURSERY(n, rc) {
        go_spawn(n, two_levels, &bad);
    }
    CHECK_EQ(rc, -EIO);
    CHECK(error_find(go_last_error(), -EIO, "bad"));
}

static int early_with_error(void *arg)
{
    int rc;

    go_name("early");
    GO_NURSERY(n, rc) {
        go_spawn(n, follow, arg);
        return -EPIPE;
    }
    return 1;
}

LAW_VIRTUAL(climbs_beside_the_result,
            "S3.47 the fiber's own error and the one that climbs are both in the tree")
{
    struct plan bad = {.name = "bad", .delay = GO_MS, .result = -EIO};
    int rc;

    GO_NURSERY(n, rc) {
        go_spawn(n, early_with_error, &bad);
    }
    CHECK(rc == -EPIPE || rc == -EIO);
    CHECK(error_find(go_last_error(), -EIO, "bad"));
    CHECK(error_find(go_last_error(), -EPIPE, "early"));
}

LAW_VIRTUAL(nested_block_climbs,
            "S3.47 in one fiber: what an inner block could not deliver is not lost in the outer")
{
    struct plan bad = {.name = "bad", .delay = GO_MS, .result = -EIO};
    int rc;

    GO_NURSERY(n, rc) {
        returns_early(&bad); /* in the body's own fiber */
    }
    CHECK_EQ(rc, -EIO);
    CHECK(error_find(go_last_error(), -EIO, "bad"));
}

/* ---- past the main fiber ---- */

static int early_main(void *arg)
{
    static struct plan bad = {.name = "bad", .delay = GO_MS, .result = -EIO, .fails = true};
    int rc;

    (void)arg;
    GO_NURSERY(n, rc) {
        go_spawn(n, follow, &bad);
        return 7;
    }
    return 1;
}

static int early_main_program(void *arg)
{
    CHECK_EQ(virtual_run(early_main, arg), -EIO);
    return 0;
}

LAW(climbs_past_main,
    "S3.48 an error that climbs past the main fiber goes to stderr and is go_run's result")
{
    CHECK_EXITS(early_main_program, NULL, 0);
    CHECK_HAS(kit_output, "bad failed");
    CHECK_HAS(kit_output, "bad");
    CHECK_HAS(kit_output, "gosling");
}

static int early_main_fails(void *arg)
{
    early_main(arg);
    return -ENODEV;
}

static int failing_main_program(void *arg)
{
    CHECK_EQ(virtual_run(early_main_fails, arg), -ENODEV);
    return 0;
}

LAW(climbs_beside_main,
    "S3.48 when the main function returned an error itself, the climbing one is on stderr")
{
    CHECK_EXITS(failing_main_program, NULL, 0);
    CHECK_HAS(kit_output, "bad failed");
}

static int quiet_main(void *arg)
{
    (void)arg;
    return go_fail(EIO, "delivered");
}

static int quiet_program(void *arg)
{
    CHECK_EQ(virtual_run(quiet_main, arg), -EIO);
    return 0;
}

LAW(no_noise, "S3.48 an error that go_run returns anyway is not reported")
{
    CHECK_EXITS(quiet_program, NULL, 0);
    CHECK_STR(kit_output, "");
}

TAP_MAIN
