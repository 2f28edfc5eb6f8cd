/* SPDX-License-Identifier: MIT
 *
 * Section 4: cancel scopes; which one catches, what is delivered, and what rc becomes. */
#include "tests/kit.h"

/* ---- level-triggered, first reason, when it may be called ---- */

LAW_VIRTUAL(level_triggered,
            "S4.02 every checkpoint inside returns -ECANCELED until the scope is left")
{
    go_scope s = {0};
    int rc;

    GO_SCOPE(&s, rc, NULL) {
        CHECK_EQ(go_checkpoint(), 0);
        go_scope_cancel(&s, NULL);
        for (int i = 0; i < 5; i++) {
            CHECK_EQ(go_yield(), -ECANCELED);
            CHECK_EQ(go_checkpoint(), -ECANCELED);
            CHECK_EQ(go_sleep(GO_SEC), -ECANCELED);
        }
        CHECK(go_cancelled());
    }
    CHECK_EQ(rc, -ECANCELED);
    CHECK(!go_cancelled());
    CHECK_EQ(go_checkpoint(), 0);
    CHECK_EQ(go_sleep(GO_MS), 0);
}

LAW_VIRTUAL(first_reason_stays, "S4.03 go_scope_cancel is idempotent: the first reason stays")
{
    go_scope s = {0};
    int rc;

    GO_SCOPE(&s, rc, &(go_scope_opts){.timeout = GO_MS}) {
        CHECK(!go_cancel_reason());
        go_scope_cancel(&s, "one");
        go_scope_cancel(&s, "two");
        CHECK_STR(go_cancel_reason(), "explicit \"one\"");
        GO_SHIELD(GO_FOREVER) {
            go_sleep(GO_SEC); /* its deadline passes too late to be the reason */
        }
        CHECK_STR(go_cancel_reason(), "explicit \"one\"");
        rc = go_checkpoint();
    }
    CHECK_EQ(rc, -ECANCELED);
}

LAW_VIRTUAL(cancel_before_entry, "S4.04 go_scope_cancel is legal before the scope is entered")
{
    go_scope s = {0};
    int rc;

    go_scope_cancel(&s, "early");
    CHECK_EQ(go_checkpoint(), 0);
    GO_SCOPE(&s, rc, NULL) {
        CHECK_STR(go_cancel_reason(), "explicit \"early\"");
        CHECK_EQ(go_checkpoint(), -ECANCELED);
    }
    CHECK_EQ(rc, -ECANCELED);
    CHECK(go_scope_caught(&s));
}

LAW_VIRTUAL(cancel_after_exit, "S4.05 go_scope_cancel is without effect after the scope was left")
{
    go_scope s = {0};
    int rc;

    GO_SCOPE(&s, rc, NULL) {
        rc = 3;
    }
    go_scope_cancel(&s, "late");
    go_scope_cancel_soft(&s, 0, "late");
    CHECK_EQ(rc, 3);
    CHECK_EQ(go_checkpoint(), 0);
    CHECK(!go_scope_caught(&s));
}

