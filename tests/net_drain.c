/* SPDX-License-Identifier: MIT
 *
 * go_serve: how it ends when it is asked to. */
#include "tests/net_serve_kit.h"

static int waits_for_release(int fd, void *arg)
{
    int rc;

    (void)fd;
    (void)arg;
    sv.handled++;
    sv.live++;
    rc = go_event_wait(&sv.release);
    sv.live--;
    return rc;
}

LAW_REAL(drain, "S8.29 a soft cancel drains go_serve: no new connections, the handlers finish")
{
    int rc, a, b;

    prepare(waits_for_release);
    GO_NURSERY(n, rc) {
        go_spawn(n, server, NULL);
        a = connect_local(sv.port);
        settle_io();
        CHECK_EQ(sv.live, 1);
        go_scope_cancel_soft(go_nursery_scope(n), GO_FOREVER, NULL);
        b = connect_local(sv.port);
        settle_io();
        CHECK_EQ(sv.handled, 1);
        CHECK_EQ(sv.live, 1);
        CHECK_EQ(sv.result, NOT_YET);
        go_event_set(&sv.release);
    }
    CHECK_EQ(sv.result, 0);
    CHECK_EQ(rc, 0);
    close(a);
    close(b);
    go_close(sv.fd);
}

LAW_REAL(drain_grace,
         "S8.29 opts.grace cancels the handlers of a drained server hard, and it still returns 0")
{
    int rc, a;
    go_time before;

    prepare(waits_for_release);
    sv.opts.grace = 20 * GO_MS;
    GO_NURSERY(n, rc) {
        go_spawn(n, server, NULL);
        a = connect_local(sv.port);
        settle_io();
        before = go_now();
        go_scope_cancel_soft(go_nursery_scope(n), GO_FOREVER, NULL);
    }
    CHECK(go_now() - before >= 20 * GO_MS);
    CHECK_EQ(sv.result, 0);
    CHECK_EQ(sv.live, 0);
    CHECK_EQ(rc, 0);
    close(a);
    go_close(sv.fd);
}

LAW_REAL(drain_hard, "S8.16 a drain that turns hard by the soft cancel's own grace is -ECANCELED")
{
    int rc, a;

    prepare(waits_for_release);
    GO_NURSERY(n, rc) {
        go_spawn(n, server, NULL);
        a = connect_local(sv.port);
        settle_io();
        go_scope_cancel_soft(go_nursery_scope(n), 10 * GO_MS, NULL);
    }
    CHECK_EQ(sv.result, -ECANCELED);
    close(a);
    go_close(sv.fd);
}

LAW_REAL(drain_full, "S8.29 a soft cancel ends the wait at max_conns as well")
{
    int rc, a;

    prepare(waits_for_release);
    sv.opts.max_conns = 1;
    GO_NURSERY(n, rc) {
        go_spawn(n, server, NULL);
        a = connect_local(sv.port);
        settle_io();
        go_scope_cancel_soft(go_nursery_scope(n), GO_FOREVER, NULL);
        settle();
        go_event_set(&sv.release);
    }
    CHECK_EQ(sv.result, 0);
    CHECK_EQ(sv.handled, 1);
    close(a);
    go_close(sv.fd);
}

static int terminated(void *arg)
{
    int rc;

    (void)arg;
    prepare(echoes);
    raise(SIGTERM);
    rc = go_serve(sv.fd, echoes, &sv, &sv.opts);
    CHECK_EQ(rc, 0);
    return 42;
}

static int terminated_run(void *arg)
{
    go_run_opts opts;

    (void)arg;
    memset(&opts, 0, sizeof opts);
    signal(SIGTERM, SIG_DFL);
    return go_run_with(&opts, terminated, NULL);
}

LAW(sigterm, "S4.40 after SIGTERM go_serve returns 0 once it is drained, and go_run returns its "
             "function's result")
{
    CHECK_EXITS(terminated_run, NULL, 42);
}

TAP_MAIN
