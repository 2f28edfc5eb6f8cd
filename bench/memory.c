/* SPDX-License-Identifier: MIT
 *
 * memory [N]: parks N fibers (default: a million) on an event. What they take is what the process
 * grew by, page tables included. The guards of a random sample are proven by having the kernel read
 * from them: write(2) from a guard must fail with EFAULT, while the byte above it can be read. */
#include "bench/bench.h"
#include "core/fiber.h"
#include "core/sched.h"
#include <errno.h>
#include <gosling.h>
#include <unistd.h>

enum { SAMPLE = 1000 };

static size_t fibers = 1000000;
static size_t arrived;
static go_event leave;

/* A fiber of the sample notes where its stack begins. */
static int sleeper(void *lo)
{
    if (lo)
        *(char **)lo = sched_self()->current->stack.lo;
    arrived++;
    return go_event_wait(&leave);
}

/* Bytes of this process in memory, and of its page tables. */
static double process_memory(void)
{
    FILE *status = fopen("/proc/self/status", "r");
    char line[128];
    double kib, sum = 0;

    if (!status)
        bench_die("/proc/self/status", errno);
    while (fgets(line, sizeof line, status))
        if (sscanf(line, "VmRSS: %lf", &kib) == 1 || sscanf(line, "VmPTE: %lf", &kib) == 1)
            sum += kib;
    fclose(status);
    return sum * 1024;
}

static bool readable(const int pipe_fds[2], const char *at)
{
    char c;

    return write(pipe_fds[1], at, 1) == 1 && read(pipe_fds[0], &c, 1) == 1;
}

static bool guard_proven(const int pipe_fds[2], const char *lo)
{
    static const size_t below[] = {1, 4097, STACK_GUARD / 2, STACK_GUARD};

    for (size_t i = 0; i < sizeof below / sizeof *below; i++)
        if (readable(pipe_fds, lo - below[i]) || errno != EFAULT)
            return false;
    return readable(pipe_fds, lo);
}

static size_t guards_proven(char *const *lo, size_t n)
{
    size_t proven = 0;
    int fds[2];

    if (pipe(fds) < 0)
        bench_die("pipe", errno);
    for (size_t i = 0; i < n; i++)
        proven += lo[i] && guard_proven(fds, lo[i]);
    close(fds[0]);
    close(fds[1]);
    return proven;
}

/* The sample: every one out of its own SAMPLE-th of all fibers, at random. */
static void **place_in_sample(char **sample, size_t i, size_t *next)
{
    size_t stratum = fibers / SAMPLE;
    size_t s = stratum ? i / stratum : i;

    if (s >= SAMPLE)
        return NULL;
    if (stratum && i % stratum == 0)
        *next = i + (size_t)random() % stratum;
    return !stratum || i == *next ? (void **)&sample[s] : NULL;
}

static int measure(void *arg)
{
    static char *sample[SAMPLE];
    size_t spawned = 0, next = 0, in_sample = fibers < SAMPLE ? fibers : SAMPLE;
    double before = process_memory(), created = 0, grown = 0;
    int64_t start = bench_wall(), end = 0;
    int rc;

    (void)arg;
    go_event_init(&leave, 0);
    GO_NURSERY(n, rc) {
        while (rc == 0 && spawned < fibers) {
            rc = go_spawn(n, sleeper, place_in_sample(sample, spawned, &next));
            spawned += rc == 0;
            go_checkpoint();
        }
        while (rc == 0 && arrived < fibers)
            rc = go_yield();
        created = (double)(bench_wall() - start);
        grown = process_memory() - before;
        if (rc == 0) {
            bench_result("memory_fibers", (double)fibers, "fibers");
            bench_result("memory_bytes_per_fiber", grown / (double)fibers, "bytes");
            bench_result("memory_total", grown / 1e9, "GB");
            bench_result("memory_create_time", created / 1e9, "s");
            printf("memory_guards_proven %zu of_%zu\n", guards_proven(sample, in_sample),
                   in_sample);
        }
        end = bench_wall();
        go_event_set(&leave);
    }
    if (rc < 0) {
        fprintf(stderr, "memory: %s after %zu fibers\n", strerror(-rc), spawned);
        return rc;
    }
    bench_result("memory_end_time", (double)(bench_wall() - end) / 1e9, "s");
    return 0;
}

int main(int argc, char **argv)
{
    if (argc > 1 && (fibers = strtoull(argv[1], NULL, 10)) == 0) {
        fprintf(stderr, "usage: memory [number of fibers]\n");
        return 2;
    }
    /* More than the machine has would not fail, but have somebody killed. */
    if ((double)fibers * 5000 > (double)sysconf(_SC_AVPHYS_PAGES) * (double)sysconf(_SC_PAGESIZE)) {
        fprintf(stderr, "memory: %zu fibers need about 5 KB of free memory each\n", fibers);
        return 1;
    }
    /* No watchdog: setting the event wakes a million in one call, and that takes a while. */
    return go_run_with(&(go_run_opts){.watchdog = -1}, measure, NULL) < 0;
}
