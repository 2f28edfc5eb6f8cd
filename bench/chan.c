/* SPDX-License-Identifier: MIT
 *
 * chan_rendezvous: one fiber sends to another over a channel of capacity 0, per item.
 * chan_buffered: the same with room for 64 items. */
#include "bench/bench.h"
#include <errno.h>
#include <gosling.h>

enum { ITEMS = 200000, ROOM = 64 };

static int sender(void *chan)
{
    int rc = 0;

    for (int64_t i = 1; rc == 0 && i <= ITEMS; i++)
        rc = go_chan_send(chan, &i);
    go_chan_close(chan);
    return rc;
}

static double chan_round(size_t capacity)
{
    int64_t item, sum = 0, start;
    go_chan chan;
    int rc;

    rc = go_chan_init(&chan, sizeof item, capacity, 0);
    if (rc < 0)
        bench_die("channel", rc);
    start = bench_cpu();
    GO_NURSERY(n, rc) {
        rc = go_spawn(n, sender, &chan);
        while (rc == 0 && go_chan_recv(&chan, &item) == 1)
            sum += item;
    }
    start = bench_cpu() - start;
    go_chan_fini(&chan);
    if (rc < 0 || sum != (int64_t)ITEMS * (ITEMS + 1) / 2)
        bench_die("items were lost", rc < 0 ? rc : EPROTO);
    return (double)start / ITEMS;
}

static int measure(void *arg)
{
    double rendezvous[BENCH_ROUNDS], buffered[BENCH_ROUNDS];

    (void)arg;
    for (int i = 0; i < BENCH_ROUNDS; i++) {
        rendezvous[i] = chan_round(0);
        buffered[i] = chan_round(ROOM);
    }
    bench_result("chan_rendezvous", bench_median(rendezvous, BENCH_ROUNDS), "ns");
    bench_result("chan_buffered", bench_median(buffered, BENCH_ROUNDS), "ns");
    return 0;
}

int main(void)
{
    return go_run(measure, NULL) < 0;
}
