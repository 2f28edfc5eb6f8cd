/* SPDX-License-Identifier: MIT
 *
 * What threads wait on. */
#include "tests/wrap/table.h"
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <threads.h>

enum { THREADS = 8, TURNS = 2000 };

static pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t c = PTHREAD_COND_INITIALIZER;
static long n;
static atomic_int flag;

static void all(void *(*fn)(void *), int threads)
{
    pthread_t t[64];

    for (long i = 0; i < threads; i++)
        t[i] = start(fn, (void *)i);
    for (int i = 0; i < threads; i++)
        join(t[i]);
}

static pthread_mutex_t *of_kind(int kind)
{
    static pthread_mutex_t mutex;
    pthread_mutexattr_t a;

    pthread_mutexattr_init(&a);
    pthread_mutexattr_settype(&a, kind);
    pthread_mutex_init(&mutex, &a);
    return &mutex;
}

static void *adds(void *arg)
{
    for (int i = 0; i < TURNS; i++) {
        long was;

        pthread_mutex_lock(&m);
        was = n;
        if (i % 100 == 0)
            sched_yield();
        n = was + 1;
        pthread_mutex_unlock(&m);
    }
    return arg;
}

ROW(mutex_excludes)
{
    all(adds, THREADS);
    say("%ld\n", n);
}

static pthread_mutex_t *given;

static void *locks(void *arg)
{
    say("%s ", err(pthread_mutex_lock(given)));
    pthread_mutex_unlock(given);
    return arg;
}

static void *unlocks(void *arg)
{
    say("%s ", err(pthread_mutex_unlock(given)));
    return arg;
}

static void *tries(void *arg)
{
    int rc = pthread_mutex_trylock(given);

    say("%s ", err(rc));
    if (rc == 0)
        pthread_mutex_unlock(given);
    return arg;
}

static void kind(int which)
{
    given = of_kind(which);
    say("%s ", err(pthread_mutex_lock(given)));
    say("%s ", err(pthread_mutex_trylock(given)));
    if (which != PTHREAD_MUTEX_NORMAL)
        say("%s ", err(pthread_mutex_lock(given)));
    join(start(tries, NULL));
    join(start(unlocks, NULL));
    say("%s ", err(pthread_mutex_unlock(given)));
    if (which != PTHREAD_MUTEX_NORMAL)
        say("%s ", err(pthread_mutex_unlock(given)));
    join(start(tries, NULL));
    say("\n");
}

ROW(mutex_recursive)
{
    kind(PTHREAD_MUTEX_RECURSIVE);
}

ROW(mutex_errorcheck)
{
    kind(PTHREAD_MUTEX_ERRORCHECK);
}

ROW(mutex_adaptive)
{
    given = of_kind(PTHREAD_MUTEX_ADAPTIVE_NP);
    pthread_mutex_lock(given);
    join(start(tries, NULL));
    pthread_mutex_unlock(given);
    all(locks, 4);
    say("\n");
}

ROW(mutex_blocks)
{
    pthread_t t;

    given = of_kind(PTHREAD_MUTEX_NORMAL);
    pthread_mutex_lock(given);
    t = start(locks, NULL);
    rest(10);
    say("held ");
    pthread_mutex_unlock(given);
    join(t);
    say("\n");
}

static void *timed(void *arg)
{
    struct timespec until = from_now(CLOCK_REALTIME, 10), mono = from_now(CLOCK_MONOTONIC, 10),
                    past = {1, 0}, bad = {1, 2000000000};

    say("%s ", err(pthread_mutex_timedlock(given, &until)));
    say("%s ", err(pthread_mutex_clocklock(given, CLOCK_MONOTONIC, &mono)));
    say("%s ", err(pthread_mutex_timedlock(given, &past)));
    say("%s\n", err(pthread_mutex_timedlock(given, &bad)));
    return arg;
}

ROW(mutex_timed)
{
    given = of_kind(PTHREAD_MUTEX_NORMAL);
    pthread_mutex_lock(given);
    join(start(timed, NULL));
}

static pthread_mutex_t *with(int protocol, int robust, int shared, void *at)
{
    static pthread_mutex_t mutex;
    pthread_mutex_t *to = at ? at : &mutex;
    pthread_mutexattr_t a;

    pthread_mutexattr_init(&a);
    pthread_mutexattr_setprotocol(&a, protocol);
    pthread_mutexattr_setrobust(&a, robust);
    pthread_mutexattr_setpshared(&a, shared);
    say("%s ", err(pthread_mutex_init(to, &a)));
    return to;
}

