/* SPDX-License-Identifier: MIT
 *
 * Section 9: signals as something to wait for. */
#include "tests/kit.h"
#include <pthread.h>
#include <stdatomic.h>

static bool has_handler(int sig, void (*handler)(int))
{
    struct sigaction sa;

    return sigaction(sig, NULL, &sa) == 0 && sa.sa_handler == handler;
}

static volatile sig_atomic_t handled[65];

static void counts(int sig)
{
    handled[sig]++;
}

static int with_signals(go_fn *fn, void *arg)
{
    return go_run_with(&(go_run_opts){.clock = GO_CLOCK_VIRTUAL, .watchdog = -1}, fn, arg);
}

/* ---- opening ---- */

LAW_VIRTUAL(refused, "S9.09 an empty list or a bad number is -EINVAL, and changes nothing")
{
    static const int bad[] = {0, -1, 65, 1000, SIGKILL, SIGSTOP, SIGSEGV, SIGBUS, SIGFPE, SIGILL};
    go_signals s;

    CHECK_EQ(go_signals_open(&s, NULL, 0), -EINVAL);
    CHECK_EQ(go_signals_next(&s), -EBADF);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        CHECK_EQ(go_signals_open(&s, (int[]){SIGUSR1, bad[i], SIGUSR2}, 3), -EINVAL);
        CHECK(has_handler(SIGUSR1, SIG_DFL) && has_handler(SIGUSR2, SIG_DFL));
    }
    go_signals_close(&s);
}

LAW_VIRTUAL(restored, "S9.30 while a source is open its signals are caught; closing restores what "
                      "was there, unless the program has set another")
{
    go_signals s;

    signal(SIGUSR1, counts);
    signal(SIGUSR2, SIG_IGN);
    CHECK_EQ(go_signals_open(&s, (int[]){SIGUSR1, SIGUSR2, SIGHUP, SIGHUP}, 4), 0);
    CHECK(!has_handler(SIGUSR1, counts) && !has_handler(SIGUSR2, SIG_IGN) &&
          !has_handler(SIGHUP, SIG_DFL));
    raise(SIGUSR1);
    CHECK_EQ(handled[SIGUSR1], 0);
    CHECK_EQ(go_signals_next(&s), SIGUSR1);
    go_signals_close(&s);
    CHECK(has_handler(SIGUSR1, counts) && has_handler(SIGUSR2, SIG_IGN) &&
          has_handler(SIGHUP, SIG_DFL));
    CHECK_EQ(handled[SIGUSR1], 0);
    go_signals_close(&s);
    CHECK_EQ(go_signals_next(&s), -EBADF);

    CHECK_EQ(go_signals_open(&s, (int[]){SIGUSR1}, 1), 0);
    signal(SIGUSR1, SIG_IGN);
    go_signals_close(&s);
    CHECK(has_handler(SIGUSR1, SIG_IGN));
    signal(SIGUSR1, SIG_DFL);
    signal(SIGUSR2, SIG_DFL);
}

/* ---- receiving ---- */

static go_signals source;

static int receives(void *arg)
{
    int rc = go_signals_next(&source);

    mark("%s%d", (const char *)arg, rc);
    return 0;
}

LAW_VIRTUAL(wakes, "S9.31 a signal wakes the fiber that has waited longest, and it alone")
{
    char want[64];
    int rc;

    CHECK_EQ(go_signals_open(&source, (int[]){SIGUSR1, SIGUSR2}, 2), 0);
    GO_NURSERY(n, rc) {
        go_spawn(n, receives, (void *)"a");
        go_spawn(n, receives, (void *)"b");
        go_sleep(GO_MS);
        raise(SIGUSR2);
        go_sleep(GO_MS);
        snprintf(want, sizeof want, "a%d", SIGUSR2);
        CHECK_TRACE(want);
        raise(SIGUSR1);
        CHECK_EQ(kill(getpid(), SIGUSR2), 0); /* pending for who comes next */
        CHECK_EQ(go_signals_next(&source), SIGUSR2);
    }
    snprintf(want, sizeof want, "b%d", SIGUSR1);
    CHECK_TRACE(want);
    go_signals_close(&source);
}

static void *kills_later(void *arg)
{
    nap(10 * GO_MS);
    kill(getpid(), *(int *)arg);
    return NULL;
}