LAW_VIRTUAL(reasons, "S4.06 the reason reads explicit \"text\", deadline")
{
    char longer[128];
    go_scope named = {0}, nameless = {0}, wordy = {0};
    int rc;

    CHECK(!go_cancel_reason());
    GO_SCOPE(&named, rc, NULL) {
        go_scope_cancel(&named, "text");
        CHECK_STR(go_cancel_reason(), "explicit \"text\"");
    }
    GO_SCOPE(&nameless, rc, NULL) {
        go_scope_cancel(&nameless, NULL);
        CHECK_HAS(go_cancel_reason(), "explicit");
    }
    GO_TIMEOUT(GO_MS, rc) {
        go_sleep(GO_FOREVER);
        CHECK_STR(go_cancel_reason(), "deadline");
    }
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    GO_SCOPE(&wordy, rc, NULL) { /* copied, in part */
        go_scope_cancel(&wordy, longer);
        CHECK_HAS(go_cancel_reason(), "explicit \"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
    }
    CHECK(!go_cancel_reason());
}

static int copies_reason(void *arg)
{
    go_sleep(GO_FOREVER);
    snprintf(arg, 64, "%s", go_cancel_reason());
    return -ECANCELED;
}

LAW_VIRTUAL(reason_is_inherited, "S4.07 inner scopes inherit the reason")
{
    go_scope outer = {0};
    char reason[64] = "";
    int rc, middle, inner;

    GO_SCOPE(&outer, rc, NULL) {
        GO_TIMEOUT(GO_SEC, middle) {
            GO_NURSERY(n, inner) {
                go_spawn(n, copies_reason, reason);
                go_yield();
                go_scope_cancel(&outer, "all of it");
                CHECK_STR(go_cancel_reason(), "explicit \"all of it\"");
            }
        }
    }
    CHECK_STR(reason, "explicit \"all of it\"");
    CHECK_EQ(rc, -ECANCELED);
}

/* ---- which one catches ---- */

LAW_VIRTUAL(outermost_catches, "S4.08 the outermost cancelled scope is the one that catches")
{
    go_scope outer = {0}, inner = {0}, innermost = {0};
    int a, b, c;

    GO_SCOPE(&outer, a, NULL) {
        GO_SCOPE(&inner, b, NULL) {
            GO_SCOPE(&innermost, c, NULL) {
                go_scope_cancel(&inner, NULL);
                go_scope_cancel(&outer, NULL);
                go_scope_cancel(&innermost, NULL);
                CHECK_EQ(go_yield(), -ECANCELED);
                c = -EIO;
            }
            CHECK_EQ(c, -EIO); /* not its own cancellation: kept */
            b = 0;
        }
        CHECK_EQ(b, 0);
        CHECK(!go_scope_caught(&inner));
    }
    CHECK_EQ(a, -ECANCELED);
    CHECK(go_scope_caught(&outer));
    CHECK(!go_scope_caught(&innermost));
}

LAW_VIRTUAL(shield_hides_the_outer,
            "S4.08 of those that no shield hides: behind a shield an inner scope catches")
{
    go_scope outer = {0}, inner = {0};
    int a, b;

    GO_SCOPE(&outer, a, NULL) {
        go_scope_cancel(&outer, NULL);
        GO_SHIELD(GO_FOREVER) {
            GO_SCOPE(&inner, b, NULL) {
                go_scope_cancel(&inner, NULL);
                CHECK_EQ(go_yield(), -ECANCELED);
            }
            CHECK_EQ(b, -ECANCELED);
            CHECK(go_scope_caught(&inner));
            CHECK_EQ(go_yield(), 0);
        }
        CHECK(!go_scope_caught(&outer));
        CHECK_EQ(go_yield(), -ECANCELED);
    }
    CHECK_EQ(a, -ECANCELED);
}

LAW_VIRTUAL(inner_alone, "S4.08 an inner scope's cancellation stays inside it")
{
    int a, b;

    GO_TIMEOUT(GO_SEC, a) {
        GO_TIMEOUT(GO_MS, b) {
            b = go_sleep(GO_FOREVER);
        }
        CHECK_EQ(b, -ETIMEDOUT);
        a = go_sleep(GO_MS);
    }
    CHECK_EQ(a, 0);
}

/* ---- the record of deliveries ---- */

static int launders(void)
{
    return go_sleep(GO_FOREVER) == -ECANCELED ? -1 : 0;
}

LAW_VIRTUAL(laundered,
            "S4.09 the delivery is recorded: ECANCELED laundered into -1 or EIO is still caught")
{
    int rc;

    GO_TIMEOUT(GO_MS, rc) {
        rc = launders();
    }
    CHECK_EQ(rc, -ETIMEDOUT);
    GO_TIMEOUT(GO_MS, rc) {
        go_sleep(GO_FOREVER);
        rc = -EIO;
    }
    CHECK_EQ(rc, -ETIMEDOUT);
    GO_TIMEOUT(GO_MS, rc) {
        go_sleep(GO_FOREVER);
        rc = 0;
    }
    CHECK_EQ(rc, -ETIMEDOUT);
}

LAW_VIRTUAL(undelivered,
            "S4.10 a block to which nothing was delivered keeps its result, whatever was requested")
{
    go_scope s = {0};
    int rc;

    GO_SCOPE(&s, rc, NULL) {
        go_scope_cancel(&s, NULL);
        CHECK(go_cancelled()); /* asking is no delivery */
        CHECK(go_stopping());
        (void)go_cancel_reason();
        rc = -EIO;
    }
    CHECK_EQ(rc, -EIO);
    CHECK(!go_scope_caught(&s));
    GO_TIMEOUT(GO_MS, rc) {
        GO_SHIELD(GO_FOREVER) {
            go_sleep(GO_SEC);
        }
        rc = -EPIPE; /* the deadline has passed, and nobody was told */
    }
    CHECK_EQ(rc, -EPIPE);
    GO_TIMEOUT(GO_MS, rc) {
        GO_SHIELD(GO_FOREVER) {
            go_sleep(GO_SEC);
        }
    }
    CHECK_EQ(rc, 0);
}

static int shrugs(void *arg)
{
    (void)arg;
    go_sleep(GO_FOREVER);
    return 0;
}

LAW_VIRTUAL(delivered_to_a_child,
            "S4.11 a delivery to a child of a nursery inside counts as delivered to the block")
{
    go_scope s = {0};
    int rc, inner;

    GO_SCOPE(&s, rc, &(go_scope_opts){.timeout = GO_MS}) {
        GO_NURSERY(n, inner) {
            go_spawn(n, shrugs, NULL);
        }
        CHECK_EQ(inner, -ECANCELED);
        rc = 0;
    }
    CHECK_EQ(rc, -ETIMEDOUT);
    CHECK(go_scope_caught(&s));
}

static int middle_shrugs(void *arg)
{
    int rc;

    (void)arg;
    GO_NURSERY(n, rc) {
        go_spawn(n, shrugs, NULL);
    }
    return 0;
}

LAW_VIRTUAL(delivered_to_a_grandchild, "S4.11 and so does one to a grandchild")
{
    int rc, inner;

    GO_TIMEOUT(GO_MS, rc) {
        GO_NURSERY(n, inner) {
            go_spawn(n, middle_shrugs, NULL);
        }
    }
    CHECK_EQ(rc, -ETIMEDOUT);
}

/* ---- as if never called ---- */

struct chan_op {
    go_chan *c;
    int value, rc;
};

static int receives(void *arg)
{
    struct chan_op *op = arg;

    op->rc = go_chan_recv(op->c, &op->value);
    return 0;
}

LAW_VIRTUAL(no_effect, "S4.14 a cancelled operation has had no effect")
{
    go_scope s = {0};
    go_mutex m;
    go_chan c;
    int rc, item = 5;

    go_mutex_init(&m, 0);
    go_chan_init(&c, sizeof(int), 1, 0);
    GO_SCOPE(&s, rc, NULL) {
        go_scope_cancel(&s, NULL);
        CHECK_EQ(go_mutex_lock(&m), -ECANCELED);
        CHECK_EQ(go_chan_send(&c, &item), -ECANCELED);
    }
    CHECK_EQ(go_mutex_unlock(&m), -EPERM);
    CHECK_EQ(go_chan_try_recv(&c, &item), -EAGAIN);
    go_chan_fini(&c);
}

LAW_VIRTUAL(completed_first,
            "S4.15 an operation that has completed returns its result; the cancel waits")
{
    struct chan_op op = {.value = 0, .rc = 1};
    go_task t = {.result = 0};
    go_chan c;
    int rc, item = 7;

    go_chan_init(&c, sizeof(int), 0, 0);
    op.c = &c;
    GO_NURSERY(n, rc) {
        go_spawn_with(n, &(go_spawn_opts){.task = &t}, receives, &op);
        go_yield();
        CHECK_EQ(go_chan_try_send(&c, &item), 0); /* handed over: it has the item */
        go_task_cancel(&t, NULL);                 /* before it ran */
    }
    CHECK_EQ(rc, 0);
    CHECK_EQ(op.rc, 1);
    CHECK_EQ(op.value, 7);
    go_chan_fini(&c);
}

struct two_naps {
    int first, second;
};

static int naps_twice(void *arg)
{
    struct two_naps *t = arg;

    t->first = go_sleep(GO_MS);
    t->second = go_sleep(GO_MS);
    return 0;
}

LAW_VIRTUAL(completed_sleep,
            "S4.15 a sleep that is over returns 0; the pending cancel comes at the next checkpoint")
{
    struct two_naps naps = {1, 1};
    go_task t = {.result = 0};
    int rc;

    GO_NURSERY(n, rc) {
        go_spawn_with(n, &(go_spawn_opts){.task = &t}, naps_twice, &naps);
        go_sleep(GO_MS); /* both wake in one turn, this fiber first */
        go_task_cancel(&t, NULL);
    }
    CHECK_EQ(rc, 0);
    CHECK_EQ(naps.second, -ECANCELED);
    CHECK_EQ(naps.first, 0); /* the turn had already woken it */
}

/* ---- rc ---- */

LAW_VIRTUAL(timeout_rc,
            "S4.41 GO_TIMEOUT: rc becomes -ETIMEDOUT when the time ran out and that was delivered")
{
    go_time start = go_now();
    int rc;

    GO_TIMEOUT(5 * GO_MS, rc) {
        rc = go_sleep(GO_FOREVER);
        CHECK_EQ(rc, -ECANCELED);
    }
    CHECK_EQ(rc, -ETIMEDOUT);
    CHECK_EQ(go_now() - start, 5 * GO_MS);
    GO_TIMEOUT(5 * GO_MS, rc) {
        rc = go_sleep(GO_MS);
    }
    CHECK_EQ(rc, 0);
    GO_TIMEOUT(5 * GO_MS, rc) {
        rc = -ENOENT;
    }
    CHECK_EQ(rc, -ENOENT);
}

LAW_VIRTUAL(move_on_rc, "S4.42 GO_MOVE_ON: rc becomes 0 for its deadline")
{
    int rc;

    GO_MOVE_ON(5 * GO_MS, rc) {
        rc = go_sleep(GO_FOREVER);
    }
    CHECK_EQ(rc, 0);
    GO_MOVE_ON(5 * GO_MS, rc) {
        rc = -EIO;
    }
    CHECK_EQ(rc, -EIO);
    GO_MOVE_ON(5 * GO_MS, rc) {
        go_sleep(GO_FOREVER);
        rc = 11;
    }
    CHECK_EQ(rc, 11);
}

LAW_VIRTUAL(move_on_explicit,
            "S4.43 rc becomes -ECANCELED when the scope was cancelled explicitly, move_on or not")
{
    go_scope a = {0}, b = {0};
    int rc;

    GO_SCOPE(&a, rc, &(go_scope_opts){.timeout = GO_SEC, .move_on = true}) {
        go_scope_cancel(&a, NULL);
        go_yield();
        rc = 0;
    }
    CHECK_EQ(rc, -ECANCELED);
    GO_SCOPE(&b, rc, &(go_scope_opts){.timeout = GO_SEC}) {
        go_scope_cancel(&b, NULL);
        go_yield();
        rc = -EIO;
    }
    CHECK_EQ(rc, -ECANCELED);
}

LAW_VIRTUAL(outer_catches_rc, "S4.10 a block inside the one that catches keeps its rc")
{
    int outer, inner;

    GO_TIMEOUT(GO_MS, outer) {
        GO_TIMEOUT(GO_SEC, inner) {
            inner = go_sleep(GO_FOREVER);
        }
        CHECK_EQ(inner, -ECANCELED); /* as the body assigned it */
        GO_MOVE_ON(GO_SEC, inner) {
            inner = go_sleep(GO_FOREVER);
        }
        CHECK_EQ(inner, -ECANCELED);
    }
    CHECK_EQ(outer, -ETIMEDOUT);
}

LAW_VIRTUAL(partial_results, "S4.44 an rc > 0 (a partial result) is kept")
{
    go_scope s = {0};
    int rc;

    GO_TIMEOUT(GO_MS, rc) {
        go_sleep(GO_FOREVER);
        rc = 17;
    }
    CHECK_EQ(rc, 17);
    GO_SCOPE(&s, rc, NULL) {
        go_scope_cancel(&s, NULL);
        go_yield();
        rc = 1;
    }
    CHECK_EQ(rc, 1);
    CHECK(go_scope_caught(&s));
}

LAW_VIRTUAL(rc_on_entry, "S4.45 rc is 0 on entry")
{
    int rc = 77;

    GO_TIMEOUT(GO_SEC, rc) {
        CHECK_EQ(rc, 0);
    }
    CHECK_EQ(rc, 0);
    rc = 77;
    GO_NURSERY(n, rc) {
        CHECK_EQ(rc, 0);
    }
    CHECK_EQ(rc, 0);
    rc = -77;
    GO_MOVE_ON(GO_SEC, rc) {
        CHECK_EQ(rc, 0);
    }
    CHECK_EQ(rc, 0);
}

static int cancels(void *arg)
{
    go_sleep(GO_MS);
    go_scope_cancel(arg, "from elsewhere");
    return 0;
}

LAW_VIRTUAL(named_scope,
            "S4.46 GO_SCOPE names the caller's scope: cancelled from elsewhere, asked afterwards")
{
    go_scope s = {0};
    go_time start = go_now();
    int rc, outer;

    CHECK(!go_scope_caught(&s));
    GO_NURSERY(n, outer) {
        go_spawn(n, cancels, &s);
        GO_SCOPE(&s, rc, NULL) {
            rc = go_sleep(GO_FOREVER);
            CHECK_STR(go_cancel_reason(), "explicit \"from elsewhere\"");
        }
        CHECK_EQ(rc, -ECANCELED);
        CHECK(go_scope_caught(&s));
        CHECK_EQ(go_now() - start, GO_MS);
    }
    CHECK_EQ(outer, 0);
}

LAW_VIRTUAL(explicit_pair, "S4.46 go_scope_enter and go_scope_exit do what the block form does")
{
    go_scope a = {0}, b = {0};

    CHECK_EQ(go_scope_enter(&a, &(go_scope_opts){.timeout = GO_MS}), 0);
    CHECK_EQ(go_scope_enter(&b, NULL), 0);
    CHECK_EQ(go_sleep(GO_FOREVER), -ECANCELED);
    CHECK_EQ(go_scope_exit(&b, -EIO), -EIO);
    CHECK_EQ(go_scope_exit(&a, -EIO), -ETIMEDOUT);
    CHECK(go_scope_caught(&a));
    CHECK(!go_scope_caught(&b));
}

LAW_VIRTUAL(tree_of_scopes,
            "S4.01 scopes form a tree: a cancelled one reaches what is below it, and nothing else")
{
    struct plan in = {.name = "in", .delay = 10 * GO_MS},
                out = {.name = "out", .delay = 10 * GO_MS};
    int outer, inner;

    GO_NURSERY(n, outer) {
        go_spawn(n, follow, &out);
        GO_NURSERY(m, inner) {
            go_spawn(m, follow, &in);
            go_yield();
            go_scope_cancel(go_nursery_scope(m), NULL); /* a nursery has one */
        }
        CHECK_EQ(inner, -ECANCELED);
    }
    CHECK_EQ(outer, 0);
    CHECK_TRACE("in! out");
}

LAW_VIRTUAL(deep, "S4.01 a thousand scopes deep")
{
    go_scope *s = calloc(1000, sizeof *s);
    int rc = 0;

    for (int i = 0; i < 1000; i++)
        CHECK_EQ(go_scope_enter(&s[i], &(go_scope_opts){.timeout = GO_SEC + i}), 0);
    go_scope_cancel(&s[500], NULL);
    CHECK_EQ(go_yield(), -ECANCELED);
    for (int i = 999; i >= 0; i--) {
        rc = go_scope_exit(&s[i], 0);
        CHECK_EQ(rc, i == 500 ? -ECANCELED : 0);
    }
    CHECK_EQ(go_yield(), 0);
    free(s);
}

TAP_MAIN
