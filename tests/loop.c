/* SPDX-License-Identifier: MIT
 *
 * The event loop: descriptors, one wake-up time, wakes. */
#include "core/loop.h"
#include "core/clock.h"
#include "core/sys.h"
#include "tests/tap.h"
#include <pthread.h>
#include <sys/wait.h>

static struct loop *l;
static struct loop_io a, b;
static int called, last_events, last_fd;
static int p[2], q[2]; /* two socket pairs */

static void with_loop(void (*fn)(void))
{
    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, p);
    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, q);
    if (!CHECK_EQ(loop_new(&l), 0))
        return;
    fn();
    CHECK_EQ(loop_active(l), 0);
    loop_free(l);
    for (int i = 0; i < 2; i++) {
        sys_close(p[i]);
        sys_close(q[i]);
    }
}

static void on_event(struct loop_io *io, int events)
{
    called++;
    last_events = events;
    last_fd = io->fd;
}

static void stop_both(struct loop_io *io, int events)
{
    on_event(io, events);
    loop_io_stop(l, &a);
    loop_io_stop(l, &b);
}

static void restart(struct loop_io *io, int events)
{
    on_event(io, events);
    loop_io_start(l, io, LOOP_READ);
}

static void watch(struct loop_io *io, int fd, int events)
{
    loop_io_init(io, fd, on_event);
    loop_io_start(l, io, events);
}

/* Polls once, for at most that long; how many callbacks there were. */
static int poll_for(go_time ns)
{
    called = last_events = 0;
    last_fd = -1;
    loop_poll(l, clock_real() + ns);
    return called;
}

static void put(int fd)
{
    CHECK_EQ(write(fd, "x", 1), 1);
}

/* ---- watchers ---- */

LAW(life, "a loop closes what it has opened, and counts the watchers of its user alone")
{
    int before = dup(0), after;

    close(before);
    CHECK_EQ(loop_new(&l), 0);
    CHECK_EQ(loop_active(l), 0);
    loop_free(l);
    after = dup(0);
    CHECK_EQ(after, before);
    close(after);
}

LAW(environment, "the environment does not select another backend")
{
    setenv("LIBEV_FLAGS", "128", 1); /* io_uring */
    life();
    unsetenv("LIBEV_FLAGS");
}

LAW_AROUND(with_loop, levels,
           "a watcher is called as long as its descriptor is ready, until it is stopped")
{
    watch(&a, p[0], LOOP_READ);
    loop_poll(l, INT64_MIN);
    CHECK_EQ(loop_active(l), 1);
    put(p[1]);
    CHECK_EQ(poll_for(GO_SEC), 1);
    CHECK_EQ(last_events, LOOP_READ);
    CHECK_EQ(last_fd, p[0]);
    CHECK_EQ(poll_for(GO_SEC), 1);
    loop_io_stop(l, &a);
    loop_io_stop(l, &a); /* harmless */
    CHECK_EQ(poll_for(GO_MS), 0);
}

LAW_AROUND(with_loop, directions,
           "both directions may be one watcher or two, and starting an active one changes its own")
{
    put(p[1]);
    watch(&a, p[0], LOOP_READ | LOOP_WRITE);
    CHECK_EQ(poll_for(GO_SEC), 1);
    CHECK_EQ(last_events, LOOP_READ | LOOP_WRITE);
    loop_io_start(l, &a, LOOP_WRITE);
    CHECK_EQ(loop_active(l), 1);
    CHECK_EQ(poll_for(GO_SEC), 1);
    CHECK_EQ(last_events, LOOP_WRITE);
    watch(&b, p[0], LOOP_READ);
    CHECK_EQ(poll_for(GO_SEC), 2);
    loop_io_stop(l, &a);
    CHECK_EQ(poll_for(GO_SEC), 1);
    CHECK_EQ(last_events, LOOP_READ);
    loop_io_stop(l, &b);
}

