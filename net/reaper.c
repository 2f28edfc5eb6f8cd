/* SPDX-License-Identifier: MIT */
#include "net/reaper.h"
#include "core/pool.h"
#include "core/sys.h"
#include <pthread.h>
#include <stdlib.h>
#include <sys/wait.h>

/* Rejected: a waitid that blocks for each child (16 long-lived ones would use up the pool, and a
 * pool of one would be gone with the first); one for any child (it returns at once for each zombie
 * that is not ours to reap, and cannot be ended); SIGCHLD, which is the program's. */
#define LOOK_FIRST GO_MS
#define LOOK_MOST  (10 * GO_MS)

struct watch {
    list link;
    pid_t pid;
    int fd;
};

static void done(struct pool_job *job);
static int look(void *arg);

static struct {
    pthread_mutex_t lock;
    list all;     /* of watch.link */
    bool running; /* the job is the pool's */
    go_time pause;
    struct pool_job job;
} reaper = {.lock = PTHREAD_MUTEX_INITIALIZER,
            .all = {&reaper.all, &reaper.all},
            .job = {.fn = look, .done = done}};

/* Whether it can be reaped; or was, by somebody else. */
static bool has_ended(pid_t pid)
{
    siginfo_t info;
    int rc;

    do {
        info.si_pid = 0;
        rc = sys_waitid(P_PID, pid, &info, WEXITED | WNOHANG | WNOWAIT);
    } while (rc == -EINTR);
    return rc < 0 || info.si_pid != 0;
}

/* Under the lock, so that no fd is closed meanwhile. O(children). */
static void look_at_all(void)
{
    static const uint64_t one = 1;

    for (list *l = reaper.all.next, *next; l != &reaper.all; l = next) {
        struct watch *w = list_entry(l, struct watch, link);

        next = l->next;
        if (!has_ended(w->pid))
            continue;
        while (sys_write(w->fd, &one, sizeof one) == -EINTR)
            ;
        list_remove(l);
        free(w);
    }
}

static int look(void *arg)
{
    struct timespec pause;

    (void)arg;
    pthread_mutex_lock(&reaper.lock);
    look_at_all();
    pause.tv_sec = 0;
    pause.tv_nsec = list_empty(&reaper.all) ? 0 : (long)reaper.pause;
    reaper.pause = reaper.pause * 2 < LOOK_MOST ? reaper.pause * 2 : LOOK_MOST;
    pthread_mutex_unlock(&reaper.lock);
    SYS2(SYS_nanosleep, &pause, NULL);
    return 0;
}

/* To the queue's end again: whatever else queues has its turn. From a pool thread a submit does not
 * fail. */
static void done(struct pool_job *job)
{
    pthread_mutex_lock(&reaper.lock);
    reaper.running = !list_empty(&reaper.all) && pool_submit(job) == 0;
    pthread_mutex_unlock(&reaper.lock);
}

static void fork_prepare(void)
{
    pthread_mutex_lock(&reaper.lock);
}

static void fork_parent(void)
{
    pthread_mutex_unlock(&reaper.lock);
}

/* The children are the parent's, and so is the job. */
static void fork_child(void)
{
    list *l;

    while ((l = list_pop(&reaper.all)))
        free(list_entry(l, struct watch, link));
    reaper.running = false;
    pthread_mutex_unlock(&reaper.lock); /* checkers of lock order count what is held */
    pthread_mutex_init(&reaper.lock, NULL);
}

static void watch_forks(void)
{
    pthread_atfork(fork_prepare, fork_parent, fork_child);
}

int reaper_watch(pid_t pid, int fd)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct watch *w = malloc(sizeof *w);
    int rc = 0;

    if (!w)
        return -ENOMEM;
    pthread_once(&once, watch_forks);
    w->pid = pid;
    w->fd = fd;
    pthread_mutex_lock(&reaper.lock);
    list_push(&reaper.all, &w->link);
    reaper.pause = LOOK_FIRST;
    if (!reaper.running)
        rc = pool_submit(&reaper.job);
    reaper.running = rc == 0;
    if (rc < 0) {
        list_remove(&w->link);
        free(w);
    }
    pthread_mutex_unlock(&reaper.lock);
    return rc;
}

void reaper_forget(int fd)
{
    pthread_mutex_lock(&reaper.lock);
    for (list *l = reaper.all.next; l != &reaper.all; l = l->next) {
        struct watch *w = list_entry(l, struct watch, link);

        if (w->fd == fd) {
            list_remove(l);
            free(w);
            break;
        }
    }
    pthread_mutex_unlock(&reaper.lock);
}
