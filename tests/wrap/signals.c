/* SPDX-License-Identifier: MIT
 *
 * Signals to threads and to the process. */
#include "tests/wrap/table.h"
#include <poll.h>
#include <setjmp.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <ucontext.h>

static atomic_int flag, count, who;
static volatile sig_atomic_t codes[4];
static pthread_t chief;

static void handler(int sig)
{
    (void)sig;
    atomic_store(&who, pthread_equal(pthread_self(), chief) ? 1 : 2);
    atomic_fetch_add(&count, 1);
}

static void informed(int sig, siginfo_t *info, void *context)
{
    (void)context;
    codes[0] = sig;
    codes[1] = info->si_code;
    codes[2] = info->si_pid == getpid();
    codes[3] = info->si_value.sival_int;
    handler(sig);
}

static void install(int sig, int flags)
{
    struct sigaction a;

    chief = pthread_self();
    memset(&a, 0, sizeof a);
    a.sa_sigaction = informed;
    a.sa_flags = flags | SA_SIGINFO;
    sigaction(sig, &a, NULL);
}

static sigset_t set_of(int sig)
{
    sigset_t s;

    sigemptyset(&s);
    if (sig)
        sigaddset(&s, sig);
    return s;
}

static void block(int sig)
{
    sigset_t s = set_of(sig);

    pthread_sigmask(SIG_BLOCK, &s, NULL);
}

static void unblock(int sig)
{
    sigset_t s = set_of(sig);

    pthread_sigmask(SIG_UNBLOCK, &s, NULL);
}

static bool is_pending(int sig)
{
    sigset_t s;

    sigpending(&s);
    return sigismember(&s, sig);
}

static void until_counted(int n)
{
    while (atomic_load(&count) < n)
        rest(1);
}

static void *rests(void *arg)
{
    atomic_store(&flag, 1);
    while (atomic_load(&flag) != 2)
        rest(1);
    return arg;
}

static pthread_t resting(void)
{
    pthread_t t = start(rests, NULL);

    while (!atomic_load(&flag))
        rest(1);
    return t;
}

static void finish(pthread_t t)
{
    atomic_store(&flag, 2);
    join(t);
}

ROW(signal_to_thread)
{
    pthread_t t;

    install(SIGUSR1, 0);
    t = resting();
    say("%s ", err(pthread_kill(t, SIGUSR1)));
    until_counted(1);
    say("%d %d %d\n", atomic_load(&who), codes[1] == SI_TKILL, codes[2]);
    finish(t);
}

ROW(signal_to_self)
{
    install(SIGUSR1, 0);
    say("%s ", err(pthread_kill(pthread_self(), SIGUSR1)));
    say("%d %d\n", atomic_load(&count), atomic_load(&who));
}

ROW(signal_raise)
{
    install(SIGUSR1, 0);
    say("%d ", raise(SIGUSR1));
    say("%d\n", atomic_load(&count));
}

ROW(signal_zero)
{
    pthread_t t = resting();

    say("%s %s\n", err(pthread_kill(t, 0)), err(pthread_kill(t, 1000)));
    finish(t);
}

ROW(signal_to_process)
{
    install(SIGUSR1, 0);
    kill(getpid(), SIGUSR1);
    say("%d %d %d\n", atomic_load(&count), codes[1] == SI_USER, codes[2]);
}

ROW(signal_to_process_main_first)
{
    pthread_t t;

    install(SIGUSR1, 0);
    t = resting();
    kill(getpid(), SIGUSR1);
    until_counted(1);
    say("%d\n", atomic_load(&who));
    finish(t);
}

ROW(signal_to_process_main_blocks)
{
    pthread_t t;

    install(SIGUSR1, 0);
    t = resting();
    block(SIGUSR1);
    kill(getpid(), SIGUSR1);
    until_counted(1);
    say("%d\n", atomic_load(&who));
    finish(t);
}

ROW(signal_all_block)
{
    pthread_t t;

    install(SIGUSR1, 0);
    block(SIGUSR1);
    t = resting();
    kill(getpid(), SIGUSR1);
    rest(10);
    say("%d %d ", atomic_load(&count), is_pending(SIGUSR1));
    unblock(SIGUSR1);
    say("%d %d\n", atomic_load(&count), is_pending(SIGUSR1));
    finish(t);
}

