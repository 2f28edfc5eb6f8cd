/* SPDX-License-Identifier: MIT
 *
 * Cancellation, cleanup, and what is a thread's own. */
#include "tests/wrap/table.h"
#include <fcntl.h>
#include <locale.h>
#include <poll.h>
#include <setjmp.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static atomic_int flag;
static pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t c = PTHREAD_COND_INITIALIZER;
static sem_t sem;
static int fds[2];

static char done[200];

/* Said when all is over: who comes first, it or the canceller, is open. */
static void cleanup(void *arg)
{
    snprintf(done + strlen(done), sizeof done - strlen(done), "cleanup %s ", (const char *)arg);
}

static void ready(void)
{
    atomic_store(&flag, 1);
}

static void await(void)
{
    while (!atomic_load(&flag))
        rest(1);
    rest(5);
}

static void cancel(void *(*fn)(void *))
{
    pthread_t t = start(fn, NULL);
    void *r = NULL;

    await();
    say("%s ", err(pthread_cancel(t)));
    pthread_join(t, &r);
    say("%s%s\n", done, r == PTHREAD_CANCELED ? "cancelled" : "not cancelled");
}

#define CANCELLED(name, ...)                          \
    static void *in_##name(void *arg)                 \
    {                                                 \
        pthread_cleanup_push(cleanup, (void *)#name); \
        ready();                                      \
        __VA_ARGS__;                                  \
        pthread_cleanup_pop(0);                       \
        return arg;                                   \
    }                                                 \
    ROW(cancel_##name)                                \
    {                                                 \
        if (pipe(fds) < 0)                            \
            say("pipe\n");                            \
        sem_init(&sem, 0, 0);                         \
        cancel(in_##name);                            \
    }

CANCELLED(read, char x; say("%zd ", read(fds[0], &x, 1)))
CANCELLED(sleep, sleep(60))
CANCELLED(usleep, usleep(60000000))
CANCELLED(nanosleep, struct timespec ts = {60, 0}; nanosleep(&ts, NULL))
CANCELLED(pause, pause())
CANCELLED(poll, struct pollfd p = {fds[0], POLLIN, 0}; poll(&p, 1, -1))
CANCELLED(select, fd_set s; FD_ZERO(&s); FD_SET(fds[0], &s);
          select(fds[0] + 1, &s, NULL, NULL, NULL))
CANCELLED(sem_wait, sem_wait(&sem))
CANCELLED(sigwait, sigset_t s; int sig; sigemptyset(&s); sigaddset(&s, SIGUSR1); sigwait(&s, &sig))
CANCELLED(sigsuspend, sigset_t s; sigemptyset(&s); sigsuspend(&s))
CANCELLED(
    testcancel, for (;;) {
        pthread_testcancel();
        rest(1);
    })
CANCELLED(recv, int s[2]; char x; socketpair(AF_UNIX, SOCK_STREAM, 0, s); recv(s[0], &x, 1, 0))
CANCELLED(accept, int s = socket(AF_INET, SOCK_STREAM, 0); listen(s, 1); accept(s, NULL, NULL))
CANCELLED(
    wait, if (fork() == 0) {
        sleep(20);
        _exit(0);
    } wait(NULL))

static void unlock(void *arg)
{
    cleanup((void *)(uintptr_t)err(pthread_mutex_unlock(arg)));
}

static void *in_cond(void *arg)
{
    pthread_mutex_lock(&m);
    pthread_cleanup_push(unlock, &m);
    ready();
    for (;;)
        pthread_cond_wait(&c, &m);
    pthread_cleanup_pop(0);
    return arg;
}

ROW(cancel_cond_wait)
{
    cancel(in_cond);
    say("%s\n", err(pthread_mutex_trylock(&m)));
}

static void *in_join(void *arg)
{
    pthread_t t = start(in_sleep, NULL);

    pthread_cleanup_push(cleanup, (void *)"join");
    ready();
    pthread_join(t, NULL);
    pthread_cleanup_pop(0);
    return arg;
}

ROW(cancel_join)
{
    cancel(in_join);
}

static void *in_mutex(void *arg)
{
    ready();
    pthread_mutex_lock(&m);
    say("locked ");
    pthread_mutex_unlock(&m);
    pthread_testcancel();
    return arg;
}

ROW(cancel_mutex_is_no_point)
{
    pthread_t t;
    void *r = NULL;

    pthread_mutex_lock(&m);
    t = start(in_mutex, NULL);
    await();
    pthread_cancel(t);
    rest(5);
    say("waits ");
    pthread_mutex_unlock(&m);
    pthread_join(t, &r);
    say("%d\n", r == PTHREAD_CANCELED);
}

static void *disabled(void *arg)
{
    int old;

    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &old);
    say("%d ", old == PTHREAD_CANCEL_ENABLE);
    ready();
    rest(30);
    say("rested ");
    pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
    pthread_testcancel();
    say("never ");
    return arg;
}

ROW(cancel_disabled)
{
    cancel(disabled);
}

static void *async(void *arg)
{
    volatile long n = 0;

    pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
    ready();
    for (;;)
        n++;
    return arg;
}

ROW(cancel_async_in_a_loop)
{
    cancel(async);
}

static void *cancels_itself(void *arg)
{
    pthread_cleanup_push(cleanup, (void *)"self");
    pthread_cancel(pthread_self());
    pthread_testcancel();
    pthread_cleanup_pop(0);
    return arg;
}

ROW(cancel_self)
{
    void *r = NULL;

    pthread_join(start(cancels_itself, NULL), &r);
    say("%s%d\n", done, r == PTHREAD_CANCELED);
}

static void *nested(void *arg)
{
    pthread_cleanup_push(cleanup, (void *)"outer");
    pthread_cleanup_push(cleanup, (void *)"inner");
    pthread_cleanup_push(cleanup, (void *)"popped");
    pthread_cleanup_pop(1);
    ready();
    rest(60000);
    pthread_cleanup_pop(0);
    pthread_cleanup_pop(0);
    return arg;
}

ROW(cancel_cleanup_order)
{
    cancel(nested);
}

static void *exits_with_cleanup(void *arg)
{
    pthread_cleanup_push(cleanup, (void *)"exit");
    pthread_exit((void *)3);
    pthread_cleanup_pop(0);
    return arg;
}

ROW(cancel_exit_cleans_up)
{
    say("%ld ", join(start(exits_with_cleanup, NULL)));
    say("%s\n", done);
}

static void *has_ended(void *arg)
{
    ready();
    return arg;
}

ROW(cancel_ended)
{
    pthread_t t = start(has_ended, (void *)4);

    await();
    say("%s ", err(pthread_cancel(t)));
    say("%ld\n", join(t));
}

static pthread_t chief;

static void *cancels_main(void *arg)
{
    void *r = NULL;

    pthread_cancel(chief);
    pthread_join(chief, &r);
    say("%d\n", r == PTHREAD_CANCELED);
    exit(0);
    return arg;
}

ROW(cancel_main)
{
    chief = pthread_self();
    start(cancels_main, NULL);
    for (;;)
        pause();
}

ROW(cancel_many)
{
    pthread_t t[100];
    int n = 0;

    sem_init(&sem, 0, 0);
    for (int i = 0; i < 100; i++)
        t[i] = start(in_sem_wait, NULL);
    rest(20);
    for (int i = 0; i < 100; i++)
        pthread_cancel(t[i]);
    for (int i = 0; i < 100; i++) {
        void *r = NULL;

        pthread_join(t[i], &r);
        n += r == PTHREAD_CANCELED;
    }
    say("%d\n", n);
}

/* ---- a thread's own ---- */

static __thread int own = 5;
static __thread char large[20000];

static void *changes(void *arg)
{
    int before = own;

    own = (int)(long)arg;
    large[0] = large[19999] = (char)own;
    rest(5);
    return (void *)(long)(before == 5 && own == (int)(long)arg && large[19999] == (char)own);
}

ROW(own_variables)
{
    pthread_t t[20];
    long good = 0;

    for (long i = 0; i < 20; i++)
        t[i] = start(changes, (void *)(i + 10));
    for (int i = 0; i < 20; i++)
        good += join(t[i]);
    say("%ld %d\n", good, own);
}

static pthread_key_t key, second;

static void destroy(void *value)
{
    say("destroy %ld ", (long)value);
    if ((long)value == 2)
        pthread_setspecific(second, (void *)3);
}

static void *has_values(void *arg)
{
    say("%d ", pthread_getspecific(key) == NULL);
    pthread_setspecific(key, (void *)2);
    rest(2);
    say("%ld ", (long)pthread_getspecific(key));
    return arg;
}

ROW(own_keys)
{
    pthread_key_create(&key, destroy);
    pthread_key_create(&second, destroy);
    pthread_setspecific(key, (void *)1);
    join(start(has_values, NULL));
    say("%ld\n", (long)pthread_getspecific(key));
    say("%s\n", err(pthread_key_delete(key)));
}

static int rounds;

static void again(void *value)
{
    rounds++;
    pthread_setspecific(key, value);
}

static void *sets_again(void *arg)
{
    pthread_setspecific(key, (void *)1);
    return arg;
}

ROW(own_key_destroyed_again)
{
    pthread_key_create(&key, again);
    join(start(sets_again, NULL));
    say("%d\n", rounds);
}

static void *fails(void *arg)
{
    errno = 0;
    close(-1);
    rest(5);
    return (void *)(long)(errno == EBADF && arg == NULL);
}

ROW(own_errno)
{
    pthread_t t = start(fails, NULL);

    errno = 77;
    for (int i = 0; i < 5; i++)
        sched_yield();
    say("%d ", errno);
    say("%ld\n", join(t));
}

static void *in_locale(void *arg)
{
    locale_t l = newlocale(LC_ALL_MASK, "C", NULL);

    uselocale(l);
    rest(2);
    return (void *)(long)(uselocale(NULL) == l && arg == NULL);
}

ROW(own_locale)
{
    pthread_t t = start(in_locale, NULL);

    say("%ld %d\n", join(t), uselocale(NULL) == LC_GLOBAL_LOCALE);
}

static void *jumps(void *arg)
{
    jmp_buf b;
    volatile int n = 0;

    if (setjmp(b) < 5) {
        n++;
        rest(1);
        longjmp(b, n);
    }
    return (void *)(long)(n + (arg != NULL));
}

ROW(own_jumps)
{
    pthread_t s = start(jumps, NULL), t = start(jumps, NULL);

    say("%ld %ld\n", join(s), join(t));
}

static void *floats(void *arg)
{
    volatile double x = (double)(long)arg;
    double sum = 0;

    for (int i = 0; i < 100; i++) {
        sum += x / 3;
        if (i % 10 == 0)
            sched_yield();
    }
    return (void *)(long)(sum + 0.5);
}

ROW(own_floats)
{
    pthread_t t[4];

    for (long i = 0; i < 4; i++)
        t[i] = start(floats, (void *)(i * 3));
    for (int i = 0; i < 4; i++)
        say("%ld ", join(t[i]));
    say("\n");
}

static void *strerrors(void *arg)
{
    char buf[64];

    return (void *)(long)strlen(strerror_r((int)(long)arg, buf, sizeof buf));
}

ROW(own_strerror)
{
    say("%ld %ld\n", join(start(strerrors, (void *)2)), join(start(strerrors, (void *)9999)));
}

static void *moves_tid_address(void *arg)
{
    int *at = NULL;
    long one, two;

    if (prctl(PR_GET_TID_ADDRESS, &at) < 0) /* not in every kernel */
        return arg;
    one = syscall(SYS_set_tid_address, NULL);
    two = syscall(SYS_set_tid_address, at);
    say("%d %d ", one == gettid(), two == gettid());
    return arg;
}

/* Where the thread's end is told is not changed by that: it can be joined. */
ROW(own_tid_address)
{
    say("%ld\n", join(start(moves_tid_address, (void *)3)));
}

static int processors(pid_t tid)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    return sched_getaffinity(tid, sizeof set, &set) < 0 ? -1 : CPU_COUNT(&set);
}

static int pin(pid_t tid, int cpu)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    if (cpu >= 0)
        CPU_SET(cpu, &set);
    return sched_setaffinity(tid, sizeof set, &set) < 0 ? errno : 0;
}

