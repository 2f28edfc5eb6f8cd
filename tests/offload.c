/* SPDX-License-Identifier: MIT
 *
 * Section 9: blocking work on pool threads. Laws about the pool's size run in processes of their
 * own. */
#include "tests/kit.h"
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

struct gate {
    sem_t started, go;
    atomic_int ran;
};

static int passes_gate(void *arg)
{
    struct gate *g = arg;

    atomic_fetch_add(&g->ran, 1);
    sem_post(&g->started);
    while (sem_wait(&g->go) < 0)
        ;
    return 5;
}

struct work {
    struct gate *g;
    int rc, then;
};

static int offloads(void *arg)
{
    struct work *w = arg;

    w->rc = go_offload(passes_gate, w->g);
    w->then = go_checkpoint();
    return 0;
}

static void gate_init(struct gate *g)
{
    sem_init(&g->started, 0, 0);
    sem_init(&g->go, 0, 0);
    atomic_store(&g->ran, 0);
}

/* ---- in processes of their own, and before this one has threads: not everywhere may a fork child
 * of such a one make its own ---- */

static int cancelled_queued_run(void *arg)
{
    struct gate g;
    struct work w[3] = {{&g, 1, 1}, {&g, 1, 1}, {&g, 1, 1}};
    go_task t[3] = {{.result = 0}};
    int rc;

    (void)arg;
    gate_init(&g);
    GO_NURSERY(n, rc) {
        for (int i = 0; i < 3; i++) {
            go_spawn_with(n, &(go_spawn_opts){.task = &t[i]}, offloads, &w[i]);
            go_yield();
        }
        while (sem_wait(&g.started) < 0) /* the first one runs, on the only thread; two queue */
            ;
        go_task_cancel(&t[1], NULL);
        CHECK_EQ(go_task_join(&t[1]), 0);
        CHECK_EQ(w[1].rc, -ECANCELED); /* at once, though the first still runs */
        sem_post(&g.go);
        sem_post(&g.go);
    }
    CHECK_EQ(rc, 0);
    CHECK_EQ(w[0].rc, 5);
    CHECK_EQ(w[2].rc, 5);
    CHECK_EQ(atomic_load(&g.ran), 2);
    return 0;
}

static int one_thread(go_fn *fn, void *arg)
{
    return go_run_with(&(go_run_opts){.pool_max = 1, .no_signals = true}, fn, arg);
}

static int cancelled_queued_program(void *arg)
{
    return one_thread(cancelled_queued_run, arg) < 0 ? 98 : 0;
}

LAW(cancelled_queued, "S4.19 a cancelled go_offload is withdrawn if it still queues")
{
    CHECK_EXITS(cancelled_queued_program, NULL, 0);
}

static int nothing(void *arg)
{
    (void)arg;
    return 0;
}

struct crowd {
    atomic_int now, most;
};

static int joins_crowd(void *arg)
{
    struct crowd *c = arg;
    int now = atomic_fetch_add(&c->now, 1) + 1, most = atomic_load(&c->most);

    while (now > most && !atomic_compare_exchange_weak(&c->most, &most, now))
        ;
    nap(2 * GO_MS);
    atomic_fetch_sub(&c->now, 1);
    return 0;
}

static int offloads_crowd(void *arg)
{
    return go_offload(joins_crowd, arg);
}

static int bounded_run(void *arg)
{
    struct crowd c = {0, 0};
    unsigned most = 0;
    int rc;

    (void)arg;
    CHECK_EQ(go_offload_threads(&most), 0);
    CHECK_EQ(most, 3);
    GO_NURSERY(n, rc) {
        for (int i = 0; i < 20; i++)
            go_spawn(n, offloads_crowd, &c);
        go_sleep(GO_MS);
        CHECK_EQ(go_offload_threads(NULL), 3);
    }
    CHECK_EQ(rc, 0);
    CHECK_EQ(atomic_load(&c.most), 3);
    CHECK_EQ(go_offload_threads(&most), 3);
    return 0;
}

static int bounded_program(void *arg)
{
    return go_run_with(&(go_run_opts){.pool_max = 3}, bounded_run, arg) < 0 ? 98 : 0;
}

LAW(bounded, "S9.05 the pool's size is visible and bounded")
{
    CHECK_EXITS(bounded_program, NULL, 0);
}

static int default_size_program(void *arg)
{
    unsigned most = 0;

    (void)arg;
    CHECK_EQ(go_offload_threads(&most), 0); /* before any run */
    CHECK_EQ(most, 16);
    return 0;
}

LAW(default_size, "S9.05 by default at most 16 threads, and none before the first use")
{
    CHECK_EXITS(default_size_program, NULL, 0);
}

static int first_use_run(void *arg)
{
    int before = *(int *)arg, rc;
    go_event e;

    go_event_init(&e, 0);
    CHECK_EQ(thread_count(), before);
    GO_NURSERY(n, rc) { /* some of everything else */
        for (int i = 0; i < 10; i++)
            go_spawn(n, sleeper, &moment);
    }
    CHECK_EQ(rc, 0);
    GO_TIMEOUT(GO_MS, rc) {
        go_event_wait(&e);
    }
    CHECK_EQ(thread_count(), before);
    CHECK_EQ(go_offload(nothing, NULL), 0);
    CHECK_EQ(thread_count(), before + 1);
    for (int i = 0; i < 10; i++)
        CHECK_EQ(go_offload(nothing, NULL), 0);
    CHECK_EQ(thread_count(), before + 1); /* one after the other: one thread */
    return 0;
}