ROW(signal_blocked_by_its_thread)
{
    pthread_t t;

    install(SIGUSR1, 0);
    block(SIGUSR1);
    t = resting();
    unblock(SIGUSR1);
    pthread_kill(t, SIGUSR1);
    rest(10);
    say("%d %d\n", atomic_load(&count), is_pending(SIGUSR1));
    finish(t);
    say("%d\n", atomic_load(&count));
}

static void *has_mask(void *arg)
{
    sigset_t s;

    pthread_sigmask(SIG_BLOCK, NULL, &s);
    say("%d %d ", sigismember(&s, SIGUSR1), sigismember(&s, SIGUSR2));
    block(SIGUSR2);
    return arg;
}

ROW(signal_mask_inherited)
{
    sigset_t s;

    block(SIGUSR1);
    join(start(has_mask, NULL));
    pthread_sigmask(SIG_BLOCK, NULL, &s);
    say("%d %d\n", sigismember(&s, SIGUSR1), sigismember(&s, SIGUSR2));
}

ROW(signal_mask_errors)
{
    sigset_t s = set_of(SIGUSR1);

    say("%s\n", err(pthread_sigmask(77, &s, NULL)));
    sigfillset(&s);
    sigprocmask(SIG_SETMASK, &s, NULL);
    sigprocmask(SIG_SETMASK, NULL, &s);
    say("%d %d %d\n", sigismember(&s, SIGKILL), sigismember(&s, SIGTERM), sigismember(&s, SIGSYS));
}

static void *takes(void *arg)
{
    sigset_t s = set_of(SIGUSR1);
    int sig = 0;

    atomic_store(&flag, 1);
    say("%s ", err(sigwait(&s, &sig)));
    say("%d ", sig == SIGUSR1);
    return arg;
}

ROW(signal_sigwait)
{
    pthread_t t;

    block(SIGUSR1);
    t = start(takes, NULL);
    while (!atomic_load(&flag))
        rest(1);
    rest(5);
    kill(getpid(), SIGUSR1);
    join(t);
    say("\n");
}

ROW(signal_sigwait_thread)
{
    pthread_t t;

    block(SIGUSR1);
    t = start(takes, NULL);
    while (!atomic_load(&flag))
        rest(1);
    rest(5);
    pthread_kill(t, SIGUSR1);
    join(t);
    say("\n");
}

ROW(signal_sigwait_main)
{
    sigset_t s = set_of(SIGTERM);
    int sig = 0;
    pthread_t t;

    block(SIGTERM);
    t = resting();
    kill(getpid(), SIGTERM);
    say("%s ", err(sigwait(&s, &sig)));
    say("%d\n", sig == SIGTERM);
    finish(t);
}

ROW(signal_sigtimedwait)
{
    struct timespec none = {0, 0}, some = {0, 10000000};
    sigset_t s = set_of(SIGUSR1);
    siginfo_t info;

    block(SIGUSR1);
    say("%d ", sigtimedwait(&s, &info, &none));
    say("%s ", err(errno));
    say("%d ", sigtimedwait(&s, &info, &some));
    say("%s ", err(errno));
    raise(SIGUSR1);
    say("%d ", sigtimedwait(&s, &info, &some) == SIGUSR1);
    say("%d\n", info.si_code == SI_TKILL);
}

ROW(signal_sigwaitinfo_queued)
{
    sigset_t s = set_of(SIGRTMIN + 1);
    union sigval v = {.sival_int = 42};
    siginfo_t info;

    block(SIGRTMIN + 1);
    for (int i = 0; i < 5; i++, v.sival_int++)
        sigqueue(getpid(), SIGRTMIN + 1, v);
    for (int i = 0; i < 5; i++) {
        say("%d ", sigwaitinfo(&s, &info) == SIGRTMIN + 1);
        say("%d ", info.si_value.sival_int);
    }
    say("\n");
}

