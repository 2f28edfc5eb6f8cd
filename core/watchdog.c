/* SPDX-License-Identifier: MIT */
#include "core/watchdog.h"
#include "core/sys.h"
#include <errno.h>
#include <execinfo.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

enum { TICKS_PER_LIMIT = 2 };

struct watchdog {
    timer_t timer;
    go_time limit;
    uint64_t waits;    /* that have ended: what runs then is not what waited */
    uint64_t dispatch; /* the last tick's, and waits */
    unsigned ticks;    /* that found the same one */
    bool reported;
    volatile sig_atomic_t idle;
    volatile sig_atomic_t armed;
};

/* The signal and its disposition are the process's. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct sigaction before;
static int signo, users;

static void arm(struct watchdog *w, bool on)
{
    go_time period = w->limit / TICKS_PER_LIMIT > 0 ? w->limit / TICKS_PER_LIMIT : 1;
    struct itimerspec when = {0};

    if (on)
        when.it_value = when.it_interval =
            (struct timespec){.tv_sec = period / GO_SEC, .tv_nsec = (long)(period % GO_SEC)};
    w->armed = on;
    timer_settime(w->timer, 0, &when, NULL);
}

/* Async-signal-safe, roughly: names by number, and glibc's own unwinder, which was loaded
 * before. */
static void tell(const fiber *f, const struct watchdog *w)
{
    const char *name = f->name[0] || f != f->sched->main ? f->name : "main";
    char line[256];
    void *pcs[48];
    int n = snprintf(line, sizeof line,
                     "gosling: fiber #%llu%s%s has not let the others run for %lld ms. Give long "
                     "work to go_offload, or put "
                     "go_checkpoint into its loops. It is here:\n",
                     fiber_number(f->id), *name ? " " : "", name, (long long)(w->limit / GO_MS));

    if (write(STDERR_FILENO, line, (size_t)n) == n)
        backtrace_symbols_fd(pcs, backtrace(pcs, 48), STDERR_FILENO);
}

static void tick(int sig)
{
    go_sched *s = sched_self();
    struct watchdog *w = s ? s->watchdog : NULL;
    int saved = errno;

    (void)sig;
    if (!w)
        return;
    if (w->idle) {
        arm(w, false);
    } else if (w->dispatch != sched_dispatches(s) + w->waits) {
        w->dispatch = sched_dispatches(s) + w->waits;
        w->ticks = 0;
        w->reported = false;
    } else if (++w->ticks >= TICKS_PER_LIMIT && !w->reported) {
        w->reported = true;
        tell(s->current, w);
    }
    errno = saved;
}

/* Calls for signo on this thread. */
static int make_timer(struct watchdog *w)
{
    struct sigevent how = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = signo};

    how.sigev_notify_thread_id = (pid_t)syscall(SYS_gettid);
    return timer_create(CLOCK_MONOTONIC, &how, &w->timer);
}

/* A timer with the highest real-time signal that nobody has taken, and that timers take: qemu-user
 * has a few signals less than it says. 0, or -errno. */
static int take_signal(struct watchdog *w)
{
    struct sigaction mine = {.sa_handler = tick, .sa_flags = SA_RESTART | SA_ONSTACK};
    int rc = -EAGAIN;

    pthread_mutex_lock(&lock);
    if (users > 0)
        rc = make_timer(w);
    else
        for (signo = SIGRTMAX; signo > SIGRTMIN; signo--) {
            if (sigaction(signo, NULL, &before) < 0 || before.sa_handler != SIG_DFL)
                continue;
            if (sigaction(signo, &mine, NULL) < 0)
                continue;
            rc = make_timer(w);
            if (rc == 0)
                break;
            sigaction(signo, &before, NULL);
        }
    if (rc == 0)
        users++;
    pthread_mutex_unlock(&lock);
    return rc;
}

int watchdog_signal(void)
{
    int taken;

    pthread_mutex_lock(&lock);
    taken = users > 0 ? signo : 0;
    pthread_mutex_unlock(&lock);
    return taken;
}

static void give_signal(void)
{
    pthread_mutex_lock(&lock);
    if (--users == 0)
        sigaction(signo, &before, NULL);
    pthread_mutex_unlock(&lock);
}

void watchdog_start(go_sched *s, go_time limit)
{
    struct watchdog *w;
    void *warm[2];

    s->watchdog = NULL;
    if (limit < 0 || !(w = calloc(1, sizeof *w)))
        return;
    w->limit = limit ? limit : 100 * GO_MS;
    if (take_signal(w) < 0) {
        free(w);
        return;
    }
    backtrace(warm, 2); /* loads the unwinder now, not in the handler */
    s->watchdog = w;
    arm(w, true);
}

void watchdog_stop(go_sched *s)
{
    struct watchdog *w = s->watchdog;

    if (!w)
        return;
    timer_delete(w->timer);
    s->watchdog = NULL;
    give_signal();
    free(w);
}

void watchdog_forked(go_sched *s)
{
    struct watchdog *w = s->watchdog;

    if (!w)
        return;
    w->idle = false;
    if (make_timer(w) == 0) {
        arm(w, true);
        return;
    }
    s->watchdog = NULL;
    give_signal();
    free(w);
}

void watchdog_idle(go_sched *s, bool idle)
{
    struct watchdog *w = s->watchdog;

    if (!w)
        return;
    w->idle = idle;
    if (!idle)
        w->waits++;
}

void watchdog_busy(go_sched *s)
{
    struct watchdog *w = s->watchdog;

    if (w && !w->armed)
        arm(w, true);
}
