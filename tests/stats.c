/* SPDX-License-Identifier: MIT
 *
 * Section 10: the numbers. */
#include "tests/net_kit.h"
#include <regex.h>

static go_stats before, after;

/* How often `what` grew since `before`. */
#define GREW(what) (go_stats_get(&after), after.what - before.what)

static void start(void)
{
    go_stats_get(&before);
}

static int yields(void *arg)
{
    for (int i = 0; i < *(int *)arg; i++)
        go_yield();
    return 0;
}

LAW_VIRTUAL(switches, "S10.20 switches are counted exactly: yields, parks and ends")
{
    int thousand = 1000, rc;

    start();
    GO_NURSERY(n, rc) {
        for (int i = 0; i < 3; i++)
            go_spawn(n, yields, &thousand);
    }
    CHECK_EQ(GREW(switches), 3 * 1000 + 3 + 1); /* yields, ends, and the close's park */
    CHECK_EQ(after.spawned - before.spawned, 3);
    CHECK_EQ(after.parks[GO_PARK_NURSERY] - before.parks[GO_PARK_NURSERY], 1);
    for (int i = 0; i < 5; i++) { /* turns of the loop lose none */
        start();
        go_sleep(GO_MS);
        CHECK_EQ(GREW(switches), 1);
    }
}

/* ---- parks ---- */

static go_mutex mutex;
static go_event event;
static go_task task;

static int locks(void *arg)
{
    (void)arg;
    go_mutex_lock(&mutex);
    go_mutex_unlock(&mutex);
    return 0;
}

static int takes_item(void *arg)
{
    int v;

    return go_chan_recv(arg, &v);
}

static int joins(void *arg)
{
    (void)arg;
    return go_task_join(&task);
}

static int waits(void *arg)
{
    (void)arg;
    return go_event_wait(&event);
}

static int nothing(void *arg)
{
    (void)arg;
    return 0;
}

static int offloads(void *arg)
{
    (void)arg;
    return go_offload(nothing, NULL);
}

static void check_park(int kind, go_fn *fn, void *arg)
{
    int rc;

    start();
    GO_NURSERY(n, rc) {
        go_spawn(n, fn, arg);
        go_yield();
        go_yield();
        for (int k = 0; k < GO_PARK_KINDS; k++)
            CHECK_EQ(GREW(parks[k]), k == kind);
        CHECK_EQ(after.parked - before.parked, 1);
        CHECK_EQ(after.wakeups, before.wakeups);
        go_nursery_cancel(n, NULL);
    }
    CHECK_EQ(GREW(wakeups), 2); /* it, and the close of the nursery */
    CHECK_EQ(after.parked, before.parked);
}

LAW_REAL(parks, "S10.21 parks are counted by what they wait for, and wake-ups")
{
    int fds[2], rc;
    struct call c;
    go_chan chan;

    go_mutex_init(&mutex, 0);
    go_event_init(&event, 0);
    go_chan_init(&chan, sizeof(int), 0, 0);
    CHECK_EQ(go_socketpair(fds), 0);
    c = CALL(fds[0]);
    task = (go_task){.result = 0};

    go_mutex_lock(&mutex);
    check_park(GO_PARK_LOCK, locks, NULL);
    go_mutex_unlock(&mutex);
    check_park(GO_PARK_CHANNEL, takes_item, &chan);
    check_park(GO_PARK_FD, reads, &c);
    check_park(GO_PARK_SLEEP, sleeper, NULL);
    check_park(GO_PARK_OTHER, waits, NULL);
    GO_NURSERY(n, rc) {
        go_spawn_with(n, &(go_spawn_opts){.task = &task}, waits, NULL);
        go_yield();
        check_park(GO_PARK_TASK, joins, NULL);
        go_event_set(&event);
    }
    start();
    GO_NURSERY(n, rc) {
        go_spawn(n, offloads, NULL);
        go_yield();
        CHECK_EQ(GREW(parks[GO_PARK_OFFLOAD]), 1);
        CHECK_EQ(after.offloads_queued, 1);
    }
    CHECK_EQ(GREW(offloads), 1);
    CHECK_EQ(after.offloads_queued, 0);
    CHECK_EQ(after.pool_threads, 1);
    close_both(fds);
    go_chan_fini(&chan);
}

