/* SPDX-License-Identifier: MIT
 *
 * Section 9: go_post, from threads and signal handlers; several schedulers. */
#include "tests/kit.h"
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

static void marks(void *arg)
{
    mark("%s", (char *)arg);
}

static void sets(void *arg)
{
    go_event_set(arg);
}

LAW_VIRTUAL(from_a_fiber,
            "S9.02 go_post from a fiber: in order, on the loop, after this fiber lets go")
{
    CHECK_EQ(go_post(go_sched_self(), marks, "1"), 0);
    CHECK_EQ(go_post(go_sched_self(), marks, "2"), 0);
    CHECK_TRACE("");
    CHECK_EQ(go_sleep(GO_MS), 0);
    CHECK_TRACE("1 2");
}

/* ---- threads ---- */

struct poster {
    go_sched *s;
    int first, accepted, refused;
    sem_t *go;
};

static int sequence[4], disorder, total;

static void counts(void *arg)
{
    int n = (int)(intptr_t)arg, who = n >> 20, i = n & 0xfffff;

    total++;
    if (i != sequence[who])
        disorder++;
    sequence[who] = i + 1;
}

static void *posts_many(void *arg)
{
    struct poster *p = arg;

    for (int i = 0; i < 10000; i++) {
        while (go_post(p->s, counts, (void *)(intptr_t)(p->first << 20 | i)) == -EAGAIN)
            ;
        p->accepted++;
    }
    return NULL;
}

static int waits_for_all(void *arg)
{
    (void)arg;
    while (total < 40000)
        if (go_sleep(GO_MS) < 0)
            return -EIO;
    return 0;
}

static int four_posters(void *arg)
{
    struct poster p[4];
    pthread_t t[4];
    int rc;

    (void)arg;
    total = disorder = 0;
    memset(sequence, 0, sizeof sequence);
    for (int i = 0; i < 4; i++) {
        p[i] = (struct poster){go_sched_self(), i, 0, 0, NULL};
        pthread_create(&t[i], NULL, posts_many, &p[i]);
    }
    rc = waits_for_all(NULL);
    for (int i = 0; i < 4; i++)
        pthread_join(t[i], NULL);
    CHECK_EQ(total, 40000);
    CHECK_EQ(disorder, 0);
    return rc;
}

LAW(from_threads, "S9.02 go_post from any thread: none is lost, each thread's are in order")
{
    CHECK_EQ(real_run(four_posters, NULL), 0);
}

struct waker {
    go_sched *s;
    go_event *e;
    go_time delay;
};

static void *wakes(void *arg)
{
    struct waker *w = arg;

    nap(w->delay);
    CHECK_EQ(go_post(w->s, sets, w->e), 0);
    return NULL;
}

static int sleeps_until_woken(void *arg)
{
    go_event e;
    struct waker w = {go_sched_self(), &e, 10 * GO_MS};
    pthread_t t;
    go_time start = real_now();
    int rc;

    (void)arg;
    go_event_init(&e, 0);
    CHECK_EQ(go_sched_hold(go_sched_self()), 0);
    pthread_create(&t, NULL, wakes, &w);
    rc = go_event_wait(&e);
    CHECK(real_now() - start >= 10 * GO_MS);
    CHECK(real_now() - start < GO_SEC);
    CHECK_EQ(go_sched_drop(go_sched_self()), 0);
    pthread_join(t, NULL);
    return rc;
}

LAW(wakes_a_sleeping_loop, "S9.02 a post wakes a loop that has nothing else to wait for")
{
    CHECK_EQ(real_run(sleeps_until_woken, NULL), 0);
}

LAW(hold_prevents_deadlock,
    "S10.04 a go_sched_hold that was not dropped counts as something that can wake it")
{
    CHECK_EQ(virtual_run(sleeps_until_woken, NULL), 0);
}

LAW_VIRTUAL(holds_count, "S10.04 holds count; a drop without a hold is -EINVAL")
{
    go_sched *s = go_sched_self();

    CHECK_EQ(go_sched_drop(s), -EINVAL);
    CHECK_EQ(go_sched_hold(s), 0);
    CHECK_EQ(go_sched_hold(s), 0);
    CHECK_EQ(go_sched_drop(s), 0);
    CHECK_EQ(go_sched_drop(s), 0);
    CHECK_EQ(go_sched_drop(s), -EINVAL);
    CHECK_EQ(go_sched_hold(NULL), -EINVAL);
    CHECK_EQ(go_sched_drop(NULL), -EINVAL);
    CHECK_EQ(go_post(NULL, marks, NULL), -EINVAL);
    CHECK_EQ(go_post(s, NULL, NULL), -EINVAL);
}

