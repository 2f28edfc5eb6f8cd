/* SPDX-License-Identifier: MIT
 *
 * What fibers wait on, one round of each, in nanoseconds a time; bench/sync.sh runs it by turns
 * with its peers (bench/peers/), which print the same names. Uncontended pairs, an item through a
 * buffered channel between two fibers, a select over eight channels of which one has just been sent
 * to, and an item through a shared channel between two threads. CPU time, but for the last, which
 * is wall-clock time. */
#include "bench/bench.h"
#include <gosling.h>
#include <pthread.h>

enum { TIMES = 1000000, ITEMS = 1000000, ROOM = 128, WAYS = 8 };

#define MEASURE(name, times, statement)                                    \
    do {                                                                   \
        int64_t began = bench_cpu();                                       \
        for (int i = 0; i < (times); i++) {                                \
            statement;                                                     \
        }                                                                  \
        bench_result(name, (double)(bench_cpu() - began) / (times), "ns"); \
    } while (0)

static void locks(int flags, const char *mutex, const char *sem, const char *read,
                  const char *write)
{
    go_mutex m;
    go_sem s;
    go_rwlock l;

    go_mutex_init(&m, flags);
    go_sem_init(&s, 1, 1, flags);
    go_rwlock_init(&l, flags);
    MEASURE(mutex, TIMES, go_mutex_lock(&m); go_mutex_unlock(&m));
    MEASURE(sem, TIMES, go_sem_acquire(&s); go_sem_release(&s));
    MEASURE(read, TIMES, go_rwlock_read(&l); go_rwlock_unlock(&l));
    MEASURE(write, TIMES, go_rwlock_write(&l); go_rwlock_unlock(&l));
}

static int sends(void *arg)
{
    for (intptr_t i = 0; i < ITEMS; i++)
        go_chan_send(arg, &i);
    return 0;
}

static int receives(void *arg)
{
    intptr_t item;

    for (int i = 0; i < ITEMS; i++)
        go_chan_recv(arg, &item);
    return 0;
}

static int both(void *arg)
{
    int rc;

    GO_NURSERY(n, rc) {
        go_spawn(n, sends, arg);
        go_spawn(n, receives, arg);
    }
    return rc;
}

static void channel(void)
{
    go_chan c;
    int64_t began;

    if (go_chan_init(&c, sizeof(intptr_t), ROOM, 0) < 0)
        exit(1);
    began = bench_cpu();
    both(&c);
    bench_result("chan_buffered", (double)(bench_cpu() - began) / ITEMS, "ns");
    go_chan_fini(&c);
}

static void selects(void)
{
    go_chan c[WAYS];
    go_case cases[WAYS];
    intptr_t item = 1, got;

    for (int i = 0; i < WAYS; i++) {
        if (go_chan_init(&c[i], sizeof(intptr_t), 1, 0) < 0)
            exit(1);
        cases[i] = GO_RECV(&c[i], &got);
    }
    MEASURE("select_8", TIMES, go_chan_send(&c[i % WAYS], &item); go_select(cases, WAYS));
    for (int i = 0; i < WAYS; i++)
        go_chan_fini(&c[i]);
}

static int one_thread(void *arg)
{
    go_event e;

    (void)arg;
    locks(0, "mutex", "sem", "rwlock_read", "rwlock_write");
    locks(GO_SHARED, "mutex_shared", "sem_shared", "rwlock_read_shared", "rwlock_write_shared");
    go_event_init(&e, 0);
    go_event_set(&e);
    MEASURE("event", TIMES, go_event_wait(&e));
    channel();
    selects();
    return 0;
}

static const go_run_opts opts = {.watchdog = -1};

static void *sender(void *arg)
{
    go_run_with(&opts, sends, arg);
    return NULL;
}

static void two_threads(void)
{
    go_chan c;
    pthread_t t;
    int64_t began;

    if (go_chan_init(&c, sizeof(intptr_t), ROOM, GO_SHARED) < 0)
        exit(1);
    began = bench_wall();
    if (pthread_create(&t, NULL, sender, &c))
        exit(1);
    go_run_with(&opts, receives, &c);
    pthread_join(t, NULL);
    bench_result("chan_threads", (double)(bench_wall() - began) / ITEMS, "ns");
    go_chan_fini(&c);
}

int main(void)
{
    int rc = go_run_with(&opts, one_thread, NULL);

    two_threads();
    return rc < 0;
}
