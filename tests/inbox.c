/* SPDX-License-Identifier: MIT
 *
 * The inbox: messages from other threads and from signal handlers. */
#include "core/inbox.h"
#include "tests/tap.h"
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <sys/wait.h>
#include <time.h>

enum { PRODUCERS = 4, POSTS = TAP_SANITIZED ? 20000 : 100000 };

static struct inbox b;
static sem_t woken;
static atomic_uint wakes;

static void wake(void *arg)
{
    (void)arg;
    atomic_fetch_add(&wakes, 1);
    sem_post(&woken); /* async-signal-safe, as the real one is */
}

static void with_inbox(void (*fn)(void))
{
    sem_init(&woken, 0, 0);
    atomic_store(&wakes, 0);
    inbox_open(&b, wake, NULL);
    fn();
    inbox_close(&b);
    sem_destroy(&woken);
}

/* ---- one thread ---- */

static char trace[64];

static void note(void *arg)
{
    strcat(trace, arg);
}

static void note_and_post(void *arg)
{
    note(arg);
    inbox_post(&b, note, "x");
}

LAW_AROUND(with_inbox, in_order, "messages run in the order of their pushes, each once")
{
    static char names[] = "a\0b\0c\0d";
    struct inbox_msg m = {.fn = note, .arg = &names[2]};

    trace[0] = 0;
    CHECK(inbox_empty(&b));
    CHECK_EQ(inbox_drain(&b), 0);
    CHECK_EQ(inbox_post(&b, note, &names[0]), 0);
    CHECK_EQ(inbox_push(&b, &m), 0);
    CHECK_EQ(inbox_post(&b, note, &names[4]), 0);
    CHECK(!inbox_empty(&b));
    CHECK_EQ(inbox_drain(&b), 3);
    CHECK_EQ(inbox_drain(&b), 0);
    CHECK_STR(trace, "abc");
    m.arg = &names[6];
    CHECK_EQ(inbox_push(&b, &m), 0); /* a message may be used again once it has run */
    CHECK_EQ(inbox_drain(&b), 1);
    CHECK_STR(trace, "abcd");
}

LAW_AROUND(with_inbox, one_batch, "what a message posts waits for the next drain")
{
    trace[0] = 0;
    inbox_post(&b, note_and_post, "1");
    inbox_post(&b, note, "2");
    CHECK_EQ(inbox_drain(&b), 2);
    CHECK_STR(trace, "12");
    CHECK_EQ(inbox_drain(&b), 1);
    CHECK_STR(trace, "12x");
}

LAW_AROUND(with_inbox, closing, "closing runs what was accepted, and refuses what comes later")
{
    struct inbox_msg m = {.fn = note, .arg = "m"};

    trace[0] = 0;
    inbox_post(&b, note_and_post, "1");
    inbox_push(&b, &m);
    inbox_close(&b);
    CHECK_STR(trace, "1m"); /* the x was refused */
    CHECK_EQ(inbox_post(&b, note, "2"), -ESHUTDOWN);
    CHECK_EQ(inbox_push(&b, &m), -ESHUTDOWN);
    CHECK_EQ(inbox_drain(&b), 0);
    inbox_close(&b);
    inbox_open(&b, wake, NULL);
    CHECK_EQ(inbox_post(&b, note, "3"), 0);
    CHECK_EQ(inbox_drain(&b), 1);
    CHECK_STR(trace, "1m3");
}

LAW_AROUND(with_inbox, waking, "a sleeper is woken once for a batch, and who is awake is not")
{
    inbox_post(&b, note, "");
    CHECK_EQ(wakes, 0);
    CHECK(!inbox_sleep(&b)); /* there is something */
    inbox_post(&b, note, "");
    CHECK_EQ(wakes, 0);
    inbox_drain(&b);
    CHECK(inbox_sleep(&b));
    inbox_post(&b, note, "");
    inbox_post(&b, note, "");
    CHECK_EQ(wakes, 1);
    inbox_awake(&b);
    CHECK_EQ(inbox_drain(&b), 2);
}

static int ran;

static void count(void *arg)
{
    (void)arg;
    ran++;
}

LAW_AROUND(with_inbox, dropping,
           "in a fork child what is in the inbox is forgotten, and it goes on")
{
    int status;
    pid_t pid;

    ran = 0;
    for (int i = 0; i < 1000; i++)
        inbox_post(&b, count, NULL);
    pid = fork();
    if (pid == 0) {
        inbox_drop(&b);
        inbox_drain(&b);
        for (int i = 0; i < 2000; i++)
            inbox_post(&b, count, NULL);
        _exit(inbox_drain(&b) != 2000 || ran != 2000);
    }
    waitpid(pid, &status, 0);
    CHECK_EQ(status, 0);
    CHECK_EQ(inbox_drain(&b), 1000);
    CHECK_EQ(ran, 1000);
}

/* ---- threads ---- */

struct item {
    int producer, number;
};

static struct item items[PRODUCERS][POSTS];
static int last[PRODUCERS], misordered, received;

