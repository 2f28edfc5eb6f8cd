/* SPDX-License-Identifier: MIT */
#include "tests/kit.h"
#include <pthread.h>
#include <stdatomic.h>

LAW(order, "S7.150 a ring gives what was put in, in order, in batches of any size")
{
    go_ring r;
    int in[7], out[7], next = 0, want = 0;

    CHECK_EQ(go_ring_init(&r, sizeof(int), 5), 0); /* 8 */
    for (int round = 0; round < 1000; round++) {
        size_t n = (size_t)(round * 5 % 8), got;

        for (size_t i = 0; i < n; i++)
            in[i] = next + (int)i;
        next += (int)go_ring_put(&r, in, n);
        CHECK(next - want <= 8);
        got = go_ring_take(&r, out, (size_t)(round * 3 % 8));
        for (size_t i = 0; i < got; i++)
            CHECK_EQ(out[i], want++);
    }
    while (go_ring_take(&r, out, 1) == 1)
        CHECK_EQ(out[0], want++);
    CHECK_EQ(want, next);
    CHECK_EQ(go_ring_take(&r, out, 7), 0);
    go_ring_fini(&r);
}

LAW(sizes, "S1.01 go_ring_init: sizes")
{
    go_ring r;

    CHECK_EQ(go_ring_init(&r, 0, 5), -EINVAL);
    CHECK_EQ(go_ring_init(&r, 1, 0), -EINVAL);
    CHECK_EQ(go_ring_init(&r, SIZE_MAX / 4, 5), -EINVAL);
    CHECK_EQ(go_ring_init(&r, 1, SIZE_MAX), -EINVAL);
}

static go_ring ring;
static go_sem ready;

enum { ITEMS = 20000 };

static void *puts_them(void *arg)
{
    long batch[32], next = 0;

    (void)arg;
    while (next < ITEMS) {
        size_t n = 1 + (size_t)next % 32, done = 0;

        for (size_t i = 0; i < n; i++)
            batch[i] = next + (long)i;
        while (done < n) {
            size_t k = go_ring_put(&ring, batch + done, n - done);

            if (k > 0)
                go_sem_release(&ready);
            else
                sched_yield();
            done += k;
        }
        next += (long)n;
    }
    return NULL;
}

LAW_REAL(threads, "S7.151 a thread puts in, a fiber takes out, and a shared semaphore says when")
{
    long batch[16], want = 0;
    pthread_t t;

    CHECK_EQ(go_ring_init(&ring, sizeof(long), 64), 0);
    go_sem_init(&ready, 0, 0, GO_SHARED);
    pthread_create(&t, NULL, puts_them, NULL);
    while (want < ITEMS) {
        size_t n;

        CHECK_EQ(go_sem_acquire(&ready), 0);
        while ((n = go_ring_take(&ring, batch, 16)))
            for (size_t i = 0; i < n; i++)
                if (batch[i] != want++)
                    CHECK_EQ(batch[i], want - 1);
    }
    pthread_join(t, NULL);
    go_ring_fini(&ring);
}

TAP_MAIN