LAW_AROUND(with_loop, stop_in_callback,
           "a callback may stop another watcher that is due in the same turn")
{
    put(p[1]);
    loop_io_init(&a, p[0], stop_both);
    loop_io_init(&b, p[0], stop_both);
    loop_io_start(l, &a, LOOP_READ);
    loop_io_start(l, &b, LOOP_WRITE);
    CHECK_EQ(poll_for(GO_SEC), 1);
}

LAW_AROUND(with_loop, hang_up, "the other side's end calls both directions")
{
    watch(&a, p[0], LOOP_READ);
    watch(&b, p[0], LOOP_WRITE);
    sys_close(p[1]);
    p[1] = -1;
    CHECK_EQ(poll_for(GO_SEC), 2);
    loop_io_stop(l, &a);
    loop_io_stop(l, &b);
}

LAW_AROUND(with_loop, regular_file, "a regular file, which epoll refuses, is always ready")
{
    FILE *f = tmpfile();

    watch(&a, fileno(f), LOOP_READ);
    CHECK_EQ(poll_for(GO_SEC), 1);
    CHECK_EQ(last_events, LOOP_READ);
    loop_io_stop(l, &a);
    fclose(f);
}

/* ---- descriptors that change underfoot ---- */

LAW_AROUND(with_loop, renewal,
           "a number that has become another file is registered anew by a renewal")
{
    watch(&a, p[0], LOOP_READ);
    loop_poll(l, INT64_MIN);
    put(q[1]);
    dup2(q[0], p[0]);
    loop_io_renew(l, &a);
    CHECK_EQ(poll_for(GO_SEC), 1);
    loop_io_stop(l, &a);
    loop_io_renew(l, &a); /* harmless */
}

LAW_AROUND(with_loop, stop_and_start, "and by a stop and a start within one turn")
{
    watch(&a, p[0], LOOP_READ);
    loop_poll(l, INT64_MIN);
    put(q[1]);
    loop_io_stop(l, &a);
    dup2(q[0], p[0]);
    loop_io_start(l, &a, LOOP_READ);
    CHECK_EQ(poll_for(GO_SEC), 1);
    loop_io_stop(l, &a);
}

LAW_AROUND(with_loop, closed_before,
           "a number closed before it was registered fails, and is no crash")
{
    loop_io_init(&a, p[0], stop_both);
    loop_io_init(&b, p[0], stop_both);
    loop_io_start(l, &a, LOOP_READ);
    sys_close(p[0]);
    CHECK_EQ(poll_for(GO_SEC), 1);
    CHECK_EQ(last_events, LOOP_READ | LOOP_WRITE);
    CHECK_EQ(loop_active(l), 0);
}

LAW_AROUND(with_loop, closed_one_stops, "nor is one of two watchers of a closed number that stops")
{
    watch(&a, p[0], LOOP_READ);
    watch(&b, p[0], LOOP_WRITE);
    poll_for(GO_SEC);
    sys_close(p[0]);
    loop_io_stop(l, &b);
    CHECK_EQ(poll_for(GO_SEC), 1);
    CHECK_EQ(loop_active(l), 0);
}

LAW_AROUND(with_loop, closed_stubborn,
           "nor is a watcher that starts again and again on a closed number")
{
    loop_io_init(&a, p[0], restart);
    loop_io_start(l, &a, LOOP_READ);
    sys_close(p[0]);
    for (int i = 0; i < 3; i++)
        CHECK(poll_for(GO_SEC) > 0);
    loop_io_stop(l, &a);
}

LAW_AROUND(with_loop, closed_alive,
           "nor is a closed number whose file lives on under another and has events")
{
    int other;

    watch(&a, p[0], LOOP_READ);
    watch(&b, p[0], LOOP_READ);
    loop_poll(l, INT64_MIN);
    other = dup(p[0]);
    loop_io_stop(l, &b);
    CHECK_EQ(poll_for(GO_US), 0);
    loop_io_start(l, &b, LOOP_WRITE); /* another generation, in libev's books */
    poll_for(GO_US);
    sys_close(p[0]);
    put(p[1]);
    loop_io_stop(l, &b);
    for (int i = 0; i < 5 && loop_active(l); i++)
        poll_for(GO_MS);
    CHECK_EQ(loop_active(l), 0);
    sys_close(other);
}