ROW(signal_queued_to_thread)
{
    sigset_t s = set_of(SIGRTMIN + 1);
    union sigval v = {.sival_int = 1};
    siginfo_t info;

    block(SIGRTMIN + 1);
    for (int i = 0; i < 3; i++, v.sival_int++)
        pthread_sigqueue(pthread_self(), SIGRTMIN + 1, v);
    for (int i = 0; i < 3; i++) {
        sigwaitinfo(&s, &info);
        say("%d %d ", info.si_value.sival_int, info.si_code == SI_QUEUE);
    }
    say("\n");
}

ROW(signal_standard_merge)
{
    install(SIGUSR1, 0);
    block(SIGUSR1);
    for (int i = 0; i < 5; i++)
        pthread_kill(pthread_self(), SIGUSR1);
    unblock(SIGUSR1);
    say("%d\n", atomic_load(&count));
}

static void *interrupts_main(void *arg)
{
    rest(20);
    pthread_kill(chief, SIGUSR1);
    return arg;
}

ROW(signal_sigsuspend)
{
    sigset_t none = set_of(0), s;
    pthread_t t;

    install(SIGUSR1, 0);
    block(SIGUSR1);
    t = start(interrupts_main, NULL);
    say("%d ", sigsuspend(&none));
    say("%s ", err(errno));
    sigprocmask(SIG_SETMASK, NULL, &s);
    say("%d %d\n", atomic_load(&count), sigismember(&s, SIGUSR1));
    join(t);
}

ROW(signal_pause)
{
    pthread_t t;

    install(SIGUSR1, SA_RESTART);
    t = start(interrupts_main, NULL);
    say("%d ", pause());
    say("%s\n", err(errno));
    join(t);
}

