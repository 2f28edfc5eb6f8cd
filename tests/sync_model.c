/* SPDX-License-Identifier: MIT
 *
 * Everything that is waited on, at random: forty fibers take and give back, put and get, with
 * time-outs and cancellations in between, in rounds with a seed each, which is printed when a round
 * fails ($KIT_ROUND=seed repeats it). What a plain counter knows about each object must hold at
 * every step, and nothing may be left at the end. */
#include "tests/kit.h"
#include <time.h>

enum { FIBERS = 40, STEPS = 60, TOKENS = 3, LIMIT = 2, ROOM = 4 };

static struct {
    go_sem sem;
    go_rwlock rw;
    go_limiter limiter;
    go_queue queue;
    go_chan chan;
    go_mutex m;
    go_cond filled;
    int taken, readers, writers, borrowed, waiting_room;
    long put, got, sent, received;
} w;

static uint64_t dice;

static unsigned roll(unsigned n)
{
    dice ^= dice << 13;
    dice ^= dice >> 7;
    dice ^= dice << 17;
    return (unsigned)(dice >> 33) % n;
}

static void pause_a_bit(void)
{
    if (roll(2))
        go_sleep((go_time)roll(3) * GO_MS);
}

static int use_sem(void)
{
    int rc = roll(4) ? go_sem_acquire(&w.sem) : go_sem_try_acquire(&w.sem);

    if (rc == 0) {
        CHECK(++w.taken <= TOKENS);
        pause_a_bit();
        w.taken--;
        CHECK_EQ(go_sem_release(&w.sem), 0);
    }
    return rc;
}

static int use_rwlock(void)
{
    bool writes = roll(3) == 0;
    int rc = writes ? go_rwlock_write(&w.rw) : go_rwlock_read(&w.rw);

    if (rc == 0) {
        *(writes ? &w.writers : &w.readers) += 1;
        CHECK(w.writers == 0 || (w.writers == 1 && w.readers == 0));
        pause_a_bit();
        *(writes ? &w.writers : &w.readers) -= 1;
        CHECK_EQ(go_rwlock_unlock(&w.rw), 0);
    }
    return rc;
}

static int use_limiter(void)
{
    int rc = go_limiter_acquire(&w.limiter);

    if (rc == 0) {
        CHECK(++w.borrowed <= LIMIT);
        pause_a_bit();
        w.borrowed--;
        CHECK_EQ(go_limiter_release(&w.limiter), 0);
    }
    return rc;
}

static int use_queue(void)
{
    void *item;
    int rc;

    if (roll(2)) {
        rc = go_queue_put(&w.queue, &w, (int)roll(9));
        w.put += rc == 0;
    } else {
        rc = go_queue_get(&w.queue, &item);
        w.got += rc == 1;
        if (rc == 1)
            CHECK_EQ(go_queue_task_done(&w.queue), 0);
    }
    CHECK(w.queue.capacity == 0 || w.put - w.got <= ROOM + FIBERS);
    return rc;
}

static int use_chan(void)
{
    int item = 1, rc;
    go_case cases[] = {GO_SEND(&w.chan, &item), GO_RECV(&w.chan, &item), GO_ACQUIRE(&w.sem)};

    switch (roll(3)) {
    case 0:
        rc = go_chan_send(&w.chan, &item);
        w.sent += rc == 0;
        return rc;
    case 1:
        rc = go_chan_recv(&w.chan, &item);
        w.received += rc == 1;
        return rc;
    default:
        rc = go_select(cases, 3);
        w.sent += rc == 0;
        w.received += rc == 1;
        if (rc == 2) {
            CHECK(++w.taken <= TOKENS);
            w.taken--;
            CHECK_EQ(go_sem_release(&w.sem), 0);
        }
        return rc;
    }
}

