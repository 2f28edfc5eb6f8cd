/* SPDX-License-Identifier: MIT */
#include "core/pool.h"
#include "core/tcb.h"
#include "core/clock.h"
#include "core/hostile.h"
#include <errno.h>
#include <pthread.h>
#include <signal.h>

/* One queue under one lock. The jobs block for microseconds to seconds, so that neither a queue per
 * thread nor a lock-free one would be noticed.
 *
 * threads - busy is how many look for a job, or are about to: waiting, just created, or past their
 * last job's fn. Only when more jobs queue than that is another thread made. That a thread stops
 * being busy before it calls done matters: whoever offloads one job after the other from there
 * keeps one thread busy, and not two by turns. */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t work; /* a job was queued, or the limit sank; on CLOCK_MONOTONIC */
    bool made;           /* `work` and `queue` are initialised */
    list queue;          /* of pool_job.link, first in first out */
    unsigned queued;
    unsigned threads;
    unsigned starting; /* of them: their maker is not back yet */
    unsigned busy;
    unsigned most;
    unsigned forks; /* a thread that finds another value than its own is in a fork child */
    go_time linger;
} pool = {.lock = PTHREAD_MUTEX_INITIALIZER, .most = POOL_DEFAULT, .linger = 10 * GO_SEC};

static void make(void)
{
    pthread_condattr_t attr;

    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&pool.work, &attr);
    pthread_condattr_destroy(&attr);
    list_init(&pool.queue);
    pool.made = true;
}

static void unqueue(struct pool_job *job)
{
    list_remove(&job->link);
    job->queued = false;
    pool.queued--;
}

/* Under the lock. Whether there is a job to come at all before the thread should end. */
static bool wait_for_work(void)
{
    go_time until = hostile_kernel(clock_real() + pool.linger);
    struct timespec ts = {until / GO_SEC, until % GO_SEC};
    int rc = 0;

    while (list_empty(&pool.queue) && pool.threads <= pool.most && rc != ETIMEDOUT)
        rc = pthread_cond_timedwait(&pool.work, &pool.lock, &ts);
    return !list_empty(&pool.queue) && pool.threads <= pool.most;
}

static void *work(void *arg)
{
    unsigned forks = (unsigned)(uintptr_t)arg;

    pthread_setname_np(pthread_self(), "gosling-pool");
    pthread_mutex_lock(&pool.lock);
    while (wait_for_work()) {
        struct pool_job *job = list_entry(pool.queue.next, struct pool_job, link);

        unqueue(job);
        pool.busy++;
        pthread_mutex_unlock(&pool.lock);

        job->result = job->fn(job->arg);

        pthread_mutex_lock(&pool.lock);
        /* fn has forked: this pool is the child's, and the job and who waits for it the parent's.
         */
        if (forks != pool.forks)
            goto unlock;
        pool.busy--;
        pthread_mutex_unlock(&pool.lock);
        job->done(job);
        pthread_mutex_lock(&pool.lock);
    }
    pool.threads--;
    tcb_uncount(-1);
unlock:
    pthread_mutex_unlock(&pool.lock);
    return NULL;
}

/* Its mask is its own from the start. The maker's is left alone where libc knows how: in the midst
 * of this other fibers may run, with masks that they change. */
static int create_with(const sigset_t *mask, pthread_attr_t *attr, void *(*fn)(void *), void *arg)
{
    pthread_t thread;
    int rc;
#if defined(__GLIBC__) && __GLIBC_PREREQ(2, 32)
    rc = pthread_attr_setsigmask_np(attr, mask);
    return rc ? rc : pthread_create(&thread, attr, fn, arg);
#else
    sigset_t saved;

    pthread_sigmask(SIG_BLOCK, mask, &saved);
    rc = pthread_create(&thread, attr, fn, arg);
    pthread_sigmask(SIG_SETMASK, &saved, NULL);
    return rc;
#endif
}