static void *takes_and_dies(void *arg)
{
    pthread_mutex_lock(given);
    return arg;
}

ROW(mutex_robust)
{
    given = with(PTHREAD_PRIO_NONE, PTHREAD_MUTEX_ROBUST, PTHREAD_PROCESS_PRIVATE, NULL);
    join(start(takes_and_dies, NULL));
    say("%s ", err(pthread_mutex_lock(given)));
    say("%s ", err(pthread_mutex_consistent(given)));
    say("%s ", err(pthread_mutex_unlock(given)));
    say("%s\n", err(pthread_mutex_lock(given)));
}

ROW(mutex_robust_not_recovered)
{
    given = with(PTHREAD_PRIO_NONE, PTHREAD_MUTEX_ROBUST, PTHREAD_PROCESS_PRIVATE, NULL);
    join(start(takes_and_dies, NULL));
    say("%s ", err(pthread_mutex_lock(given)));
    say("%s ", err(pthread_mutex_unlock(given)));
    say("%s\n", err(pthread_mutex_lock(given)));
}

static void *takes_waits_dies(void *arg)
{
    pthread_mutex_lock(given);
    atomic_store(&flag, 1);
    rest(20);
    return arg;
}

ROW(mutex_robust_waiter)
{
    pthread_t t;

    given = with(PTHREAD_PRIO_NONE, PTHREAD_MUTEX_ROBUST, PTHREAD_PROCESS_PRIVATE, NULL);
    t = start(takes_waits_dies, NULL);
    while (!atomic_load(&flag))
        rest(1);
    say("%s\n", err(pthread_mutex_lock(given)));
    join(t);
}

static void *adds_given(void *arg)
{
    for (int i = 0; i < TURNS / 4; i++) {
        long was;

        pthread_mutex_lock(given);
        was = n;
        if (i % 50 == 0)
            sched_yield();
        n = was + 1;
        pthread_mutex_unlock(given);
    }
    return arg;
}

ROW(mutex_inherits)
{
    given = with(PTHREAD_PRIO_INHERIT, PTHREAD_MUTEX_STALLED, PTHREAD_PROCESS_PRIVATE, NULL);
    all(adds_given, THREADS);
    say("%ld ", n);
    pthread_mutex_lock(given);
    join(start(tries, NULL));
    join(start(timed, NULL));
    say("%s\n", err(pthread_mutex_unlock(given)));
}

ROW(mutex_inherits_robust)
{
    given = with(PTHREAD_PRIO_INHERIT, PTHREAD_MUTEX_ROBUST, PTHREAD_PROCESS_PRIVATE, NULL);
    join(start(takes_and_dies, NULL));
    say("%s ", err(pthread_mutex_lock(given)));
    pthread_mutex_consistent(given);
    say("%s\n", err(pthread_mutex_unlock(given)));
}

ROW(mutex_inherits_robust_waiter)
{
    pthread_t t;

    given = with(PTHREAD_PRIO_INHERIT, PTHREAD_MUTEX_ROBUST, PTHREAD_PROCESS_PRIVATE, NULL);
    t = start(takes_waits_dies, NULL);
    while (!atomic_load(&flag))
        rest(1);
    say("%s\n", err(pthread_mutex_lock(given)));
    join(t);
}

ROW(mutex_between_processes)
{
    struct {
        pthread_mutex_t m;
        long n;
    } *s = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t pid;

    with(PTHREAD_PRIO_NONE, PTHREAD_MUTEX_STALLED, PTHREAD_PROCESS_SHARED, &s->m);
    pid = fork();
    for (int i = 0; i < 200; i++) {
        pthread_mutex_lock(&s->m);
        s->n++;
        if (i % 50 == 0)
            rest(1);
        pthread_mutex_unlock(&s->m);
    }
    if (pid == 0)
        _exit(0);
    waitpid(pid, NULL, 0);
    say("%ld\n", s->n);
}

/* ---- conditions ---- */

static void *waits(void *arg)
{
    pthread_mutex_lock(&m);
    n++;
    while (!atomic_load(&flag))
        pthread_cond_wait(&c, &m);
    n--;
    pthread_mutex_unlock(&m);
    return arg;
}

static void until_waiting(long threads)
{
    for (;;) {
        long now;

        pthread_mutex_lock(&m);
        now = n;
        pthread_mutex_unlock(&m);
        if (now == threads)
            return;
        rest(1);
    }
}

