/* SPDX-License-Identifier: MIT
 *
 * Numbers about this thread's scheduler. They are counted all the time: a switch costs nothing more
 * for it, a park one increment. */
#ifndef GOSLING_STATS_H
#define GOSLING_STATS_H

#include <gosling/time.h>

GO_BEGIN_DECLS

/* What a fiber waited for when it parked. */
enum {
    GO_PARK_OTHER, /* events, select, signals, … */
    GO_PARK_LOCK,
    GO_PARK_CHANNEL,
    GO_PARK_FD,
    GO_PARK_SLEEP,
    GO_PARK_TASK,    /* another fiber's end or start */
    GO_PARK_NURSERY, /* its children, or a slot among them */
    GO_PARK_OFFLOAD, /* a pool thread */
    GO_PARK_KINDS
};

enum { GO_HISTOGRAM_BUCKETS = 312 };

/* Times in nanoseconds, in buckets that are exact below 8 ns, and from there on 8 to each power of
 * two: what comes out is at most an eighth too large. Above 18 minutes all count as that. (The
 * shape is HdrHistogram's.) */
typedef struct {
    uint64_t count;
    uint64_t sum; /* exact, and so is max */
    uint64_t max;
    uint64_t buckets[GO_HISTOGRAM_BUCKETS];
} go_histogram;

typedef struct go_stats {
    /* Since the run began (in a fork child: since the fork). */
    uint64_t switches; /* times that a fiber stopped running: parked, yielded or ended */
    uint64_t spawned;
    uint64_t parks[GO_PARK_KINDS];
    uint64_t wakeups; /* parked fibers made ready */
    uint64_t turns;   /* of the event loop */
    uint64_t sleeps;  /* turns that had nothing to do and waited in the kernel */
    uint64_t timers_fired;
    uint64_t offloads;
    uint64_t lookups;       /* of names */
    uint64_t cancellations; /* scopes cancelled, deadlines included */
    uint64_t deliveries;    /* calls that returned -ECANCELED for it */

    /* Now. */
    unsigned fibers; /* alive, the main one included */
    unsigned ready;  /* of these: running or ready to */
    unsigned parked;
    unsigned fds;             /* watched descriptors, each direction counted */
    unsigned timers;          /* armed; some may turn out to be out of date */
    unsigned offloads_queued; /* at the pool, or on it */
    unsigned pool_threads;    /* of the process */
    unsigned sources;         /* open go_signals */
    size_t stacks;            /* handed out, the loop's included */
    size_t stack_bytes;       /* address space of all stacks, free ones and guards included */

    /* How late timers fired: once for each turn that fired any, the latest. Under the real clock
     * only, as is the next. */
    go_histogram loop_lag;
    /* How long fibers ran from one switch to the next. Nothing reads the clock for this: the 16 or
     * so slices between two readings that are made anyway count with their mean. */
    go_histogram slice;
} go_stats;

/* Fills *out: 8 KB or so, mind small stacks. O(ready fibers). From a fiber or a posted function;
 * outside a run all is 0. Not a checkpoint. */
GO_API void go_stats_get(go_stats *out);

/* Prints the same in Prometheus' text format (version 0.0.4), names beginning with gosling_, times
 * in seconds. Blocks as out does. Not a checkpoint. */
GO_API void go_stats_prometheus(FILE *out);

/* The time below which the part q of all lies (0.5: the median; 1: the maximum), at most an eighth
 * too large; 0 when there is none. Not a checkpoint. */
GO_API go_time go_histogram_quantile(const go_histogram *h, double q);

GO_END_DECLS

#endif
