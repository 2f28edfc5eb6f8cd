/* SPDX-License-Identifier: MIT
 *
 * Section 3: the five policies. */
#include "tests/kit.h"

#define POLICY(p) (&(go_nursery_opts){.policy = (p)})

/* Runs the plans in a nursery with this policy; its rc. */
static int run_plans(go_policy policy, struct plan *plans, size_t n_plans, int body)
{
    int rc;

    GO_NURSERY_OPTS(n, rc, POLICY(policy)) {
        for (size_t i = 0; i < n_plans; i++)
            go_spawn(n, follow, &plans[i]);
        rc = body;
    }
    return rc;
}

/* ---- GO_FAIL_FAST ---- */

LAW_VIRTUAL(fail_fast, "S3.18 GO_FAIL_FAST: the first error cancels the rest")
{
    struct plan p[] = {
        {.name = "a", .delay = 10 * GO_MS, .result = -EIO},
        {.name = "b", .delay = GO_FOREVER},
        {.name = "c", .delay = 5 * GO_MS, .result = 9},
    };
    go_time start = go_now();

    CHECK_EQ(run_plans(GO_FAIL_FAST, p, 3, 0), -EIO);
    CHECK_TRACE("c a b!");
    CHECK_EQ(go_now() - start, 10 * GO_MS);
}

static int notes_reason(void *arg)
{
    go_sleep(GO_FOREVER);
    snprintf(arg, 64, "%s", go_cancel_reason());
    return -ECANCELED;
}

LAW_VIRTUAL(fail_fast_reason, "S4.06 the siblings' reason names the one that failed")
{
    struct plan bad = {.name = "culprit", .delay = GO_MS, .result = -EIO};
    char reason[64] = "";
    int rc;

    GO_NURSERY(n, rc) {
        go_spawn(n, notes_reason, reason);
        go_spawn(n, follow, &bad);
    }
    CHECK_EQ(rc, -EIO);
    CHECK_STR(reason, "sibling failed: culprit");
}

LAW_VIRTUAL(lone_canceled,
            "S3.34 a child's -ECANCELED whose scope was not cancelled is an error like any other")
{
    struct plan p[] = {
        {.name = "a", .delay = GO_MS, .result = -ECANCELED},
        {.name = "b", .delay = GO_FOREVER},
    };

    CHECK_EQ(run_plans(GO_FAIL_FAST, p, 2, 0), -ECANCELED);
    CHECK_TRACE("a b!");
    CHECK(error_find(go_last_error(), -ECANCELED, "a"));
    CHECK(!error_find(go_last_error(), -ECANCELED, "b"));
}

/* ---- GO_SUPERVISE ---- */

LAW_VIRTUAL(supervise,
            "S3.19 GO_SUPERVISE: errors are collected and come out at the close, siblings go on")
{
    struct plan p[] = {
        {.name = "a", .delay = 20 * GO_MS, .result = -EIO},
        {.name = "b", .delay = 10 * GO_MS, .result = -EPIPE},
        {.name = "c", .delay = 30 * GO_MS},
    };

    CHECK_EQ(run_plans(GO_SUPERVISE, p, 3, 0), -EPIPE); /* the first in time */
    CHECK_TRACE("b a c");
    CHECK_EQ(error_count(go_last_error()), 2);
    CHECK(error_find(go_last_error(), -EPIPE, "b"));
    CHECK(error_find(go_last_error(), -EIO, "a"));
}

LAW_VIRTUAL(supervise_spares_the_body, "S3.19 GO_SUPERVISE: a child's error leaves the body alone")
{
    struct plan bad = {.delay = GO_MS, .result = -EIO};
    int rc;

    GO_NURSERY_OPTS(n, rc, POLICY(GO_SUPERVISE)) {
        go_spawn(n, follow, &bad);
        CHECK_EQ(go_sleep(GO_SEC), 0);
        rc = 5;
    }
    CHECK_EQ(rc, -EIO);
}

LAW_VIRTUAL(supervise_body, "S3.25 under GO_SUPERVISE the body's error cancels the children")
{
    struct plan p[] = {{.name = "a", .delay = GO_FOREVER}, {.name = "b", .delay = GO_FOREVER}};

    CHECK_EQ(run_plans(GO_SUPERVISE, p, 2, -ENODEV), -ENODEV);
    CHECK_TRACE("a! b!");
}

