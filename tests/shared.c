/* SPDX-License-Identifier: MIT
 *
 * GO_SHARED objects between two schedulers and plain threads. Each party does what the others do,
 * so that whatever can happen at once does; what comes out is counted. */
#include "tests/kit.h"
#include <pthread.h>
#include <stdatomic.h>

enum { PARTIES = 4 }; /* the first two are plain threads, the others schedulers with fibers */

/* ---- parties ---- */

struct party {
    int (*fn)(void *arg); /* of each fiber, or of the thread */
    int number;
    int fibers;
    pthread_t thread;
};

static int fibers(void *arg)
{
    struct party *p = arg;
    int rc;

    GO_NURSERY(n, rc) {
        for (int i = 0; i < p->fibers; i++)
            go_spawn(n, p->fn, p);
    }
    return rc;
}

static void *party(void *arg)
{
    struct party *p = arg;

    CHECK_EQ(p->number < 2 ? p->fn(p) : real_run(fibers, p), 0);
    return NULL;
}

/* Runs fn on two plain threads, and in three fibers of each of two schedulers. */
static void everywhere(int (*fn)(void *arg))
{
    struct party p[PARTIES];

    for (int i = 0; i < PARTIES; i++) {
        p[i] = (struct party){fn, i, 3, 0};
        pthread_create(&p[i].thread, NULL, party, &p[i]);
    }
    for (int i = 0; i < PARTIES; i++)
        pthread_join(p[i].thread, NULL);
}

enum { ALL = 2 + 2 * 3 };

/* How often: the emulated and the instrumented are slow. $KIT_STRESS times as often: a thousand
 * makes ten million operations of it, for them. */
static int factor = 1;

__attribute__((constructor)) static void read_factor(void)
{
    if (getenv("KIT_STRESS"))
        factor = atoi(getenv("KIT_STRESS"));
}

static int rounds(int n)
{
    return (tap_slow() ? n / 20 + 1 : n) * factor;
}

/* ---- locks ---- */

static go_mutex mutex;
static go_rwlock rwlock;
static go_sem sem;
static go_limiter limiter;
static int inside, counted;
static atomic_int readers;

static void alone(void)
{
    CHECK_EQ(++inside, 1);
    counted++;
    if (counted % 16 == 0 && go_sched_self())
        go_yield(); /* with the lock held */
    inside--;
}

static int locks(void *arg)
{
    (void)arg;
    for (int i = 0; i < rounds(2000); i++) {
        CHECK_EQ(go_mutex_lock(&mutex), 0);
        alone();
        CHECK_EQ(go_mutex_unlock(&mutex), 0);
    }
    return 0;
}

LAW(mutual, "S7.07 a shared mutex excludes threads and fibers of all schedulers")
{
    go_mutex_init(&mutex, GO_SHARED);
    counted = 0;
    everywhere(locks);
    CHECK_EQ(counted, ALL * rounds(2000));
}

static int reads_and_writes(void *arg)
{
    (void)arg;
    for (int i = 0; i < rounds(1000); i++) {
        CHECK_EQ(go_rwlock_read(&rwlock), 0);
        atomic_fetch_add(&readers, 1);
        CHECK_EQ(inside, 0);
        atomic_fetch_sub(&readers, 1);
        CHECK_EQ(go_rwlock_unlock(&rwlock), 0);
        CHECK_EQ(go_rwlock_write(&rwlock), 0);
        CHECK_EQ(atomic_load(&readers), 0);
        alone();
        CHECK_EQ(go_rwlock_unlock(&rwlock), 0);
    }
    return 0;
}

LAW(read_write, "S7.07 a shared rwlock: readers together, writers alone")
{
    go_rwlock_init(&rwlock, GO_SHARED);
    counted = 0;
    everywhere(reads_and_writes);
    CHECK_EQ(counted, ALL * rounds(1000));
}

static int takes(void *arg)
{
    static atomic_int now;

    (void)arg;
    for (int i = 0; i < rounds(1000); i++) {
        CHECK_EQ(go_sem_acquire(&sem), 0);
        CHECK(atomic_fetch_add(&now, 1) < 2);
        atomic_fetch_sub(&now, 1);
        CHECK_EQ(go_sem_release(&sem), 0);
        CHECK_EQ(go_limiter_acquire(&limiter), 0);
        CHECK_EQ(go_limiter_acquire(&limiter), -EDEADLK);
        CHECK_EQ(go_limiter_release(&limiter), 0);
    }
    return 0;
}

