/* SPDX-License-Identifier: MIT
 *
 * The block forms: every way out of them. */
#include "tests/kit.h"

static int counts_after(void *arg)
{
    int rc = go_sleep(GO_MS);

    ++*(int *)arg;
    return rc;
}

/* ---- nurseries ---- */

LAW_VIRTUAL(nursery_break, "S3.02 break out of a nursery block waits for the children")
{
    int count = 0, rc, after = 0;

    GO_NURSERY(n, rc) {
        go_spawn(n, counts_after, &count);
        rc = 5;
        if (count == 0)
            break;
        after = 1;
    }
    CHECK_EQ(count, 1);
    CHECK_EQ(rc, 5);
    CHECK_EQ(after, 0);
}

static int returns_early(int *count)
{
    int rc;

    GO_NURSERY(n, rc) {
        go_spawn(n, counts_after, count);
        return *count + 40; /* computed before they ran */
    }
    return -1;
}

LAW_VIRTUAL(nursery_return, "S3.03 return out of a nursery block waits for the children")
{
    int count = 0;

    CHECK_EQ(returns_early(&count), 40);
    CHECK_EQ(count, 1);
    CHECK_EQ(go_checkpoint(), 0); /* everything is closed properly */
}

LAW_VIRTUAL(nursery_goto, "S3.04 goto out of a nursery block waits for the children")
{
    int count = 0, rc;

    GO_NURSERY(n, rc) {
        go_spawn(n, counts_after, &count);
        goto out;
    }
    CHECK(false);
out:
    CHECK_EQ(count, 1);
    CHECK_EQ(go_checkpoint(), 0);
}

static int returns_from_three(int *count)
{
    int a, b, c;

    GO_NURSERY(n, a) {
        go_spawn(n, counts_after, count);
        GO_TIMEOUT(GO_SEC, b) {
            GO_NURSERY(m, c) {
                go_spawn(m, counts_after, count);
                go_spawn(n, counts_after, count);
                return 1;
            }
        }
    }
    return 2;
}

LAW_VIRTUAL(return_from_nested,
            "S3.03 return out of several blocks leaves all of them, innermost first")
{
    int count = 0;

    CHECK_EQ(returns_from_three(&count), 1);
    CHECK_EQ(count, 3);
    CHECK_EQ(go_deadline(), GO_FOREVER);
}

LAW_VIRTUAL(leaves_the_block_only, "S3.56 break and continue leave the block, not a loop around it")
{
    int rc, rounds = 0, count = 0;

    for (int i = 0; i < 3; i++) {
        GO_NURSERY(n, rc) {
            go_spawn(n, counts_after, &count);
            if (i == 0)
                break;
            if (i == 1)
                continue;
        }
        GO_TIMEOUT(GO_SEC, rc) {
            if (i == 0)
                break;
            if (i == 1)
                continue;
        }
        GO_SHIELD(GO_SEC) {
            if (i == 0)
                break;
            if (i == 1)
                continue;
        }
        CHECK_EQ(go_deadline(), GO_FOREVER);
        rounds++;
    }
    CHECK_EQ(rounds, 3);
    CHECK_EQ(count, 3);
}

LAW_VIRTUAL(loop_inside, "S3.56 a loop inside a block is its own")
{
    int rc, n_spawned = 0, count = 0;

    GO_NURSERY(n, rc) {
        for (int i = 0; i < 10; i++) {
            if (i % 2)
                continue;
            if (i == 6)
                break;
            go_spawn(n, counts_after, &count);
            n_spawned++;
        }
        rc = 4;
    }
    CHECK_EQ(rc, 4);
    CHECK_EQ(n_spawned, 3);
    CHECK_EQ(count, 3);
}

LAW_VIRTUAL(nested_in_one_line, "S3.01 blocks of the same kind nest, also on one line")
{
    int a, b, c, count = 0;

    GO_NURSERY(n, a)
        GO_NURSERY(m, b)
            GO_TIMEOUT(GO_SEC, c)
                go_spawn(count ? n : m, counts_after, &count);
    CHECK_EQ(a | b | c, 0);
    CHECK_EQ(count, 1);
}

LAW_VIRTUAL(rc_may_be_anything, "S4.45 rc may be any int that can be assigned to")
{
    struct {
        int rc[2];
    } s = {{9, 9}};
    int *p = &s.rc[1];

    GO_NURSERY(n, s.rc[0]) {
        go_spawn(n, sleeper, &moment);
    }
    GO_TIMEOUT(GO_MS, *p) {
        *p = go_sleep(GO_SEC);
    }
    CHECK_EQ(s.rc[0], 0);
    CHECK_EQ(s.rc[1], -ETIMEDOUT);
}

LAW_VIRTUAL(evaluated_once, "S4.45 the options of a block are evaluated once")
{
    int evaluated = 0, rc;
    go_scope s = {0};

    GO_TIMEOUT((evaluated++, GO_SEC), rc) {}
    GO_SHIELD((evaluated++, GO_SEC)) {}
    GO_SCOPE((evaluated++, &s), rc, NULL) {}
    GO_NURSERY_OPTS(n, rc, (evaluated++, &(go_nursery_opts){.policy = GO_RACE, .max_tasks = 4})) {}
    CHECK_EQ(evaluated, 4);
}

/* ---- scopes ---- */

static int returns_from_timeout(void)
{
    int rc;

    GO_TIMEOUT(GO_MS, rc) {
        return go_sleep(GO_SEC);
    }
    return 5;
}

static int returns_rc(void)
{
    int rc;

    GO_TIMEOUT(GO_MS, rc) {
        rc = go_sleep(GO_SEC);
        return rc;
    }
    return 5;
}

LAW_VIRTUAL(
    scope_return,
    "S4.48 return leaves a scope block properly; a value already computed is not translated")
{
    CHECK_EQ(returns_from_timeout(), -ECANCELED);
    CHECK_EQ(returns_rc(), -ECANCELED);
    CHECK_EQ(go_checkpoint(), 0);
    CHECK_EQ(go_deadline(), GO_FOREVER);
}

LAW_VIRTUAL(scope_break, "S4.48 break leaves a scope block properly, and rc is translated")
{
    int rc;

    GO_TIMEOUT(GO_MS, rc) {
        rc = go_sleep(GO_SEC);
        if (rc < 0)
            break;
        rc = 3;
    }
    CHECK_EQ(rc, -ETIMEDOUT);
    CHECK_EQ(go_checkpoint(), 0);
}

LAW_VIRTUAL(scope_goto, "S4.48 goto leaves a scope block properly")
{
    go_scope s = {0};
    int rc;

    GO_SCOPE(&s, rc, NULL) {
        go_scope_cancel(&s, NULL);
        GO_SHIELD(GO_SEC) {
            CHECK_EQ(go_checkpoint(), 0);
            goto out;
        }
    }
out:
    CHECK_EQ(go_checkpoint(), 0);
    CHECK(!go_cancelled());
}

LAW_VIRTUAL(goto_and_again, "S4.48 a goto back to before the block enters it anew")
{
    int rc, rounds = 0;

again:
    GO_TIMEOUT(GO_MS, rc) {
        rc = go_sleep(2 * GO_MS);
        if (rounds++ < 3)
            goto again;
    }
    CHECK_EQ(rounds, 4);
    CHECK_EQ(rc, -ETIMEDOUT);
    CHECK_EQ(go_deadline(), GO_FOREVER);
}

TAP_MAIN