LAW_VIRTUAL(from_outside,
            "S10.05 an open source counts as something that can wake the program, and "
            "a signal does")
{
    pthread_t t;
    int sig = SIGUSR1;

    CHECK_EQ(go_signals_open(&source, &sig, 1), 0);
    pthread_create(&t, NULL, kills_later, &sig);
    CHECK_EQ(go_signals_next(&source), SIGUSR1);
    pthread_join(t, NULL);
    go_signals_close(&source);
}

LAW_VIRTUAL(turns, "S9.10 pending signals take turns: a frequent one hides none")
{
    int got[9];

    CHECK_EQ(go_signals_open(&source, (int[]){SIGHUP, SIGUSR1, SIGUSR2}, 3), 0);
    raise(SIGUSR2);
    raise(SIGUSR1);
    raise(SIGHUP);
    for (int i = 0; i < 9; i++) {
        got[i] = go_signals_next(&source);
        raise(got[i]); /* pending again at once, all three of them */
    }
    for (int i = 3; i < 9; i++)
        CHECK_EQ(got[i], got[i - 3]);
    CHECK(got[0] != got[1] && got[1] != got[2] && got[0] != got[2]);
    for (int i = 0; i < 3; i++)
        CHECK_EQ(go_signals_next(&source), got[i]);
    go_signals_close(&source);
}

LAW_VIRTUAL(counted, "S9.32 a signal that comes again before it was received counts once, a "
                     "real-time one each time")
{
    int rt = SIGRTMIN + 3, rc;

    CHECK_EQ(go_signals_open(&source, (int[]){SIGUSR1, rt}, 2), 0);
    for (int i = 0; i < 5; i++) {
        raise(SIGUSR1);
        raise(rt);
    }
    CHECK_EQ(go_signals_next(&source), SIGUSR1);
    for (int i = 0; i < 5; i++)
        CHECK_EQ(go_signals_next(&source), rt);
    GO_MOVE_ON(GO_MS, rc) {
        CHECK_EQ(go_signals_next(&source), -ECANCELED);
    }
    go_signals_close(&source);
}

/* ---- closing ---- */

LAW_VIRTUAL(close_wakes, "S1.06 closing a source gives its waiters -EBADF")
{
    char want[32];
    int rc;

    CHECK_EQ(go_signals_open(&source, (int[]){SIGUSR1}, 1), 0);
    GO_NURSERY(n, rc) {
        go_spawn(n, receives, (void *)"");
        go_yield();
        go_signals_close(&source);
    }
    snprintf(want, sizeof want, "%d", -EBADF);
    CHECK_TRACE(want);
}

LAW_VIRTUAL(unreceived, "S9.10 those unreceived at close go to the restored disposition")
{
    int rt = SIGRTMIN + 4;

    signal(SIGUSR1, counts);
    signal(SIGUSR2, counts);
    signal(rt, counts);
    memset((void *)handled, 0, sizeof handled);
    CHECK_EQ(go_signals_open(&source, (int[]){SIGUSR1, SIGUSR2, rt}, 3), 0);
    raise(SIGUSR1);
    raise(SIGUSR1);
    raise(SIGUSR2);
    for (int i = 0; i < 3; i++)
        raise(rt);
    CHECK_EQ(go_signals_next(&source), SIGUSR1);
    CHECK_EQ(go_signals_next(&source), SIGUSR2);
    CHECK_EQ(go_signals_next(&source), rt);
    raise(SIGUSR1);
    CHECK_EQ(handled[SIGUSR1], 0);
    go_signals_close(&source);
    CHECK_EQ(handled[SIGUSR1], 1);
    CHECK_EQ(handled[SIGUSR2], 0);
    CHECK_EQ(handled[rt], 2);
    signal(SIGUSR1, SIG_DFL);
    signal(SIGUSR2, SIG_DFL);
    signal(rt, SIG_DFL);
}

static int dies_at_close(void *arg)
{
    (void)arg;
    CHECK_EQ(go_signals_open(&source, (int[]){SIGUSR1}, 1), 0);
    raise(SIGUSR1);
    go_sleep(GO_MS);
    fputs("alive ", stderr);
    go_signals_close(&source);
    fputs("not reached", stderr);
    return 0;
}