LAW(tokens, "S7.07 a shared semaphore and a shared limiter lend what they have")
{
    go_sem_init(&sem, 2, 2, GO_SHARED);
    go_limiter_init(&limiter, 1, GO_SHARED);
    everywhere(takes);
    CHECK_EQ(go_sem_try_acquire(&sem), 0);
    CHECK_EQ(go_sem_try_acquire(&sem), 0);
    CHECK_EQ(go_sem_try_acquire(&sem), -EAGAIN);
}

/* ---- channels and queues ---- */

static go_chan chan;
static go_queue queue;
static atomic_llong sum;
static atomic_int senders;

static int sends_and_receives(void *arg)
{
    const struct party *p = arg;
    int got, rc;

    if (p->number % 2 == 0) {
        for (int i = 1; i <= rounds(3000); i++)
            CHECK_EQ(go_chan_send(&chan, &i), 0);
        if (atomic_fetch_sub(&senders, 1) == 1)
            go_chan_close(&chan);
        return 0;
    }
    while ((rc = go_chan_recv(&chan, &got)) == 1)
        atomic_fetch_add(&sum, got);
    return rc;
}

static void through_a_channel(size_t capacity)
{
    long long n = rounds(3000);

    CHECK_EQ(go_chan_init(&chan, sizeof(int), capacity, GO_SHARED), 0);
    atomic_store(&sum, 0);
    atomic_store(&senders, 1 + 3);
    everywhere(sends_and_receives);
    CHECK_EQ(atomic_load(&sum), 4 * n * (n + 1) / 2);
    go_chan_fini(&chan);
}

LAW(channels, "S7.07 through a shared channel every item comes once, and its end to everybody")
{
    through_a_channel(0);
    through_a_channel(1);
    through_a_channel(64);
}

static int puts_and_gets(void *arg)
{
    const struct party *p = arg;
    void *item;
    int rc;

    if (p->number % 2 == 0) {
        for (intptr_t i = 1; i <= rounds(2000); i++)
            CHECK_EQ(go_queue_put(&queue, (void *)i, (int)i), 0);
        if (atomic_fetch_sub(&senders, 1) == 1) {
            CHECK_EQ(go_queue_join(&queue), 0);
            CHECK_EQ(atomic_load(&sum), 4LL * rounds(2000) * (rounds(2000) + 1) / 2);
            go_queue_shutdown(&queue, false);
        }
        return 0;
    }
    while ((rc = go_queue_get(&queue, &item)) == 1) {
        atomic_fetch_add(&sum, (intptr_t)item);
        CHECK_EQ(go_queue_task_done(&queue), 0);
    }
    return rc;
}

LAW(queues, "S7.07 through a shared queue as well, and join waits for all of them")
{
    CHECK_EQ(go_queue_init(&queue, GO_PRIORITY, 5, GO_SHARED), 0);
    atomic_store(&sum, 0);
    atomic_store(&senders, 1 + 3);
    everywhere(puts_and_gets);
    go_queue_fini(&queue);
}

/* ---- meeting ---- */

static go_barrier barrier;
static go_cond cond;
static go_event event;
static go_future future;
static go_once once;
static atomic_int lasts, ran;
static int turn;

static int meets(void *arg)
{
    (void)arg;
    for (int i = 0; i < rounds(500); i++) {
        int rc = go_barrier_wait(&barrier);

        CHECK(rc == 0 || rc == 1);
        atomic_fetch_add(&lasts, rc);
    }
    return 0;
}

LAW(barriers, "S7.07 a shared barrier: everybody meets, and one is the last")
{
    go_barrier_init(&barrier, ALL, GO_SHARED);
    atomic_store(&lasts, 0);
    everywhere(meets);
    CHECK_EQ(atomic_load(&lasts), rounds(500));
}

static int takes_turns(void *arg)
{
    const struct party *p = arg;

    for (int i = 0; i < rounds(200); i++) {
        CHECK_EQ(go_mutex_lock(&mutex), 0);
        while (turn % PARTIES != p->number)
            CHECK_EQ(go_cond_wait(&cond, &mutex), 0);
        turn++;
        go_cond_notify_all(&cond);
        CHECK_EQ(go_mutex_unlock(&mutex), 0);
    }
    return 0;
}

