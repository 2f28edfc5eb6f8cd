/* SPDX-License-Identifier: MIT */
#include "core/term.h"
#include "core/fork.h"
#include "core/scope.h"
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

static const int taken_signals[] = {SIGTERM, SIGINT};
enum { TAKEN = sizeof taken_signals / sizeof taken_signals[0] };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int users, pipe_users;
static bool taken[TAKEN], pipe_taken;
static struct sigaction before[TAKEN], pipe_before;

/* On the loop. */
static void term_arrived(void *arg)
{
    go_sched *s = arg;
    unsigned count = atomic_load(&s->signals);

    atomic_store(&s->signal_queued, false);
    if (count >= 2)
        scope_cancel(s, &s->root.scope, REASON_SIGNAL, NULL);
    else
        scope_cancel_soft(s, &s->root.scope, s->grace, REASON_SIGNAL, NULL);
}

/* The third: as if nobody had ever taken it. */
static void default_action(int sig)
{
    struct sigaction dfl = {.sa_handler = SIG_DFL};
    sigset_t only;

    sigaction(sig, &dfl, NULL);
    sigemptyset(&only);
    sigaddset(&only, sig);
    raise(sig);
    pthread_sigmask(SIG_UNBLOCK, &only, NULL);
}

static void term_signal(int sig)
{
    int saved = errno;

    for (go_sched *s = sched_all(); s; s = s->all_next) {
        if (!atomic_load(&s->takes_signals))
            continue;
        if (atomic_fetch_add(&s->signals, 1) >= 2)
            default_action(sig);
        else if (!atomic_exchange(&s->signal_queued, true))
            inbox_push(&s->inbox, &s->signal_msg);
    }
    errno = saved;
}

static bool is_default(int sig, struct sigaction *was)
{
    return sigaction(sig, NULL, was) == 0 && !(was->sa_flags & SA_SIGINFO) &&
           was->sa_handler == SIG_DFL;
}

static void take(int i)
{
    struct sigaction mine = {.sa_handler = term_signal, .sa_flags = SA_RESTART | SA_ONSTACK};

    sigfillset(&mine.sa_mask);
    if ((taken[i] = is_default(taken_signals[i], &before[i])))
        sigaction(taken_signals[i], &mine, NULL);
}

static void take_pipe(void)
{
    struct sigaction ignore = {.sa_handler = SIG_IGN};

    if (run_open) /* the whole program runs: it is its signal, and its children's */
        return;
    if ((pipe_taken = is_default(SIGPIPE, &pipe_before)))
        sigaction(SIGPIPE, &ignore, NULL);
}

void term_enter(go_sched *s)
{
    s->grace = s->opts.grace ? s->opts.grace : 10 * GO_SEC;
    s->signal_msg = (struct inbox_msg){.fn = term_arrived, .arg = s};
    atomic_store(&s->signals, 0);
    atomic_store(&s->signal_queued, false);
    pthread_mutex_lock(&lock);
    if (pipe_users++ == 0)
        take_pipe();
    if (!s->opts.no_signals) {
        atomic_store(&s->takes_signals, true);
        if (users++ == 0)
            for (int i = 0; i < TAKEN; i++)
                take(i);
    }
    pthread_mutex_unlock(&lock);
}

/* Only what is still ours is restored: the program may have set a handler of its own meanwhile. */
static void restore(int sig, const struct sigaction *was, void (*ours)(int))
{
    struct sigaction now;

    if (sigaction(sig, NULL, &now) == 0 && now.sa_handler == ours)
        sigaction(sig, was, NULL);
}

void term_leave(go_sched *s)
{
    pthread_mutex_lock(&lock);
    if (--pipe_users == 0 && pipe_taken)
        restore(SIGPIPE, &pipe_before, SIG_IGN);
    if (!s->opts.no_signals) {
        atomic_store(&s->takes_signals, false);
        if (--users == 0)
            for (int i = 0; i < TAKEN; i++)
                if (taken[i])
                    restore(taken_signals[i], &before[i], term_signal);
    }
    pthread_mutex_unlock(&lock);
}

/* A child that execs must not inherit our ignoring SIGPIPE. Other threads' runs do not exist in
 * it. */
void term_fork(int when)
{
    if (when == FORK_ALONE)
        pthread_mutex_init(&lock, NULL);
    if (when == FORK_PREPARE || when == FORK_ALONE) {
        pthread_mutex_lock(&lock);
        return;
    }
    if (when == FORK_CHILD) {
        if (pipe_users > 0 && pipe_taken)
            restore(SIGPIPE, &pipe_before, SIG_IGN);
        pipe_taken = false;
    }
    pthread_mutex_unlock(&lock);
}

bool term_ignores_pipe(void)
{
    bool ours;

    pthread_mutex_lock(&lock);
    ours = pipe_users > 0 && pipe_taken;
    pthread_mutex_unlock(&lock);
    return ours;
}

void term_refresh(int sig)
{
    pthread_mutex_lock(&lock);
    if (sig == SIGPIPE && pipe_users == 0 && pipe_taken)
        restore(SIGPIPE, &pipe_before, SIG_IGN);
    else if (sig == SIGPIPE && pipe_users > 0 && !pipe_taken)
        take_pipe();
    for (int i = 0; i < TAKEN; i++) {
        if (taken_signals[i] != sig)
            continue;
        if (users == 0 && taken[i])
            restore(sig, &before[i], term_signal);
        else if (users > 0 && !taken[i])
            take(i);
    }
    pthread_mutex_unlock(&lock);
}
