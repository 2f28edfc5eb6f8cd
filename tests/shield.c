/* SPDX-License-Identifier: MIT
 *
 * Section 4: shields and their budgets. */
#include "tests/kit.h"

LAW_VIRTUAL(hides, "S4.21 shield: outer cancellation is not visible inside")
{
    go_scope s = {0};
    int rc;

    GO_SCOPE(&s, rc, NULL) {
        go_scope_cancel(&s, "outer");
        GO_SHIELD(2 * GO_SEC) {
            CHECK(!go_cancelled());
            CHECK(!go_cancel_reason());
            CHECK_EQ(go_yield(), 0);
            CHECK_EQ(go_sleep(GO_SEC), 0);
        }
        CHECK(go_cancelled());
        CHECK_EQ(go_yield(), -ECANCELED);
    }
    CHECK_EQ(rc, -ECANCELED);
}

LAW_VIRTUAL(hides_deadline, "S4.21 an outer deadline that passes meanwhile is not visible either")
{
    go_time start = go_now();
    int rc;

    GO_TIMEOUT(GO_MS, rc) {
        GO_SHIELD(GO_SEC) {
            CHECK_EQ(go_sleep(10 * GO_MS), 0);
        }
        CHECK_EQ(go_now() - start, 10 * GO_MS);
        rc = go_sleep(GO_SEC);
    }
    CHECK_EQ(rc, -ETIMEDOUT);
    CHECK_EQ(go_now() - start, 10 * GO_MS);
}

LAW_VIRTUAL(own_scope_inside, "S4.21 what is cancelled inside the shield is visible")
{
    int rc;

    GO_SHIELD(GO_FOREVER) {
        GO_TIMEOUT(GO_MS, rc) {
            rc = go_sleep(GO_FOREVER);
        }
    }
    CHECK_EQ(rc, -ETIMEDOUT);
}

LAW_VIRTUAL(budget_used_up,
            "S4.22 when the budget is used up, outer cancellation becomes visible again")
{
    go_scope s = {0};
    go_time start = go_now();
    int rc;

    GO_SCOPE(&s, rc, NULL) {
        go_scope_cancel(&s, NULL);
        GO_SHIELD(2 * GO_SEC) {
            CHECK_EQ(go_sleep(GO_FOREVER), -ECANCELED);
            CHECK_EQ(go_now() - start, 2 * GO_SEC);
            CHECK(go_cancelled());
            CHECK_EQ(go_yield(), -ECANCELED);
        }
    }
    CHECK_EQ(rc, -ECANCELED);
    CHECK(go_scope_caught(&s));
}

LAW_VIRTUAL(budget_from_entry,
            "S4.22 a shield's budget counts from its entry, not from the cancellation")
{
    go_time start = go_now();
    int rc;

    GO_TIMEOUT(1500 * GO_MS, rc) {
        GO_SHIELD(2 * GO_SEC) {
            CHECK_EQ(go_sleep(GO_FOREVER), -ECANCELED);
            CHECK_EQ(go_now() - start, 2 * GO_SEC);
        }
    }
    CHECK_EQ(rc, -ETIMEDOUT);
}

LAW_VIRTUAL(cancel_after_budget,
            "S4.22 a cancellation that comes after the budget is visible at once")
{
    go_time start = go_now();
    int rc;

    GO_TIMEOUT(3 * GO_SEC, rc) {
        GO_SHIELD(2 * GO_SEC) {
            CHECK_EQ(go_sleep(GO_FOREVER), -ECANCELED);
            CHECK_EQ(go_now() - start, 3 * GO_SEC);
        }
    }
    CHECK_EQ(rc, -ETIMEDOUT);
}

LAW_VIRTUAL(budget_cancels_nothing, "S4.23 the end of a shield's budget alone cancels nothing")
{
    int rc;

    GO_SHIELD(GO_MS) {
        CHECK_EQ(go_sleep(GO_SEC), 0);
        CHECK(!go_cancelled());
        CHECK_EQ(go_deadline(), GO_FOREVER);
    }
    GO_TIMEOUT(10 * GO_SEC, rc) {
        GO_SHIELD(GO_MS) {
            CHECK_EQ(go_sleep(GO_SEC), 0);
        }
    }
    CHECK_EQ(rc, 0);
}

LAW_VIRTUAL(unbounded, "S4.24 a shield of GO_FOREVER is unbounded")
{
    go_scope s = {0};
    int rc;

    GO_SCOPE(&s, rc, NULL) {
        go_scope_cancel(&s, NULL);
        GO_SHIELD(GO_FOREVER) {
            CHECK_EQ(go_sleep(1000 * 1000 * GO_SEC), 0);
        }
    }
    CHECK_EQ(rc, 0);
    CHECK(!go_scope_caught(&s));
}

LAW_VIRTUAL(nested, "S4.22 nested shields: outer cancellation is hidden until both are used up")
{
    go_scope s = {0};
    go_time start = go_now();
    int rc;

    GO_SCOPE(&s, rc, NULL) {
        go_scope_cancel(&s, NULL);
        GO_SHIELD(3 * GO_SEC) {
            GO_SHIELD(GO_SEC) {
                CHECK_EQ(go_sleep(GO_FOREVER), -ECANCELED);
                CHECK_EQ(go_now() - start, 3 * GO_SEC);
            }
        }
    }
    CHECK_EQ(rc, -ECANCELED);
}

static int sleeps_a_second(void *arg)
{
    *(int *)arg = go_sleep(GO_SEC);
    return 0;
}

LAW_VIRTUAL(reaches_children, "S4.21 children of a nursery inside a shield are shielded")
{
    go_time start = go_now();
    int rc, inner, slept = 1;

    GO_TIMEOUT(GO_MS, rc) {
        GO_SHIELD(GO_FOREVER) {
            GO_NURSERY(n, inner) {
                go_spawn(n, sleeps_a_second, &slept);
            }
        }
    }
    CHECK_EQ(slept, 0);
    CHECK_EQ(inner, 0);
    CHECK_EQ(rc, 0);
    CHECK_EQ(go_now() - start, GO_SEC);
}

LAW_VIRTUAL(children_of_a_used_up_shield, "S4.22 the budget's end is seen by children inside, too")
{
    go_time start = go_now();
    int rc, inner, slept = 1;

    GO_TIMEOUT(GO_MS, rc) {
        GO_SHIELD(500 * GO_MS) {
            GO_NURSERY(n, inner) {
                go_spawn(n, sleeps_a_second, &slept);
            }
        }
    }
    CHECK_EQ(slept, -ECANCELED);
    CHECK_EQ(rc, -ETIMEDOUT);
    CHECK_EQ(go_now() - start, 500 * GO_MS);
}

LAW_VIRTUAL(by_option, "S4.21 a scope may be a shield by its option, with a deadline of its own")
{
    go_scope outer = {0}, s = {0};
    go_time start = go_now();
    int rc, inner;

    GO_SCOPE(&outer, rc, NULL) {
        go_scope_cancel(&outer, NULL);
        GO_SCOPE(&s, inner, &(go_scope_opts){.shield = GO_FOREVER, .timeout = GO_SEC}) {
            inner = go_sleep(GO_FOREVER);
        }
        CHECK_EQ(inner, -ETIMEDOUT);
        CHECK_EQ(go_now() - start, GO_SEC);
    }
}

TAP_MAIN