LAW_VIRTUAL(delayed, "S10.21 a delayed fiber is parked until it starts, and then woken")
{
    int rc;

    start();
    GO_NURSERY(n, rc) {
        go_spawn_with(n, &(go_spawn_opts){.delay = GO_SEC}, nothing, NULL);
        CHECK_EQ(GREW(parked), 1);
        CHECK_EQ(after.wakeups, before.wakeups);
    }
    CHECK_EQ(GREW(wakeups), 2);
    CHECK_EQ(after.parked, 0);
}

/* ---- gauges and counters ---- */

LAW_VIRTUAL(gauges, "S10.22 fibers, ready ones, fds, timers, stacks and sources are what there is")
{
    struct call c;
    go_signals sig;
    int fds[2], rc;

    CHECK_EQ(go_socketpair(fds), 0);
    CHECK_EQ(go_signals_open(&sig, (int[]){SIGUSR1}, 1), 0);
    c = CALL(fds[0]);
    go_stats_get(&before);
    CHECK_EQ(before.fibers, 1);
    CHECK_EQ(before.ready, 1);
    CHECK_EQ(before.fds, 0);
    CHECK_EQ(before.sources, 1);
    GO_NURSERY(n, rc) {
        go_spawn(n, reads, &c);
        go_spawn(n, sleeper, NULL);
        GO_TIMEOUT(GO_SEC, rc) {
            go_spawn(n, sleeper, &moment);
            go_sleep(GO_US / 2);
        }
        go_spawn(n, nothing, NULL);
        go_spawn(n, nothing, NULL);
        go_stats_get(&after);
        CHECK_EQ(after.fibers, 6);
        CHECK_EQ(after.ready, 3); /* this one, and two that have not run yet */
        CHECK_EQ(after.parked, 3);
        CHECK_EQ(after.fds, 1);
        CHECK(after.timers >= 1);
        CHECK_EQ(after.stacks, before.stacks + 5);
        CHECK(after.stack_bytes >= 5 * (64 + 64) * 1024);
        go_nursery_cancel(n, NULL);
    }
    CHECK_EQ(GREW(stacks), 0);
    CHECK_EQ(after.fibers, 1);
    go_signals_close(&sig);
    close_both(fds);
}

LAW_VIRTUAL(cancellations, "S10.22 cancelled scopes, deliveries and fired timers are counted")
{
    int rc;

    start();
    GO_TIMEOUT(GO_MS, rc) {
        CHECK_EQ(go_sleep(GO_SEC), -ECANCELED);
        CHECK_EQ(go_yield(), -ECANCELED);
    }
    CHECK_EQ(GREW(cancellations), 1);
    CHECK_EQ(after.deliveries - before.deliveries, 2);
    CHECK_EQ(after.timers_fired - before.timers_fired, 1);
    for (int i = 0; i < 10; i++)
        go_sleep(GO_MS);
    CHECK_EQ(GREW(timers_fired), 11);
    CHECK(after.turns - before.turns >= 11);
    CHECK_EQ(after.sleeps, before.sleeps); /* virtual time passes without sleeping */
}

LAW_REAL(sleeps, "S10.22 turns that wait in the kernel are counted")
{
    start();
    for (int i = 0; i < 5; i++)
        go_sleep(GO_MS);
    CHECK(GREW(sleeps) >= 5);
    CHECK(after.turns - before.turns >= 5);
}

static int forks(void *arg)
{
    int status, rc;
    pid_t pid;

    (void)arg;
    for (int i = 0; i < 100; i++)
        go_sleep(GO_US);
    pid = fork();
    if (pid == 0) {
        go_sleep(GO_MS);
        GO_NURSERY(n, rc) {
            go_spawn(n, nothing, NULL);
        }
        go_stats_get(&after);
        CHECK(after.switches < 20);
        CHECK_EQ(after.spawned, 1);
        CHECK_EQ(after.parks[GO_PARK_SLEEP], 1);
        CHECK_EQ(after.wakeups, 2);
        CHECK_EQ(after.parked, 0);
        _exit(tap.wrong != 0);
    }
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(status, 0);
    return 0;
}

