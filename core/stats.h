/* SPDX-License-Identifier: MIT
 *
 * What a scheduler counts. Whoever does a thing increments its counter; what can be had from other
 * numbers when somebody asks (switches, spawns, wake-ups) is not counted at all. The scheduler's
 * own thread alone writes and reads it.
 *
 * Times are taken where the clock is read anyway: in sched_look, before the loop sleeps, when
 * timers fire. */
#ifndef CORE_STATS_H
#define CORE_STATS_H

#include <gosling/stats.h>

/* Zero at the beginning of a run, but for ids_from and slices_from. */
struct stats {
    uint64_t parks[GO_PARK_KINDS];
    uint64_t ids_from; /* fiber ids above are of fibers spawned since */
    uint64_t delayed;  /* spawns with a delay: woken without a park */
    uint64_t turns, sleeps;
    uint64_t timers_fired;
    uint64_t offloads;
    uint64_t lookups; /* the resolver's to count */
    uint64_t cancellations, deliveries;
    go_time slices_from; /* the last clock reading between slices */
    uint64_t slices_at;  /* dispatches by then */
    go_histogram loop_lag, slice;
};

enum { HISTOGRAM_SUB = 3, HISTOGRAM_TOP = 40 }; /* 2^3 buckets per power of two, up to 2^40 */

static inline unsigned histogram_bucket(uint64_t v)
{
    unsigned top;

    if (v < 1 << HISTOGRAM_SUB)
        return (unsigned)v;
    top = 63 - (unsigned)__builtin_clzll(v);
    if (top > HISTOGRAM_TOP)
        return GO_HISTOGRAM_BUCKETS - 1;
    return ((top - HISTOGRAM_SUB + 1) << HISTOGRAM_SUB) +
           (unsigned)(v >> (top - HISTOGRAM_SUB) & ((1 << HISTOGRAM_SUB) - 1));
}

/* The largest value that falls into bucket i. */
uint64_t histogram_most(unsigned i);

static inline void histogram_add(go_histogram *h, go_time v, uint64_t times)
{
    uint64_t value = v > 0 ? (uint64_t)v : 0;

    h->count += times;
    h->sum += value * times;
    if (value > h->max)
        h->max = value;
    h->buckets[histogram_bucket(value)] += times;
}

/* The clock was read between two slices, `at` dispatches after the beginning. */
static inline void stats_slices(struct stats *st, go_time now, uint64_t at)
{
    uint64_t n = at - st->slices_at;
    go_time span = now - st->slices_from;

    if (n == 1)
        histogram_add(&st->slice, span, 1);
    else if (n > 0)
        histogram_add(&st->slice, span / (go_time)n, n);
    st->slices_from = now;
    st->slices_at = at;
}

#endif