/* ---- GO_RACE ---- */

LAW_VIRTUAL(race, "S3.20 GO_RACE: the first success cancels the rest and is the result")
{
    struct plan p[] = {
        {.name = "slow", .delay = 20 * GO_MS, .result = 1},
        {.name = "quick", .delay = 10 * GO_MS, .result = 7},
        {.name = "never", .delay = GO_FOREVER},
    };
    go_time start = go_now();

    CHECK_EQ(run_plans(GO_RACE, p, 3, 0), 7);
    CHECK_TRACE("quick slow! never!");
    CHECK_EQ(go_now() - start, 10 * GO_MS);
    CHECK(!go_last_error());
}

LAW_VIRTUAL(race_zero, "S3.20 GO_RACE: a success may be 0")
{
    struct plan p[] = {
        {.name = "slow", .delay = 20 * GO_MS, .result = 1},
        {.name = "quick", .delay = 10 * GO_MS, .result = 0},
    };

    CHECK_EQ(run_plans(GO_RACE, p, 2, 5), 0);
    CHECK_TRACE("quick slow!");
}

LAW_VIRTUAL(race_second_success, "S3.20 GO_RACE: a second success in the same turn does not win")
{
    struct plan p[] = {
        {.name = "one", .delay = 10 * GO_MS, .result = 1},
        {.name = "two", .delay = 10 * GO_MS, .result = 2, .stubborn = true},
    };

    CHECK_EQ(run_plans(GO_RACE, p, 2, 0), 1);
}

LAW_VIRTUAL(race_body, "S3.06 in GO_RACE and GO_FIRST the body's success does not compete")
{
    struct plan race[] = {{.delay = 10 * GO_MS, .result = 7}},
                first[] = {{.delay = 10 * GO_MS, .result = 8}};

    CHECK_EQ(run_plans(GO_RACE, race, 1, 3), 7); /* the body was done long before */
    CHECK_EQ(run_plans(GO_FIRST, first, 1, 3), 8);
    CHECK_EQ(race[0].slept, 0);
    CHECK_EQ(first[0].slept, 0);
}

LAW_VIRTUAL(race_body_error, "S3.05 in GO_RACE and GO_FIRST the body's error cancels the others")
{
    struct plan race[] = {{.delay = 10 * GO_MS, .result = 7}},
                first[] = {{.delay = 10 * GO_MS, .result = 8}};

    CHECK_EQ(run_plans(GO_RACE, race, 1, -EIO), -EIO);
    CHECK_EQ(run_plans(GO_FIRST, first, 1, -EIO), -EIO);
    CHECK_EQ(race[0].slept, -ECANCELED);
    CHECK_EQ(first[0].slept, -ECANCELED);
}

LAW_VIRTUAL(race_errors_do_not_cancel,
            "S3.28 in GO_RACE the losers' errors are in the tree, not in rc")
{
    struct plan p[] = {
        {.name = "bad", .delay = 5 * GO_MS, .result = -EIO, .fails = true},
        {.name = "good", .delay = 10 * GO_MS, .result = 7},
        {.name = "late", .delay = 20 * GO_MS, .result = -EPIPE, .stubborn = true, .fails = true},
    };

    CHECK_EQ(run_plans(GO_RACE, p, 3, 0), 7);
    CHECK_TRACE("bad good late!");
    CHECK(error_find(go_last_error(), -EIO, "bad"));
    CHECK(error_find(go_last_error(), -EPIPE, "late")); /* made by go_fail: real, but a loser's */
}

LAW_VIRTUAL(race_without_winner, "S3.43 a GO_RACE that nobody wins ends with the first real error")
{
    struct plan p[] = {
        {.name = "a", .delay = 10 * GO_MS, .result = -EIO},
        {.name = "b", .delay = 5 * GO_MS, .result = -EPIPE},
    };

    CHECK_EQ(run_plans(GO_RACE, p, 2, 0), -EPIPE);
    CHECK_TRACE("b a");
    CHECK_EQ(error_count(go_last_error()), 2);
}

/* ---- GO_FIRST ---- */

