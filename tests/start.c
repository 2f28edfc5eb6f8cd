/* SPDX-License-Identifier: MIT
 *
 * Section 3: go_start and go_started, in all the ways in which they end. */
#include "tests/kit.h"

enum { STARTED = 1234567890 };

struct service {
    go_time before, after; /* sleeps before and after it is ready */
    bool silent;           /* never says that it is ready */
    int result;            /* what it returns */
    int started, again;    /* what go_started returned, and the second time */
    int slept;             /* what the first sleep returned */
    go_time cleanup;       /* after a cancellation, sleeps that long under a shield */
    bool ended;
};

static int service(void *arg, go_starter *starter)
{
    struct service *s = arg;

    s->slept = s->before ? go_sleep(s->before) : 0;
    if (s->slept < 0) {
        if (s->cleanup) {
            GO_SHIELD(GO_FOREVER) {
                go_sleep(s->cleanup);
            }
        }
        s->started = go_started(starter, 1);
        s->ended = true;
        return s->slept;
    }
    if (!s->silent) {
        s->started = go_started(starter, STARTED);
        s->again = go_started(starter, 2);
    }
    mark("up");
    if (s->after)
        go_sleep(s->after);
    s->ended = true;
    return s->result;
}

LAW_VIRTUAL(start_waits,
            "S3.36 go_start waits until the child calls go_started, and hands over its value")
{
    struct service s = {.before = 10 * GO_MS, .after = 10 * GO_MS, .started = 1};
    go_time start = go_now();
    intptr_t value = 0;
    int rc;

    GO_NURSERY(n, rc) {
        CHECK_EQ(go_start(n, service, &s, &value), 0);
        mark("started");
        CHECK_EQ(go_now() - start, 10 * GO_MS);
        CHECK_EQ(value, STARTED);
        CHECK(!s.ended);
    }
    CHECK_EQ(rc, 0);
    CHECK_EQ(s.started, 0);
    CHECK_EQ(s.again, -EALREADY);
    CHECK_TRACE("up started");
    CHECK_EQ(go_now() - start, 20 * GO_MS); /* the nursery waited for it */
}

LAW_VIRTUAL(start_without_value, "S3.36 go_start's value may be NULL")
{
    struct service s = {.before = GO_MS};
    int rc;

    GO_NURSERY(n, rc) {
        CHECK_EQ(go_start(n, service, &s, NULL), 0);
    }
    CHECK_EQ(rc, 0);
}

LAW_VIRTUAL(start_ends_at_once, "S3.36 a child that is ready and ends at once was started")
{
    struct service s = {.result = 3};
    intptr_t value = 0;
    int rc;

    GO_NURSERY(n, rc) {
        CHECK_EQ(go_start(n, service, &s, &value), 0);
        CHECK_EQ(value, STARTED);
    }
    CHECK_EQ(rc, 0);
}

LAW_VIRTUAL(start_fails,
            "S3.37 an error before go_started comes out of go_start, not out of the nursery")
{
    struct service s = {.before = GO_MS, .silent = true, .result = -EADDRINUSE};
    struct plan sibling = {.name = "sibling", .delay = 10 * GO_MS};
    intptr_t value = 77;
    int rc;

    GO_NURSERY(n, rc) {
        go_spawn(n, follow, &sibling);
        CHECK_EQ(go_start(n, service, &s, &value), -EADDRINUSE);
        CHECK_EQ(go_sleep(GO_MS), 0);
    }
    CHECK_EQ(rc, 0);
    CHECK_EQ(value, 77);
    CHECK_EQ(sibling.slept, 0);
    CHECK(!go_last_error());
}

LAW_VIRTUAL(error_after_start, "S3.37 an error after go_started is the nursery's")
{
    struct service s = {.after = GO_MS, .result = -EIO};
    int rc;

    GO_NURSERY(n, rc) {
        CHECK_EQ(go_start(n, service, &s, NULL), 0);
        CHECK_EQ(go_sleep(GO_SEC), -ECANCELED);
    }
    CHECK_EQ(rc, -EIO);
}

LAW_VIRTUAL(start_forgotten, "S1.16 a started task that ends without calling go_started: -EPROTO")
{
    struct service zero = {.silent = true}, five = {.silent = true, .result = 5};
    int rc;

    GO_NURSERY(n, rc) {
        CHECK_EQ(go_start(n, service, &zero, NULL), -EPROTO);
        CHECK_EQ(go_start(n, service, &five, NULL), -EPROTO);
        CHECK_EQ(go_checkpoint(), 0);
    }
    CHECK_EQ(rc, 0);
}

struct starting {
    go_nursery *n;
    struct service service;
    int rc;
    go_time at;
};

static int starts(void *arg)
{
    struct starting *s = arg;

    s->rc = go_start(s->n, service, &s->service, NULL);
    s->at = go_now();
    return 0;
}

LAW_VIRTUAL(target_cancelled,
            "S3.30 go_start returns -ECANCELED when the target nursery is cancelled")
{
    struct starting s = {.service = {.before = GO_FOREVER, .cleanup = GO_SEC, .started = 1},
                         .rc = 1};
    go_time start = go_now();
    int rc, inner;

    GO_NURSERY(n, rc) {
        GO_NURSERY(m, inner) {
            s.n = m;
            go_spawn(n, starts, &s); /* not a child of m */
            go_sleep(10 * GO_MS);
            go_nursery_cancel(m, NULL);
        }
        CHECK_EQ(go_now() - start, GO_SEC + 10 * GO_MS); /* the child is left to its nursery */
    }
    CHECK_EQ(rc, 0);
    CHECK_EQ(inner, -ECANCELED);
    CHECK_EQ(s.rc, -ECANCELED);
    CHECK_EQ(s.at - start, 10 * GO_MS);      /* it does not hang on a dying nursery */
    CHECK_EQ(s.service.started, -ECANCELED); /* nobody waits for it any more */
    CHECK(s.service.ended);
}

