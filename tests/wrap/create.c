/* SPDX-License-Identifier: MIT
 *
 * Threads begin, are joined or detached, and end. */
#include "tests/wrap/table.h"
#include <limits.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <threads.h>

static void *echo(void *arg)
{
    return arg;
}

ROW(create_join)
{
    say("%ld\n", join(start(echo, (void *)42)));
}

ROW(create_many)
{
    pthread_t t[300];
    long sum = 0;

    for (long i = 0; i < 300; i++)
        t[i] = start(echo, (void *)i);
    for (int i = 0; i < 300; i++)
        sum += join(t[i]);
    say("%ld\n", sum);
}

ROW(create_waves)
{
    long sum = 0;

    for (int wave = 0; wave < 50; wave++) {
        pthread_t t[20];

        for (long i = 0; i < 20; i++)
            t[i] = start(echo, (void *)i);
        for (int i = 0; i < 20; i++)
            sum += join(t[i]);
    }
    say("%ld\n", sum);
}

static void *exits(void *arg)
{
    pthread_exit(arg);
}

ROW(create_exit)
{
    say("%ld\n", join(start(exits, (void *)7)));
}

ROW(create_join_self)
{
    say("%s\n", err(pthread_join(pthread_self(), NULL)));
}

static atomic_int flag;

static void *sets_later(void *arg)
{
    rest(20);
    atomic_store(&flag, 1);
    return arg;
}

static void await(int value)
{
    while (atomic_load(&flag) != value)
        rest(1);
}

ROW(create_detached)
{
    pthread_attr_t a;
    pthread_t t;

    pthread_attr_init(&a);
    pthread_attr_setdetachstate(&a, PTHREAD_CREATE_DETACHED);
    say("%s\n", err(pthread_create(&t, &a, sets_later, NULL)));
    await(1);
    say("done\n");
}

ROW(create_detach)
{
    pthread_t t = start(sets_later, NULL);

    say("%s %s\n", err(pthread_detach(t)), err(pthread_detach(t)));
    say("%s\n", err(pthread_join(t, NULL)));
    await(1);
}

static void *detaches_itself(void *arg)
{
    say("%s\n", err(pthread_detach(pthread_self())));
    atomic_store(&flag, 1);
    return arg;
}

ROW(create_detach_self)
{
    start(detaches_itself, NULL);
    await(1);
    rest(10);
}

ROW(create_tryjoin)
{
    pthread_t t = start(sets_later, (void *)5);
    void *r = NULL;

    say("%s\n", err(pthread_tryjoin_np(t, &r)));
    await(1);
    while (pthread_tryjoin_np(t, &r) == EBUSY)
        sched_yield();
    say("%ld\n", (long)r);
}

static void *sleeps(void *arg)
{
    rest(100);
    return arg;
}

ROW(create_timedjoin)
{
    pthread_t t = start(sleeps, (void *)6);
    struct timespec soon = from_now(CLOCK_REALTIME, 10), late = from_now(CLOCK_REALTIME, 20000);
    void *r = NULL;

    say("%s ", err(pthread_timedjoin_np(t, &r, &soon)));
    say("%s ", err(pthread_timedjoin_np(t, &r, &late)));
    say("%ld\n", (long)r);
}

ROW(create_clockjoin)
{
    pthread_t t = start(sleeps, (void *)6);
    struct timespec soon = from_now(CLOCK_MONOTONIC, 10);
    void *r = NULL;

    say("%s ", err(pthread_clockjoin_np(t, &r, CLOCK_MONOTONIC, &soon)));
    say("%ld\n", join(t));
}

static void *joins(void *arg)
{
    return (void *)(join(*(pthread_t *)arg) + 1);
}

ROW(create_join_chain)
{
    static pthread_t t[20];

    t[0] = start(sleeps, (void *)100);
    for (int i = 1; i < 20; i++)
        t[i] = start(joins, &t[i - 1]);
    say("%ld\n", join(t[19]));
}

static pthread_t first;

static void *joins_main(void *arg)
{
    void *r = NULL;

    say("%s", err(pthread_join(first, &r)));
    say(" %ld\n", (long)r);
    return arg;
}

ROW(create_main_exits)
{
    first = pthread_self();
    start(joins_main, NULL);
    pthread_exit((void *)9);
}

static void *says_last(void *arg)
{
    rest(30);
    say("last\n");
    return arg;
}

ROW(create_main_exits_first)
{
    start(says_last, NULL);
    pthread_exit(NULL);
}

static void says_at_exit(void)
{
    say("at exit\n");
}

static void *syncs_a_file(void *arg)
{
    FILE *f = tmpfile();

    say("%d\n", fsync(fileno(f)));
    return arg;
}

ROW(create_last_exits_process)
{
    atexit(says_at_exit);
    start(syncs_a_file, NULL);
    pthread_exit(NULL);
}