static int dies_program(void *arg)
{
    return virtual_run(dies_at_close, arg);
}

LAW(default_at_close, "S9.10 also where that ends the program")
{
    CHECK_DIES(dies_program, NULL, SIGUSR1);
    CHECK_STR(kit_output, "alive ");
}

static int forgets_to_close(void *arg)
{
    go_signals forgotten;

    (void)arg;
    CHECK_EQ(go_signals_open(&forgotten, (int[]){SIGUSR1, SIGUSR2}, 2), 0);
    raise(SIGUSR1);
    return 0;
}

static int uses_old_source(void *arg)
{
    (void)arg;
    CHECK_EQ(go_signals_next(&source), -EBADF);
    CHECK_EQ(go_signals_open(&source, (int[]){SIGUSR1}, 1), 0);
    return 0;
}

LAW(closed_by_the_end, "S9.33 what is left open at the end of go_run is closed by it")
{
    signal(SIGUSR1, counts);
    handled[SIGUSR1] = 0;
    CHECK_EQ(virtual_run(forgets_to_close, NULL), 0);
    CHECK_EQ(handled[SIGUSR1], 1);
    CHECK(has_handler(SIGUSR1, counts) && has_handler(SIGUSR2, SIG_DFL));
    CHECK_EQ(virtual_run(uses_old_source, NULL), 0);
    CHECK_EQ(virtual_run(uses_old_source, NULL), 0); /* the source of another run is not open */
    signal(SIGUSR1, SIG_DFL);
}

/* ---- several sources ---- */

LAW_VIRTUAL(two_sources, "S9.34 several sources on one signal: each gets it; what one has received "
                         "is not raised again")
{
    go_signals a, b;
    int usr1 = SIGUSR1;

    signal(SIGUSR1, counts);
    handled[SIGUSR1] = 0;
    CHECK_EQ(go_signals_open(&a, &usr1, 1), 0);
    raise(SIGUSR1);
    CHECK_EQ(go_signals_open(&b, &usr1, 1), 0);
    raise(SIGUSR1);
    CHECK_EQ(go_signals_next(&a), SIGUSR1);
    CHECK_EQ(go_signals_next(&b), SIGUSR1);
    raise(SIGUSR1);
    CHECK_EQ(go_signals_next(&b), SIGUSR1);
    go_signals_close(&b);
    CHECK(!has_handler(SIGUSR1, counts)); /* a is open still, and has one to receive */
    go_signals_close(&a);
    CHECK(has_handler(SIGUSR1, counts));
    CHECK_EQ(handled[SIGUSR1], 0);
    signal(SIGUSR1, SIG_DFL);
}

struct listener {
    pthread_t thread;
    atomic_int *ready;
    int got[2];
};

static int listens(void *arg)
{
    struct listener *l = arg;
    go_signals s;

    CHECK_EQ(go_signals_open(&s, (int[]){SIGUSR1, SIGUSR2}, 2), 0);
    atomic_fetch_add(l->ready, 1);
    l->got[0] = go_signals_next(&s);
    atomic_fetch_add(l->ready, 1);
    l->got[1] = go_signals_next(&s);
    go_signals_close(&s);
    return 0;
}

static void *listener_thread(void *arg)
{
    real_run(listens, arg);
    return NULL;
}

LAW(two_threads, "S9.34 also sources of several threads' runs")
{
    atomic_int ready = 0;
    struct listener l[3];

    if (RUNNING_ON_VALGRIND) {
        TAP_SKIP("valgrind 3.19 finds no stack for the handler there");
        return;
    }
    signal(SIGUSR1, SIG_IGN);
    for (int i = 0; i < 3; i++) {
        l[i] = (struct listener){.ready = &ready};
        pthread_create(&l[i].thread, NULL, listener_thread, &l[i]);
    }
    while (atomic_load(&ready) < 3)
        nap(GO_MS);
    kill(getpid(), SIGUSR1);
    while (atomic_load(&ready) < 6)
        nap(GO_MS);
    kill(getpid(), SIGUSR2);
    for (int i = 0; i < 3; i++) {
        pthread_join(l[i].thread, NULL);
        CHECK_EQ(l[i].got[0], SIGUSR1);
        CHECK_EQ(l[i].got[1], SIGUSR2);
    }
    CHECK(has_handler(SIGUSR1, SIG_IGN) && has_handler(SIGUSR2, SIG_DFL));
    signal(SIGUSR1, SIG_DFL);
}

