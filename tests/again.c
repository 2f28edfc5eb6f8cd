/* SPDX-License-Identifier: MIT
 *
 * Doing things again, or not: go_retry, the circuit breaker; and many at once: go_map. */
#include "tests/kit.h"

/* ---- go_retry ---- */

static int failures;
static go_time times[10];
static int calls;

static int fails_a_few_times(void *arg)
{
    times[calls++] = go_now();
    return failures-- > 0 ? go_fail(*(int *)arg, "failure %d", calls) : 7;
}

static bool worth(int error, void *arg)
{
    (void)arg;
    return error == -EIO;
}

LAW_VIRTUAL(retry, "S7.127 go_retry pauses longer each time, with jitter, between a half and all")
{
    int error = EIO;
    go_time pause = GO_SEC;

    failures = 3;
    calls = 0;
    CHECK_EQ(go_retry(&(go_retry_opts){.attempts = 5, .pause = GO_SEC}, fails_a_few_times, &error),
             7);
    CHECK_EQ(calls, 4);
    for (int i = 1; i < 4; i++, pause *= 2) {
        CHECK(times[i] - times[i - 1] >= pause / 2);
        CHECK(times[i] - times[i - 1] <= pause);
    }
}

LAW_VIRTUAL(gives_up, "S7.127 go_retry gives up after its attempts, with the last error")
{
    int error = EIO;

    failures = 100;
    calls = 0;
    CHECK_EQ(go_retry(&(go_retry_opts){.attempts = 3}, fails_a_few_times, &error), -EIO);
    CHECK_EQ(calls, 3);
    calls = 0;
    CHECK_EQ(go_retry(NULL, fails_a_few_times, &error), -EIO);
    CHECK_EQ(calls, 5);
    calls = 0;
    error = EINVAL; /* not worth it */
    CHECK_EQ(go_retry(&(go_retry_opts){.worth = worth}, fails_a_few_times, &error), -EINVAL);
    CHECK_EQ(calls, 1);
    calls = 0;
    error = ECANCELED;
    CHECK_EQ(go_retry(NULL, fails_a_few_times, &error), -ECANCELED);
    CHECK_EQ(calls, 1);
}

LAW_VIRTUAL(cut_short, "S7.127 go_retry is cancelled in its pauses")
{
    int error = EIO, rc;

    failures = 100;
    calls = 0;
    GO_TIMEOUT(GO_SEC, rc) {
        rc = go_retry(&(go_retry_opts){.attempts = 9, .pause = 10 * GO_SEC}, fails_a_few_times,
                      &error);
    }
    CHECK_EQ(rc, -ETIMEDOUT);
    CHECK_EQ(calls, 1);
}

/* ---- the breaker ---- */

static int result;

static int answers(void *arg)
{
    (void)arg;
    calls++;
    go_sleep(GO_MS);
    return result;
}

static int probes(void *arg)
{
    mark("%d", go_breaker_call(arg, answers, NULL));
    return 0;
}

LAW_VIRTUAL(breaker,
            "S7.128 a circuit breaker opens after failures in a row, and lets one call probe")
{
    go_breaker b;
    int rc;

    go_breaker_init(&b, 3, GO_SEC);
    calls = 0;
    result = -EIO;
    go_breaker_call(&b, answers, NULL);
    go_breaker_call(&b, answers, NULL);
    result = 0;
    CHECK_EQ(go_breaker_call(&b, answers, NULL), 0); /* they were not in a row */
    result = -EIO;
    for (int i = 0; i < 3; i++) {
        CHECK(!go_breaker_is_open(&b));
        CHECK_EQ(go_breaker_call(&b, answers, NULL), -EIO);
    }
    CHECK(go_breaker_is_open(&b));
    calls = 0;
    CHECK_EQ(go_breaker_call(&b, answers, NULL), -EAGAIN);
    CHECK_EQ(calls, 0);
    go_sleep(GO_SEC);
    GO_NURSERY(n, rc) { /* one of three is let through, and fails */
        for (int i = 0; i < 3; i++)
            go_spawn(n, probes, &b);
    }
    CHECK_EQ(calls, 1);
    CHECK_TRACE("-11 -11 -5");
    go_sleep(GO_SEC / 2);
    CHECK_EQ(go_breaker_call(&b, answers, NULL), -EAGAIN);
    go_sleep(GO_SEC / 2);
    result = 1;
    CHECK_EQ(go_breaker_call(&b, answers, NULL), 1);
    CHECK_EQ(go_breaker_call(&b, answers, NULL), 1);
    result = -ECANCELED; /* says nothing */
    for (int i = 0; i < 5; i++)
        CHECK_EQ(go_breaker_call(&b, answers, NULL), -ECANCELED);
    CHECK(!go_breaker_is_open(&b));
}

/* ---- go_map ---- */

static int running, most;

static int takes_its_time(void *arg)
{
    int n = (int)(intptr_t)arg;

    if (++running > most)
        most = running;
    go_sleep(n * GO_MS);
    running--;
    mark("%d", n);
    return n == 3 ? -EIO : n == 9 ? -EPIPE : n * 10;
}

LAW_VIRTUAL(map, "S7.129 go_map keeps the order of its results, and runs at most at_most at once")
{
    void *args[] = {(void *)5, (void *)1, (void *)4, (void *)2};
    int results[4];

    most = 0;
    CHECK_EQ(go_map(takes_its_time, args, results, 4, 2), 0);
    CHECK_EQ(most, 2);
    CHECK_EQ(results[0], 50);
    CHECK_EQ(results[1], 10);
    CHECK_EQ(results[2], 40);
    CHECK_EQ(results[3], 20);
    CHECK_TRACE("1 5 4 2");
    most = 0;
    CHECK_EQ(go_map(takes_its_time, args, NULL, 4, 0), 0);
    CHECK_EQ(most, 4);
    CHECK_EQ(go_map(takes_its_time, NULL, NULL, 0, 1), 0);
}

LAW_VIRTUAL(map_failures,
            "S7.25 in go_map a failing item cancels nobody, and the first error is returned")
{
    void *args[] = {(void *)9, (void *)3, (void *)12};
    int results[3];

    CHECK_EQ(go_map(takes_its_time, args, results, 3, 0), -EIO);
    CHECK_EQ(results[0], -EPIPE);
    CHECK_EQ(results[1], -EIO);
    CHECK_EQ(results[2], 120);
    CHECK_EQ(go_map(NULL, args, results, 3, 0), -EINVAL);
}

LAW_VIRTUAL(map_cancelled, "S7.129 go_map cancelled: what was not begun has that as its result")
{
    void *args[] = {(void *)20, (void *)20, (void *)20};
    int results[3] = {1, 1, 1}, rc;

    GO_MOVE_ON(10 * GO_MS, rc) {
        rc = go_map(takes_its_time, args, results, 3, 1);
        CHECK_EQ(rc, -ECANCELED);
    }
    CHECK_EQ(results[1], -ECANCELED);
    CHECK_EQ(results[2], -ECANCELED);
}

TAP_MAIN