static void *exits_process(void *arg)
{
    rest(5);
    exit((int)(long)arg);
}

ROW(create_exit_from_thread)
{
    start(exits_process, (void *)17);
    pause();
}

static void at_exit(void)
{
    say("at exit\n");
}

ROW(create_exit_runs_handlers)
{
    atexit(at_exit);
    start(exits_process, (void *)3);
    rest(10000);
}

ROW(create_return_from_main_ends_all)
{
    start(sleeps, NULL);
    for (int i = 0; i < 10; i++)
        start(echo, NULL);
}

static void *deep(void *arg)
{
    volatile char frame[1000];
    long n = (long)arg;

    frame[0] = (char)n;
    if (n == 0)
        return (void *)1;
    return (void *)((long)deep((void *)(n - 1)) + (frame[0] == (char)n));
}

ROW(create_deep_stack)
{
    say("%ld\n", join(start(deep, (void *)6000L)));
}

ROW(create_stack_size)
{
    pthread_attr_t a, got;
    pthread_t t;
    size_t size = 0;

    pthread_attr_init(&a);
    say("%s ", err(pthread_attr_setstacksize(&a, 1 << 20)));
    say("%s ", err(pthread_create(&t, &a, sleeps, NULL)));
    pthread_getattr_np(t, &got);
    pthread_attr_getstacksize(&got, &size);
    say("%zu\n", size);
    join(t);
}

ROW(create_stack_too_small)
{
    pthread_attr_t a;

    pthread_attr_init(&a);
    say("%s\n", err(pthread_attr_setstacksize(&a, 1000)));
}

ROW(create_small_stack)
{
    pthread_attr_t a;
    pthread_t t;

    pthread_attr_init(&a);
    say("%s ", err(pthread_attr_setstacksize(&a, PTHREAD_STACK_MIN + 16384)));
    say("%s ", err(pthread_create(&t, &a, echo, (void *)3)));
    say("%ld\n", join(t));
}

static void *where(void *arg)
{
    (void)arg;
    return __builtin_frame_address(0);
}

ROW(create_own_stack)
{
    size_t size = 256 * 1024;
    char *stack = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    pthread_attr_t a;
    pthread_t t;
    void *at;

    pthread_attr_init(&a);
    say("%s ", err(pthread_attr_setstack(&a, stack, size)));
    say("%s ", err(pthread_create(&t, &a, where, NULL)));
    pthread_join(t, &at);
    say("%d\n", (char *)at >= stack && (char *)at < stack + size);
}

/* What is locked has no guards that are no mappings of their own. */
ROW(create_locked_memory)
{
    char line[200];
    long there = 0;
    FILE *f;

    (void)!mlockall(MCL_CURRENT | MCL_FUTURE); /* which not everybody may */
    say("%ld\n", join(start(echo, (void *)3)));
    f = fopen("/proc/self/status", "r");
    while (f && fgets(line, sizeof line, f))
        sscanf(line, "VmRSS: %ld", &there);
    say("%d\n", there < 1 << 20); /* kilobytes */
}

ROW(create_guard_size)
{
    pthread_attr_t a, got;
    pthread_t t;
    size_t size = 1;

    pthread_attr_init(&a);
    pthread_attr_setguardsize(&a, 64 * 1024);
    pthread_create(&t, &a, sleeps, NULL);
    pthread_getattr_np(t, &got);
    pthread_attr_getguardsize(&got, &size);
    say("%zu\n", size);
    join(t);
}

static void *overflows(void *arg)
{
    return deep(arg);
}

ROW(create_overflow_kills)
{
    say("deep\n");
    join(start(overflows, (void *)1000000L));
}

static void *crashes(void *arg)
{
    *(volatile int *)arg = 1;
    return NULL;
}

ROW(create_crash_kills)
{
    say("crash\n");
    join(start(crashes, NULL));
}

static void *aborts(void *arg)
{
    (void)arg;
    abort();
}

ROW(create_abort_kills)
{
    join(start(aborts, NULL));
}

static void *tells_ids(void *arg)
{
    pid_t *ids = arg;

    ids[0] = gettid();
    ids[1] = getpid();
    ids[2] = (pid_t)syscall(SYS_gettid);
    ids[3] = getppid();
    return NULL;
}

ROW(create_ids)
{
    pid_t a[4], b[4];
    pthread_t s, t;

    s = start(tells_ids, a);
    join(s);
    t = start(tells_ids, b);
    join(t);
    say("%d %d %d %d\n", a[0] == a[2], a[0] != getpid(), a[1] == getpid(), a[3] == getppid());
    say("%d\n", gettid() == getpid());
}

static void *equals(void *arg)
{
    return (void *)(long)(pthread_equal(pthread_self(), *(pthread_t *)arg) != 0);
}