static void *one_party(void *arg)
{
    struct party *p = arg;

    CHECK_EQ(p->number < 2 ? p->fn(p) : real_run(p->fn, p), 0);
    return NULL;
}

LAW(conditions, "S7.07 a shared condition: threads and fibers take turns")
{
    struct party p[PARTIES];

    go_mutex_init(&mutex, GO_SHARED);
    go_cond_init(&cond, GO_SHARED);
    turn = 0;
    for (int i = 0; i < PARTIES; i++) {
        p[i] = (struct party){takes_turns, i, 1, 0};
        pthread_create(&p[i].thread, NULL, one_party, &p[i]);
    }
    for (int i = 0; i < PARTIES; i++)
        pthread_join(p[i].thread, NULL);
    CHECK_EQ(turn, PARTIES * rounds(200));
}

static int makes(void *arg)
{
    (void)arg;
    atomic_fetch_add(&ran, 1);
    return 3;
}

static int waits_for_all(void *arg)
{
    intptr_t value = 0;

    (void)arg;
    CHECK_EQ(go_once_run(&once, makes, NULL), 3);
    CHECK_EQ(go_event_wait(&event), 0);
    CHECK_EQ(go_future_get(&future, &value), 0);
    CHECK_EQ(value, 11);
    return 0;
}

static void *sets(void *arg)
{
    struct timespec a_while = {0, 2000000};

    (void)arg;
    nanosleep(&a_while, NULL);
    go_event_set(&event);
    nanosleep(&a_while, NULL);
    CHECK_EQ(go_future_set(&future, 11), 0);
    return NULL;
}

LAW(one_way, "S7.12 a plain thread waits on shared objects, blocking as a thread")
{
    pthread_t t;

    go_event_init(&event, GO_SHARED);
    go_future_init(&future, GO_SHARED);
    once = (go_once){0};
    atomic_store(&ran, 0);
    pthread_create(&t, NULL, sets, NULL);
    everywhere(waits_for_all);
    pthread_join(t, NULL);
    CHECK_EQ(atomic_load(&ran), 1);
}

/* ---- cancellation and select ---- */

static atomic_int got, given;

static int gives(void *arg)
{
    (void)arg;
    for (int i = 0; i < rounds(3000); i++) {
        CHECK_EQ(go_sem_release(&sem), 0);
        atomic_fetch_add(&given, 1);
        if (i % 7 == 0)
            sched_yield();
    }
    return 0;
}

static int tries_briefly(void *arg)
{
    const struct party *p = arg;

    if (p->number < 2)
        return gives(arg);
    for (int i = 0; i < rounds(1500); i++) {
        int rc = 0;

        GO_MOVE_ON(i % 4 * 20 * GO_US, rc) {
            rc = go_sem_acquire(&sem);
            if (rc == 0)
                atomic_fetch_add(&got, 1);
            rc = 0;
        }
    }
    return 0;
}

LAW(cancelled, "S7.07 what is handed to who is cancelled in the same moment is not lost")
{
    int left = 0;

    go_sem_init(&sem, 0, 0, GO_SHARED);
    atomic_store(&got, 0);
    atomic_store(&given, 0);
    everywhere(tries_briefly);
    while (go_sem_try_acquire(&sem) == 0)
        left++;
    CHECK_EQ(atomic_load(&got) + left, atomic_load(&given));
}

static go_chan pair[2];
static atomic_llong sent, received;

static int selects(void *arg)
{
    const struct party *p = arg;

    if (p->number < 2) { /* plain threads: the other ends */
        for (int i = 1; i <= rounds(2000); i++) {
            int back;

            CHECK_EQ(go_chan_send(&pair[i % 2], &i), 0);
            atomic_fetch_add(&sent, i);
            if (go_chan_try_recv(&pair[i % 2], &back) == 1)
                atomic_fetch_add(&received, back);
        }
        if (atomic_fetch_sub(&senders, 1) == 1) {
            go_chan_close(&pair[0]);
            go_chan_close(&pair[1]);
        }
        return 0;
    }
    for (int open = 1, i = 1; open; i++) {
        int a, b, mine = i;
        go_case cases[] = {GO_RECV(&pair[0], &a), GO_RECV(&pair[1], &b), GO_SEND(&pair[0], &mine),
                           GO_SEND(&pair[1], &mine), GO_AFTER(i % 3 ? GO_SEC : 0)};
        int which = go_select(cases, 5);

        if (which < 2) {
            open = cases[which].result;
            if (open)
                atomic_fetch_add(&received, which == 0 ? a : b);
        } else if (which < 4) {
            open = cases[which].result == 0;
            if (open)
                atomic_fetch_add(&sent, mine);
        }
    }
    return 0;
}