static void *nothing_in_a_thread(void *arg)
{
    return arg;
}

static int first_use_program(void *arg)
{
    pthread_t t;
    int before;

    (void)arg;
    if (TAP_THREAD) { /* which makes one of its own with the first */
        pthread_create(&t, NULL, nothing_in_a_thread, NULL);
        pthread_join(t, NULL);
    }
    before = thread_count();
    return go_run(first_use_run, &before) < 0 ? 98 : 0; /* with signals and watchdog */
}

LAW(first_use, "S9.17 pool threads are created on first use, and no other thread ever")
{
    CHECK_EXITS(first_use_program, NULL, 0);
}

/* ---- what it does ---- */

static int naps(void *arg)
{
    nap(*(go_time *)arg);
    return 0;
}

static int which_thread(void *arg)
{
    *(pthread_t *)arg = pthread_self();
    return 42;
}

static int minus_eio(void *arg)
{
    (void)arg;
    return -EIO;
}

LAW_REAL(runs_elsewhere,
         "S9.04 go_offload runs a function on a pool thread, and returns its result")
{
    pthread_t t = pthread_self();

    CHECK_EQ(go_offload(which_thread, &t), 42);
    CHECK(!pthread_equal(t, pthread_self()));
    CHECK_EQ(go_offload(minus_eio, NULL), -EIO);
}

static int offloads_nap(void *arg)
{
    CHECK_EQ(go_offload(naps, arg), 0);
    mark("napped");
    return 0;
}

LAW_REAL(only_the_caller_waits, "S9.04 only the calling fiber waits")
{
    go_time thirty = 30 * GO_MS;
    int rc;

    GO_NURSERY(n, rc) {
        go_spawn(n, offloads_nap, &thirty);
        go_sleep(5 * GO_MS);
        mark("main");
    }
    CHECK_EQ(rc, 0);
    CHECK_TRACE("main napped");
}

LAW_REAL(concurrently, "S9.04 several run at once")
{
    go_time twenty = 20 * GO_MS, start = real_now();
    int rc;

    GO_NURSERY(n, rc) {
        for (int i = 0; i < 8; i++)
            go_spawn(n, offloads_nap, &twenty);
    }
    CHECK_EQ(rc, 0);
    if (!tap_slow()) /* to make eight threads may take longer than all their naps */
        CHECK(real_now() - start < 8 * 20 * GO_MS);
}

static int sets_errno(void *arg)
{
    (void)arg;
    errno = ENOTTY;
    return 0;
}

LAW_REAL(errno_stays, "S1.02 errno is the fiber's across go_offload")
{
    errno = EDOM;
    CHECK_EQ(go_offload(sets_errno, NULL), 0);
    CHECK_EQ(errno, EDOM);
}

static int sums(void *arg)
{
    int rc, total = 0;

    (void)arg;
    GO_NURSERY(n, rc) {
        for (int i = 0; i < 3; i++) {
            go_spawn(n, sleeper, &moment);
            total += go_sleep(GO_MS) == 0;
        }
    }
    return rc < 0 ? rc : total;
}

static int runs(void *arg)
{
    return virtual_run(sums, arg);
}

LAW_REAL(pool_runs, "S9.06 a pool thread may call go_run itself")
{
    CHECK_EQ(go_offload(runs, NULL), 3);
}

LAW_VIRTUAL(no_deadlock, "S10.03 pool work counts as something that can wake the program")
{
    go_time ten = 10 * GO_MS;

    CHECK_EQ(go_offload(naps, &ten), 0);
}

/* ---- cancelled ---- */

LAW_REAL(cancelled_running,
         "S4.20 a cancelled go_offload that runs is waited for, and its result returned")
{
    struct gate g;
    struct work w = {&g, 1, 1};
    go_task t = {.result = 0};
    int rc;

    gate_init(&g);
    GO_NURSERY(n, rc) {
        go_spawn_with(n, &(go_spawn_opts){.task = &t}, offloads, &w);
        go_yield();
        while (sem_wait(&g.started) < 0)
            ;
        go_task_cancel(&t, NULL);
        go_sleep(5 * GO_MS);
        CHECK_EQ(go_task_result(&t), -EAGAIN); /* it waits still */
        sem_post(&g.go);
    }
    CHECK_EQ(rc, 0);
    CHECK_EQ(w.rc, 5);
    CHECK_EQ(w.then, -ECANCELED); /* the pending cancel comes now */
}

LAW_REAL(cancelled_before, "S4.14 cancelled before it began, the function does not run")
{
    struct gate g;
    go_scope s = {0};
    int rc;

    gate_init(&g);
    GO_SCOPE(&s, rc, NULL) {
        go_scope_cancel(&s, NULL);
        CHECK_EQ(go_offload(passes_gate, &g), -ECANCELED);
    }
    CHECK_EQ(atomic_load(&g.ran), 0);
}

LAW(outside, "S1.20 outside a run go_offload is -ESHUTDOWN")
{
    CHECK_EQ(go_offload(nothing, NULL), -ESHUTDOWN);
}

TAP_MAIN