ROW(create_equal)
{
    pthread_t me = pthread_self();

    say("%ld %d\n", join(start(equals, &me)), pthread_equal(me, pthread_self()) != 0);
}

static void *named(void *arg)
{
    char name[16] = "";

    say("%s ", err(pthread_setname_np(pthread_self(), "worker")));
    pthread_getname_np(pthread_self(), name, sizeof name);
    say("%s\n", name);
    return arg;
}

ROW(create_name)
{
    char name[16] = "";

    say("%s ", err(pthread_setname_np(pthread_self(), "a name that is too long")));
    pthread_setname_np(pthread_self(), "chief");
    join(start(named, NULL));
    pthread_getname_np(pthread_self(), name, sizeof name);
    say("%s\n", name);
}

ROW(create_name_of_another)
{
    pthread_t t = start(sleeps, NULL);
    char name[16] = "";

    say("%s ", err(pthread_setname_np(t, "other")));
    say("%s ", err(pthread_getname_np(t, name, sizeof name)));
    say("%s\n", name);
    join(t);
}

ROW(create_policy)
{
    pthread_t t = start(sleeps, NULL);
    struct sched_param p = {0};
    int policy = -1;

    say("%s ", err(pthread_getschedparam(t, &policy, &p)));
    say("%d %d ", policy, p.sched_priority);
    p.sched_priority = 5;
    say("%s ", err(pthread_setschedparam(t, SCHED_OTHER, &p)));
    p.sched_priority = 0;
    say("%s\n", err(pthread_setschedparam(t, SCHED_BATCH, &p)));
    join(t);
}

ROW(create_affinity)
{
    pthread_t t = start(sleeps, NULL);
    cpu_set_t a, b;

    CPU_ZERO(&a);
    say("%s ", err(pthread_getaffinity_np(t, sizeof a, &a)));
    pthread_getaffinity_np(pthread_self(), sizeof b, &b);
    say("%d\n", CPU_EQUAL(&a, &b));
    join(t);
}

static int c11(void *arg)
{
    return (int)(long)arg + 1;
}

ROW(create_c11)
{
    thrd_t t;
    int r = 0;

    say("%d ", thrd_create(&t, c11, (void *)4) == thrd_success);
    say("%d ", thrd_join(t, &r) == thrd_success);
    say("%d\n", r);
}

static int c11_exits(void *arg)
{
    thrd_exit((int)(long)arg);
}

ROW(create_c11_exit)
{
    thrd_t t;
    int r = 0;

    thrd_create(&t, c11_exits, (void *)4);
    say("%d ", thrd_join(t, &r));
    say("%d\n", r);
}

static void *makes(void *arg)
{
    long n = (long)arg;

    return n == 0 ? (void *)1 : (void *)(join(start(makes, (void *)(n - 1))) * 2);
}

ROW(create_from_threads)
{
    say("%ld\n", join(start(makes, (void *)10)));
}

static void *spins(void *arg)
{
    while (!atomic_load(&flag))
        ;
    return arg;
}

ROW(create_spin_until_set)
{
    pthread_t a = start(spins, NULL), b = start(spins, NULL);

    start(sets_later, NULL);
    join(a);
    join(b);
    say("spun\n");
}

ROW(create_main_spins)
{
    start(sets_later, NULL);
    while (!atomic_load(&flag))
        ;
    say("spun\n");
}

static atomic_long turns;

static void *counts(void *arg)
{
    while (!atomic_load(&flag))
        atomic_fetch_add(&turns, 1);
    return arg;
}

ROW(create_busy_share)
{
    pthread_t t[4];

    for (int i = 0; i < 4; i++)
        t[i] = start(counts, NULL);
    rest(30);
    atomic_store(&flag, 1);
    for (int i = 0; i < 4; i++)
        join(t[i]);
    say("%d\n", atomic_load(&turns) > 0);
}

ROW(create_single_threaded_flag)
{
    FILE *f = fopen("/proc/self/status", "r");

    say("%d\n", f != NULL);
    fclose(f);
}

ROW(create_concurrency)
{
    say("%s ", err(pthread_setconcurrency(4)));
    say("%d\n", pthread_getconcurrency());
}

ROW(create_cpu_clock)
{
    pthread_t t = start(sleeps, NULL);
    struct timespec ts;
    clockid_t c;

    say("%s ", err(pthread_getcpuclockid(t, &c)));
    say("%d\n", clock_gettime(c, &ts));
    join(t);
}

ROW(create_sleeps_by_cpu_clock)
{
    const struct timespec ms = {0, 20000000};
    pthread_t t = start(counts, NULL);

    say("%s ", err(clock_nanosleep(CLOCK_PROCESS_CPUTIME_ID, 0, &ms, NULL)));
    atomic_store(&flag, 1);
    join(t);
    say("%d\n", atomic_load(&turns) > 0);
}
