/* SPDX-License-Identifier: MIT
 *
 * The offload pool: threads that run blocking functions. */
#include "core/pool.h"
#include "tests/probe.h"
#include "tests/tap.h"
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

static sem_t done, gate, started;
static atomic_int running, most_running, finished;
static char order[64];

static void is_done(struct pool_job *job)
{
    (void)job;
    atomic_fetch_add(&finished, 1);
    sem_post(&done);
}

static void await(sem_t *s, int n)
{
    struct timespec limit;

    clock_gettime(CLOCK_REALTIME, &limit);
    limit.tv_sec += 10;
    while (n--) {
        while (sem_timedwait(s, &limit) && errno == EINTR)
            ;
    }
}

static void with_pool(void (*fn)(void))
{
    sem_init(&done, 0, 0);
    sem_init(&gate, 0, 0);
    sem_init(&started, 0, 0);
    atomic_store(&finished, 0);
    atomic_store(&running, 0);
    atomic_store(&most_running, 0);
    order[0] = 0;
    pool_limit(POOL_DEFAULT);
    fn();
    pool_limit(POOL_DEFAULT);
}

/* Ends the idle threads of the tests before: the limit sinks to one, and that one does not linger.
 */
static void empty_pool(void)
{
    static struct pool_job job;
    int tries = 0;

    pool_limit(1);
    pool_linger(0);
    job = (struct pool_job){.fn = (int (*)(void *))atoi, .arg = "1", .done = is_done};
    if (pool_threads(NULL)) {
        pool_submit(&job);
        await(&done, 1);
        while (pool_threads(NULL) && tries++ < 5000)
            nanosleep(&(struct timespec){0, 1000000}, NULL);
    }
    pool_linger(10 * GO_SEC);
    pool_limit(POOL_DEFAULT);
    atomic_store(&finished, 0);
}

static int twice(void *arg)
{
    return 2 * *(int *)arg;
}

static int blocks(void *arg)
{
    int now = atomic_fetch_add(&running, 1) + 1, most = atomic_load(&most_running);

    while (now > most && !atomic_compare_exchange_weak(&most_running, &most, now))
        ;
    sem_post(&started);
    await(&gate, 1);
    atomic_fetch_sub(&running, 1);
    if (arg)
        strcat(order, arg); /* only where one thread runs */
    return 0;
}

static void submit_blocking(struct pool_job *jobs, int n)
{
    for (int i = 0; i < n; i++) {
        jobs[i] = (struct pool_job){.fn = blocks, .done = is_done};
        CHECK_EQ(pool_submit(&jobs[i]), 0);
    }
}

static void open_gate(int n)
{
    while (n--)
        sem_post(&gate);
}

LAW_AROUND(with_pool, first_use, "there is no thread before the first job")
{
    int five = 5;
    struct pool_job job = {.fn = twice, .arg = &five, .done = is_done};
    unsigned most;

    empty_pool();
    CHECK_EQ(pool_threads(&most), 0);
    CHECK_EQ(most, POOL_DEFAULT);
    CHECK_EQ(pool_submit(&job), 0);
    await(&done, 1);
    CHECK_EQ(job.result, 10);
    CHECK_EQ(pool_threads(NULL), 1);
}

LAW_AROUND(with_pool, one_by_one, "jobs that come one after the other keep one thread")
{
    int five = 5;

    empty_pool();
    for (int i = 0; i < 1000; i++) {
        struct pool_job job = {.fn = twice, .arg = &five, .done = is_done};

        pool_submit(&job);
        await(&done, 1);
        CHECK_EQ(job.result, 10);
    }
    CHECK_EQ(pool_threads(NULL), 1);
}

LAW_AROUND(with_pool, grows,
           "a job that would queue behind busy threads gets a thread, up to the limit")
{
    struct pool_job jobs[8];

    empty_pool();
    pool_limit(4);
    submit_blocking(jobs, 8);
    await(&started, 4);
    CHECK_EQ(pool_threads(NULL), 4);
    open_gate(8);
    await(&done, 8);
    CHECK_EQ(atomic_load(&most_running), 4);
    CHECK_EQ(pool_threads(NULL), 4);
}