static int make_thread(void)
{
    static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT};
    sigset_t all;
    pthread_attr_t attr;
    int rc;

    rc = pthread_attr_init(&attr);
    if (rc)
        return -rc;
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    /* A fault that is blocked would kill without the
     * program's own report. */
    sigfillset(&all);
    for (unsigned i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
        sigdelset(&all, faults[i]);
    rc = create_with(&all, &attr, work, (void *)(uintptr_t)pool.forks);
    pthread_attr_destroy(&attr);
    if (!rc)
        tcb_uncount(1);
    return -rc;
}

/* Under the lock. Whether `jobs` more than there are threads are not to wait for one. One that is
 * being made does not count: its maker may have to wait for a lock of libc's, and its holder for
 * the job. */
static bool too_few(unsigned jobs)
{
    return (int)(pool.queued + jobs) > (int)(pool.threads - pool.starting) - (int)pool.busy &&
           pool.threads < pool.most;
}

/* Under the lock, which it opens meanwhile: one more thread. */
static void start_thread(void)
{
    int rc;

    pool.threads++;
    pool.starting++;
    pthread_mutex_unlock(&pool.lock);
    rc = make_thread();
    pthread_mutex_lock(&pool.lock);
    pool.starting--;
    if (rc)
        pool.threads--;
}

/* Under the lock. */
static int start_threads(void)
{
    int rc = 0;

    while (!rc && too_few(0)) {
        rc = make_thread();
        pool.threads += !rc;
    }
    return rc;
}

int pool_submit(struct pool_job *job)
{
    int rc;

    pthread_mutex_lock(&pool.lock);
    if (!pool.made)
        make();
    if (too_few(1)) /* before the job is there, which may be done while its maker still waits */
        start_thread();
    list_push(&pool.queue, &job->link);
    job->queued = true;
    pool.queued++;
    rc = start_threads();
    if (pool.threads) { /* somebody will run it, sooner or later */
        pthread_cond_signal(&pool.work);
        rc = 0;
    } else {
        unqueue(job);
        rc = -EAGAIN;
    }
    pthread_mutex_unlock(&pool.lock);
    return rc;
}

bool pool_withdraw(struct pool_job *job)
{
    bool queued;

    pthread_mutex_lock(&pool.lock);
    queued = job->queued;
    if (queued)
        unqueue(job);
    pthread_mutex_unlock(&pool.lock);
    return queued;
}

void pool_limit(unsigned most)
{
    pthread_mutex_lock(&pool.lock);
    pool.most = most ? most : 1;
    if (pool.made) {
        start_threads();
        pthread_cond_broadcast(&pool.work); /* the surplus ones end */
    }
    pthread_mutex_unlock(&pool.lock);
}

unsigned pool_threads(unsigned *most)
{
    unsigned threads;

    pthread_mutex_lock(&pool.lock);
    threads = pool.threads;
    if (most)
        *most = pool.most;
    pthread_mutex_unlock(&pool.lock);
    return threads;
}

bool pool_has_threads(void)
{
    return __atomic_load_n(&pool.threads, __ATOMIC_RELAXED) > 0;
}

void pool_linger(go_time idle)
{
    pthread_mutex_lock(&pool.lock);
    pool.linger = idle;
    pthread_mutex_unlock(&pool.lock);
}

void pool_fork_prepare(void)
{
    pthread_mutex_lock(&pool.lock);
}

void pool_fork_parent(void)
{
    pthread_mutex_unlock(&pool.lock);
}

/* A thread that has not come along may have been in the middle of the queue. */
void pool_fork_alone(void)
{
    pthread_mutex_init(&pool.lock, NULL);
    pthread_mutex_lock(&pool.lock);
    if (pool.made)
        list_init(&pool.queue);
    pool.queued = 0;
}

/* The lock and the condition may hold traces of threads that have not come along, so they are made
 * anew; released first, because checkers of lock order count what is held. */
void pool_fork_child(void)
{
    pthread_mutex_unlock(&pool.lock);
    pthread_mutex_init(&pool.lock, NULL);
    while (pool.queued)
        unqueue(list_entry(pool.queue.next, struct pool_job, link));
    pool.made = false;
    pool.threads = pool.starting = pool.busy = 0;
    pool.forks++;
}