LAW_VIRTUAL(first_success,
            "S3.21 GO_FIRST: the first to end cancels the rest and is the result: a success")
{
    struct plan p[] = {
        {.name = "a", .delay = 10 * GO_MS, .result = 7},
        {.name = "b", .delay = 20 * GO_MS, .result = -EIO},
        {.name = "c", .delay = GO_FOREVER},
    };

    CHECK_EQ(run_plans(GO_FIRST, p, 3, 0), 7);
    CHECK_TRACE("a b! c!");
}

LAW_VIRTUAL(first_error,
            "S3.21 GO_FIRST: the first to end cancels the rest and is the result: an error")
{
    struct plan p[] = {
        {.name = "a", .delay = 10 * GO_MS, .result = -EIO},
        {.name = "b", .delay = 20 * GO_MS, .result = 7},
    };

    CHECK_EQ(run_plans(GO_FIRST, p, 2, 0), -EIO);
    CHECK_TRACE("a b!");
    CHECK(error_find(go_last_error(), -EIO, "a"));
}

/* ---- GO_SERVICE ---- */

LAW_VIRTUAL(service,
            "S3.22 GO_SERVICE: children run until the body is done, then they are cancelled")
{
    struct plan p[] = {{.name = "a", .delay = GO_FOREVER}, {.name = "b", .delay = GO_MS}};
    go_time start = go_now();
    int rc;

    GO_NURSERY_OPTS(n, rc, POLICY(GO_SERVICE)) {
        go_spawn(n, follow, &p[0]);
        go_spawn(n, follow, &p[1]);
        CHECK_EQ(go_sleep(10 * GO_MS), 0);
        mark("body");
    }
    CHECK_EQ(go_now() - start, 10 * GO_MS);
    CHECK_TRACE("b body a!");
    CHECK_EQ(rc, 0);
}

LAW_VIRTUAL(service_rc, "S3.26 GO_SERVICE's own cancel of its children does not count for rc")
{
    struct plan p[] = {{.delay = GO_FOREVER},
                       {.delay = GO_FOREVER, .result = -EIO, .stubborn = true}};

    CHECK_EQ(run_plans(GO_SERVICE, p, 1, 5), 5);
    CHECK(!go_last_error());
    CHECK_EQ(run_plans(GO_SERVICE, p, 2, 0), 0); /* an error after a delivery is not real */
}

LAW_VIRTUAL(service_result_zero, "S3.24 in GO_SERVICE a child's success cancels nobody")
{
    struct plan p[] = {{.name = "a", .delay = GO_MS, .result = 3},
                       {.name = "b", .delay = 5 * GO_MS}};
    int rc;

    GO_NURSERY_OPTS(n, rc, POLICY(GO_SERVICE)) {
        go_spawn(n, follow, &p[0]);
        go_spawn(n, follow, &p[1]);
        CHECK_EQ(go_sleep(10 * GO_MS), 0);
    }
    CHECK_EQ(rc, 0);
    CHECK_TRACE("a b");
}

LAW_VIRTUAL(service_error, "S3.24 in GO_SERVICE a child's error cancels the rest and the body")
{
    struct plan p[] = {{.name = "a", .delay = GO_FOREVER},
                       {.name = "b", .delay = GO_MS, .result = -EIO}};
    int rc;

    GO_NURSERY_OPTS(n, rc, POLICY(GO_SERVICE)) {
        go_spawn(n, follow, &p[0]);
        go_spawn(n, follow, &p[1]);
        rc = go_sleep(GO_FOREVER);
        mark("body:%d", rc);
    }
    CHECK_EQ(rc, -EIO);
    CHECK_HAS(kit_trace, kit_numbers("body:-ECANCELED"));
    CHECK_HAS(kit_trace, "a!");
}

struct probe {
    int before, after;
};

static int probes(void *arg)
{
    struct probe *p = arg;

    p->before = go_sleep(50 * GO_MS); /* the outer cancellation comes at 10 */
    p->after = go_sleep(GO_FOREVER);
    return p->after;
}