static void drops(void *arg)
{
    go_sched_drop(arg);
}

static void *drops_later(void *arg)
{
    nap(5 * GO_MS);
    go_post(arg, drops, arg);
    return NULL;
}

static int held_until_dropped(void *arg)
{
    pthread_t t;
    int rc;

    (void)arg;
    go_sched_hold(go_sched_self());
    pthread_create(&t, NULL, drops_later, go_sched_self());
    rc = go_sleep(GO_FOREVER); /* from the drop on a deadlock */
    pthread_join(t, NULL);
    return rc;
}

static int held_program(void *arg)
{
    CHECK_EQ(real_run(held_until_dropped, arg), -EDEADLK);
    return 0;
}

LAW(dropped_is_deadlock, "S10.04 after the drop the deadlock is reported")
{
    CHECK_EXITS(held_program, NULL, 0);
    CHECK_HAS(kit_output, "deadlock");
}

/* ---- signal handlers ---- */

static go_sched *handler_sched;
static go_event *handler_event;
static volatile sig_atomic_t handler_rc;

static void posting_handler(int sig)
{
    (void)sig;
    handler_rc = go_post(handler_sched, sets, handler_event);
}

static int signalled(void *arg)
{
    struct sigaction sa, before;
    go_event e;
    int rc;

    (void)arg;
    go_event_init(&e, 0);
    handler_sched = go_sched_self();
    handler_event = &e;
    handler_rc = 1;
    memset(&sa, 0, sizeof sa);
    sa.sa_handler = posting_handler;
    sigaction(SIGUSR1, &sa, &before);
    raise(SIGUSR1);
    CHECK_EQ(handler_rc, 0);
    rc = go_event_wait(&e);
    sigaction(SIGUSR1, &before, NULL);
    return rc;
}

LAW(from_a_handler, "S9.03 go_post may be used from a signal handler")
{
    CHECK_EQ(real_run(signalled, NULL), 0);
}

static void *kills_later(void *arg)
{
    nap(5 * GO_MS);
    pthread_kill(*(pthread_t *)arg, SIGUSR1);
    return NULL;
}

static int signalled_asleep(void *arg)
{
    struct sigaction sa, before;
    pthread_t self = pthread_self(), t;
    go_event e;
    int rc;

    (void)arg;
    go_event_init(&e, 0);
    handler_sched = go_sched_self();
    handler_event = &e;
    memset(&sa, 0, sizeof sa);
    sa.sa_handler = posting_handler;
    sigaction(SIGUSR1, &sa, &before);
    go_sched_hold(go_sched_self());
    pthread_create(&t, NULL, kills_later, &self);
    rc = go_event_wait(&e); /* the handler interrupts the loop's sleep */
    go_sched_drop(go_sched_self());
    pthread_join(t, NULL);
    sigaction(SIGUSR1, &before, NULL);
    return rc;
}

LAW(from_a_handler_asleep, "S9.03 also from one that interrupts the loop while it sleeps")
{
    CHECK_EQ(real_run(signalled_asleep, NULL), 0);
}

static volatile sig_atomic_t bursts, burst_refused;
static int burst_run;

static void burst_fn(void *arg)
{
    (void)arg;
    burst_run++;
}

static void burst_handler(int sig)
{
    (void)sig;
    if (go_post(handler_sched, burst_fn, NULL) == 0)
        bursts++;
    else
        burst_refused++;
}

static int burst(void *arg)
{
    struct sigaction sa, before;

    (void)arg;
    handler_sched = go_sched_self();
    memset(&sa, 0, sizeof sa);
    sa.sa_handler = burst_handler;
    sigaction(SIGUSR1, &sa, &before);
    for (int i = 0; i < 5000; i++)
        raise(SIGUSR1);
    sigaction(SIGUSR1, &before, NULL);
    return 0;
}

LAW(burst_from_a_handler, "S9.03 thousands of them: what was accepted runs")
{
    bursts = burst_refused = 0;
    burst_run = 0;
    CHECK_EQ(real_run(burst, NULL), 0);
    CHECK_EQ(bursts + burst_refused, 5000);
    CHECK_EQ(burst_run, bursts);
    CHECK(bursts > 0);
}

/* ---- the end of a run ---- */

static atomic_int ran;

static void runs(void *arg)
{
    (void)arg;
    atomic_fetch_add(&ran, 1);
}