#define INTERRUPTED(name, flags, ...)      \
    ROW(signal_##name)                     \
    {                                      \
        int fds[2];                        \
        pthread_t t;                       \
                                           \
        if (pipe(fds) < 0)                 \
            return;                        \
        install(SIGUSR1, flags);           \
        t = start(interrupts_main, NULL);  \
        errno = 0;                         \
        __VA_ARGS__;                       \
        join(t);                           \
        say(" %d\n", atomic_load(&count)); \
    }

INTERRUPTED(eintr_read, 0, char x; long n = read(fds[0], &x, 1); say("%ld %s", n, err(errno)))
INTERRUPTED(eintr_sem, 0, sem_t s; sem_init(&s, 0, 0); int n = sem_wait(&s);
            say("%d %s", n, err(errno)))
INTERRUPTED(eintr_poll, SA_RESTART, struct pollfd p = {fds[0], POLLIN, 0};
            int n = poll(&p, 1, 5000); say("%d %s", n, err(errno)))
INTERRUPTED(eintr_sleep, SA_RESTART, unsigned n = sleep(60); say("%d", n > 50))
INTERRUPTED(eintr_nanosleep, SA_RESTART, struct timespec ts = {60, 0}; struct timespec left;
            int n = nanosleep(&ts, &left); say("%d %s %d", n, err(errno), left.tv_sec > 50))
INTERRUPTED(
    eintr_wait, 0, pid_t pid = fork(); if (pid == 0) {
        sleep(1);
        _exit(3);
    } int st = 0;
    int n = waitpid(pid, &st, 0); say("%d %s", n, err(errno)); waitpid(pid, &st, 0))

static int pipe_of[2];

static void *writes_later(void *arg)
{
    rest(60);
    if (write(pipe_of[1], "x", 1) != 1)
        say("write\n");
    return arg;
}

ROW(signal_restart_read)
{
    pthread_t t, u;
    char x = 0;
    long n;

    if (pipe(pipe_of) < 0)
        return;
    install(SIGUSR1, SA_RESTART);
    t = start(interrupts_main, NULL);
    u = start(writes_later, NULL);
    n = read(pipe_of[0], &x, 1);
    say("%ld %c %d\n", n, x, atomic_load(&count));
    join(t);
    join(u);
}

static pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;

static void *holds(void *arg)
{
    pthread_mutex_lock(&m);
    atomic_store(&flag, 1);
    rest(20);
    pthread_kill(chief, SIGUSR1);
    rest(20);
    pthread_mutex_unlock(&m);
    return arg;
}

ROW(signal_in_mutex_lock)
{
    pthread_t t;

    install(SIGUSR1, 0);
    t = start(holds, NULL);
    while (!atomic_load(&flag))
        rest(1);
    say("%s ", err(pthread_mutex_lock(&m)));
    say("%d\n", atomic_load(&count));
    join(t);
}

ROW(signal_in_cond_wait)
{
    pthread_cond_t c = PTHREAD_COND_INITIALIZER;
    struct timespec late = from_now(CLOCK_REALTIME, 60);
    pthread_t t;
    int rc = 0;

    install(SIGUSR1, 0);
    t = start(interrupts_main, NULL);
    pthread_mutex_lock(&m);
    while (rc == 0)
        rc = pthread_cond_timedwait(&c, &m, &late);
    say("%s %d\n", err(rc), atomic_load(&count));
    join(t);
}

static void *computes(void *arg)
{
    volatile long n = 0;

    atomic_store(&flag, 1);
    while (!atomic_load(&count))
        n++;
    return arg;
}

ROW(signal_to_a_busy_thread)
{
    pthread_t t;

    install(SIGUSR1, 0);
    t = start(computes, NULL);
    while (!atomic_load(&flag))
        rest(1);
    pthread_kill(t, SIGUSR1);
    join(t);
    say("%d\n", atomic_load(&who));
}

ROW(signal_alarm)
{
    struct itimerval it = {{0, 0}, {0, 10000}};
    pthread_t t;

    install(SIGALRM, 0);
    t = resting();
    setitimer(ITIMER_REAL, &it, NULL);
    until_counted(1);
    say("%d\n", codes[0] == SIGALRM);
    finish(t);
}

ROW(signal_alarm_in_busy_main)
{
    struct itimerval it = {{0, 0}, {0, 10000}};
    pthread_t t;

    install(SIGALRM, 0);
    t = resting();
    setitimer(ITIMER_REAL, &it, NULL);
    while (!atomic_load(&count))
        ;
    say("%d\n", atomic_load(&who));
    finish(t);
}

ROW(signal_profile)
{
    struct itimerval it = {{0, 1000}, {0, 1000}}, off = {{0, 0}, {0, 0}};

    install(SIGPROF, SA_RESTART);
    setitimer(ITIMER_PROF, &it, NULL);
    while (atomic_load(&count) < 3)
        ;
    setitimer(ITIMER_PROF, &off, NULL);
    say("profiled\n");
}

ROW(signal_kills_process)
{
    pthread_t t = resting();

    say("kill\n");
    pthread_kill(t, SIGTERM);
    rest(10000);
}

ROW(signal_kills_when_unblocked)
{
    block(SIGTERM);
    raise(SIGTERM);
    say("blocked\n");
    unblock(SIGTERM);
    say("not reached\n");
}

ROW(signal_ignored)
{
    pthread_t t;

    signal(SIGUSR1, SIG_IGN);
    t = resting();
    pthread_kill(t, SIGUSR1);
    kill(getpid(), SIGUSR1);
    rest(5);
    finish(t);
    say("alive\n");
}

ROW(signal_ignored_while_pending)
{
    block(SIGUSR1);
    raise(SIGUSR1);
    say("%d ", is_pending(SIGUSR1));
    signal(SIGUSR1, SIG_IGN);
    say("%d\n", is_pending(SIGUSR1));
}

ROW(signal_reset_hand)
{
    struct sigaction a;

    install(SIGUSR1, (int)SA_RESETHAND);
    raise(SIGUSR1);
    sigaction(SIGUSR1, NULL, &a);
    say("%d %d\n", atomic_load(&count), a.sa_handler == SIG_DFL);
}

static atomic_int depth, deepest;

static void nests(int sig)
{
    int d = atomic_fetch_add(&depth, 1) + 1;

    if (d > atomic_load(&deepest))
        atomic_store(&deepest, d);
    if (d < 3 && atomic_fetch_add(&count, 1) < 5)
        raise(sig);
    atomic_fetch_sub(&depth, 1);
}

ROW(signal_nodefer)
{
    struct sigaction a;

    memset(&a, 0, sizeof a);
    a.sa_handler = nests;
    a.sa_flags = SA_NODEFER;
    sigaction(SIGUSR1, &a, NULL);
    raise(SIGUSR1);
    say("%d\n", atomic_load(&deepest));
}

ROW(signal_defer)
{
    signal(SIGUSR1, nests);
    raise(SIGUSR1);
    say("%d %d\n", atomic_load(&deepest), atomic_load(&count));
}

static void sees_mask(int sig)
{
    sigset_t s;

    pthread_sigmask(SIG_SETMASK, NULL, &s);
    say("%d %d %d ", sigismember(&s, sig), sigismember(&s, SIGUSR2), sigismember(&s, SIGHUP));
}

ROW(signal_handlers_mask)
{
    struct sigaction a;
    sigset_t s;

    memset(&a, 0, sizeof a);
    a.sa_handler = sees_mask;
    sigaddset(&a.sa_mask, SIGUSR2);
    sigaction(SIGUSR1, &a, NULL);
    raise(SIGUSR1);
    pthread_sigmask(SIG_SETMASK, NULL, &s);
    say("%d\n", sigismember(&s, SIGUSR1));
}

static sigjmp_buf env;

static void leaves(int sig)
{
    siglongjmp(env, sig);
}

ROW(signal_siglongjmp)
{
    sigset_t s;
    int sig;

    signal(SIGUSR1, leaves);
    if ((sig = sigsetjmp(env, 1)) == 0)
        raise(SIGUSR1);
    pthread_sigmask(SIG_SETMASK, NULL, &s);
    say("%d %d ", sig == SIGUSR1, sigismember(&s, SIGUSR1));
    chief = pthread_self();
    if ((sig = sigsetjmp(env, 1)) == 0) {
        start(interrupts_main, NULL);
        pause();
    }
    say("%d\n", sig == SIGUSR1);
}

static void *faults(void *arg)
{
    int sig = sigsetjmp(env, 1);

    if (sig == 0)
        *(volatile int *)arg = 1;
    say("%d ", sig == SIGSEGV);
    return NULL;
}

ROW(signal_fault_caught)
{
    signal(SIGSEGV, leaves);
    join(start(faults, NULL));
    faults(NULL);
    say("\n");
}

static volatile char *alt_lo, *alt_hi;

static void on_alt(int sig)
{
    char here;

    say("%d ", &here >= alt_lo && &here < alt_hi);
    siglongjmp(env, sig);
}

static void *overflows(void *arg)
{
    volatile char frame[4096];

    frame[0] = 1;
    if (!arg)
        return NULL;
    return (char *)overflows((void *)&frame) + frame[0];
}

static void *has_alt(void *arg)
{
    stack_t s = {.ss_sp = malloc(65536), .ss_size = 65536}, old;

    alt_lo = s.ss_sp;
    alt_hi = alt_lo + 65536;
    say("%d ", sigaltstack(&s, NULL));
    rest(2);
    sigaltstack(NULL, &old);
    say("%d ", old.ss_sp == s.ss_sp);
    if (sigsetjmp(env, 1) == 0)
        overflows(&s);
    return arg;
}

ROW(signal_alternate_stack)
{
    struct sigaction a;

    memset(&a, 0, sizeof a);
    a.sa_handler = on_alt;
    a.sa_flags = SA_ONSTACK;
    sigaction(SIGSEGV, &a, NULL);
    join(start(has_alt, NULL));
    say("\n");
}

static void where(int sig)
{
    char here;

    (void)sig;
    say("%d ", &here >= alt_lo && &here < alt_hi);
}

ROW(signal_alternate_stack_raise)
{
    stack_t s = {.ss_sp = malloc(65536), .ss_size = 65536};
    struct sigaction a;

    alt_lo = s.ss_sp;
    alt_hi = alt_lo + 65536;
    sigaltstack(&s, NULL);
    memset(&a, 0, sizeof a);
    a.sa_handler = where;
    a.sa_flags = SA_ONSTACK;
    sigaction(SIGUSR1, &a, NULL);
    raise(SIGUSR1);
    a.sa_flags = 0;
    sigaction(SIGUSR1, &a, NULL);
    raise(SIGUSR1);
    say("\n");
}

ROW(signal_fd)
{
    sigset_t s = set_of(SIGUSR1);
    struct signalfd_siginfo info;
    int fd;

    block(SIGUSR1);
    fd = signalfd(-1, &s, 0);
    kill(getpid(), SIGUSR1);
    say("%zd ", read(fd, &info, sizeof info));
    say("%d\n", info.ssi_signo == SIGUSR1);
}

static void expires(union sigval v)
{
    atomic_fetch_add(&count, v.sival_int);
}

ROW(timer_thread)
{
    struct sigevent e;
    struct itimerspec it = {{0, 0}, {0, 5000000}};
    timer_t t;

    memset(&e, 0, sizeof e);
    e.sigev_notify = SIGEV_THREAD;
    e.sigev_notify_function = expires;
    e.sigev_value.sival_int = 3;
    say("%d ", timer_create(CLOCK_MONOTONIC, &e, &t));
    say("%d ", timer_settime(t, 0, &it, NULL));
    until_counted(3);
    say("%d %d\n", atomic_load(&count), timer_delete(t));
}

ROW(timer_signal)
{
    struct sigevent e;
    struct itimerspec it = {{0, 2000000}, {0, 2000000}};
    timer_t t;

    install(SIGRTMIN + 2, 0);
    memset(&e, 0, sizeof e);
    e.sigev_notify = SIGEV_SIGNAL;
    e.sigev_signo = SIGRTMIN + 2;
    e.sigev_value.sival_int = 9;
    timer_create(CLOCK_REALTIME, &e, &t);
    timer_settime(t, 0, &it, NULL);
    until_counted(3);
    say("%d %d %d\n", codes[1] == SI_TIMER, codes[3], timer_delete(t));
}

static void *wants_timer(void *arg)
{
    struct sigevent e;
    struct itimerspec it = {{0, 0}, {0, 2000000}};
    timer_t t;

    memset(&e, 0, sizeof e);
    e.sigev_notify = SIGEV_THREAD_ID;
    e.sigev_signo = SIGUSR1;
    e._sigev_un._tid = gettid();
    say("%d ", timer_create(CLOCK_MONOTONIC, &e, &t));
    timer_settime(t, 0, &it, NULL);
    until_counted(1);
    timer_delete(t);
    return arg;
}

ROW(timer_thread_id)
{
    install(SIGUSR1, 0);
    join(start(wants_timer, NULL));
    say("%d\n", atomic_load(&who));
}

static timer_t timer_of(int sig, struct itimerspec it)
{
    struct sigevent e;
    timer_t t;

    memset(&e, 0, sizeof e);
    e.sigev_notify = SIGEV_SIGNAL;
    e.sigev_signo = sig;
    timer_create(CLOCK_MONOTONIC, &e, &t);
    timer_settime(t, 0, &it, NULL);
    return t;
}

ROW(timer_in_busy_main)
{
    timer_t t;

    install(SIGUSR1, 0);
    t = timer_of(SIGUSR1, (struct itimerspec){{0, 1000000}, {0, 1000000}});
    while (atomic_load(&count) < 3)
        ;
    say("%d\n", timer_delete(t));
}

static timer_t fast;

static void stops_it(int sig)
{
    static const struct itimerspec off;

    (void)sig;
    if (atomic_fetch_add(&count, 1) > 1000)
        timer_settime(fast, 0, &off, NULL);
}

/* It has expired again whenever its handler returns. */
ROW(timer_faster_than_its_handler)
{
    signal(SIGRTMIN, stops_it);
    fast = timer_of(SIGRTMIN, (struct itimerspec){{0, 1000}, {0, 1000}});
    while (atomic_load(&count) < 1000)
        ;
    say("%d\n", timer_delete(fast));
}

/* Of each of many alarms, wherever in the library's code it comes. */
ROW(signal_alarm_between_calls)
{
    struct itimerval it = {{0, 0}, {0, 500}};

    install(SIGALRM, 0);
    for (int i = 1; i <= 200; i++) {
        setitimer(ITIMER_REAL, &it, NULL);
        while (atomic_load(&count) < i)
            syscall(SYS_getppid);
    }
    say("%d\n", atomic_load(&count));
}

/* It comes no later than that, and not after its handler has gone. */
ROW(signal_alarm_as_a_sleep_ends)
{
    for (int i = 0; i < 400; i++) {
        const struct timespec about = {0, 1000000 - i % 100 * 1000};
        struct itimerval it = {{0, 0}, {0, 1000}}, off = {{0, 0}, {0, 0}};

        install(SIGALRM, SA_RESTART);
        setitimer(ITIMER_REAL, &it, NULL);
        nanosleep(&about, NULL);
        setitimer(ITIMER_REAL, &off, NULL);
        signal(SIGALRM, SIG_DFL);
    }
    say("alive\n");
}

static void *storms(void *arg)
{
    for (int i = 0; i < 200; i++) {
        pthread_kill(*(pthread_t *)arg, SIGUSR1);
        if (i % 20 == 0)
            rest(1);
    }
    return NULL;
}

ROW(signal_storm)
{
    pthread_t t[4], me = pthread_self();

    install(SIGUSR1, SA_RESTART);
    for (int i = 0; i < 4; i++)
        t[i] = start(storms, &me);
    for (int i = 0; i < 4; i++)
        join(t[i]);
    say("%d\n", atomic_load(&count) > 0);
}

/* To the process, one after the other, of numbers that ever fewer threads let in: none is lost,
 * also not the last, which come when the threads are about to end. */
enum { GATES = 10 };

static pthread_mutex_t gates[GATES];
static sem_t flight;

static void lands(int sig)
{
    handler(sig);
    sem_post(&flight);
}

static void *lets_in(void *arg)
{
    long me = (long)arg;

    for (int i = 0; i <= me; i++)
        unblock(SIGRTMIN + i);
    pthread_mutex_lock(&gates[me]);
    return NULL;
}

ROW(signal_storm_before_the_end)
{
    struct sigaction a = {.sa_handler = lands};
    pthread_t t[GATES];
    unsigned random = 42;
    sigset_t all;

    sigfillset(&all);
    a.sa_mask = all;
    pthread_sigmask(SIG_SETMASK, &all, NULL);
    sem_init(&flight, 0, 5);
    for (int i = 0; i < GATES; i++)
        sigaction(SIGRTMIN + i, &a, NULL);
    for (long i = 0; i < GATES; i++) {
        pthread_mutex_init(&gates[i], NULL);
        pthread_mutex_lock(&gates[i]);
        t[i] = start(lets_in, (void *)i);
    }
    for (int i = 0; i < 10000; i++) {
        while (sem_wait(&flight) < 0)
            ;
        kill(getpid(), SIGRTMIN + rand_r(&random) % GATES);
    }
    for (int i = 0; i < GATES; i++) {
        pthread_mutex_unlock(&gates[i]);
        join(t[i]);
    }
    say("%d\n", atomic_load(&count));
}

/* ---- what lies below a stack pointer ---- */

static char for_signals[64 * 1024];

/* As runtimes do whose threads have stacks of their own making: it has a stack for signals, and
 * keeps things where another stack would go on. Without a call while they lie there. */
__attribute__((noinline)) static long keeps_below(void)
{
    volatile char *below = (volatile char *)__builtin_frame_address(0) - 4096;
    volatile long turns = 0;
    long lost = 0;

    for (int i = 0; i < 2048; i++)
        below[i] = 'x';
    while (turns < 60000000)
        turns++;
    for (int i = 0; i < 2048; i++)
        lost += below[i] != 'x';
    return lost;
}

static void *keeps(void *arg)
{
    stack_t st = {.ss_sp = for_signals, .ss_size = sizeof for_signals};

    (void)arg;
    sigaltstack(&st, NULL);
    return (void *)keeps_below();
}

static void *counts_until_told(void *arg)
{
    while (!atomic_load(&flag))
        ;
    return arg;
}

ROW(signal_stacks_spare_their_threads)
{
    pthread_t t[2] = {start(keeps, NULL), start(counts_until_told, NULL)};

    say("%ld ", join(t[0]));
    atomic_store(&flag, 1);
    say("%ld\n", join(t[1]));
}
