/* SPDX-License-Identifier: MIT
 *
 * Section 4: cancelling in two phases, and those who ignore a cancellation. */
#include "tests/kit.h"

/* ---- soft ---- */

LAW_VIRTUAL(soft_is_a_request,
            "S4.27 go_scope_cancel_soft makes go_stopping() true, and go_cancelled() stays false")
{
    go_scope s = {0};
    int rc;

    CHECK(!go_stopping());
    GO_SCOPE(&s, rc, NULL) {
        go_scope_cancel_soft(&s, GO_SEC, "please");
        CHECK(go_stopping());
        CHECK(!go_cancelled());
        CHECK_STR(go_cancel_reason(), "explicit \"please\"");
        CHECK_EQ(go_checkpoint(), 0);
    }
    CHECK_EQ(rc, 0);
    CHECK(!go_stopping());
    CHECK(!go_cancel_reason());
    CHECK(!go_scope_caught(&s));
}

struct look {
    bool stopping, cancelled;
};

static int looks(void *arg)
{
    struct look *l = arg;

    go_sleep(2 * GO_MS);
    l->stopping = go_stopping();
    l->cancelled = go_cancelled();
    return 0;
}

LAW_VIRTUAL(soft_reaches_down,
            "S4.27 children see it, siblings outside the scope do not, and a shield hides it")
{
    struct look child = {false, true}, outsider = {true, true};
    int outer, inner;

    GO_NURSERY(n, outer) {
        go_spawn(n, looks, &outsider);
        GO_NURSERY(m, inner) {
            go_spawn(m, looks, &child);
            go_sleep(GO_MS);
            go_scope_cancel_soft(go_nursery_scope(m), GO_FOREVER, NULL);
            GO_SHIELD(GO_FOREVER) {
                CHECK(!go_stopping());
            }
        }
        CHECK_EQ(inner, 0);
    }
    CHECK_EQ(outer, 0);
    CHECK(child.stopping && !child.cancelled);
    CHECK(!outsider.stopping && !outsider.cancelled);
}

LAW_VIRTUAL(soft_goes_on, "S4.32 under a soft cancel sleeps, locks and all other I/O go on")
{
    go_scope s = {0};
    go_mutex m;
    go_event e;
    go_chan c;
    char byte = 0;
    int rc, fds[2], item = 3;

    go_mutex_init(&m, 0);
    go_event_init(&e, 0);
    go_chan_init(&c, sizeof(int), 1, 0); /* no GO_SOURCE */
    CHECK_EQ(go_socketpair(fds), 0);
    GO_SCOPE(&s, rc, NULL) {
        go_scope_cancel_soft(&s, GO_FOREVER, NULL);
        CHECK_EQ(go_sleep(GO_SEC), 0);
        CHECK_EQ(go_mutex_lock(&m), 0);
        CHECK_EQ(go_mutex_unlock(&m), 0);
        go_event_set(&e);
        CHECK_EQ(go_event_wait(&e), 0);
        CHECK_EQ(go_chan_send(&c, &item), 0);
        CHECK_EQ(go_chan_recv(&c, &item), 1);
        CHECK_EQ(go_write(fds[0], "x", 1), 1);
        CHECK_EQ(go_read(fds[1], &byte, 1), 1);
        CHECK_EQ(go_poll(&(struct pollfd){.fd = fds[0], .events = POLLOUT}, 1, -1), 1);
        rc = go_yield();
    }
    CHECK_EQ(rc, 0);
    go_close(fds[0]);
    go_close(fds[1]);
    go_chan_fini(&c);
}

LAW_VIRTUAL(soft_turns_hard, "S4.33 a soft cancel turns hard after the grace")
{
    go_scope s = {0};
    go_time start = go_now();
    int rc;

    GO_SCOPE(&s, rc, NULL) {
        go_scope_cancel_soft(&s, 5 * GO_SEC, "time to go");
        CHECK_EQ(go_sleep(4 * GO_SEC), 0);
        rc = go_sleep(GO_FOREVER);
        CHECK(go_cancelled());
        CHECK_STR(go_cancel_reason(), "explicit \"time to go\"");
    }
    CHECK_EQ(rc, -ECANCELED);
    CHECK_EQ(go_now() - start, 5 * GO_SEC);
    CHECK(go_scope_caught(&s));
}

