/* SPDX-License-Identifier: MIT
 *
 * Section 10: the watchdog, and what all reports have in common. */
#include "tests/kit.h"
#include <dlfcn.h>
#include <limits.h>
#include <sys/resource.h>

/* timer_create in libc's place: with fewer signals, as an emulator may have. */
static int highest_signal = INT_MAX;

int timer_create(clockid_t clock, struct sigevent *event, timer_t *timer)
{
    static int (*real)(clockid_t, struct sigevent *, timer_t *);

    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "timer_create");
    if (event->sigev_signo <= highest_signal)
        return real(clock, event, timer);
    errno = EINVAL;
    return -1;
}

/* Exported, so that a backtrace can name it. */
int hogs_the_processor(void *arg);

/* Computes here for so long, and seldom reads the clock: not every libc can be walked from. Time
 * that a busy machine gave to others is not counted: the ticks of it come as one. */
static void compute(go_time ns)
{
    static volatile unsigned sum;

    for (go_time last = real_now(), now; ns > 0; last = now) {
        for (unsigned i = 0; i < 10000; i++)
            sum += i;
        now = real_now();
        ns -= now - last < GO_MS ? now - last : GO_MS;
    }
}

__attribute__((noinline)) int hogs_the_processor(void *arg)
{
    go_name("hog");
    compute(*(go_time *)arg);
    return 0;
}

static int with_hog(void *arg)
{
    struct plan other = {.delay = GO_MS};
    int rc;

    GO_NURSERY(n, rc) {
        go_spawn_with(n, &(go_spawn_opts){.name = "innocent"}, follow, &other);
        go_spawn(n, hogs_the_processor, arg);
    }
    return rc;
}

static int hog_program(void *arg)
{
    return go_run(with_hog, arg) < 0 ? 98 : 0;
}

static int occurrences(const char *text, const char *part)
{
    int n = 0;

    for (; (text = strstr(text, part)); text += strlen(part))
        n++;
    return n;
}

LAW(reports, "S10.07 a fiber that does not yield for 100 ms: the report has that fiber's backtrace")
{
    go_time ns = 220 * GO_MS;

    CHECK_EXITS(hog_program, &ns, 0);
    CHECK_HAS(kit_output, "gosling:");
    CHECK_HAS(kit_output, "hog");
    CHECK_HAS(kit_output, "100 ms");
    CHECK_HAS(kit_output, "hogs_the_processor");
    CHECK_LACKS(kit_output, "innocent");
    CHECK_EQ(occurrences(kit_output, "gosling:"), 1); /* once for each time */
}

static int yields_in_time(void *arg)
{
    spin(20 * GO_MS); /* of the clock's time, however little of it was ours */
    return go_sleep(*(go_time *)arg);
}

static int patient_program(void *arg)
{
    return go_run(yields_in_time, arg) < 0 ? 98 : 0;
}

LAW(patient, "S10.07 one that yields in time is left alone")
{
    go_time ns = GO_MS;

    CHECK_EXITS(patient_program, &ns, 0);
    CHECK_STR(kit_output, "");
}

static int own_limit_program(void *arg)
{
    return go_run_with(&(go_run_opts){.watchdog = 20 * GO_MS}, with_hog, arg) < 0 ? 98 : 0;
}

static int never_program(void *arg)
{
    return go_run_with(&(go_run_opts){.watchdog = -1}, with_hog, arg) < 0 ? 98 : 0;
}

LAW(limit, "S10.07 the time is the run's: .watchdog; negative is never")
{
    go_time ns = 60 * GO_MS;

    CHECK_EXITS(own_limit_program, &ns, 0);
    CHECK_HAS(kit_output, "hog");
    CHECK_EXITS(never_program, &ns, 0);
    CHECK_STR(kit_output, "");
}

static int main_hogs(void *arg)
{
    return hogs_the_processor(arg);
}

static int main_hogs_program(void *arg)
{
    return go_run_with(&(go_run_opts){.watchdog = 20 * GO_MS}, main_hogs, arg) < 0 ? 98 : 0;
}

LAW(main_fiber, "S10.07 the main fiber is watched like any other")
{
    go_time ns = 60 * GO_MS;

    CHECK_EXITS(main_hogs_program, &ns, 0);
    CHECK_HAS(kit_output, "hog");
    CHECK_HAS(kit_output, "hogs_the_processor");
}

