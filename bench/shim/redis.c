/* SPDX-License-Identifier: MIT
 *
 * 64 clients that GET through hiredis, unchanged: as fibers of one thread, and as 64 threads of the
 * kernel; rounds of the two take turns. Argument: the port of a Redis server on the loopback, which
 * has the machine's other processors to itself. */
#include "bench/bench.h"
#include <gosling.h>
#include <hiredis/hiredis.h>
#include <pthread.h>

enum { CLIENTS = 64, REQUESTS = 1000, ROUNDS = 7 };

static int port;

static int client(void *arg)
{
    redisContext *c = redisConnect("127.0.0.1", port);
    redisReply *r;

    (void)arg;
    if (!c || c->err)
        exit(1);
    for (int i = 0; i < REQUESTS; i++) {
        r = redisCommand(c, "GET key");
        if (!r)
            exit(1);
        freeReplyObject(r);
    }
    redisFree(c);
    return 0;
}

static void *client_thread(void *arg)
{
    client(arg);
    return NULL;
}

static int as_fibers(void *arg)
{
    int rc;

    (void)arg;
    GO_NURSERY(n, rc) {
        for (int i = 0; i < CLIENTS; i++)
            go_spawn(n, client, NULL);
    }
    return rc;
}

static void as_threads(void)
{
    pthread_t t[CLIENTS];

    for (int i = 0; i < CLIENTS; i++)
        if (pthread_create(&t[i], NULL, client_thread, NULL))
            exit(1);
    for (int i = 0; i < CLIENTS; i++)
        pthread_join(t[i], NULL);
}

struct cost {
    double rate, cpu; /* requests a second; µs of this process a request */
};

static struct cost measured(bool fibers)
{
    int64_t wall = bench_wall(), cpu = bench_clock(CLOCK_PROCESS_CPUTIME_ID);

    if (fibers)
        go_run(as_fibers, NULL);
    else
        as_threads();
    wall = bench_wall() - wall;
    cpu = bench_clock(CLOCK_PROCESS_CPUTIME_ID) - cpu;
    return (struct cost){1e9 * CLIENTS * REQUESTS / (double)wall,
                         (double)cpu / 1e3 / (CLIENTS * REQUESTS)};
}

int main(int argc, char **argv)
{
    double rate[ROUNDS], cpu[ROUNDS], rates[ROUNDS], cpus[ROUNDS];

    port = argc > 1 ? atoi(argv[1]) : 0;
    for (int i = 0; i < ROUNDS; i++) {
        struct cost threads = measured(false), fibers = measured(true);

        rate[i] = fibers.rate;
        cpu[i] = fibers.cpu;
        rates[i] = fibers.rate / threads.rate;
        cpus[i] = fibers.cpu / threads.cpu;
    }
    bench_ratio("redis_get_64", bench_median(rate, ROUNDS), "req/s", bench_median(rates, ROUNDS),
                "64_threads");
    bench_ratio("redis_get_64_cpu", bench_median(cpu, ROUNDS), "us", bench_median(cpus, ROUNDS),
                "64_threads");
    return 0;
}