LAW_VIRTUAL(soft_then_hard,
            "S4.33 a hard cancel may come before the grace is over; the first reason stays")
{
    go_scope s = {0};
    go_time start = go_now();
    int rc;

    GO_SCOPE(&s, rc, NULL) {
        go_scope_cancel_soft(&s, 5 * GO_SEC, "soft");
        go_sleep(GO_SEC);
        go_scope_cancel(&s, "hard");
        rc = go_sleep(GO_SEC);
        CHECK_STR(go_cancel_reason(), "explicit \"soft\"");
    }
    CHECK_EQ(rc, -ECANCELED);
    CHECK_EQ(go_now() - start, GO_SEC);
    CHECK_EQ(go_sleep(10 * GO_SEC), 0); /* the grace's timer went with the scope */
}

LAW_VIRTUAL(soft_left_in_time, "S4.33 a scope that is left during the grace is never cancelled")
{
    go_scope s = {0};
    int rc, outer;

    GO_TIMEOUT(GO_FOREVER, outer) {
        GO_SCOPE(&s, rc, NULL) {
            go_scope_cancel_soft(&s, GO_SEC, NULL);
            rc = go_sleep(GO_MS);
        }
        CHECK_EQ(rc, 0);
        outer = go_sleep(10 * GO_SEC);
    }
    CHECK_EQ(outer, 0);
}

LAW_VIRTUAL(soft_before_entry, "S4.04 a soft cancel is legal before the scope is entered, too")
{
    go_scope s = {0};
    go_time start = go_now();
    int rc;

    go_scope_cancel_soft(&s, GO_SEC, NULL);
    GO_SCOPE(&s, rc, NULL) {
        CHECK(go_stopping());
        CHECK(!go_cancelled());
        rc = go_sleep(GO_FOREVER);
    }
    CHECK_EQ(rc, -ECANCELED);
    CHECK_EQ(go_now() - start, GO_SEC);
}

LAW_VIRTUAL(source_refuses, "S4.30 a soft cancel stops receives from channels made with GO_SOURCE")
{
    go_scope s = {0};
    go_chan c;
    int rc, item = 3, got = 0;

    go_chan_init(&c, sizeof(int), 4, GO_SOURCE);
    CHECK_EQ(go_chan_send(&c, &item), 0);
    CHECK_EQ(go_chan_send(&c, &item), 0);
    CHECK_EQ(go_chan_recv(&c, &got), 1);
    GO_SCOPE(&s, rc, NULL) {
        go_scope_cancel_soft(&s, GO_FOREVER, NULL);
        CHECK_EQ(go_chan_recv(&c, &got), -ECANCELED);
        CHECK_EQ(go_chan_send(&c, &item), 0); /* only receiving is accepting */
        CHECK_EQ(go_checkpoint(), 0);
    }
    CHECK_EQ(rc, 0);
    CHECK_EQ(go_chan_recv(&c, &got), 1); /* nothing was lost */
    CHECK_EQ(go_chan_recv(&c, &got), 1);
    go_chan_fini(&c);
}

struct receiver {
    go_chan *c;
    int rc, then;
};

static int receives(void *arg)
{
    struct receiver *r = arg;
    int item;

    r->rc = go_chan_recv(r->c, &item);
    r->then = go_sleep(GO_SEC);
    return 0;
}