/* ---- the run's own signals ---- */

static int takes_sigterm(void *arg)
{
    (void)arg;
    CHECK_EQ(go_signals_open(&source, (int[]){SIGTERM}, 1), 0);
    for (int i = 0; i < 5; i++) {
        raise(SIGTERM);
        CHECK_EQ(go_signals_next(&source), SIGTERM);
    }
    CHECK(!go_stopping());
    go_signals_close(&source);
    raise(SIGTERM);
    for (int i = 0; i < 4 && !go_stopping(); i++)
        go_sleep(1);
    CHECK(go_stopping() && !go_cancelled());
    return 3;
}

LAW(sigterm, "S9.35 a source on SIGTERM takes it from the run, and gives it back")
{
    CHECK_EQ(with_signals(takes_sigterm, NULL), 3);
    CHECK(has_handler(SIGTERM, SIG_DFL));
}

static int leaves_sigterm(void *arg)
{
    (void)arg;
    CHECK_EQ(go_signals_open(&source, (int[]){SIGTERM}, 1), 0);
    raise(SIGTERM);
    go_sleep(GO_MS);
    CHECK(!go_stopping());
    go_signals_close(&source); /* nobody took it: it is the run's */
    for (int i = 0; i < 4 && !go_stopping(); i++)
        go_sleep(1);
    CHECK(go_stopping());
    return 4;
}

LAW(sigterm_unreceived, "S9.35 one that nobody received stops the run after all")
{
    CHECK_EQ(with_signals(leaves_sigterm, NULL), 4);
}

static int nothing(void *arg)
{
    (void)arg;
    return 0;
}

static void *short_run(void *arg)
{
    (void)arg;
    CHECK_EQ(with_signals(nothing, NULL), 0);
    return NULL;
}

static int starts_run_inside(void *arg)
{
    pthread_t t;

    (void)arg;
    CHECK_EQ(go_signals_open(&source, (int[]){SIGTERM}, 1), 0);
    pthread_create(&t, NULL, short_run, NULL);
    pthread_join(t, NULL);
    go_signals_close(&source);
    return 0;
}

LAW(outlasts_run, "S9.35 whatever runs begin and end meanwhile, SIGTERM is as before afterwards")
{
    CHECK_EQ(virtual_run(starts_run_inside, NULL), 0);
    CHECK(has_handler(SIGTERM, SIG_DFL));
    CHECK_EQ(with_signals(starts_run_inside, NULL), 0);
    CHECK(has_handler(SIGTERM, SIG_DFL));
}

struct gate {
    atomic_int state;
};

static int runs_until_told(void *arg)
{
    struct gate *g = arg;

    atomic_store(&g->state, 1);
    while (atomic_load(&g->state) == 1)
        go_sleep(GO_MS);
    return 0;
}

static void *gated_run(void *arg)
{
    go_run_with(&(go_run_opts){.watchdog = -1}, runs_until_told, arg);
    return NULL;
}

static int closes_after_run(void *arg)
{
    struct gate g = {0};
    pthread_t t;

    (void)arg;
    pthread_create(&t, NULL, gated_run, &g);
    while (atomic_load(&g.state) == 0)
        nap(GO_MS);
    CHECK_EQ(go_signals_open(&source, (int[]){SIGTERM}, 1), 0); /* over the other run's handler */
    atomic_store(&g.state, 2);
    pthread_join(t, NULL);
    go_signals_close(&source);
    CHECK(has_handler(SIGTERM, SIG_DFL)); /* and not that of a run that is over */

    atomic_store(&g.state, 0);
    CHECK_EQ(go_signals_open(&source, (int[]){SIGTERM}, 1), 0);
    pthread_create(&t, NULL, gated_run, &g);
    while (atomic_load(&g.state) == 0)
        nap(GO_MS);
    go_signals_close(&source);
    CHECK(!has_handler(SIGTERM, SIG_DFL)); /* the other run's now */
    atomic_store(&g.state, 2);
    pthread_join(t, NULL);
    CHECK(has_handler(SIGTERM, SIG_DFL));
    return 0;
}