LAW_AROUND(with_loop, next_file, "a number's next file has its own events alone")
{
    int other = dup(p[0]);

    watch(&a, p[0], LOOP_READ);
    loop_poll(l, INT64_MIN);
    loop_io_stop(l, &a);
    put(p[1]); /* for the old file, which lives on */
    dup2(q[0], p[0]);
    loop_io_start(l, &a, LOOP_READ);
    for (int i = 0; i < 5; i++)
        CHECK_EQ(poll_for(GO_MS), 0);
    put(q[1]);
    CHECK_EQ(poll_for(GO_SEC), 1);
    loop_io_stop(l, &a);
    sys_close(other);
}

/* ---- time ---- */

LAW_AROUND(with_loop, precise,
           "a wait of 50 us is never early, and takes nothing like a millisecond")
{
    go_time least = GO_SEC;

    for (int i = 0; i < 50; i++) {
        go_time until = clock_real() + 50 * GO_US, late;

        loop_poll(l, until);
        late = clock_real() - until;
        CHECK(late >= 0);
        least = late < least ? late : least;
    }
    CHECK(least < 500 * GO_US);
    tap_note("late by %lld ns at least", (long long)least);
}

LAW_AROUND(with_loop, past, "a time in the past does not wait, with watchers and without")
{
    go_time start = clock_real();

    for (int i = 0; i < 2; i++) {
        loop_poll(l, start - 1);
        loop_poll(l, 0);
        loop_poll(l, -1);
        loop_poll(l, INT64_MIN);
        if (i == 0)
            watch(&a, p[0], LOOP_READ);
    }
    loop_io_stop(l, &a);
    CHECK(clock_real() - start < GO_SEC);
}

/* Polls until then; in how many turns. */
static int turns_until(go_time until)
{
    int n = 0;

    while (clock_real() < until && n++ < 1000)
        loop_poll(l, until);
    return n;
}

LAW_AROUND(with_loop, fired, "a timer that has fired does not end later waits")
{
    go_time now = clock_real();

    CHECK(turns_until(now + GO_MS) <= 1);
    watch(&a, p[0], LOOP_READ);
    loop_poll(l, INT64_MIN);
    CHECK(turns_until(clock_real() + 3 * GO_MS) <= 1);
    loop_io_stop(l, &a);
}

LAW_AROUND(with_loop, set_too_early,
           "a timer that is set too early ends one wait needlessly, and no more")
{
    go_time now = clock_real();

    loop_wake(l);
    loop_poll(l, now + 2 * GO_MS); /* sets it, and returns for the wake */
    CHECK(turns_until(now + 6 * GO_MS) <= 2);
}

LAW_AROUND(with_loop, set_too_late, "an earlier time than the timer's is kept")
{
    go_time now = clock_real();

    loop_wake(l);
    loop_poll(l, now + 10 * GO_SEC);
    CHECK(turns_until(now + 2 * GO_MS) <= 1);
    CHECK(clock_real() < now + 5 * GO_SEC);
}

static void *wake_later(void *arg)
{
    nanosleep(&(struct timespec){0, 10 * GO_MS}, NULL);
    loop_wake(arg);
    return NULL;
}

LAW_AROUND(with_loop, for_ever,
           "without a limit, a timer of before ends one wait at most, and the next is a wake's")
{
    pthread_t t;
    go_time now = clock_real();

    loop_wake(l);
    loop_poll(l, now + GO_MS);
    pthread_create(&t, NULL, wake_later, l);
    loop_poll(l, GO_FOREVER);
    if (clock_real() < now + 9 * GO_MS)
        loop_poll(l, GO_FOREVER);
    CHECK(clock_real() >= now + 9 * GO_MS);
    pthread_join(t, NULL);
}

/* ---- wakes ---- */

LAW_AROUND(with_loop, wake_of_thread, "another thread's wake ends a wait")
{
    go_time start = clock_real();
    pthread_t t;

    pthread_create(&t, NULL, wake_later, l);
    loop_poll(l, start + 10 * GO_SEC);
    CHECK(clock_real() - start < 5 * GO_SEC);
    pthread_join(t, NULL);
}