static void *posts_until_refused(void *arg)
{
    struct poster *p = arg;
    int rc;

    while ((rc = go_post(p->s, runs, NULL)) != -ESHUTDOWN) {
        p->accepted += rc == 0;
        if (p->accepted == 100)
            sem_post(p->go);
        if (p->accepted > 2000000)
            break;
    }
    p->refused = rc;
    return NULL;
}

static int ends_meanwhile(void *arg)
{
    struct poster *p = arg;

    p->s = go_sched_self();
    sem_post(p->go + 1);
    sem_wait(p->go); /* a hundred of them are in: end the run under its hands */
    return 0;
}

static void *starts_posting(void *arg)
{
    struct poster *p = arg;

    sem_wait(p->go + 1);
    return posts_until_refused(p);
}

LAW(accepted_runs, "S9.07 a post that returned 0 runs before go_run returns")
{
    if (RUNNING_ON_VALGRIND) {
        TAP_SKIP("valgrind runs one thread at a time, and this one for long");
        return;
    }
    for (int round = 0; round < 20; round++) {
        sem_t sems[2];
        struct poster p = {NULL, 0, 0, 0, sems};
        pthread_t t;
        int before;

        sem_init(&sems[0], 0, 0);
        sem_init(&sems[1], 0, 0);
        atomic_store(&ran, 0);
        pthread_create(&t, NULL, starts_posting, &p);
        CHECK_EQ(real_run(ends_meanwhile, &p), 0);
        before = atomic_load(&ran);
        pthread_join(t, NULL);
        CHECK_EQ(p.refused, -ESHUTDOWN);
        CHECK_EQ(before, p.accepted);
        CHECK_EQ(atomic_load(&ran), before);
    }
}

struct chain {
    int left, accepted;
};

static void posts_again(void *arg)
{
    struct chain *c = arg;

    atomic_fetch_add(&ran, 1);
    if (--c->left > 0)
        c->accepted += go_post(go_sched_self(), posts_again, c) == 0;
}

static int posts_last(void *arg)
{
    struct chain *c = arg;

    c->accepted += go_post(go_sched_self(), posts_again, c) == 0;
    return 0;
}

LAW(posts_from_posts,
    "S9.07 one that the main function posts last runs, and what that posts if it is accepted")
{
    struct chain c = {3, 0};

    atomic_store(&ran, 0);
    CHECK_EQ(real_run(posts_last, &c), 0);
    CHECK(c.accepted >= 1);
    CHECK_EQ(atomic_load(&ran), c.accepted);
}

static go_sched *late;

static int notes_sched(void *arg)
{
    (void)arg;
    late = go_sched_self();
    CHECK(late != NULL);
    return 0;
}

LAW(late_post, "S9.08 a post to a scheduler that runs nothing is -ESHUTDOWN")
{
    CHECK_EQ(virtual_run(notes_sched, NULL), 0);
    CHECK(!go_sched_self());
    for (int i = 0; i < 3; i++)
        CHECK_EQ(go_post(late, marks, "never"), -ESHUTDOWN);
    CHECK_EQ(virtual_run(notes_sched, NULL), 0); /* and it may run again */
    CHECK_EQ(go_post(late, marks, "never"), -ESHUTDOWN);
    CHECK_TRACE("");
}

/* ---- a scheduler for each thread ---- */

static int yields_and_sleeps(void *arg)
{
    struct plan p[5];
    int rc;

    memset(p, 0, sizeof p);
    GO_NURSERY(n, rc) {
        for (int i = 0; i < 5; i++) {
            p[i].delay = i * GO_MS;
            go_spawn(n, follow, &p[i]);
        }
    }
    *(go_sched **)arg = go_sched_self();
    return rc < 0 ? rc : 5;
}

static void *runs_its_own(void *arg)
{
    return (void *)(intptr_t)virtual_run(yields_and_sleeps, arg);
}

static int runs_beside(void *arg)
{
    go_sched **s = arg;
    pthread_t t[4];
    void *result;

    for (int i = 0; i < 4; i++)
        pthread_create(&t[i], NULL, runs_its_own, &s[i]);
    for (int i = 0; i < 4; i++) {
        pthread_join(t[i], &result);
        CHECK_EQ((intptr_t)result, 5);
    }
    return 0;
}

LAW(one_each, "S9.01 each OS thread may run a scheduler of its own")
{
    go_sched *s[4] = {NULL};

    CHECK_EQ(virtual_run(runs_beside, s), 0);
    for (int i = 0; i < 4; i++) {
        CHECK(s[i] != NULL);
        for (int k = 0; k < i; k++)
            CHECK(s[i] != s[k]);
    }
}

TAP_MAIN