LAW_AROUND(with_pool, limit_rises, "raising the limit serves what queues")
{
    struct pool_job jobs[6];

    pool_limit(2);
    submit_blocking(jobs, 6);
    await(&started, 2);
    pool_limit(6);
    await(&started, 4);
    CHECK_EQ(atomic_load(&running), 6);
    open_gate(6);
    await(&done, 6);
}

LAW_AROUND(with_pool, limit_sinks,
           "sinking the limit ends surplus threads, and every job still runs")
{
    struct pool_job jobs[12];
    int tries = 0;

    pool_limit(6);
    submit_blocking(jobs, 12);
    await(&started, 6);
    pool_limit(0); /* one */
    open_gate(12);
    await(&done, 12);
    while (pool_threads(NULL) > 1 && tries++ < 5000)
        nanosleep(&(struct timespec){0, 1000000}, NULL);
    CHECK_EQ(pool_threads(NULL), 1);
    CHECK_EQ(atomic_load(&finished), 12);
}

LAW_AROUND(with_pool, fifo, "jobs run in the order in which they were submitted")
{
    struct pool_job jobs[5];
    static char names[] = "a\0b\0c\0d\0e";

    empty_pool();
    pool_limit(1);
    for (int i = 0; i < 5; i++) {
        jobs[i] = (struct pool_job){.fn = blocks, .arg = &names[2 * i], .done = is_done};
        pool_submit(&jobs[i]);
    }
    open_gate(5);
    await(&done, 5);
    CHECK_STR(order, "abcde");
}

LAW_AROUND(with_pool, withdrawing,
           "a job that queues can be withdrawn and does not run; one that runs cannot")
{
    struct pool_job jobs[3];

    empty_pool();
    pool_limit(1);
    submit_blocking(jobs, 3);
    await(&started, 1);
    CHECK(!pool_withdraw(&jobs[0]));
    CHECK(pool_withdraw(&jobs[1]));
    CHECK(!pool_withdraw(&jobs[1]));
    open_gate(2);
    await(&done, 2);
    CHECK(!pool_withdraw(&jobs[2]));
    CHECK_EQ(atomic_load(&finished), 2);
    CHECK_EQ(sem_trywait(&gate), -1);
}

LAW_AROUND(with_pool, no_thread,
           "without a thread, and without the means to make one, a job is refused with -EAGAIN")
{
    int five = 5, status;
    pid_t pid;

    if (TAP_SANITIZED) {
        TAP_SKIP("the sanitizer needs address space");
        return;
    }
    if (!probe_address_space()) {
        TAP_SKIP(PROBE_NO_ADDRESS_SPACE);
        return;
    }
    empty_pool();
    pid = fork();
    if (pid == 0) {
        struct rlimit none = {1, 1};
        struct pool_job job = {.fn = twice, .arg = &five, .done = is_done};
        pthread_attr_t attr;

        pool_fork_prepare();
        pool_fork_child();
        pthread_attr_init(&attr);
        pthread_attr_setstacksize(&attr, (size_t)1 << 30); /* none that libc has kept */
        pthread_setattr_default_np(&attr);
        setrlimit(RLIMIT_AS, &none);
        _exit(pool_submit(&job) != -EAGAIN || pool_withdraw(&job) || pool_threads(NULL));
    }
    waitpid(pid, &status, 0);
    CHECK_EQ(status, 0);
}

static int mask_of(void *arg)
{
    sigset_t *set = arg;

    pthread_sigmask(SIG_SETMASK, NULL, set);
    return 0;
}