LAW_VIRTUAL(source_wakes,
            "S4.30 a soft cancel wakes who waits to receive from a GO_SOURCE, and nobody else")
{
    go_chan source, plain;
    struct receiver a = {.c = &source, .rc = 1, .then = 1}, b = {.c = &plain, .rc = 1, .then = 1};
    int rc;

    go_chan_init(&source, sizeof(int), 0, GO_SOURCE);
    go_chan_init(&plain, sizeof(int), 0, 0);
    GO_NURSERY(n, rc) {
        go_spawn(n, receives, &a);
        go_spawn(n, receives, &b);
        go_sleep(GO_MS);
        go_scope_cancel_soft(go_nursery_scope(n), GO_FOREVER, NULL);
        go_sleep(GO_MS);
        CHECK_EQ(a.rc, -ECANCELED);
        CHECK_EQ(b.rc, 1);
        go_chan_close(&plain);
    }
    CHECK_EQ(rc, 0);
    CHECK_EQ(b.rc, 0);
    CHECK_EQ(a.then, 0);
    CHECK_EQ(b.then, 0);
    go_chan_fini(&source);
    go_chan_fini(&plain);
}

LAW_VIRTUAL(source_in_select, "S4.30 in go_select, too")
{
    go_chan source;
    go_scope s = {0};
    int rc, item, idle = 1;

    go_chan_init(&source, sizeof(int), 0, GO_SOURCE);
    GO_SCOPE(&s, rc, NULL) {
        go_scope_cancel_soft(&s, GO_FOREVER, NULL);
        GO_MOVE_ON(GO_SEC, idle) {
            go_case cases[] = {GO_RECV(&source, &item)};

            idle = go_select(cases, 1);
        }
    }
    CHECK_EQ(idle, -ECANCELED);
    CHECK_EQ(rc, 0);
    go_chan_fini(&source);
}

static int accepts(void *arg)
{
    struct receiver *r = arg;

    r->rc = go_accept(*(int *)(void *)r->c, NULL, NULL);
    r->then = go_sleep(GO_SEC);
    return 0;
}

LAW_VIRTUAL(accept_stops, "S4.28 a soft cancel stops go_accept: -ECANCELED")
{
    int listener = go_unix_listen("@gosling-test-soft", NULL), client, rc;
    struct receiver waiting = {.c = (void *)&listener, .rc = 1, .then = 1}, again = waiting;

    CHECK(listener >= 0);
    GO_NURSERY(n, rc) {
        go_spawn(n, accepts, &waiting);
        go_sleep(GO_MS);
        go_scope_cancel_soft(go_nursery_scope(n), GO_FOREVER, NULL);
        go_sleep(GO_MS);
        CHECK_EQ(waiting.rc, -ECANCELED);
        client = go_unix_connect("@gosling-test-soft");
        CHECK(client >= 0);
        go_spawn(n, accepts, &again); /* refused even though somebody is there */
    }
    CHECK_EQ(rc, 0);
    CHECK_EQ(again.rc, -ECANCELED);
    CHECK_EQ(waiting.then, 0);
    rc = go_accept(listener, NULL, NULL);
    CHECK(rc >= 0); /* the connection was not lost */
    go_close(rc);
    go_close(client);
    go_close(listener);
}

LAW_VIRTUAL(soft_does_not_count, "S4.34 soft deliveries do not count for a block's rc")
{
    struct receiver r = {.rc = 1};
    go_scope s = {0};
    go_chan c;
    int rc, item, inner;

    go_chan_init(&c, sizeof(int), 0, GO_SOURCE);
    r.c = &c;
    GO_SCOPE(&s, rc, NULL) {
        go_scope_cancel_soft(&s, GO_FOREVER, NULL);
        CHECK_EQ(go_chan_recv(&c, &item), -ECANCELED);
        rc = -EIO;
    }
    CHECK_EQ(rc, -EIO);
    CHECK(!go_scope_caught(&s));
    GO_NURSERY(n, inner) {
        go_spawn(n, receives, &r);
        go_yield();
        go_scope_cancel_soft(go_nursery_scope(n), GO_FOREVER, NULL);
    }
    CHECK_EQ(r.rc, -ECANCELED);
    CHECK_EQ(inner, 0);
    go_chan_fini(&c);
}

static int passes_on(void *arg)
{
    int item;

    return go_chan_recv(arg, &item); /* -ECANCELED, softly */
}

