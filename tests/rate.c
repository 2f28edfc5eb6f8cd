/* SPDX-License-Identifier: MIT
 *
 * Section 7: token buckets and sliding windows. */
#include "tests/kit.h"
#include <math.h>

struct taker {
    go_bucket *b;
    double n;
    const char *name;
    int rc;
    go_time at;
};

static go_time began;

static int takes(void *arg)
{
    struct taker *t = arg;

    t->rc = go_bucket_take(t->b, t->n);
    t->at = go_now() - began;
    if (t->rc == 0)
        mark("%s@%lld", t->name, (long long)(t->at / GO_MS));
    return 0;
}

LAW_VIRTUAL(starts_full,
            "S7.17 a token bucket starts full: a burst passes at once, the rest by the rate")
{
    go_bucket b;
    go_time start = go_now();

    go_bucket_init(&b, 10, 3);
    for (int i = 0; i < 3; i++)
        CHECK_EQ(go_bucket_take(&b, 1), 0);
    CHECK_EQ(go_now() - start, 0);
    CHECK_EQ(go_bucket_take(&b, 1), 0);
    CHECK_EQ(go_now() - start, 100 * GO_MS);
    CHECK_EQ(go_bucket_take(&b, 0.5), 0);
    CHECK_EQ(go_now() - start, 150 * GO_MS);
    go_sleep(10 * GO_SEC); /* it never holds more than its burst */
    start = go_now();
    CHECK_EQ(go_bucket_take(&b, 3), 0);
    CHECK_EQ(go_now() - start, 0);
    CHECK_EQ(go_bucket_take(&b, 3), 0);
    CHECK_EQ(go_now() - start, 300 * GO_MS);
}

LAW_VIRTUAL(exact, "S7.120 the rate is exact in the long run, also one that no nanosecond divides")
{
    go_bucket b;
    go_time start = go_now();

    go_bucket_init(&b, 3, 1);
    for (int i = 0; i < 3001; i++)
        CHECK_EQ(go_bucket_take(&b, 1), 0);
    CHECK_EQ((go_now() - start) / GO_US, 1000 * GO_SEC / GO_US);
}

LAW_VIRTUAL(in_turn, "S7.120 first come, first served: a large amount is not starved by small ones")
{
    go_bucket b;
    struct taker t[] = {{&b, 4, "large", 1, 0}, {&b, 1, "small", 1, 0}, {&b, 1, "next", 1, 0}};
    int rc;

    go_bucket_init(&b, 10, 5);
    go_bucket_take(&b, 5);
    began = go_now();
    GO_NURSERY(n, rc) {
        for (int i = 0; i < 3; i++)
            go_spawn(n, takes, &t[i]);
        go_sleep(250 * GO_MS);
        takes(&(struct taker){&b, 0.5, "late", 1, 0});
    }
    CHECK_TRACE("large@400 small@500 next@600 late@650");
}

LAW_VIRTUAL(refused, "S7.120 what can never be there, and what is no amount, is -EINVAL")
{
    go_bucket b;
    int rc;

    go_bucket_init(&b, 10, 2);
    CHECK_EQ(go_bucket_take(&b, 2.5), -EINVAL);
    CHECK_EQ(go_bucket_take(&b, -1), -EINVAL);
    CHECK_EQ(go_bucket_take(&b, (double)NAN), -EINVAL);
    CHECK_EQ(go_bucket_take(&b, 0), 0);
    go_bucket_init(&b, -1, 1); /* never fills */
    CHECK_EQ(go_bucket_take(&b, 1), 0);
    GO_TIMEOUT(GO_SEC, rc) {
        rc = go_bucket_take(&b, 1);
    }
    CHECK_EQ(rc, -ETIMEDOUT);
}

LAW_VIRTUAL(cancelled,
            "S7.121 the first and a middle one cancelled: nothing is taken, the next move up")
{
    go_bucket b;
    struct taker t[] = {{&b, 3, "a", 1, 0},
                        {&b, 2, "b", 1, 0},
                        {&b, 1, "c", 1, 0},
                        {&b, 1, "d", 1, 0}};
    go_task tasks[4] = {0};
    int rc;

    go_bucket_init(&b, 10, 5);
    go_bucket_take(&b, 5);
    began = go_now();
    GO_NURSERY(n, rc) {
        for (int i = 0; i < 4; i++)
            go_spawn_with(n, &(go_spawn_opts){.task = &tasks[i]}, takes, &t[i]);
        go_sleep(50 * GO_MS);
        go_task_cancel(&tasks[1], NULL);
        go_task_cancel(&tasks[0], NULL);
    }
    CHECK_EQ(t[0].rc, -ECANCELED);
    CHECK_EQ(t[1].rc, -ECANCELED);
    CHECK_TRACE("c@100 d@200");
}