/* A room that one more enters each time, and all leave when there are four. */
static int use_cond(void)
{
    int rc = go_mutex_lock(&w.m);

    if (rc < 0)
        return rc;
    if (++w.waiting_room == 4) {
        w.waiting_room = 0;
        go_cond_notify_all(&w.filled);
    } else {
        rc = go_cond_wait(&w.filled, &w.m);
        if (rc == -ECANCELED)
            w.waiting_room -= w.waiting_room > 0;
    }
    CHECK_EQ(go_mutex_unlock(&w.m), 0);
    return rc;
}

static int (*const uses[])(void) = {use_sem,   use_rwlock, use_limiter,
                                    use_queue, use_chan,   use_cond};

static int fiber(void *arg)
{
    (void)arg;
    for (int i = 0; i < STEPS; i++) {
        go_time limit = (go_time)(1 + roll(5)) * GO_MS;
        int rc;

        GO_MOVE_ON(limit, rc) {
            rc = uses[roll(sizeof uses / sizeof *uses)]();
            if (rc < 0 && rc != -ECANCELED && rc != -EAGAIN)
                CHECK_EQ(rc, -ECANCELED);
            rc = 0;
        }
        if (roll(4) == 0)
            go_yield();
    }
    return 0;
}

static void play(uint64_t seed, int flags)
{
    go_chan_stats st;
    void *item;
    int rc, left = 0;

    dice = seed | 1;
    memset(&w, 0, sizeof w);
    go_sem_init(&w.sem, TOKENS, TOKENS, flags);
    go_rwlock_init(&w.rw, flags);
    go_limiter_init(&w.limiter, LIMIT, flags);
    go_queue_init(&w.queue, (go_order)(seed % 3), seed % 2 ? ROOM : 0, flags);
    go_chan_init(&w.chan, sizeof(int), seed % 4, flags);
    go_mutex_init(&w.m, flags);
    go_cond_init(&w.filled, flags);
    GO_NURSERY(n, rc) {
        for (int i = 0; i < FIBERS; i++)
            go_spawn(n, fiber, NULL);
        go_sleep((go_time)roll(200) * GO_MS);
        if (roll(2))
            go_nursery_cancel(n, "enough");
    }
    for (int i = 0; i < TOKENS; i++)
        CHECK_EQ(go_sem_try_acquire(&w.sem), 0);
    CHECK_EQ(go_sem_try_acquire(&w.sem), -EAGAIN);
    CHECK_EQ(go_rwlock_try_write(&w.rw), 0);
    CHECK_EQ(go_rwlock_unlock(&w.rw), 0);
    CHECK_EQ(go_mutex_try_lock(&w.m), 0);
    CHECK_EQ(go_mutex_unlock(&w.m), 0);
    while (go_queue_try_get(&w.queue, &item) == 1)
        left++;
    CHECK_EQ(w.put, w.got + left);
    go_chan_stats_get(&w.chan, &st);
    CHECK_EQ(w.sent, w.received + (long)st.count);
    CHECK_EQ(st.sent, w.sent);
    CHECK_EQ(st.received, w.received);
    CHECK_EQ(st.senders + st.receivers, 0);
    go_queue_fini(&w.queue);
    go_chan_fini(&w.chan);
}

static void rounds(int flags)
{
    const char *one = getenv("KIT_ROUND");
    struct timespec now;
    uint64_t seed;

    clock_gettime(CLOCK_REALTIME, &now);
    seed = one ? strtoull(one, NULL, 0) : (uint64_t)now.tv_nsec;
    for (int i = 0; i < (one ? 1 : tap_slow() ? 3 : 30); i++, seed++) {
        int before = tap.wrong;

        play(seed, flags);
        if (tap.wrong != before) {
            tap_note("KIT_ROUND=%llu", (unsigned long long)seed);
            return;
        }
    }
}

LAW_VIRTUAL(local,
            "S7.155 at random, of one scheduler: what each object promises holds at every step")
{
    rounds(0);
}

LAW_REAL(shared, "S7.155 and of shared objects")
{
    rounds(GO_SHARED);
}

TAP_MAIN