static int forks_program(void *arg)
{
    return virtual_run(forks, arg) < 0 ? 98 : 0;
}

LAW(forked, "S10.22 in a fork child all begins anew")
{
    CHECK_EXITS(forks_program, NULL, 0);
}

LAW(outside, "S1.20 outside a run all numbers are 0")
{
    static const go_stats zero;

    memset(&after, 1, sizeof after);
    go_stats_get(&after);
    CHECK_EQ(memcmp(&after, &zero, sizeof zero), 0);
}

/* ---- histograms ---- */

static int hogs(void *arg)
{
    for (int i = 0; i < 20; i++) {
        spin(*(go_time *)arg);
        go_sleep(GO_US);
    }
    return 0;
}

LAW_REAL(slices, "S10.23 slices: how long fibers run is seen")
{
    go_time two = 2 * GO_MS;
    uint64_t all;
    int rc;

    start();
    GO_NURSERY(n, rc) {
        go_spawn(n, hogs, &two);
    }
    go_stats_get(&after);
    /* A slice each, and its share of the readings that it has with short ones. */
    CHECK(after.slice.sum - before.slice.sum >= 35 * (uint64_t)GO_MS);
    CHECK(after.slice.max >= (uint64_t)GO_MS);
    all = 0;
    for (int i = 0; i < GO_HISTOGRAM_BUCKETS; i++)
        all += after.slice.buckets[i];
    CHECK_EQ(all, after.slice.count);
    CHECK(after.slice.count <= after.switches);
}

static int spins(void *arg)
{
    go_yield();
    spin(*(go_time *)arg);
    return 0;
}

LAW_REAL(lag, "S10.23 loop lag: how late timers fire is seen")
{
    go_time twenty = 20 * GO_MS;
    int rc;

    GO_NURSERY(n, rc) {
        go_spawn(n, sleeper, &moment);
        go_spawn(n, spins, &twenty);
    }
    go_stats_get(&after);
    CHECK(after.loop_lag.count >= 1);
    CHECK(after.loop_lag.max >= 19 * (uint64_t)GO_MS);
    CHECK(go_histogram_quantile(&after.loop_lag, 1) == (go_time)after.loop_lag.max);
}

static void add(go_histogram *h, uint64_t v)
{
    /* The bucket by its definition, not by the library's formula. */
    uint64_t width = 1, from = 0;
    int i = 0;

    while (!(v >= from && v < from + width)) {
        from += width;
        i++;
        if (from >= 16 && (from & (from - 1)) == 0)
            width *= 2;
    }
    h->buckets[i]++;
    h->count++;
    h->sum += v;
    if (v > h->max)
        h->max = v;
}

LAW(quantiles, "S10.23 a quantile is at most an eighth too large, and never too small")
{
    static const uint64_t values[] = {
        0, 1, 7, 8, 15, 16, 17, 1000, 1023, 999999, 1048576, 123456789, 1000000000000ULL};

    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        go_histogram h = {.count = 0};
        uint64_t got;

        add(&h, values[i]);
        add(&h, (uint64_t)1 << 40);
        got = (uint64_t)go_histogram_quantile(&h, 0.5);
        CHECK(got >= values[i] && got <= values[i] + values[i] / 8);
    }
    {
        go_histogram h = {.count = 0};

        CHECK_EQ(go_histogram_quantile(&h, 0.5), 0);
        for (uint64_t v = 1; v <= 1000; v++)
            add(&h, v * 1000);
        CHECK(go_histogram_quantile(&h, 0.5) >= 500000 && go_histogram_quantile(&h, 0.5) <= 562500);
        CHECK(go_histogram_quantile(&h, 0.99) >= 990000);
        CHECK_EQ(go_histogram_quantile(&h, 1), 1000000);
    }
}

/* ---- Prometheus ---- */

/* What a scraper checks, line by line. */
struct scrape {
    char name[128], type[32];
    double last; /* bucket of a histogram */
    double bound;
    int metrics, samples;
};

static bool matches(const char *pattern, const char *text, regmatch_t *m)
{
    regex_t r;
    bool ok;

    if (regcomp(&r, pattern, REG_EXTENDED))
        abort();
    ok = regexec(&r, text, 8, m, 0) == 0;
    regfree(&r);
    return ok;
}