ROW(cond_broadcast)
{
    pthread_t t[THREADS];

    for (int i = 0; i < THREADS; i++)
        t[i] = start(waits, NULL);
    until_waiting(THREADS);
    pthread_mutex_lock(&m);
    atomic_store(&flag, 1);
    pthread_cond_broadcast(&c);
    pthread_mutex_unlock(&m);
    for (int i = 0; i < THREADS; i++)
        join(t[i]);
    say("%ld\n", n);
}

static void *one_turn(void *arg)
{
    pthread_mutex_lock(&m);
    n++;
    pthread_cond_wait(&c, &m);
    n--;
    pthread_mutex_unlock(&m);
    return arg;
}

ROW(cond_signal)
{
    pthread_t t[THREADS];

    for (int i = 0; i < THREADS; i++)
        t[i] = start(one_turn, NULL);
    until_waiting(THREADS);
    for (int i = THREADS - 1; i >= 0; i--) {
        pthread_cond_signal(&c);
        until_waiting(i);
    }
    for (int i = 0; i < THREADS; i++)
        join(t[i]);
    say("%ld\n", n);
}

ROW(cond_timed)
{
    struct timespec soon = from_now(CLOCK_REALTIME, 10), mono = from_now(CLOCK_MONOTONIC, 10),
                    past = {1, 0}, bad = {1, -1};
    pthread_condattr_t a;
    pthread_cond_t by;

    pthread_mutex_lock(&m);
    say("%s ", err(pthread_cond_timedwait(&c, &m, &soon)));
    say("%s ", err(pthread_cond_clockwait(&c, &m, CLOCK_MONOTONIC, &mono)));
    say("%s ", err(pthread_cond_timedwait(&c, &m, &past)));
    say("%s ", err(pthread_cond_timedwait(&c, &m, &bad)));
    pthread_condattr_init(&a);
    pthread_condattr_setclock(&a, CLOCK_MONOTONIC);
    pthread_cond_init(&by, &a);
    mono = from_now(CLOCK_MONOTONIC, 10);
    say("%s\n", err(pthread_cond_timedwait(&by, &m, &mono)));
}

static void *signals_later(void *arg)
{
    rest(10);
    pthread_mutex_lock(&m);
    atomic_store(&flag, 1);
    pthread_cond_signal(&c);
    pthread_mutex_unlock(&m);
    return arg;
}

ROW(cond_timed_won)
{
    struct timespec late = from_now(CLOCK_REALTIME, 20000);
    pthread_t t = start(signals_later, NULL);
    int rc = 0;

    pthread_mutex_lock(&m);
    while (!atomic_load(&flag) && rc == 0)
        rc = pthread_cond_timedwait(&c, &m, &late);
    pthread_mutex_unlock(&m);
    say("%s\n", err(rc));
    join(t);
}

/* Two that hand a token to each other. */
static void *pings(void *arg)
{
    long me = (long)arg;

    for (int i = 0; i < TURNS; i++) {
        pthread_mutex_lock(&m);
        while (n % 2 != me)
            pthread_cond_wait(&c, &m);
        n++;
        pthread_cond_broadcast(&c);
        pthread_mutex_unlock(&m);
    }
    return NULL;
}

ROW(cond_ping_pong)
{
    all(pings, 2);
    say("%ld\n", n);
}

static int queue[4], used;
static pthread_cond_t not_full = PTHREAD_COND_INITIALIZER;

static void *produces(void *arg)
{
    for (int i = 1; i <= 500; i++) {
        pthread_mutex_lock(&m);
        while (used == 4)
            pthread_cond_wait(&not_full, &m);
        queue[used++] = i;
        pthread_cond_signal(&c);
        pthread_mutex_unlock(&m);
    }
    return arg;
}

static void *consumes(void *arg)
{
    for (int i = 0; i < 500; i++) {
        pthread_mutex_lock(&m);
        while (used == 0)
            pthread_cond_wait(&c, &m);
        n += queue[--used];
        pthread_cond_signal(&not_full);
        pthread_mutex_unlock(&m);
    }
    return arg;
}

static void *either(void *arg)
{
    return (long)arg % 2 ? produces(NULL) : consumes(NULL);
}

ROW(cond_producers)
{
    all(either, 8);
    say("%ld\n", n);
}

