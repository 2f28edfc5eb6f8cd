/* SPDX-License-Identifier: MIT
 *
 * What threads of several processes wait on, in memory that they share. */
#include "tests/wrap/table.h"
#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static struct {
    pthread_mutex_t m;
    pthread_cond_t c;
    pthread_barrier_t b;
    sem_t one, other;
    uint32_t words[2];
    atomic_int stage;
    long n;
} * s;

/* The memory, with a mutex of that kind in it. */
static void share(int type, int robust, int protocol)
{
    pthread_mutexattr_t a;
    pthread_condattr_t ca;

    s = mmap(NULL, sizeof *s, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pthread_mutexattr_init(&a);
    pthread_mutexattr_settype(&a, type);
    pthread_mutexattr_setrobust(&a, robust);
    pthread_mutexattr_setprotocol(&a, protocol);
    pthread_mutexattr_setpshared(&a, PTHREAD_PROCESS_SHARED);
    say("%s ", err(pthread_mutex_init(&s->m, &a)));
    pthread_condattr_init(&ca);
    pthread_condattr_setpshared(&ca, PTHREAD_PROCESS_SHARED);
    pthread_cond_init(&s->c, &ca);
    sem_init(&s->one, 1, 0);
    sem_init(&s->other, 1, 0);
}

static void await(int stage)
{
    while (atomic_load(&s->stage) < stage)
        rest(1);
}

/* fn, in a thread of a child. */
static pid_t child(void *(*fn)(void *))
{
    pid_t pid = fork();

    if (pid == 0) {
        join(start(fn, NULL));
        _exit(0);
    }
    return pid;
}

static void ended(pid_t pid)
{
    int status;

    waitpid(pid, &status, 0);
    say("status %d\n", status);
}

/* ---- who owns it ---- */

static void *holds(void *arg)
{
    pthread_mutex_lock(&s->m);
    atomic_store(&s->stage, 1);
    await(2);
    pthread_mutex_unlock(&s->m);
    return arg;
}

static void *tries(void *arg)
{
    await(1);
    s->n = pthread_mutex_trylock(&s->m);
    atomic_store(&s->stage, 2);
    return arg;
}

/* Threads of two processes, each the first that its process has made. */
static void owned_elsewhere(int type)
{
    pid_t pid;

    share(type, PTHREAD_MUTEX_STALLED, PTHREAD_PRIO_NONE);
    pid = child(tries);
    join(start(holds, NULL));
    say("%s ", err((int)s->n));
    ended(pid);
}

ROW(mutex_recursive_of_another_process)
{
    owned_elsewhere(PTHREAD_MUTEX_RECURSIVE);
}

ROW(mutex_checking_of_another_process)
{
    owned_elsewhere(PTHREAD_MUTEX_ERRORCHECK);
}

static void *locks(void *arg)
{
    await(1);
    s->n = pthread_mutex_lock(&s->m);
    pthread_mutex_unlock(&s->m);
    return arg;
}

ROW(mutex_inherits_of_another_process)
{
    pid_t pid;

    share(PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_STALLED, PTHREAD_PRIO_INHERIT);
    s->n = -1;
    pid = child(locks);
    pthread_mutex_lock(&s->m);
    atomic_store(&s->stage, 1);
    rest(10);
    say("%ld ", s->n);
    pthread_mutex_unlock(&s->m);
    waitpid(pid, NULL, 0);
    say("%ld\n", s->n);
}

/* ---- owners that die ---- */

static void *locks_and_exits(void *arg)
{
    pthread_mutex_lock(&s->m);
    _exit(arg != NULL);
}

static void *locks_and_is_killed(void *arg)
{
    pthread_mutex_lock(&s->m);
    raise(SIGTERM);
    return arg;
}

static void died(void *(*fn)(void *))
{
    share(PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_ROBUST, PTHREAD_PRIO_NONE);
    ended(child(fn));
    say("%s ", err(pthread_mutex_lock(&s->m)));
    say("%s ", err(pthread_mutex_consistent(&s->m)));
    say("%s\n", err(pthread_mutex_unlock(&s->m)));
}

ROW(mutex_robust_process_exits)
{
    died(locks_and_exits);
}

ROW(mutex_robust_process_is_killed)
{
    died(locks_and_is_killed);
}

ROW(mutex_robust_main_of_child_exits)
{
    pid_t pid;

    share(PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_ROBUST, PTHREAD_PRIO_NONE);
    pid = fork();
    if (pid == 0)
        locks_and_exits(NULL);
    ended(pid);
    say("%s\n", err(pthread_mutex_lock(&s->m)));
}

static void *locks_late(void *arg)
{
    atomic_store(&s->stage, 1);
    s->n = pthread_mutex_lock(&s->m);
    return arg;
}

ROW(mutex_robust_process_exits_while_others_wait)
{
    pid_t pid;

    share(PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_ROBUST, PTHREAD_PRIO_NONE);
    pthread_mutex_lock(&s->m);
    pid = child(locks_late);
    await(1);
    rest(10);
    pthread_mutex_unlock(&s->m);
    ended(pid);
    say("%s\n", err((int)s->n));
}

/* ---- no wake-up is lost, none is doubled ---- */

static void *takes(void *arg)
{
    sem_wait(&s->one);
    sem_post(&s->other);
    return arg;
}

ROW(sem_waiters_in_two_processes)
{
    pthread_t t[4];
    pid_t pid[4];

    share(PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_STALLED, PTHREAD_PRIO_NONE);
    for (int i = 0; i < 4; i++)
        pid[i] = child(takes);
    for (int i = 0; i < 4; i++)
        t[i] = start(takes, NULL);
    rest(10);
    for (int i = 0; i < 8; i++)
        sem_post(&s->one);
    for (int i = 0; i < 8; i++)
        say("%d ", sem_wait(&s->other));
    for (int i = 0; i < 4; i++)
        join(t[i]);
    for (int i = 0; i < 4; i++)
        ended(pid[i]);
}

static void *plays(void *arg)
{
    for (int i = 0; i < 300; i++) {
        sem_wait(&s->one);
        sem_post(&s->other);
    }
    return arg;
}

ROW(sem_there_and_back_between_processes)
{
    pid_t pid;

    share(PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_STALLED, PTHREAD_PRIO_NONE);
    pid = child(plays);
    for (int i = 0; i < 300; i++) {
        sem_post(&s->one);
        sem_wait(&s->other);
    }
    ended(pid);
}

/* Who gives up takes no wake-up along. */
ROW(sem_between_processes_timed_out)
{
    struct timespec at;
    pthread_t t;

    share(PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_STALLED, PTHREAD_PRIO_NONE);
    for (int i = 0; i < 3; i++) {
        at = from_now(CLOCK_REALTIME, 5);
        say("%s ", err(sem_timedwait(&s->one, &at) < 0 ? errno : 0));
    }
    t = start(takes, NULL);
    rest(5);
    pthread_cancel(t);
    say("%d ", join(t) == (long)PTHREAD_CANCELED);
    t = start(takes, NULL);
    rest(5);
    sem_post(&s->one);
    join(t);
    say("%d\n", sem_trywait(&s->other));
}

static void *meets(void *arg)
{
    for (int i = 0; i < 50; i++) {
        pthread_barrier_wait(&s->b);
        pthread_mutex_lock(&s->m);
        s->n++;
        pthread_mutex_unlock(&s->m);
    }
    return arg;
}

ROW(barrier_between_processes)
{
    pthread_barrierattr_t a;
    pid_t pid;
    pthread_t t;

    share(PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_STALLED, PTHREAD_PRIO_NONE);
    pthread_barrierattr_init(&a);
    pthread_barrierattr_setpshared(&a, PTHREAD_PROCESS_SHARED);
    pthread_barrier_init(&s->b, &a, 3);
    pid = child(meets);
    t = start(meets, NULL);
    meets(NULL);
    join(t);
    waitpid(pid, NULL, 0);
    say("%ld\n", s->n);
}

static void *is_told(void *arg)
{
    pthread_mutex_lock(&s->m);
    s->n++;
    while (atomic_load(&s->stage) < 1)
        pthread_cond_wait(&s->c, &s->m);
    s->n--;
    pthread_mutex_unlock(&s->m);
    return arg;
}

ROW(cond_broadcast_between_processes)
{
    pid_t pid;
    pthread_t t;
    long n = 0;

    share(PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_STALLED, PTHREAD_PRIO_NONE);
    pid = child(is_told);
    t = start(is_told, NULL);
    while (n < 2) {
        pthread_mutex_lock(&s->m);
        n = s->n;
        pthread_mutex_unlock(&s->m);
        rest(1);
    }
    pthread_mutex_lock(&s->m);
    atomic_store(&s->stage, 1);
    pthread_cond_broadcast(&s->c);
    pthread_mutex_unlock(&s->m);
    join(t);
    waitpid(pid, NULL, 0);
    say("%ld\n", s->n);
}

/* ---- by the bare call ---- */

static long futex(uint32_t *word, int op, uint32_t value, long count, uint32_t *other,
                  uint32_t more)
{
    long rc = syscall(SYS_futex, word, op, value, count, other, more);

    return rc < 0 ? -errno : rc;
}

static void *waits_at_word(void *arg)
{
    (void)arg;
    atomic_fetch_add(&s->stage, 1);
    return (void *)futex(&s->words[0], FUTEX_WAIT, 0, 0, NULL, 0);
}

ROW(cond_requeued_between_processes)
{
    pthread_t t;
    pid_t pid;
    long woken = 0;

    share(PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_STALLED, PTHREAD_PRIO_NONE);
    pid = child(waits_at_word);
    t = start(waits_at_word, NULL);
    await(2);
    rest(10);
    say("%ld ", futex(&s->words[0], FUTEX_CMP_REQUEUE, 0, 9, &s->words[1], 1));
    say("%ld ", futex(&s->words[0], FUTEX_CMP_REQUEUE, 0, 9, &s->words[1], 0));
    say("%ld ", futex(&s->words[0], FUTEX_WAKE, 9, 0, NULL, 0));
    while (woken < 2)
        woken += futex(&s->words[1], FUTEX_WAKE, 1, 0, NULL, 0);
    say("%ld\n", join(t));
    ended(pid);
}

ROW(cond_waited_for_wrongly)
{
    share(PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_STALLED, PTHREAD_PRIO_NONE);
    say("%ld ", futex(&s->words[0], FUTEX_WAIT, 1, 0, NULL, 0));
    say("%ld ", futex((uint32_t *)(void *)((char *)s->words + 2), FUTEX_WAIT, 0, 0, NULL, 0));
    say("%ld ", futex(&s->words[0], FUTEX_WAIT_BITSET, 0, 0, NULL, 0));
    say("%ld\n", futex(&s->words[0], FUTEX_WAKE_BITSET, 1, 0, NULL, 0));
}

/* ---- one of several words ---- */

static struct futex_waitv several[2];

static void words(bool shared, uint32_t *first, uint32_t *second)
{
    unsigned flags = FUTEX_32 | (shared ? 0 : FUTEX_PRIVATE_FLAG);

    several[0] = (struct futex_waitv){.uaddr = (uintptr_t)first, .flags = flags};
    several[1] = (struct futex_waitv){.uaddr = (uintptr_t)second, .flags = flags};
}

static long wait_several(unsigned n, long ms)
{
    struct timespec at = from_now(CLOCK_MONOTONIC, ms);
    long rc = syscall(SYS_futex_waitv, several, n, 0, ms ? &at : NULL, CLOCK_MONOTONIC);

    return rc < 0 ? -errno : rc;
}

static void *waits_for_several(void *arg)
{
    return (void *)wait_several((unsigned)(long)arg, 0);
}

static uint32_t own[2];

ROW(cond_several_words)
{
    pthread_t t;

    words(false, &own[0], &own[1]);
    t = start(waits_for_several, (void *)2L);
    rest(10);
    say("%ld ", futex(&own[1], FUTEX_WAKE_PRIVATE, 9, 0, NULL, 0));
    say("%ld ", join(t));
    say("%ld ", futex(&own[1], FUTEX_WAKE_PRIVATE, 9, 0, NULL, 0));
    say("%ld ", wait_several(2, 5));
    own[1] = 1;
    say("%ld ", wait_several(2, 5));
    say("%ld ", wait_several(0, 5));
    several[1].flags = 99;
    say("%ld\n", wait_several(2, 5));
}

ROW(cond_several_words_between_processes)
{
    pid_t pid;

    share(PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_STALLED, PTHREAD_PRIO_NONE);
    words(true, &s->words[0], &s->words[1]);
    pid = fork();
    if (pid == 0)
        _exit((int)join(start(waits_for_several, (void *)2L)));
    while (futex(&s->words[1], FUTEX_WAKE, 1, 0, NULL, 0) == 0)
        rest(1);
    ended(pid);
}

/* ---- from a word to a mutex that inherits priorities ---- */

static void *waits_to_be_moved(void *ms)
{
    struct timespec at = from_now(CLOCK_MONOTONIC, (long)ms);
    long rc = futex(&own[0], FUTEX_WAIT_REQUEUE_PI_PRIVATE, 0, (long)(ms ? &at : NULL), &own[1], 0);

    if (rc < 0)
        return (void *)rc;
    rc = (own[1] & FUTEX_TID_MASK) == (uint32_t)gettid();
    if (futex(&own[1], FUTEX_UNLOCK_PI_PRIVATE, 0, 0, NULL, 0) < 0)
        return (void *)99;
    return (void *)rc;
}

static long moves(uint32_t value)
{
    return futex(&own[0], FUTEX_CMP_REQUEUE_PI_PRIVATE, 1, 9, &own[1], value);
}

ROW(mutex_inherits_and_is_moved_to)
{
    pthread_t t[3];

    say("%ld ", futex(&own[1], FUTEX_LOCK_PI_PRIVATE, 0, 0, NULL, 0));
    for (int i = 0; i < 3; i++)
        t[i] = start(waits_to_be_moved, NULL);
    rest(10);
    say("%ld %ld ", moves(1), moves(0));
    say("%ld ", futex(&own[1], FUTEX_UNLOCK_PI_PRIVATE, 0, 0, NULL, 0));
    for (int i = 0; i < 3; i++)
        say("%ld ", join(t[i]));
    say("%x\n", own[1]);
}

ROW(mutex_inherits_and_is_free)
{
    pthread_t t[3];

    for (int i = 0; i < 3; i++)
        t[i] = start(waits_to_be_moved, NULL);
    rest(10);
    say("%ld ", moves(0));
    for (int i = 0; i < 3; i++)
        say("%ld ", join(t[i]));
    say("%ld ", join(start(waits_to_be_moved, (void *)5L)));
    say("%ld ", moves(0));
    say("%ld ", futex(&own[0], FUTEX_CMP_REQUEUE_PI_PRIVATE, 2, 9, &own[1], 0));
    say("%ld\n", futex(&own[0], FUTEX_CMP_REQUEUE_PI_PRIVATE, 1, 9, &own[0], 0));
}