#define NAME  "([a-zA-Z_:][a-zA-Z0-9_:]*)"
#define VALUE "([0-9]+(\\.[0-9]+)?)"

static void scrape_sample(struct scrape *s, const char *line)
{
    size_t n = strlen(s->name);
    const char *le = strstr(line, "le=\"");
    double value = atof(strrchr(line, ' ') + 1);
    bool histogram = strcmp(s->type, "histogram") == 0;

    s->samples++;
    if (!CHECK(strncmp(line, s->name, n) == 0)) /* a sample follows its own head */
        tap_note("%s", line);
    if (!histogram) {
        CHECK(line[n] == ' ' || line[n] == '{');
        CHECK(strcmp(s->type, "counter") != 0 || strcmp(s->name + n - 6, "_total") == 0);
        return;
    }
    if (le) {
        double bound = strncmp(le + 4, "+Inf", 4) == 0 ? 1e300 : atof(le + 4);

        CHECK(strncmp(line + n, "_bucket{", 8) == 0);
        CHECK(bound > s->bound && value >= s->last); /* in order, and cumulative */
        s->bound = bound;
        s->last = value;
    } else if (strncmp(line + n, "_count ", 7) == 0) {
        CHECK(value == s->last && s->bound == 1e300); /* as many as in the last bucket, +Inf */
    } else {
        CHECK(strncmp(line + n, "_sum ", 5) == 0);
    }
}

static void scrape_line(struct scrape *s, const char *line)
{
    regmatch_t m[8];

    if (matches("^# HELP " NAME " [A-Z].*\\.$", line, m)) {
        snprintf(s->name, sizeof s->name, "%.*s", (int)(m[1].rm_eo - m[1].rm_so),
                 line + m[1].rm_so);
        s->type[0] = '\0';
        s->last = 0;
        s->bound = -1;
        s->metrics++;
    } else if (matches("^# TYPE " NAME " (counter|gauge|histogram)$", line, m)) {
        CHECK(strncmp(line + m[1].rm_so, s->name, strlen(s->name)) == 0);
        snprintf(s->type, sizeof s->type, "%s", line + m[2].rm_so);
    } else if (CHECK(matches("^" NAME "(\\{[a-z]+=\"[^\"\\\\]*\"\\})? " VALUE "$", line, m))) {
        CHECK(s->type[0] != '\0');
        scrape_sample(s, line);
    } else {
        tap_note("%s", line);
    }
}

LAW_REAL(prometheus, "S10.24 go_stats_prometheus prints the text format: HELP and TYPE, samples of "
                     "their own, cumulative buckets")
{
    struct scrape s = {.metrics = 0};
    char *text = NULL, *line, *next, want[64];
    size_t size;
    FILE *out;

    for (int i = 0; i < 20; i++)
        go_sleep(100 * GO_US);
    out = open_memstream(&text, &size);
    go_stats_prometheus(out);
    go_stats_get(&after);
    fclose(out);
    snprintf(want, sizeof want, "\ngosling_parks_total{kind=\"sleep\"} %u\n",
             (unsigned)after.parks[GO_PARK_SLEEP]);
    CHECK(after.parks[GO_PARK_SLEEP] >= 20);
    CHECK_HAS(text, want);
    CHECK_HAS(text, "\ngosling_fibers 1\n");
    CHECK_HAS(text, "\ngosling_loop_lag_seconds_count ");
    CHECK_LACKS(text, "gosling_loop_lag_seconds_count 0\n");
    CHECK(size > 0 && text[size - 1] == '\n');
    for (line = text; *line; line = next) {
        next = strchr(line, '\n');
        *next++ = '\0';
        scrape_line(&s, line);
    }
    CHECK(s.metrics >= 22 && s.samples >= 22 + 2 * 25);
    free(text);
}

static void dumps(FILE *out, const void *arg)
{
    (void)arg;
    go_dump(out);
}

LAW_REAL(in_the_dump, "S10.25 go_dump has a line of them")
{
    char text[4096];

    go_sleep(GO_MS);
    CHECK_HAS(printed(dumps, NULL, text, sizeof text), " sleeps, 0 fds, ");
}

TAP_MAIN