LAW(across_threads, "S9.35 also the run of another thread that began or ended while it was open")
{
    CHECK_EQ(virtual_run(closes_after_run, NULL), 0);
}

/* ---- cancelled ---- */

LAW_VIRTUAL(cancelled, "S9.36 a cancelled go_signals_next loses no signal")
{
    int rc;

    CHECK_EQ(go_signals_open(&source, (int[]){SIGUSR1}, 1), 0);
    GO_MOVE_ON(GO_MS, rc) {
        rc = go_signals_next(&source);
        CHECK_EQ(rc, -ECANCELED);
    }
    raise(SIGUSR1);
    GO_MOVE_ON(-1, rc) {
        CHECK_EQ(go_signals_next(&source), -ECANCELED);
    }
    CHECK_EQ(go_signals_next(&source), SIGUSR1);
    go_signals_close(&source);
}

LAW_VIRTUAL(soft, "S4.29 a soft cancel stops go_signals_next, also one that waits")
{
    go_scope s = {0};
    char want[32];
    int rc;

    CHECK_EQ(go_signals_open(&source, (int[]){SIGUSR1}, 1), 0);
    GO_SCOPE(&s, rc, NULL) {
        GO_NURSERY(n, rc) {
            go_spawn(n, receives, (void *)"");
            go_yield();
            go_scope_cancel_soft(&s, GO_FOREVER, "enough");
        }
        CHECK_EQ(rc, 0);
        raise(SIGUSR1);
        CHECK_EQ(go_signals_next(&source), -ECANCELED);
        CHECK_EQ(go_select((go_case[]){GO_SIGNAL(&source)}, 1), -ECANCELED);
        CHECK_EQ(go_sleep(GO_MS), 0);
    }
    snprintf(want, sizeof want, "%d", -ECANCELED);
    CHECK_TRACE(want);
    CHECK_EQ(go_signals_next(&source), SIGUSR1); /* outside it again */
    go_signals_close(&source);
}

/* ---- select ---- */

LAW_VIRTUAL(selects, "S7.40 go_select waits on signals, and commits exactly one case")
{
    go_signals other, never = {.sched = NULL};
    go_event e;

    go_event_init(&e, 0);
    CHECK_EQ(go_signals_open(&source, (int[]){SIGUSR1}, 1), 0);
    CHECK_EQ(go_signals_open(&other, (int[]){SIGUSR2}, 1), 0);
    {
        go_case c[] = {GO_WAIT(&e), GO_SIGNAL(&source), GO_SIGNAL(&other), GO_AFTER(GO_SEC)};

        CHECK_EQ(go_select(c, 4), 3);
        raise(SIGUSR2);
        CHECK_EQ(go_select(c, 4), 2); /* ready at once */
        CHECK_EQ(c[2].result, SIGUSR2);
        raise(SIGUSR1);
        raise(SIGUSR2);
        CHECK(go_select(c, 4) + go_select(c, 4) == 3); /* one each time, and none is lost */
        CHECK_EQ(go_select(c, 4), 3);
    }
    {
        go_case c[] = {GO_SIGNAL(&source), GO_DEFAULT}, closed = GO_SIGNAL(&never);

        CHECK_EQ(go_select(c, 2), 1);
        CHECK_EQ(go_select(&closed, 1), 0);
        CHECK_EQ(closed.result, -EBADF);
    }
    go_signals_close(&other);
    go_signals_close(&source);
}

static int selects_two(void *arg)
{
    go_case c[] = {GO_SIGNAL(&source), GO_WAIT((go_event *)arg)};
    int i = go_select(c, 2);

    mark("%d:%d", i, i >= 0 ? c[i].result : 0);
    return 0;
}

LAW_VIRTUAL(select_parked, "S7.40 also one that waits: the signal, the event, or the close")
{
    go_event e;
    char want[64];
    int rc;

    go_event_init(&e, 0);
    CHECK_EQ(go_signals_open(&source, (int[]){SIGUSR1}, 1), 0);
    GO_NURSERY(n, rc) {
        go_spawn(n, selects_two, &e);
        go_spawn(n, selects_two, &e);
        go_sleep(GO_MS);
        raise(SIGUSR1);
        go_sleep(GO_MS);
        go_event_set(&e);
        go_sleep(GO_MS);
        go_event_clear(&e);
        raise(SIGUSR1);
        CHECK_EQ(go_signals_next(&source), SIGUSR1); /* the second one has left its list */
        go_spawn(n, selects_two, &e);
        go_sleep(GO_MS);
        go_signals_close(&source);
    }
    snprintf(want, sizeof want, "0:%d 1:0 0:%d", SIGUSR1, -EBADF);
    CHECK_TRACE(want);
}