LAW_AROUND(with_loop, wake_before, "wakes before the wait end it, once, however many they were")
{
    go_time start;

    for (int i = 0; i < 1000; i++)
        loop_wake(l);
    loop_poll(l, INT64_MIN); /* a look without watchers does not use them up */
    start = clock_real();
    loop_poll(l, start + 10 * GO_SEC);
    CHECK(clock_real() - start < 5 * GO_SEC);
    CHECK(turns_until(clock_real() + 3 * GO_MS) <= 1);
}

static void on_signal(int sig)
{
    (void)sig;
    loop_wake(l);
}

LAW_AROUND(with_loop, wake_of_handler,
           "a signal handler's wake ends a wait, and leaves errno alone")
{
    struct sigaction sa = {.sa_handler = on_signal, .sa_flags = SA_RESTART}, saved;
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
    struct itimerspec soon = {.it_value = {0, 5 * GO_MS}};
    go_time start = clock_real();
    timer_t timer;

    sigaction(SIGUSR1, &sa, &saved);
    timer_create(CLOCK_MONOTONIC, &event, &timer);
    timer_settime(timer, 0, &soon, NULL);
    loop_poll(l, start + 10 * GO_SEC);
    /* The interruption may have ended that one; then the wake ends this one. */
    loop_poll(l, start + 10 * GO_SEC);
    CHECK(clock_real() - start < 15 * GO_SEC);
    timer_delete(timer);
    sigaction(SIGUSR1, &saved, NULL);
    errno = 4711;
    loop_wake(l);
    CHECK_EQ(errno, 4711);
}

/* ---- fork ---- */

LAW_AROUND(with_loop, fork_child, "a fork child's loop works, its watchers still started")
{
    int status;
    pid_t pid;

    watch(&a, p[0], LOOP_READ);
    loop_poll(l, INT64_MIN);
    pid = fork();
    if (pid == 0) {
        int bad = loop_fork(l) != 0;

        put(p[1]);
        bad |= poll_for(GO_SEC) != 1;
        loop_io_stop(l, &a);
        bad |= turns_until(clock_real() + GO_MS) > 2; /* a stray event of the stopped one is one */
        _exit(bad);
    }
    waitpid(pid, &status, 0);
    CHECK_EQ(status, 0);
    loop_io_stop(l, &a);
}

LAW_AROUND(with_loop, fork_parent, "and its stops, wakes and timers are not the parent's")
{
    char c;
    int ready[2];
    pid_t pid;

    CHECK_EQ(pipe(ready), 0);
    watch(&a, p[0], LOOP_READ);
    loop_poll(l, INT64_MIN);
    pid = fork();
    if (pid == 0) {
        loop_fork(l);
        loop_io_stop(l, &a);
        loop_poll(l, clock_real() + GO_US);
        loop_poll(l, clock_real() + GO_US); /* it has fired, and is not cleared */
        loop_wake(l);
        put(ready[1]);
        pause();
    }
    CHECK_EQ(read(ready[0], &c, 1), 1);
    CHECK(turns_until(clock_real() + 3 * GO_MS) <= 1);
    put(p[1]);
    CHECK_EQ(poll_for(GO_SEC), 1);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    loop_io_stop(l, &a);
    close(ready[0]);
    close(ready[1]);
}

LAW_AROUND(with_loop, fork_closed,
           "nor is a number that the child closes before its first poll a crash")
{
    int status;
    pid_t pid;

    watch(&a, p[0], LOOP_READ);
    loop_poll(l, INT64_MIN);
    pid = fork();
    if (pid == 0) {
        go_time start = clock_real();

        loop_fork(l);
        sys_close(p[0]);
        _exit(poll_for(GO_SEC) != 1 || loop_active(l) != 0 || clock_real() - start > GO_SEC / 2);
    }
    waitpid(pid, &status, 0);
    CHECK_EQ(status, 0);
    loop_io_stop(l, &a);
}

TAP_MAIN