LAW_VIRTUAL(service_shields,
            "S3.23 GO_SERVICE: children are shielded from the outside until the body is done")
{
    struct probe p = {1, 1};
    go_time start = go_now();
    int rc, inner;

    GO_TIMEOUT(10 * GO_MS, rc) {
        GO_NURSERY_OPTS(n, inner, POLICY(GO_SERVICE)) {
            go_spawn(n, probes, &p);
            GO_SHIELD(GO_FOREVER) { /* the body's own way of going on */
                CHECK_EQ(go_sleep(100 * GO_MS), 0);
            }
        }
    }
    CHECK_EQ(p.before, 0);
    CHECK_EQ(p.after, -ECANCELED);
    CHECK_EQ(go_now() - start, 100 * GO_MS);
}

LAW_VIRTUAL(service_body_not_shielded, "S3.27 GO_SERVICE's body is not shielded")
{
    struct probe p = {1, 1};
    go_time start = go_now();
    int rc, inner, slept = 1;

    GO_TIMEOUT(10 * GO_MS, rc) {
        GO_NURSERY_OPTS(n, inner, POLICY(GO_SERVICE)) {
            go_spawn(n, probes, &p);
            inner = slept = go_sleep(GO_SEC);
        }
        rc = inner;
    }
    CHECK_EQ(slept, -ECANCELED);
    CHECK_EQ(inner, -ECANCELED);
    CHECK_EQ(rc, -ETIMEDOUT);
    CHECK_EQ(go_now() - start, 10 * GO_MS);
    CHECK_EQ(p.before, -ECANCELED);
}

LAW_VIRTUAL(service_cancelled_itself,
            "S3.23 GO_SERVICE's shield is against the outside: its own scope's cancel is seen")
{
    struct probe p = {1, 1};
    int rc;

    GO_NURSERY_OPTS(n, rc, POLICY(GO_SERVICE)) {
        go_spawn(n, probes, &p);
        go_yield();
        go_nursery_cancel(n, NULL);
        CHECK_EQ(go_sleep(GO_SEC), -ECANCELED);
    }
    CHECK_EQ(p.before, -ECANCELED);
    CHECK_EQ(rc, -ECANCELED);
}

/* ---- the outside ---- */

LAW_VIRTUAL(outer_cancel, "S3.29 when only an outer scope cancelled the children, rc is -ECANCELED")
{
    static const go_policy policies[] = {GO_FAIL_FAST, GO_SUPERVISE, GO_RACE, GO_FIRST};

    for (size_t i = 0; i < sizeof policies / sizeof *policies; i++) {
        struct plan p[] = {{.delay = GO_FOREVER}, {.delay = GO_FOREVER}};
        int rc, inner = 1;

        GO_TIMEOUT(10 * GO_MS, rc) {
            inner = run_plans(policies[i], p, 2, 0);
        }
        CHECK_EQ(inner, -ECANCELED);
        CHECK_EQ(p[0].slept, -ECANCELED);
        CHECK_EQ(rc, -ETIMEDOUT);
        CHECK(!go_error_child(go_last_error(), 0));
    }
}

LAW_VIRTUAL(outer_cancel_laundered,
            "S3.29 rc is -ECANCELED whatever the children make of their cancellation")
{
    struct plan p[] = {
        {.delay = GO_FOREVER, .stubborn = true, .result = 0},
        {.delay = GO_FOREVER, .stubborn = true, .result = -EIO},
    };
    int rc, inner = 1;

    GO_TIMEOUT(10 * GO_MS, rc) {
        inner = run_plans(GO_FAIL_FAST, p, 2, 0);
    }
    CHECK_EQ(inner, -ECANCELED);
    CHECK_EQ(rc, -ETIMEDOUT);
}

LAW_VIRTUAL(outer_cancel_and_error, "S3.29 a real error beside an outer cancellation is the rc")
{
    struct plan p[] = {
        {.name = "bad", .delay = GO_FOREVER, .stubborn = true, .result = -EIO, .fails = true},
        {.delay = GO_FOREVER},
    };
    int rc, inner = 1;

    GO_TIMEOUT(10 * GO_MS, rc) {
        inner = run_plans(GO_FAIL_FAST, p, 2, 0);
    }
    CHECK_EQ(inner, -EIO);
    CHECK_EQ(rc, -ETIMEDOUT);
}

TAP_MAIN