static void *pinned(void *arg)
{
    int all = processors(0), rc = pin(0, sched_getcpu()), own = processors(0);

    say("%s %d %d %d %s\n", err(rc), own, processors(getpid()) == all, processors(gettid()),
        err(pin(0, -1)));
    pin(getpid(), sched_getcpu());
    say("%d %d\n", processors(0), processors(getpid()));
    return arg;
}

static void *tells_processors(void *arg)
{
    (void)arg;
    return (void *)(long)processors(0);
}

static void *pins_inherited(void *arg)
{
    int all = processors(0);

    pin(0, sched_getcpu());
    say("%d %d\n", (int)join(start(tells_processors, NULL)), processors(getpid()) == all);
    return arg;
}

ROW(own_processors)
{
    join(start(pins_inherited, NULL));
    join(start(pinned, NULL));
}

/* sched_setattr(2) */
struct attributes {
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime, deadline, period;
};

static void *has_policy(void *arg)
{
    struct attributes a = {.size = 0};

    say("%ld ", syscall(SYS_sched_getattr, 0, &a, sizeof a, 0));
    say("%x %u %u %u; ", sched_getscheduler(0), a.policy, (unsigned)a.flags, a.priority);
    return arg;
}

static void *sets_policy(void *arg)
{
    struct attributes a = {.size = sizeof a, .policy = SCHED_BATCH};

    say("%ld ", syscall(SYS_sched_setattr, 0, &a, 0));
    join(start(has_policy, NULL));
    a.policy = SCHED_IDLE;
    a.flags = 1; /* SCHED_FLAG_RESET_ON_FORK */
    say("%ld ", syscall(SYS_sched_setattr, 0, &a, 0));
    has_policy(NULL);
    join(start(has_policy, NULL));
    a.policy = SCHED_FIFO; /* without a priority */
    say("%s\n", err(syscall(SYS_sched_setattr, 0, &a, 0) < 0 ? errno : 0));
    return arg;
}

ROW(own_policy)
{
    join(start(sets_policy, NULL));
    has_policy(NULL);
    say("\n");
}