LAW_AROUND(with_pool, signals, "pool threads take no signals but their own faults, and have a name")
{
    sigset_t set;
    struct pool_job job = {.fn = mask_of, .arg = &set, .done = is_done};

    empty_pool();
    CHECK_EQ(pool_submit(&job), 0);
    await(&done, 1);
    CHECK(sigismember(&set, SIGTERM) && sigismember(&set, SIGALRM) && sigismember(&set, SIGCHLD));
    CHECK(!sigismember(&set, SIGSEGV));
    pthread_sigmask(SIG_SETMASK, NULL, &set);
    CHECK(!sigismember(&set, SIGTERM)); /* the submitter's own mask is as it was */
}

LAW_AROUND(with_pool, lingering, "a thread that has nothing to do ends after its time")
{
    int five = 5, tries = 0;
    struct pool_job job = {.fn = twice, .arg = &five, .done = is_done};

    empty_pool();
    pool_linger(5 * GO_MS);
    pool_submit(&job);
    await(&done, 1);
    while (pool_threads(NULL) && tries++ < 5000)
        nanosleep(&(struct timespec){0, 1000000}, NULL);
    CHECK_EQ(pool_threads(NULL), 0);
    pool_linger(10 * GO_SEC);
    CHECK_EQ(pool_submit(&job), 0);
    await(&done, 1);
    CHECK_EQ(job.result, 10);
}

LAW_AROUND(with_pool, forking,
           "a fork child has an empty pool that works, and the parent's is undisturbed")
{
    int five = 5, status;
    struct pool_job jobs[3], job = {.fn = twice, .arg = &five, .done = is_done};
    pid_t pid;

    if (!probe_fork_threads()) {
        TAP_SKIP(PROBE_NO_FORK_THREADS);
        return;
    }
    empty_pool();
    pool_limit(1);
    submit_blocking(jobs, 3);
    await(&started, 1);
    pool_fork_prepare();
    pid = fork();
    if (pid == 0) {
        int bad;

        pool_fork_child();
        bad = pool_threads(NULL) != 0 || pool_withdraw(&jobs[1]);
        bad |= pool_submit(&job) != 0;
        await(&done, 1);
        _exit(bad || job.result != 10 || pool_threads(NULL) != 1);
    }
    pool_fork_parent();
    waitpid(pid, &status, 0);
    CHECK_EQ(status, 0);
    open_gate(3);
    await(&done, 3);
    CHECK_EQ(atomic_load(&finished), 3);
}

static int forks(void *arg)
{
    pid_t *pid = arg;

    pool_fork_prepare();
    *pid = fork();
    if (*pid == 0)
        pool_fork_child();
    else
        pool_fork_parent();
    return 0;
}

LAW_AROUND(with_pool, job_forks,
           "a job that forks: the child's copy of the thread ends, without a word to anybody")
{
    int status;
    pid_t pid;
    struct pool_job job = {.fn = forks, .arg = &pid, .done = is_done};

    empty_pool();
    pool_submit(&job);
    await(&done, 1);
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(status, 0);
}

static int nothing(void *arg)
{
    (void)arg;
    return 7;
}

static void *submit_many(void *arg)
{
    struct pool_job *jobs = arg;

    for (int i = 0; i < 2000; i++) {
        jobs[i] = (struct pool_job){.fn = nothing, .done = is_done};
        if (pool_submit(&jobs[i]) || (i % 3 == 0 && pool_withdraw(&jobs[i])))
            is_done(&jobs[i]);
    }
    return NULL;
}

LAW_AROUND(with_pool, storm, "of 8,000 jobs from four threads each is run or withdrawn, once")
{
    static struct pool_job jobs[4][2000];
    pthread_t t[4];

    pool_limit(3);
    for (int i = 0; i < 4; i++)
        pthread_create(&t[i], NULL, submit_many, jobs[i]);
    for (int i = 0; i < 4; i++)
        pthread_join(t[i], NULL);
    await(&done, 8000);
    CHECK_EQ(atomic_load(&finished), 8000);
    CHECK(pool_threads(NULL) <= 3);
}

TAP_MAIN