LAW_VIRTUAL(same_moment, "S7.121 time and cancellation in one turn: what was taken is used once")
{
    go_bucket b;
    struct taker t[] = {{&b, 1, "a", 1, 0}, {&b, 1, "b", 1, 0}};
    go_task tasks[2] = {0};
    int rc;

    go_bucket_init(&b, 10, 1);
    go_bucket_take(&b, 1);
    began = go_now();
    GO_NURSERY(n, rc) {
        for (int i = 0; i < 2; i++)
            go_spawn_with(n, &(go_spawn_opts){.task = &tasks[i]}, takes, &t[i]);
        go_sleep(100 * GO_MS); /* wakes in the turn in which a's tokens are there */
        go_task_cancel(&tasks[0], NULL);
    }
    /* whichever came first, the tokens of the first 200 ms are two */
    if (t[0].rc == 0)
        CHECK_TRACE("a@100 b@200");
    else
        CHECK_TRACE("b@100");
    began = go_now();
    CHECK_EQ(go_bucket_take(&b, 1), 0);
    CHECK_EQ(go_now() - began, 100 * GO_MS);
}

static int many_take(void *arg)
{
    return go_bucket_take(arg, 1);
}

LAW_VIRTUAL(many, "S7.120 ten thousand at once pass at the rate")
{
    go_bucket b;
    go_time start = go_now();
    int rc;

    go_bucket_init(&b, 1000, 1);
    GO_NURSERY(n, rc) {
        for (int i = 0; i < (tap_slow() ? 1000 : 10000); i++)
            go_spawn(n, many_take, &b);
    }
    CHECK_EQ(rc, 0);
    CHECK_EQ(go_now() - start, ((tap_slow() ? 1000 : 10000) - 1) * GO_MS);
}

static int asks_in_child(void *arg)
{
    go_bucket *b = arg;
    int rc;

    GO_TIMEOUT(10 * GO_SEC, rc) {
        rc = go_bucket_take(b, 1);
    }
    return rc;
}

static int forks(void *arg)
{
    go_bucket b;
    struct taker t[] = {{&b, 1, "a", 1, 0}, {&b, 1, "b", 1, 0}};
    go_task tasks[2] = {0};
    int rc, status = -1;
    pid_t pid;

    (void)arg;
    go_bucket_init(&b, 10, 1);
    go_bucket_take(&b, 1);
    GO_NURSERY(n, rc) {
        for (int i = 0; i < 2; i++)
            go_spawn_with(n, &(go_spawn_opts){.task = &tasks[i]}, takes, &t[i]);
        go_yield();
        go_task_cancel(&tasks[0], NULL); /* on its way out */
        pid = fork();
        if (pid == 0)
            _exit(asks_in_child(&b) == 0 ? 0 : 1);
        waitpid(pid, &status, 0);
    }
    return status;
}

LAW(forked, "S7.121 in a fork child nobody else waits, nor is on the way out")
{
    CHECK_EQ(real_run(forks, NULL), 0);
}

/* ---- windows ---- */

LAW_VIRTUAL(slides, "S7.18 a window slides: at most `limit` in any span")
{
    go_window w;
    go_time start = go_now();
    go_time at[6];

    CHECK_EQ(go_window_init(&w, 3, GO_SEC), 0);
    for (int i = 0; i < 6; i++) {
        CHECK_EQ(go_window_take(&w), 0);
        at[i] = (go_now() - start) / GO_MS;
        if (i < 2)
            go_sleep(400 * GO_MS);
    }
    CHECK_EQ(at[0], 0);
    CHECK_EQ(at[1], 400);
    CHECK_EQ(at[2], 800);
    CHECK_EQ(at[3], 1000);
    CHECK_EQ(at[4], 1400);
    CHECK_EQ(at[5], 1800);
    go_window_fini(&w);
}

LAW_VIRTUAL(large_window, "S7.18 a large window; bad arguments are -EINVAL")
{
    go_window w;
    go_time start = go_now();

    CHECK_EQ(go_window_init(&w, 0, GO_SEC), -EINVAL);
    CHECK_EQ(go_window_init(&w, 1, 0), -EINVAL);
    CHECK_EQ(go_window_init(&w, 1000, GO_SEC), 0);
    for (int i = 0; i < 2001; i++)
        CHECK_EQ(go_window_take(&w), 0);
    CHECK_EQ(go_now() - start, 2 * GO_SEC);
    go_window_fini(&w);
    go_window_fini(&w);
}

static int takes_window(void *arg)
{
    int rc = go_window_take(arg);

    mark("%d@%lld", rc, (long long)((go_now() - began) / GO_MS));
    return 0;
}

LAW_VIRTUAL(window_in_turn,
            "S7.121 windows: first come, first served; a cancelled one takes no place")
{
    go_window w;
    go_task task = {0};
    int rc;

    CHECK_EQ(go_window_init(&w, 1, GO_SEC), 0);
    CHECK_EQ(go_window_take(&w), 0);
    began = go_now();
    GO_NURSERY(n, rc) {
        go_spawn_with(n, &(go_spawn_opts){.task = &task}, takes_window, &w);
        go_spawn(n, takes_window, &w);
        go_spawn(n, takes_window, &w);
        go_sleep(100 * GO_MS);
        go_task_cancel(&task, NULL);
    }
    CHECK_TRACE("-ECANCELED@100 0@1000 0@2000");
    go_window_fini(&w);
}

TAP_MAIN
