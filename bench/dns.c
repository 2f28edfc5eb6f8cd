/* SPDX-License-Identifier: MIT
 *
 * dns_literal, dns_cached: the CPU time of a go_getaddrinfo that needs nobody, beside libc's of the
 * same (which caches nothing, so that dns_cached has no peer). dns_batch100: a hundred names at
 * once that nobody has asked for yet, by a hundred fibers and by libc on ten threads that take ten
 * names each, wall-clock time and CPU time, by turns. The name server is a process of ours that
 * answers at once, in a mount and network namespace of its own; without the right to make these
 * there is no result but the first. */
#include "bench/bench.h"
#include "tests/dns_kit.h"
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/wait.h>

enum { ONE_ROUND = 2000, BATCH = 100, THREADS = 10, BATCHES = 60 };

static const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};

/* ---- the name server: 192.0.2.1 for every name, no AAAA ---- */

static size_t answer(uint8_t *m, size_t n)
{
    static const uint8_t record[] = {0xc0, 12, 0, A, 0, 1, 0, 0, 1, 44, 0, 4, 192, 0, 2, 1};
    size_t end = 12;

    while (end < n && m[end])
        end += m[end] + 1u;
    end += 5; /* the root, type and class */
    if (end > n)
        return 0;
    m[2] = 0x85, m[3] = 0x80; /* an answer, authoritative, recursion is available */
    memset(m + 6, 0, 6);
    if (m[end - 3] == A) {
        m[7] = 1;
        memcpy(m + end, record, sizeof record);
        end += sizeof record;
    }
    return end;
}

static pid_t start_server(void)
{
    int fd = dns_bind(SOCK_DGRAM, "127.0.0.1");
    pid_t parent = getpid(), pid = fork();

    if (pid < 0)
        bench_die("fork", errno);
    if (pid > 0) {
        close(fd);
        return pid;
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(1);
    bench_pin(1);
    for (;;) {
        struct sockaddr_storage from;
        socklen_t len = sizeof from;
        uint8_t m[600];
        ssize_t n = recvfrom(fd, m, 500, 0, (struct sockaddr *)&from, &len);
        size_t size = n < 17 ? 0 : answer(m, (size_t)n);

        if (size)
            sendto(fd, m, size, 0, (struct sockaddr *)&from, len);
    }
}

/* ---- lookups ---- */

static void must(int rc, const char *name)
{
    if (rc == 0)
        return;
    fprintf(stderr, "bench: %s: %s\n", name, rc == EAI_SYSTEM ? strerror(errno) : gai_strerror(rc));
    exit(1);
}

static void ours(const char *name)
{
    struct addrinfo *list;

    must(go_getaddrinfo(name, "80", &hints, &list), name);
    go_freeaddrinfo(list);
}

static void libcs(const char *name)
{
    struct addrinfo *list;

    must(getaddrinfo(name, "80", &hints, &list), name);
    freeaddrinfo(list);
}

static double each(void (*lookup)(const char *name), const char *name)
{
    int64_t began = bench_cpu();

    for (int i = 0; i < ONE_ROUND; i++)
        lookup(name);
    return (double)(bench_cpu() - began) / ONE_ROUND / 1000;
}

/* ---- a batch ---- */

static unsigned serial; /* the next name that nobody has asked for */

static void next_name(char name[32])
{
    snprintf(name, 32, "n%u.bench.test", __atomic_fetch_add(&serial, 1, __ATOMIC_RELAXED));
}

static int one_of_ours(void *arg)
{
    char name[32];

    (void)arg;
    next_name(name);
    ours(name);
    return 0;
}

static void batch_of_ours(void)
{
    int rc;

    GO_NURSERY(n, rc) {
        for (int i = 0; i < BATCH; i++)
            go_spawn(n, one_of_ours, NULL);
    }
    if (rc < 0)
        bench_die("a batch", rc);
}

static void *ten_of_libcs(void *arg)
{
    (void)arg;
    for (int i = 0; i < BATCH / THREADS; i++) {
        char name[32];

        next_name(name);
        libcs(name);
    }
    return NULL;
}

static void batch_of_libcs(void)
{
    pthread_t threads[THREADS];

    for (int i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, ten_of_libcs, NULL))
            bench_die("a thread", errno);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
}

struct cost {
    double wall, cpu; /* microseconds */
};

static struct cost cost_of(void (*batch)(void))
{
    int64_t wall = bench_wall(), cpu = bench_clock(CLOCK_PROCESS_CPUTIME_ID);

    batch();
    return (struct cost){(double)(bench_wall() - wall) / 1000,
                         (double)(bench_clock(CLOCK_PROCESS_CPUTIME_ID) - cpu) / 1000};
}

/* ---- results ---- */

static int literal(void *arg)
{
    double mine[BENCH_ROUNDS], libc[BENCH_ROUNDS], ratio[BENCH_ROUNDS];

    (void)arg;
    each(ours, "127.0.0.1"), each(libcs, "127.0.0.1");
    for (int i = 0; i < BENCH_ROUNDS; i++) {
        mine[i] = each(ours, "127.0.0.1");
        libc[i] = each(libcs, "127.0.0.1");
        ratio[i] = mine[i] / libc[i];
    }
    bench_ratio("dns_literal", bench_median(mine, BENCH_ROUNDS), "us",
                bench_median(ratio, BENCH_ROUNDS), "libc");
    return 0;
}

static int cached(void *arg)
{
    double mine[BENCH_ROUNDS];

    (void)arg;
    ours("known.bench.test");
    for (int i = 0; i < BENCH_ROUNDS; i++)
        mine[i] = each(ours, "known.bench.test");
    bench_result("dns_cached", bench_median(mine, BENCH_ROUNDS), "us");
    return 0;
}

static int batches(void *arg)
{
    static double wall[BATCHES], cpu[BATCHES], wall_ratio[BATCHES], cpu_ratio[BATCHES];

    (void)arg;
    batch_of_ours(), batch_of_libcs();
    for (int i = 0; i < BATCHES; i++) {
        struct cost mine, libc;

        if (i % 2) /* each is first as often as the other */
            libc = cost_of(batch_of_libcs);
        mine = cost_of(batch_of_ours);
        if (i % 2 == 0)
            libc = cost_of(batch_of_libcs);
        wall[i] = mine.wall;
        cpu[i] = mine.cpu;
        wall_ratio[i] = mine.wall / libc.wall;
        cpu_ratio[i] = mine.cpu / libc.cpu;
    }
    bench_ratio("dns_batch100", bench_median(wall, BATCHES), "us",
                bench_median(wall_ratio, BATCHES), "libc_on_ten_threads");
    bench_ratio("dns_batch100_cpu", bench_median(cpu, BATCHES), "us",
                bench_median(cpu_ratio, BATCHES), "libc_on_ten_threads");
    return 0;
}

int main(void)
{
    const go_run_opts opts = {.watchdog = -1};
    const char *why = dns_world();
    pid_t server;
    int rc = go_run_with(&opts, literal, NULL);

    if (why) {
        fprintf(stderr, "bench: dns: %s\n", why);
        return 1;
    }
    server = start_server();
    if (rc == 0)
        rc = go_run_with(&opts, cached, NULL);
    if (rc == 0)
        rc = go_run_with(&opts, batches, NULL);
    kill(server, SIGKILL);
    waitpid(server, NULL, 0);
    return rc < 0;
}