static int hogs_twice(void *arg)
{
    for (int i = 0; i < 2; i++) {
        compute(*(go_time *)arg);
        go_sleep(30 * GO_MS); /* idle, so that the timer is disarmed in between */
    }
    return 0;
}

static int hogs_twice_program(void *arg)
{
    return go_run_with(&(go_run_opts){.watchdog = 20 * GO_MS}, hogs_twice, arg) < 0 ? 98 : 0;
}

LAW(armed_again, "S10.08 after an idle time it is armed again")
{
    go_time ns = 60 * GO_MS;

    CHECK_EXITS(hogs_twice_program, &ns, 0);
    CHECK_EQ(occurrences(kit_output, "gosling:"), 2);
}

static int idles(void *arg)
{
    struct rusage before, after;

    CHECK_EQ(thread_count(), *(int *)arg);
    go_sleep(10 * GO_MS);
    getrusage(RUSAGE_SELF, &before);
    go_sleep(50 * GO_MS); /* 50 ticks, if it went on */
    getrusage(RUSAGE_SELF, &after);
    CHECK(after.ru_nvcsw - before.ru_nvcsw < 12);
    return 0;
}

static int idles_program(void *arg)
{
    int threads = thread_count(); /* an emulator may have some of its own */

    (void)arg;
    return go_run_with(&(go_run_opts){.watchdog = 2 * GO_MS}, idles, &threads) < 0 ? 98 : 0;
}

/* Under valgrind signals come when it has time for them. */
#define SKIP_ON_VALGRIND()                                     \
    if (RUNNING_ON_VALGRIND) {                                 \
        TAP_SKIP("valgrind delivers signals in its own time"); \
        return;                                                \
    }

LAW(no_thread, "S10.08 it has no thread, and a tick that finds the loop idle disarms it")
{
    SKIP_ON_VALGRIND()
    CHECK_EXITS(idles_program, NULL, 0);
    CHECK_STR(kit_output, "");
}

static int few_signals_program(void *arg)
{
    struct sigaction now;

    highest_signal = SIGRTMAX - 5;
    if (own_limit_program(arg) != 0)
        return 98;
    for (int sig = SIGRTMIN; sig <= SIGRTMAX; sig++) { /* all as they were */
        CHECK_EQ(sigaction(sig, NULL, &now), 0);
        CHECK(now.sa_handler == SIG_DFL);
    }
    return 0;
}

static int no_timers_program(void *arg)
{
    highest_signal = 0;
    return own_limit_program(arg);
}

LAW(few_signals,
    "S10.08 a signal that timers do not take is passed over; without timers no watchdog")
{
    go_time ns = 60 * GO_MS;

    SKIP_ON_VALGRIND()
    CHECK_EXITS(few_signals_program, &ns, 0);
    CHECK_HAS(kit_output, "hog");
    CHECK_EXITS(no_timers_program, &ns, 0);
    CHECK_STR(kit_output, "");
}

/* ---- every report ---- */

static int deadlocks(void *arg)
{
    (void)arg;
    go_name("waiter");
    return go_sleep(GO_FOREVER);
}

static int deadlock_program(void *arg)
{
    CHECK_EQ(virtual_run(deadlocks, arg), -EDEADLK);
    return 0;
}

static int ignores(void *arg)
{
    go_scope s = {0};
    int rc;

    (void)arg;
    go_name("ignorant");
    GO_SCOPE(&s, rc, NULL) {
        go_scope_cancel(&s, NULL);
        for (int i = 0; i < 110; i++)
            go_yield();
    }
    return 0;
}

static int ignores_program(void *arg)
{
    return virtual_run(ignores, arg) < 0 ? 98 : 0;
}

LAW(what_whom_and_what_to_do,
    "S10.12 each report says what happened, to whom, and what to do about it")
{
    go_time ns = 60 * GO_MS;

    CHECK_EXITS(own_limit_program, &ns, 0);
    CHECK_HAS(kit_output, "has not let the others run");
    CHECK_HAS(kit_output, "hog");
    CHECK_HAS(kit_output, "go_offload");
    CHECK_EXITS(deadlock_program, NULL, 0);
    CHECK_HAS(kit_output, "deadlock");
    CHECK_HAS(kit_output, "waiter");
    CHECK_HAS(kit_output, "go_sched_hold");
    CHECK_EXITS(ignores_program, NULL, 0);
    CHECK_HAS(kit_output, "cancelled");
    CHECK_HAS(kit_output, "ignorant");
    CHECK_HAS(kit_output, "return");
}

TAP_MAIN