LAW_VIRTUAL(soft_return,
            "S4.34 a worker that returns its soft -ECANCELED does not bring its nursery down")
{
    struct plan other = {.delay = GO_SEC};
    go_chan c;
    int rc;

    go_chan_init(&c, sizeof(int), 0, GO_SOURCE);
    GO_NURSERY(n, rc) {
        go_spawn(n, passes_on, &c);
        go_spawn(n, follow, &other);
        go_sleep(GO_MS);
        go_scope_cancel_soft(go_nursery_scope(n), GO_FOREVER, NULL);
    }
    CHECK_EQ(other.slept, 0);
    CHECK_EQ(rc, 0);
    go_chan_fini(&c);
}

/* ---- ignoring ---- */

static int retries(void *arg)
{
    go_scope s = {0};
    int rc, n = *(int *)arg;

    go_name("stubborn");
    GO_SCOPE(&s, rc, NULL) {
        go_scope_cancel(&s, "give up");
        for (int i = 0; i < n; i++)
            CHECK_EQ(go_sleep(GO_SEC), -ECANCELED);
    }
    CHECK_EQ(rc, -ECANCELED);
    return 0;
}

static int retries_program(void *arg)
{
    return virtual_run(retries, arg) < 0 ? 98 : 0;
}

static int lines_with(const char *text, const char *part)
{
    int n = 0;

    while ((text = strstr(text, part))) {
        n++;
        text += strlen(part);
    }
    return n;
}

LAW(ignored_report,
    "S4.25 after 100 deliveries without a scope exit: one report with the fiber's backtrace")
{
    int hundred = 100, many = 300;

    CHECK_EXITS(retries_program, &hundred, 0);
    CHECK_STR(kit_output, "");
    CHECK_EXITS(retries_program, &many, 0);
    CHECK_EQ(lines_with(kit_output, "stubborn"), 1);
    CHECK_EQ(lines_with(kit_output, "gosling:"), 1);
    CHECK_HAS(kit_output, "give up");
    CHECK_HAS(kit_output, "soft"); /* the backtrace: frames of this program */
    CHECK(lines_with(kit_output, "\n") >= 3);
}

static int retries_in_scopes(void *arg)
{
    go_scope s = {0}, inner[4];
    int rc, middle;

    (void)arg;
    memset(inner, 0, sizeof inner);
    GO_SCOPE(&s, rc, NULL) {
        go_scope_cancel(&s, NULL);
        for (int k = 0; k < 4; k++) {
            GO_SCOPE(&inner[k], middle, NULL) {
                for (int i = 0; i < 90; i++)
                    go_sleep(GO_SEC);
            }
        }
    }
    return 0;
}

static int scopes_program(void *arg)
{
    return virtual_run(retries_in_scopes, arg) < 0 ? 98 : 0;
}

LAW(ignored_counts_anew, "S4.25 leaving a scope counts anew")
{
    CHECK_EXITS(scopes_program, NULL, 0);
    CHECK_STR(kit_output, "");
}

static int backs_off(void *arg)
{
    go_scope s = {0};
    go_time at[200];
    int rc;

    (void)arg;
    GO_SCOPE(&s, rc, NULL) {
        go_scope_cancel(&s, NULL);
        for (int i = 0; i < 200; i++) {
            go_time before = go_now();

            CHECK_EQ(go_checkpoint(), -ECANCELED);
            at[i] = go_now() - before;
        }
    }
    for (int i = 0; i < 200; i++) {
        if (i < 100)
            CHECK_EQ(at[i], 0);
        else
            CHECK(at[i] >= GO_MS && at[i] <= 50 * GO_MS && (i == 100 || at[i] >= at[i - 1]));
    }
    CHECK_EQ(at[100], GO_MS);
    CHECK_EQ(at[199], 50 * GO_MS);
    return 0;
}

static int backs_off_program(void *arg)
{
    return virtual_run(backs_off, arg) < 0 ? 98 : 0;
}

LAW(back_off, "S4.26 after that each delivery backs off from 1 to 50 ms")
{
    CHECK_EXITS(backs_off_program, NULL, 0);
}

TAP_MAIN