static void receive(void *arg)
{
    struct item *it = arg;

    misordered += last[it->producer] >= it->number;
    last[it->producer] = it->number;
    received++;
}

static void *produce(void *arg)
{
    struct item *it = arg;

    for (int i = 0; i < POSTS; i++) {
        while (inbox_post(&b, receive, &it[i]) == -EAGAIN)
            sched_yield();
    }
    return NULL;
}

/* Runs until `want` items came, sleeping as a scheduler does; every wake-up that is lost costs a
 * second, and is found. */
static bool consume(int want)
{
    while (received < want) {
        struct timespec limit;

        inbox_drain(&b);
        if (received >= want || !inbox_sleep(&b))
            continue;
        clock_gettime(CLOCK_REALTIME, &limit);
        limit.tv_sec += 5;
        while (sem_timedwait(&woken, &limit) && errno == EINTR)
            ;
        if (errno == ETIMEDOUT && inbox_empty(&b))
            return false;
        inbox_awake(&b);
    }
    return true;
}

static void prepare_items(void)
{
    received = misordered = 0;
    for (int p = 0; p < PRODUCERS; p++) {
        last[p] = -1;
        for (int i = 0; i < POSTS; i++)
            items[p][i] = (struct item){p, i};
    }
}

LAW_AROUND(with_inbox, many_producers,
           "of four threads none loses a post, each one's in order, each once")
{
    pthread_t t[PRODUCERS];

    prepare_items();
    for (int p = 0; p < PRODUCERS; p++)
        pthread_create(&t[p], NULL, produce, items[p]);
    CHECK(consume(PRODUCERS * POSTS));
    for (int p = 0; p < PRODUCERS; p++)
        pthread_join(t[p], NULL);
    CHECK_EQ(inbox_drain(&b), 0);
    CHECK_EQ(received, PRODUCERS * POSTS);
    CHECK_EQ(misordered, 0);
}

static atomic_int accepted;

static void *produce_until_refused(void *arg)
{
    struct item *it = arg;
    int n = 0;

    while (inbox_post(&b, receive, &it[n]) == 0 && ++n < POSTS)
        ;
    atomic_fetch_add(&accepted, n);
    return NULL;
}

LAW_AROUND(with_inbox, close_in_a_storm, "a post that was accepted while the inbox closed has run")
{
    for (int round = 0; round < 20; round++) {
        pthread_t t[PRODUCERS];

        prepare_items();
        atomic_store(&accepted, 0);
        for (int p = 0; p < PRODUCERS; p++)
            pthread_create(&t[p], NULL, produce_until_refused, items[p]);
        consume(100);
        inbox_close(&b);
        for (int p = 0; p < PRODUCERS; p++)
            pthread_join(t[p], NULL);
        CHECK_EQ(received, atomic_load(&accepted));
        CHECK_EQ(misordered, 0);
        inbox_open(&b, wake, NULL);
    }
}

/* ---- signals ---- */

static volatile sig_atomic_t signals;

static void on_signal(int sig)
{
    (void)sig;
    if (inbox_post(&b, count, NULL) == 0)
        signals++;
}

LAW_AROUND(with_inbox, from_a_handler,
           "a signal handler posts, also on top of a post or a drain of its own thread")
{
    struct sigaction sa = {.sa_handler = on_signal}, saved;
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
    struct itimerspec every = {{0, 20000}, {0, 20000}}; /* 20 us */
    time_t end = time(NULL) + 2;
    int posted = 0;
    timer_t timer;

    ran = signals = 0;
    sigaction(SIGUSR1, &sa, &saved);
    timer_create(CLOCK_MONOTONIC, &event, &timer);
    timer_settime(timer, 0, &every, NULL);
    while (signals < 500 && time(NULL) < end) {
        errno = 4711;
        posted += inbox_post(&b, count, NULL) == 0;
        if (posted % 8 == 0)
            inbox_drain(&b);
        if (!CHECK_EQ(errno, 4711))
            break;
    }
    timer_delete(timer);
    sigaction(SIGUSR1, &saved, NULL);
    inbox_drain(&b);
    CHECK(signals > 0);
    CHECK_EQ(ran, posted + signals);
}

LAW_AROUND(with_inbox, records_return,
           "posts reuse their records: a million take no memory for more than wait at once")
{
    char line[128];
    long before = 0, after = 0, pages;

    for (int round = 0; round < 2; round++) {
        FILE *f = fopen("/proc/self/statm", "r");

        if (!f || !fgets(line, sizeof(line), f))
            return;
        fclose(f);
        pages = strtol(line, NULL, 10);
        if (round)
            after = pages;
        else
            before = pages;
        for (int i = 0; i < (TAP_SANITIZED ? 100000 : 1000000) && !round; i++) {
            inbox_post(&b, count, NULL);
            if (i % 10 == 0)
                inbox_drain(&b);
        }
    }
    CHECK(after - before < 1024); /* 4 MiB; the records would be 40 */
}

TAP_MAIN