/* ---- fork ---- */

static int in_fork_child(void *arg)
{
    int rc, status;
    pid_t pid;

    (void)arg;
    signal(SIGUSR2, SIG_IGN);
    CHECK_EQ(go_signals_open(&source, (int[]){SIGUSR1}, 1), 0);
    raise(SIGUSR1);
    pid = fork();
    if (pid == 0) { /* nothing is pending here, but the source works */
        GO_MOVE_ON(GO_MS, rc) {
            CHECK_EQ(go_signals_next(&source), -ECANCELED);
        }
        raise(SIGUSR1);
        CHECK_EQ(go_signals_next(&source), SIGUSR1);
        go_signals_close(&source);
        CHECK(has_handler(SIGUSR1, SIG_DFL));
        _exit(tap.wrong != 0);
    }
    CHECK_EQ(go_signals_next(&source), SIGUSR1);
    go_signals_close(&source);
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(status, 0);
    return 0;
}

static int in_fork_program(void *arg)
{
    return virtual_run(in_fork_child, arg) < 0 ? 98 : 0;
}

LAW(forks, "S9.37 in a fork child the sources of its thread stay open, with nothing pending")
{
    CHECK_EXITS(in_fork_program, NULL, 0);
}

static int waits_for_usr1(void *arg)
{
    go_signals s;

    CHECK_EQ(go_signals_open(&s, (int[]){SIGUSR1}, 1), 0);
    atomic_store((atomic_int *)arg, 1);
    CHECK_EQ(go_signals_next(&s), SIGUSR1);
    go_signals_close(&s);
    return 0;
}

static void *waits_thread(void *arg)
{
    real_run(waits_for_usr1, arg);
    return NULL;
}

static int without_the_thread(void *arg)
{
    atomic_int ready = 0;
    pthread_t t;
    int status;
    pid_t pid;

    (void)arg;
    pthread_create(&t, NULL, waits_thread, &ready);
    while (!atomic_load(&ready))
        nap(GO_MS);
    pid = fork();
    if (pid == 0) {
        CHECK(has_handler(SIGUSR1, SIG_DFL));
        _exit(tap.wrong != 0);
    }
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(status, 0);
    kill(getpid(), SIGUSR1);
    pthread_join(t, NULL);
    return 0;
}

LAW(forks_alone, "S9.37 and those of other threads are gone, their signals as before them")
{
    CHECK_EXITS(without_the_thread, NULL, 0);
}

/* ---- misuse, and what is not there ---- */

LAW(outside, "S1.20 outside a run go_signals_open and go_signals_next are -ESHUTDOWN")
{
    go_signals s;

    CHECK_EQ(go_signals_open(&s, (int[]){SIGUSR1}, 1), -ESHUTDOWN);
    CHECK_EQ(go_signals_next(&s), -ESHUTDOWN);
    go_signals_close(&s);
    CHECK(has_handler(SIGUSR1, SIG_DFL));
}

static int watchdog_signal_refused(void *arg)
{
    int busy = 0;

    (void)arg;
    /* MIPS has 128 signals, of which sources know 64 */
    for (int sig = SIGRTMIN; sig <= SIGRTMAX && sig <= 64; sig++) {
        go_signals s;
        int rc = go_signals_open(&s, &sig, 1);

        CHECK(rc == 0 || rc == -EBUSY);
        busy += rc == -EBUSY;
        go_signals_close(&s);
    }
    CHECK(busy <= 1);
    return busy;
}

LAW(watchdog, "S9.38 the watchdog's own signal is -EBUSY, and every other real-time one is free")
{
    CHECK_EQ(go_run_with(&(go_run_opts){.watchdog = -1}, watchdog_signal_refused, NULL), 0);
    if (!tap_slow())
        CHECK_EQ(go_run_with(NULL, watchdog_signal_refused, NULL), 1);
}

TAP_MAIN