ROW(cond_between_processes)
{
    struct {
        pthread_mutex_t m;
        pthread_cond_t c;
        int said;
    } *s = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pthread_condattr_t a;
    pid_t pid;

    with(PTHREAD_PRIO_NONE, PTHREAD_MUTEX_STALLED, PTHREAD_PROCESS_SHARED, &s->m);
    pthread_condattr_init(&a);
    pthread_condattr_setpshared(&a, PTHREAD_PROCESS_SHARED);
    pthread_cond_init(&s->c, &a);
    pid = fork();
    if (pid == 0) {
        rest(10);
        pthread_mutex_lock(&s->m);
        s->said = 1;
        pthread_cond_signal(&s->c);
        pthread_mutex_unlock(&s->m);
        _exit(0);
    }
    pthread_mutex_lock(&s->m);
    while (!s->said)
        pthread_cond_wait(&s->c, &s->m);
    pthread_mutex_unlock(&s->m);
    waitpid(pid, NULL, 0);
    say("said\n");
}

/* ---- the others ---- */

static pthread_rwlock_t rw = PTHREAD_RWLOCK_INITIALIZER;

static void *reads_and_writes(void *arg)
{
    for (int i = 0; i < TURNS / 4; i++) {
        if (i % 4 == 0) {
            pthread_rwlock_wrlock(&rw);
            n++;
            if (i % 100 == 0)
                sched_yield();
        } else {
            pthread_rwlock_rdlock(&rw);
            if (i % 100 == 1)
                sched_yield();
        }
        pthread_rwlock_unlock(&rw);
    }
    return arg;
}

ROW(rwlock_excludes)
{
    all(reads_and_writes, THREADS);
    say("%ld\n", n);
}

static void *tries_rw(void *arg)
{
    struct timespec soon = from_now(CLOCK_REALTIME, 10);
    int r = pthread_rwlock_tryrdlock(&rw), w, t;

    if (r == 0)
        pthread_rwlock_unlock(&rw);
    w = pthread_rwlock_trywrlock(&rw);
    if (w == 0)
        pthread_rwlock_unlock(&rw);
    t = pthread_rwlock_timedwrlock(&rw, &soon);
    if (t == 0)
        pthread_rwlock_unlock(&rw);
    say("%s %s %s\n", err(r), err(w), err(t));
    return arg;
}

ROW(rwlock_try)
{
    join(start(tries_rw, NULL));
    pthread_rwlock_rdlock(&rw);
    join(start(tries_rw, NULL));
    pthread_rwlock_unlock(&rw);
    pthread_rwlock_wrlock(&rw);
    join(start(tries_rw, NULL));
    say("%s\n", err(pthread_rwlock_rdlock(&rw)));
}

static pthread_barrier_t b;
static atomic_int serial;

static void *meets(void *arg)
{
    for (int i = 0; i < 20; i++)
        if (pthread_barrier_wait(&b) == PTHREAD_BARRIER_SERIAL_THREAD)
            atomic_fetch_add(&serial, 1);
    return arg;
}

ROW(barrier_meets)
{
    pthread_barrier_init(&b, NULL, THREADS);
    all(meets, THREADS);
    say("%d\n", atomic_load(&serial));
    say("%s\n", err(pthread_barrier_destroy(&b)));
}

static pthread_spinlock_t spin;

static void *spins(void *arg)
{
    for (int i = 0; i < TURNS / 4; i++) {
        pthread_spin_lock(&spin);
        n++;
        pthread_spin_unlock(&spin);
    }
    return arg;
}

ROW(spin_excludes)
{
    pthread_spin_init(&spin, PTHREAD_PROCESS_PRIVATE);
    all(spins, THREADS);
    say("%ld %s\n", n, err(pthread_spin_trylock(&spin)));
    say("%s\n", err(pthread_spin_trylock(&spin)));
}

static void *spins_once(void *arg)
{
    pthread_spin_lock(&spin);
    pthread_spin_unlock(&spin);
    return arg;
}

ROW(spin_held_by_a_sleeper)
{
    pthread_t t;

    pthread_spin_init(&spin, PTHREAD_PROCESS_PRIVATE);
    pthread_spin_lock(&spin);
    t = start(spins_once, NULL);
    rest(20);
    pthread_spin_unlock(&spin);
    join(t);
    say("free\n");
}

static sem_t sem;

static void *posts(void *arg)
{
    rest(5);
    sem_post(&sem);
    return arg;
}

ROW(sem_waits)
{
    pthread_t t[4];
    int value;

    sem_init(&sem, 0, 0);
    for (int i = 0; i < 4; i++)
        t[i] = start(posts, NULL);
    for (int i = 0; i < 4; i++)
        say("%d ", sem_wait(&sem));
    sem_getvalue(&sem, &value);
    say("%d\n", value);
    for (int i = 0; i < 4; i++)
        join(t[i]);
}