LAW(selected, "S7.28 go_select over shared channels commits exactly one, at both ends")
{
    for (int i = 0; i < 2; i++)
        CHECK_EQ(go_chan_init(&pair[i], sizeof(int), 0, GO_SHARED), 0);
    atomic_store(&sent, 0);
    atomic_store(&received, 0);
    atomic_store(&senders, 2);
    everywhere(selects);
    CHECK_EQ(atomic_load(&received), atomic_load(&sent));
    for (int i = 0; i < 2; i++)
        go_chan_fini(&pair[i]);
}

/* ---- ends ---- */

static int dies_with_it(void *arg)
{
    (void)arg;
    return go_mutex_lock(&mutex);
}

static int dies_in_a_run(void *arg)
{
    int rc;

    GO_NURSERY(n, rc) {
        go_spawn(n, dies_with_it, arg);
    }
    return rc;
}

LAW(owner_dies, "S7.10 an owner that ends breaks a shared lock, for everybody")
{
    go_mutex_init(&mutex, GO_SHARED);
    CHECK_EQ(real_run(dies_in_a_run, NULL), 0);
    CHECK_EQ(go_mutex_lock(&mutex), -EOWNERDEAD);
    CHECK_EQ(go_mutex_try_lock(&mutex), -EOWNERDEAD);
}

static int waits_alone(void *arg)
{
    (void)arg;
    return go_event_wait(&event);
}

static void *sets_late(void *arg)
{
    struct timespec a_while = {0, 30000000};

    (void)arg;
    nanosleep(&a_while, NULL);
    go_event_set(&event);
    return NULL;
}

LAW(no_deadlock, "S10.06 a wait on a shared object is no deadlock: another thread may end it")
{
    pthread_t t;

    go_event_init(&event, GO_SHARED);
    pthread_create(&t, NULL, sets_late, NULL);
    CHECK_EQ(real_run(waits_alone, NULL), 0);
    pthread_join(t, NULL);
}

static int in_the_child(void *arg)
{
    (void)arg;
    /* The thread that waited is not here: what is given is there for whoever comes. */
    CHECK_EQ(go_sem_release(&sem), 0);
    CHECK_EQ(go_sem_acquire(&sem), 0);
    return tap.wrong;
}

static int waits_in_a_fiber(void *arg)
{
    (void)arg;
    return go_sem_acquire(&sem);
}

/* Three fibers wait, and their process is copied: in the child they are gone, in the parent not. */
static int forks_over_waiters(void *arg)
{
    int rc, status = -1;
    pid_t pid;

    (void)arg;
    go_sem_init(&sem, 0, 0, GO_SHARED);
    GO_NURSERY(n, rc) {
        for (int i = 0; i < 3; i++)
            go_spawn(n, waits_in_a_fiber, NULL);
        go_yield();
        pid = fork();
        if (pid == 0) {
            go_sleep(GO_MS);
            _exit(go_sem_release(&sem) == 0 && go_sem_acquire(&sem) == 0 ? 0 : 1);
        }
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
            ;
        for (int i = 0; i < 3; i++)
            go_sem_release(&sem);
    }
    return rc < 0 ? rc : status;
}

LAW(forked_fibers, "S9.20 in a fork child the parent's fibers wait for nothing any more")
{
    CHECK_EQ(real_run(forks_over_waiters, NULL), 0);
}

static void *waits_in_a_thread(void *arg)
{
    (void)arg;
    CHECK_EQ(go_sem_acquire(&sem), 0);
    return NULL;
}

LAW(forked,
    "S9.20 in a fork child shared objects work, and those who waited elsewhere do not count")
{
    struct timespec a_while = {0, 20000000};
    pthread_t t;

    if (TAP_SANITIZED || tap_slow()) {
        TAP_SKIP("a child of a process with threads is beyond them");
        return;
    }
    go_sem_init(&sem, 0, 0, GO_SHARED);
    pthread_create(&t, NULL, waits_in_a_thread, NULL);
    nanosleep(&a_while, NULL);
    CHECK_EXITS(in_the_child, NULL, 0);
    go_sem_release(&sem);
    pthread_join(t, NULL);
}

TAP_MAIN
