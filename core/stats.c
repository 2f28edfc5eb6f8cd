/* SPDX-License-Identifier: MIT */
#include "core/stats.h"
#include "core/pool.h"
#include "core/sched.h"
#include <string.h>

_Static_assert(GO_HISTOGRAM_BUCKETS == (HISTOGRAM_TOP - HISTOGRAM_SUB + 2) << HISTOGRAM_SUB,
               "the buckets of 2^40 are the last");

/* ---- histograms ---- */

uint64_t histogram_most(unsigned i)
{
    unsigned shift;

    if (i < 1 << HISTOGRAM_SUB)
        return i;
    shift = (i >> HISTOGRAM_SUB) - 1;
    return ((((uint64_t)1 << HISTOGRAM_SUB) + (i & ((1 << HISTOGRAM_SUB) - 1)) + 1) << shift) - 1;
}

go_time go_histogram_quantile(const go_histogram *h, double q)
{
    double want = q * (double)h->count;
    uint64_t seen = 0;

    for (unsigned i = 0; i < GO_HISTOGRAM_BUCKETS; i++) {
        seen += h->buckets[i];
        if (seen > 0 && (double)seen >= want)
            return (go_time)(histogram_most(i) < h->max && q < 1 ? histogram_most(i) : h->max);
    }
    return (go_time)h->max;
}

/* ---- the numbers ---- */

static unsigned count_ready(const go_sched *s)
{
    unsigned n = 0;

    if (s->tail) {
        const fiber *f = s->tail;

        do
            n++;
        while ((f = f->next) != s->tail);
    }
    for (const fiber *f = s->pending; f; f = f->next)
        n++;
    return n;
}

static void get_counters(const go_sched *s, go_stats *out)
{
    const struct stats *st = &s->stats;
    uint64_t woken = st->delayed;

    out->switches = sched_dispatches(s);
    out->spawned = s->next_id - st->ids_from;
    memcpy(out->parks, st->parks, sizeof out->parks);
    for (int i = 0; i < GO_PARK_KINDS; i++)
        woken += st->parks[i];
    out->wakeups = woken - out->parked; /* whoever parked, and is parked no more */
    out->turns = st->turns;
    out->sleeps = st->sleeps;
    out->timers_fired = st->timers_fired;
    out->offloads = st->offloads;
    out->lookups = st->lookups;
    out->cancellations = st->cancellations;
    out->deliveries = st->deliveries;
}

static void get_gauges(const go_sched *s, go_stats *out)
{
    out->fibers = s->fibers;
    out->ready = count_ready(s);
    out->parked = out->fibers - out->ready;
    out->fds = loop_active(s->loop);
    out->timers = s->heap.count;
    out->offloads_queued = s->offloads;
    out->pool_threads = pool_threads(NULL);
    out->sources = s->sources.count;
    out->stacks = s->stacks.live;
    out->stack_bytes = s->stacks.reserved;
}

void go_stats_get(go_stats *out)
{
    go_sched *s = sched_self();

    memset(out, 0, sizeof *out);
    if (!s)
        return;
    get_gauges(s, out);
    get_counters(s, out);
    out->loop_lag = s->stats.loop_lag;
    out->slice = s->stats.slice;
}