ROW(sem_timed)
{
    struct timespec soon = from_now(CLOCK_REALTIME, 10), mono = from_now(CLOCK_MONOTONIC, 10);

    sem_init(&sem, 0, 1);
    say("%d ", sem_trywait(&sem));
    say("%d ", sem_trywait(&sem));
    say("%s ", err(errno));
    say("%d ", sem_timedwait(&sem, &soon));
    say("%s ", err(errno));
    say("%d ", sem_clockwait(&sem, CLOCK_MONOTONIC, &mono));
    say("%s\n", err(errno));
}

ROW(sem_between_processes)
{
    sem_t *s = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t pid;

    sem_init(s, 1, 0);
    pid = fork();
    if (pid == 0) {
        rest(10);
        sem_post(s);
        _exit(0);
    }
    say("%d\n", sem_wait(s));
    waitpid(pid, NULL, 0);
}

ROW(sem_named)
{
    char name[32];
    sem_t *s;

    snprintf(name, sizeof name, "/gosling-%d", getpid());
    s = sem_open(name, O_CREAT | O_EXCL, 0600, 1);
    say("%d ", s != SEM_FAILED);
    sem_unlink(name);
    say("%d\n", sem_wait(s));
}

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void slowly(void)
{
    rest(10);
    n++;
}

static void *onces(void *arg)
{
    pthread_once(&once, slowly);
    return (void *)(n + 0 * (long)arg);
}

ROW(once_once)
{
    pthread_t t[THREADS];
    long sum = 0;

    for (int i = 0; i < THREADS; i++)
        t[i] = start(onces, NULL);
    for (int i = 0; i < THREADS; i++)
        sum += join(t[i]);
    say("%ld %ld\n", n, sum);
}

static mtx_t mtx;
static cnd_t cnd;

static int c11_adds(void *arg)
{
    for (int i = 0; i < TURNS / 4; i++) {
        mtx_lock(&mtx);
        n++;
        mtx_unlock(&mtx);
    }
    mtx_lock(&mtx);
    cnd_signal(&cnd);
    mtx_unlock(&mtx);
    return (int)(long)arg;
}

ROW(c11_mutex_condition)
{
    thrd_t t[4];
    struct timespec soon;
    int rc;

    mtx_init(&mtx, mtx_timed);
    cnd_init(&cnd);
    for (int i = 0; i < 4; i++)
        thrd_create(&t[i], c11_adds, NULL);
    mtx_lock(&mtx);
    while (n < 4 * (TURNS / 4))
        cnd_wait(&cnd, &mtx);
    timespec_get(&soon, TIME_UTC);
    rc = cnd_timedwait(&cnd, &mtx, &soon);
    mtx_unlock(&mtx);
    for (int i = 0; i < 4; i++)
        thrd_join(t[i], NULL);
    say("%ld %d\n", n, rc == thrd_timedout || rc == thrd_success);
}

static once_flag c11_flag = ONCE_FLAG_INIT;

static void *c11_onces(void *arg)
{
    call_once(&c11_flag, slowly);
    return arg;
}

ROW(c11_once)
{
    all(c11_onces, THREADS);
    say("%ld\n", n);
}

static void *prints(void *arg)
{
    FILE *f = arg;

    for (int i = 0; i < 200; i++) {
        flockfile(f);
        fputs("a", f);
        if (i % 50 == 0)
            sched_yield();
        fputs("b", f);
        funlockfile(f);
    }
    return NULL;
}

ROW(stdio_locks)
{
    FILE *f = tmpfile();
    pthread_t t[4];
    int a, bad = 0;

    for (int i = 0; i < 4; i++)
        t[i] = start(prints, f);
    for (int i = 0; i < 4; i++)
        join(t[i]);
    rewind(f);
    while ((a = getc(f)) != EOF)
        bad += a != 'a' || getc(f) != 'b';
    say("%d %ld\n", bad, ftell(f));
}

static void *allocates(void *arg)
{
    char *kept[50] = {NULL};
    unsigned seed = (unsigned)(long)arg + 1;

    for (int i = 0; i < 5000; i++) {
        int k = rand_r(&seed) % 50;

        free(kept[k]);
        kept[k] = malloc((size_t)(rand_r(&seed) % 5000) + 1);
        kept[k][0] = 1;
    }
    for (int i = 0; i < 50; i++)
        free(kept[i]);
    return arg;
}

ROW(malloc_from_many)
{
    all(allocates, 32);
    say("done\n");
}
