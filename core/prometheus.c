/* SPDX-License-Identifier: MIT
 *
 * The numbers in Prometheus' text format: for each metric a HELP and a TYPE line, then its samples.
 * https://prometheus.io/docs/instrumenting/exposition_formats/ */
#include "core/stats.h"
#include <inttypes.h>
#include <stdlib.h>

static const char *const kinds[GO_PARK_KINDS] = {"other", "lock", "channel", "fd",
                                                 "sleep", "task", "nursery", "offload"};

static void head(FILE *out, const char *name, const char *type, const char *help)
{
    fprintf(out, "# HELP gosling_%s %s\n# TYPE gosling_%s %s\n", name, help, name, type);
}

static void counter(FILE *out, const char *name, uint64_t value, const char *help)
{
    head(out, name, "counter", help);
    fprintf(out, "gosling_%s %" PRIu64 "\n", name, value);
}

static void gauge(FILE *out, const char *name, uint64_t value, const char *help)
{
    head(out, name, "gauge", help);
    fprintf(out, "gosling_%s %" PRIu64 "\n", name, value);
}

/* In decimal, whatever the locale's idea of a point is. */
static void seconds(FILE *out, uint64_t ns)
{
    fprintf(out, "%" PRIu64 ".%09" PRIu64, ns / GO_SEC, ns % GO_SEC);
}

/* One bucket for each power of two from a microsecond to 8.6 s: ours are finer, and end there
 * too. */
static void histogram(FILE *out, const char *name, const go_histogram *h, const char *help)
{
    uint64_t seen = 0;
    unsigned i = 0;

    head(out, name, "histogram", help);
    for (unsigned power = 10; power <= 33; power++) {
        uint64_t most = ((uint64_t)1 << power) - 1;

        for (; i < GO_HISTOGRAM_BUCKETS && histogram_most(i) <= most; i++)
            seen += h->buckets[i];
        fprintf(out, "gosling_%s_bucket{le=\"", name);
        seconds(out, most);
        fprintf(out, "\"} %" PRIu64 "\n", seen);
    }
    fprintf(out, "gosling_%s_bucket{le=\"+Inf\"} %" PRIu64 "\ngosling_%s_sum ", name, h->count,
            name);
    seconds(out, h->sum);
    fprintf(out, "\ngosling_%s_count %" PRIu64 "\n", name, h->count);
}

static void counters(FILE *out, const go_stats *st)
{
    counter(out, "switches_total", st->switches, "Times that a fiber stopped running.");
    counter(out, "spawned_total", st->spawned, "Fibers started.");
    head(out, "parks_total", "counter", "Times that a fiber had to wait, by what for.");
    for (int i = 0; i < GO_PARK_KINDS; i++)
        fprintf(out, "gosling_parks_total{kind=\"%s\"} %" PRIu64 "\n", kinds[i], st->parks[i]);
    counter(out, "wakeups_total", st->wakeups, "Waiting fibers made ready.");
    counter(out, "turns_total", st->turns, "Turns of the event loop.");
    counter(out, "sleeps_total", st->sleeps, "Turns of the event loop that waited in the kernel.");
    counter(out, "timers_fired_total", st->timers_fired, "Timers that fired.");
    counter(out, "offloads_total", st->offloads, "Functions given to the thread pool.");
    counter(out, "lookups_total", st->lookups, "Names looked up.");
    counter(out, "cancellations_total", st->cancellations, "Cancel scopes cancelled.");
    counter(out, "deliveries_total", st->deliveries, "Calls ended by a cancellation.");
}

static void gauges(FILE *out, const go_stats *st)
{
    gauge(out, "fibers", st->fibers, "Fibers alive.");
    gauge(out, "fibers_ready", st->ready, "Fibers that run or could.");
    gauge(out, "fibers_parked", st->parked, "Fibers that wait.");
    gauge(out, "fds", st->fds, "Watched descriptors, each direction counted.");
    gauge(out, "timers", st->timers, "Timers armed.");
    gauge(out, "offloads_queued", st->offloads_queued, "Functions at the thread pool.");
    gauge(out, "pool_threads", st->pool_threads, "Threads of the pool.");
    gauge(out, "signal_sources", st->sources, "Open sources of signals.");
    gauge(out, "stacks", st->stacks, "Stacks in use.");
    gauge(out, "stack_bytes", st->stack_bytes, "Address space reserved for stacks.");
}

/* 5 KB and libc's printf below it: not on a small fiber's stack. */
void go_stats_prometheus(FILE *out)
{
    go_stats *st = malloc(sizeof *st);

    if (!st) {
        fputs("# out of memory\n", out);
        return;
    }
    go_stats_get(st);
    counters(out, st);
    gauges(out, st);
    histogram(out, "loop_lag_seconds", &st->loop_lag, "How late timers fired.");
    histogram(out, "slice_seconds", &st->slice, "How long fibers ran between two switches.");
    free(st);
}