LAW_VIRTUAL(target_fails, "S3.30 the same when a sibling's error cancels the target")
{
    struct starting s = {.service = {.before = GO_FOREVER}, .rc = 1};
    struct plan bad = {.delay = 10 * GO_MS, .result = -EIO};
    int rc, inner;

    GO_NURSERY(n, rc) {
        GO_NURSERY(m, inner) {
            s.n = m;
            go_spawn(n, starts, &s);
            go_spawn(m, follow, &bad);
        }
    }
    CHECK_EQ(rc, 0);
    CHECK_EQ(inner, -EIO);
    CHECK_EQ(s.rc, -ECANCELED);
}

LAW_VIRTUAL(target_cancelled_before, "S3.30 the same when the target was cancelled before")
{
    struct starting s = {.service = {.before = GO_FOREVER}, .rc = 1};
    int rc, inner;

    GO_NURSERY(n, rc) {
        GO_NURSERY(m, inner) {
            s.n = m;
            go_nursery_cancel(m, NULL);
            go_spawn(n, starts, &s);
            go_checkpoint_shielded();
            go_checkpoint_shielded();
        }
    }
    CHECK_EQ(rc, 0);
    CHECK_EQ(s.rc, -ECANCELED);
}

LAW_VIRTUAL(caller_cancelled,
            "S3.36 when go_start's caller is cancelled, its child is cancelled and awaited")
{
    struct starting s = {.service = {.before = GO_FOREVER, .cleanup = GO_SEC, .started = 1},
                         .rc = 1};
    go_task t = {.result = 0};
    go_time start = go_now();
    int rc, inner;

    GO_NURSERY(n, rc) {
        GO_NURSERY(m, inner) {
            s.n = m;
            go_spawn_with(n, &(go_spawn_opts){.task = &t}, starts, &s);
            go_sleep(10 * GO_MS);
            go_task_cancel(&t, NULL);
            CHECK_EQ(go_sleep(10 * GO_SEC), 0); /* the target goes on */
        }
    }
    CHECK_EQ(rc, 0);
    CHECK_EQ(inner, 0);
    CHECK_EQ(s.rc, -ECANCELED);
    CHECK_EQ(s.service.slept, -ECANCELED);
    CHECK_EQ(s.service.started, -ECANCELED);
    CHECK(s.service.ended);
    CHECK_EQ(s.at - start, GO_SEC + 10 * GO_MS);
}

LAW_VIRTUAL(start_timeout, "S1.05 go_start under a timeout")
{
    struct service s = {.before = GO_FOREVER};
    go_time start = go_now();
    int rc, timed;

    GO_NURSERY(n, rc) {
        GO_TIMEOUT(10 * GO_MS, timed) {
            timed = go_start(n, service, &s, NULL);
        }
        CHECK_EQ(timed, -ETIMEDOUT);
        CHECK(s.ended);
    }
    CHECK_EQ(rc, 0);
    CHECK_EQ(go_now() - start, 10 * GO_MS);
}

LAW_VIRTUAL(start_started_and_cancelled,
            "S4.15 go_start that has completed returns 0; the cancel waits")
{
    struct starting s = {.service = {.before = 10 * GO_MS, .after = 10 * GO_MS}, .rc = 1};
    go_task t = {.result = 0};
    int rc;

    GO_NURSERY(n, rc) {
        s.n = n;
        go_spawn_with(n, &(go_spawn_opts){.task = &t}, starts, &s);
        go_yield();
        go_yield();
        go_sleep(10 * GO_MS); /* this timer comes after the service's: it has just called go_started
                               */
        go_task_cancel(&t, NULL);
    }
    CHECK_EQ(rc, 0);
    CHECK_EQ(s.rc, 0);
    CHECK_EQ(s.service.started, 0);
}

LAW_VIRTUAL(start_refused, "S1.13 go_start passes on what go_spawn returns")
{
    struct service s = {.before = GO_MS};
    struct plan a = {.delay = GO_MS};
    go_nursery closed;
    int rc;

    go_nursery_open(&closed, NULL);
    go_nursery_close(&closed, 0);
    CHECK_EQ(go_start(&closed, service, &s, NULL), -ESHUTDOWN);
    GO_NURSERY_OPTS(n, rc, &(go_nursery_opts){.max_tasks = 1}) {
        go_spawn(n, follow, &a);
        CHECK_EQ(go_start(n, service, &s, NULL), -EAGAIN);
    }
    CHECK_EQ(rc, 0);
    CHECK(!s.ended);
}

LAW_VIRTUAL(start_race, "S3.20 a started child may win a race")
{
    struct service s = {.before = GO_MS, .after = GO_MS, .result = 9};
    int rc;

    GO_NURSERY_OPTS(n, rc, &(go_nursery_opts){.policy = GO_RACE}) {
        CHECK_EQ(go_start(n, service, &s, NULL), 0);
    }
    CHECK_EQ(rc, 9);
}

TAP_MAIN
