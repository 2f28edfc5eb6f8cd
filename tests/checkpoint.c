/* SPDX-License-Identifier: MIT
 *
 * Section 6: checkpoints. */
#include "tests/kit.h"

/* ---- cancellation, always ---- */

LAW_VIRTUAL(looks_always,
            "S6.01 every checkpoint looks for cancellation, also when the data is there")
{
    go_scope s = {0};
    go_event e;
    go_chan c;
    go_task ended = {.result = 0};
    char byte = 0;
    int rc, fds[2], item = 5, zero = 0;

    go_event_init(&e, 0);
    go_event_set(&e);
    go_chan_init(&c, sizeof(int), 2, 0);
    CHECK_EQ(go_chan_send(&c, &item), 0);
    CHECK_EQ(go_socketpair(fds), 0);
    CHECK_EQ(go_write(fds[0], "x", 1), 1);
    GO_NURSERY(n, rc) {
        go_spawn_with(n, &(go_spawn_opts){.task = &ended}, returner, &zero);
    }
    GO_SCOPE(&s, rc, NULL) {
        go_scope_cancel(&s, NULL);
        CHECK_EQ(go_event_wait(&e), -ECANCELED);
        CHECK_EQ(go_chan_recv(&c, &item), -ECANCELED);
        CHECK_EQ(go_chan_send(&c, &item), -ECANCELED);
        CHECK_EQ(go_read(fds[1], &byte, 1), -ECANCELED);
        CHECK_EQ(go_task_join(&ended), -ECANCELED);
        CHECK_EQ(go_sleep(0), -ECANCELED);
        CHECK_EQ(go_wait_fd(fds[1], POLLIN), -ECANCELED);
    }
    CHECK_EQ(go_chan_recv(&c, &item), 1);
    CHECK_EQ(go_read(fds[1], &byte, 1), 1);
    go_close(fds[0]);
    go_close(fds[1]);
    go_chan_fini(&c);
}

/* ---- slices ---- */

enum { ITEMS = 1000 };

static long operations;
static long counts[3];

static int notes_counts(void *arg)
{
    (void)arg;
    for (int i = 0; i < 3; i++) {
        counts[i] = operations;
        go_yield();
    }
    return 0;
}

static void check_slices(void)
{
    /* Whoever yields at the 64th operation yields before or after it. */
    CHECK(counts[0] >= 63 && counts[0] <= 64);
    CHECK_EQ(counts[1] - counts[0], 64);
    CHECK_EQ(counts[2] - counts[1], 64);
}

static int receives_many(void *arg)
{
    int item;

    for (operations = 0; operations < ITEMS; operations++)
        CHECK_EQ(go_chan_recv(arg, &item), 1);
    return 0;
}

LAW_VIRTUAL(slice_of_64,
            "S6.02 with the data there a checkpoint returns at once, 64 times, and then yields")
{
    go_chan c;
    int rc, item = 1;

    go_chan_init(&c, sizeof(int), ITEMS, 0);
    for (int i = 0; i < ITEMS; i++)
        CHECK_EQ(go_chan_try_send(&c, &item), 0);
    GO_NURSERY(n, rc) {
        go_spawn(n, receives_many, &c);
        go_spawn(n, notes_counts, NULL);
    }
    CHECK_EQ(rc, 0);
    check_slices();
    go_chan_fini(&c);
}

static int checkpoints_many(void *arg)
{
    (void)arg;
    for (operations = 0; operations < ITEMS; operations++)
        CHECK_EQ(go_checkpoint(), 0);
    return 0;
}

LAW_VIRTUAL(checkpoint_slice, "S6.04 go_checkpoint switches only when the slice is used up")
{
    int rc;

    GO_NURSERY(n, rc) {
        go_spawn(n, checkpoints_many, NULL);
        go_spawn(n, notes_counts, NULL);
    }
    CHECK_EQ(rc, 0);
    check_slices();
}

static int locks_many(void *arg)
{
    for (operations = 0; operations < ITEMS; operations++) {
        CHECK_EQ(go_mutex_lock(arg), 0);
        CHECK_EQ(go_mutex_unlock(arg), 0);
    }
    return 0;
}

LAW_VIRTUAL(lock_slice, "S6.02 a free lock is the same")
{
    go_mutex m;
    int rc;

    go_mutex_init(&m, 0);
    GO_NURSERY(n, rc) {
        go_spawn(n, locks_many, &m);
        go_spawn(n, notes_counts, NULL);
    }
    CHECK_EQ(rc, 0);
    check_slices();
}

static int under_deadline(void *arg)
{
    int rc;

    (void)arg;
    GO_TIMEOUT(GO_SEC, rc) {
        for (operations = 0; operations < ITEMS; operations++)
            CHECK_EQ(go_checkpoint(), 0);
    }
    return rc;
}

LAW_VIRTUAL(slice_under_deadline, "S6.02 a slice is as long under a deadline")
{
    int rc;

    GO_NURSERY(n, rc) {
        go_spawn(n, under_deadline, NULL);
        go_spawn(n, notes_counts, NULL);
    }
    CHECK_EQ(rc, 0);
    check_slices();
}

static int enters_scopes(void *arg)
{
    int rc;

    (void)arg;
    for (operations = 0; operations < ITEMS; operations++) {
        GO_TIMEOUT(GO_SEC, rc) {
            CHECK_EQ(go_checkpoint(), 0);
        }
    }
    return 0;
}

LAW_VIRTUAL(slice_across_scopes, "S6.02 entering and leaving scopes does not begin a new slice")
{
    int rc;

    GO_NURSERY(n, rc) {
        go_spawn(n, enters_scopes, NULL);
        go_spawn(n, notes_counts, NULL);
    }
    CHECK_EQ(rc, 0);
    check_slices();
}

struct ready {
    go_chan *c;
    bool *stop;
    long rounds;
};

static int always_ready(void *arg)
{
    struct ready *r = arg;
    int item = 0;

    while (!*r->stop) { /* there is always room, and always an item */
        CHECK_EQ(go_chan_send(r->c, &item), 0);
        CHECK_EQ(go_chan_recv(r->c, &item), 1);
        r->rounds++;
    }
    return 0;
}

static int stops_after_ten(void *arg)
{
    for (int i = 0; i < 10; i++)
        go_yield();
    *(bool *)arg = true;
    return 0;
}

LAW_VIRTUAL(never_stops_others,
            "S6.03 one fiber with data that is always ready never stops the others")
{
    bool stop = false;
    go_chan c;
    struct ready r = {&c, &stop, 0};
    int rc;

    go_chan_init(&c, sizeof(int), 2, 0);
    GO_NURSERY(n, rc) {
        go_spawn(n, always_ready, &r);
        go_spawn(n, stops_after_ten, &stop);
    }
    CHECK_EQ(rc, 0);
    CHECK(r.rounds > 100 && r.rounds < 1000);
    go_chan_fini(&c);
}

/* ---- the two halves ---- */

LAW_VIRTUAL(
    cancelled_half,
    "S6.05 go_checkpoint_cancelled returns -ECANCELED only if cancelled, and never switches")
{
    go_scope s = {0};
    int rc, outer;

    GO_NURSERY(n, outer) {
        go_spawn(n, marker, "other");
        for (int i = 0; i < 1000; i++)
            CHECK_EQ(go_checkpoint_cancelled(), 0);
        GO_SCOPE(&s, rc, NULL) {
            go_scope_cancel(&s, NULL);
            CHECK_EQ(go_checkpoint_cancelled(), -ECANCELED);
        }
        CHECK_EQ(rc, -ECANCELED); /* it is a delivery */
        CHECK(go_scope_caught(&s));
        CHECK_TRACE("");
    }
    CHECK_EQ(outer, 0);
}

LAW_VIRTUAL(shielded_half, "S6.06 go_checkpoint_shielded schedules only: never -ECANCELED")
{
    go_scope s = {0};
    int rc, outer;

    GO_NURSERY(n, outer) {
        GO_SCOPE(&s, rc, NULL) {
            go_scope_cancel(&s, NULL);
            go_spawn(n, marker, "other");
            CHECK_EQ(go_checkpoint_shielded(), 0);
            CHECK_TRACE("other");
            go_spawn(n, marker, "again");
            CHECK_EQ(go_checkpoint_shielded(), 0);
            CHECK_TRACE("again");
        }
        CHECK_EQ(rc, 0);
        CHECK(!go_scope_caught(&s));
    }
    CHECK_EQ(outer, 0);
}

/* ---- the outside is looked at ---- */

struct outside {
    int fd;
    bool seen;
    long yields, bound;
    go_time slept;
};

static int waits_for_input(void *arg)
{
    struct outside *o = arg;

    CHECK_EQ(go_wait_fd(o->fd, POLLIN), POLLIN);
    o->seen = true;
    return 0;
}

static int yields_until_seen(void *arg)
{
    struct outside *o = arg;
    go_time end = real_now() + 5 * GO_SEC;

    while (!o->seen && real_now() < end) {
        go_yield();
        o->yields++;
    }
    return 0;
}

LAW_REAL(polls_while_busy,
         "S6.07 I/O is polled at least every 256 dispatches, whatever the run queue does")
{
    struct outside o = {0};
    int rc, fds[2];

    CHECK_EQ(pipe(fds), 0);
    o.fd = fds[0];
    GO_NURSERY(n, rc) {
        go_spawn(n, waits_for_input, &o);
        go_yield();
        (void)!write(fds[1], "x", 1);
        go_spawn(n, yields_until_seen, &o);
        go_spawn(n, yields_until_seen, &o);
    }
    CHECK_EQ(rc, 0);
    CHECK(o.seen);
    CHECK(o.yields <= 256 + 16); /* each yield is a dispatch */
    close(fds[0]);
    close(fds[1]);
}

static int sleeps_a_bit(void *arg)
{
    struct outside *o = arg;

    CHECK_EQ(go_sleep(2 * GO_MS), 0);
    o->seen = true;
    return 0;
}

LAW_REAL(timers_while_busy, "S6.07 timers are looked at, whatever the run queue does")
{
    struct outside o = {0};
    go_time start = real_now();
    int rc;

    GO_NURSERY(n, rc) {
        go_spawn(n, sleeps_a_bit, &o);
        go_spawn(n, yields_until_seen, &o);
        go_spawn(n, yields_until_seen, &o);
    }
    CHECK_EQ(rc, 0);
    CHECK(o.seen);
    CHECK(real_now() - start < GO_SEC);
}

static int slow_yields(void *arg)
{
    struct outside *o = arg;

    while (!o->seen && o->yields < 1000) {
        spin(50 * GO_US);
        go_yield();
        o->yields++;
    }
    return 0;
}

LAW_REAL(polls_by_time, "S6.07 or every 200 us, with the clock read every 16 dispatches")
{
    struct outside o = {0};
    int rc, fds[2];

    CHECK_EQ(pipe(fds), 0);
    o.fd = fds[0];
    GO_NURSERY(n, rc) {
        go_spawn(n, waits_for_input, &o);
        go_yield();
        (void)!write(fds[1], "x", 1);
        go_spawn(n, slow_yields, &o);
        go_spawn(n, slow_yields, &o);
    }
    CHECK_EQ(rc, 0);
    CHECK(o.seen);
    CHECK(o.yields <= 40); /* 16 dispatches of 50 us, and the rest of the queue */
    close(fds[0]);
    close(fds[1]);
}

/* ---- which calls are checkpoints ---- */

static int nothing(void *arg)
{
    (void)arg;
    return 0;
}

static int starts_nothing(void *arg, go_starter *starter)
{
    (void)arg;
    return go_started(starter, 0);
}

LAW_VIRTUAL(checkpoints,
            "S6.08 what its docstring calls a checkpoint returns -ECANCELED in a cancelled scope")
{
    go_scope s = {0};
    go_task t = {.result = 0}, *tasks[] = {&t}, *done;
    go_mutex m;
    go_event e;
    go_chan c;
    struct iovec v;
    struct msghdr msg = {.msg_iov = &v, .msg_iovlen = 1};
    struct pollfd p = {.events = POLLOUT};
    char byte = 0;
    size_t some;
    int rc, outer, item = 0, fds[2], file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

    go_mutex_init(&m, 0);
    go_event_init(&e, 0);
    go_event_set(&e);
    go_chan_init(&c, sizeof(int), 1, 0);
    CHECK_EQ(go_socketpair(fds), 0);
    v = (struct iovec){&byte, 1};
    p.fd = fds[0];
    GO_NURSERY(n, outer) {
        go_spawn_with(n, &(go_spawn_opts){.task = &t}, nothing, NULL);
        go_yield();
        GO_SCOPE(&s, rc, NULL) {
            go_case cases[] = {GO_WAIT(&e), GO_DEFAULT};

            go_scope_cancel(&s, NULL);
            CHECK_EQ(go_yield(), -ECANCELED);
            CHECK_EQ(go_checkpoint(), -ECANCELED);
            CHECK_EQ(go_sleep(0), -ECANCELED);
            CHECK_EQ(go_sleep(1), -ECANCELED);
            CHECK_EQ(go_sleep_until(0), -ECANCELED);
            CHECK_EQ(go_nursery_next(n, &done), -ECANCELED);
            CHECK_EQ(go_spawn_wait(n, nothing, NULL), -ECANCELED);
            CHECK_EQ(go_start(n, starts_nothing, NULL, NULL), -ECANCELED);
            CHECK_EQ(go_task_join(&t), -ECANCELED);
            CHECK_EQ(go_join_all(tasks, 1), -ECANCELED);
            CHECK_EQ(go_join_any(tasks, 1), -ECANCELED);
            CHECK_EQ(go_mutex_lock(&m), -ECANCELED);
            CHECK_EQ(go_event_wait(&e), -ECANCELED);
            CHECK_EQ(go_chan_send(&c, &item), -ECANCELED);
            CHECK_EQ(go_chan_recv(&c, &item), -ECANCELED);
            CHECK_EQ(go_select(cases, 1), -ECANCELED);
            CHECK_EQ(go_select(cases, 2), -ECANCELED);
            CHECK_EQ(go_offload(nothing, NULL), -ECANCELED);
            CHECK_EQ(go_read(fds[0], &byte, 1), -ECANCELED);
            CHECK_EQ(go_write(fds[0], &byte, 1), -ECANCELED);
            CHECK_EQ(go_readv(fds[0], &v, 1), -ECANCELED);
            CHECK_EQ(go_writev(fds[0], &v, 1), -ECANCELED);
            CHECK_EQ(go_pread(file, &byte, 1, 0), -ECANCELED);
            CHECK_EQ(go_pwrite(file, &byte, 1, 0), -ECANCELED);
            CHECK_EQ(go_recv(fds[0], &byte, 1, 0), -ECANCELED);
            CHECK_EQ(go_send(fds[0], &byte, 1, 0), -ECANCELED);
            CHECK_EQ(go_recvfrom(fds[0], &byte, 1, 0, NULL, NULL), -ECANCELED);
            CHECK_EQ(go_sendto(fds[0], &byte, 1, 0, NULL, 0), -ECANCELED);
            CHECK_EQ(go_recvmsg(fds[0], &msg, 0), -ECANCELED);
            CHECK_EQ(go_sendmsg(fds[0], &msg, 0), -ECANCELED);
            CHECK_EQ(go_accept(fds[0], NULL, NULL), -ECANCELED);
            CHECK_EQ(go_connect(fds[0],
                                (struct sockaddr *)&(struct sockaddr_storage){.ss_family = AF_UNIX},
                                2),
                     -ECANCELED);
            CHECK_EQ(go_poll(&p, 1, 0), -ECANCELED);
            CHECK_EQ(go_wait_fd(fds[0], POLLOUT), -ECANCELED);
            CHECK_EQ(go_write_all(fds[0], &byte, 1), -ECANCELED);
            CHECK_EQ(go_write_some(fds[0], &byte, 1, &some), -ECANCELED);
            CHECK_EQ(go_read_exact(fds[0], &byte, 1), -ECANCELED);
            CHECK_EQ(go_copy(fds[0], fds[1]), -ECANCELED);
            CHECK_EQ(go_sendfile(fds[0], file, NULL, 1), -ECANCELED);
            CHECK_EQ(go_unix_connect("@gosling-test-nobody"), -ECANCELED);
            CHECK_EQ(go_tcp_connect("127.0.0.1", "1", NULL), -ECANCELED);
        }
        CHECK_EQ(rc, -ECANCELED);
    }
    CHECK_EQ(outer, 0);
    go_close(fds[0]);
    go_close(fds[1]);
    close(file);
    go_chan_fini(&c);
}

static void noop(void *arg)
{
    (void)arg;
}

static void on_exit_noop(go_task *t, void *arg)
{
    (void)t;
    (void)arg;
}

LAW_VIRTUAL(no_checkpoints,
            "S6.08 the other calls do not: they look at no cancellation, and never switch")
{
    static go_key key;
    go_scope s = {0}, inner = {0};
    go_task t = {.result = 0};
    go_nursery empty;
    go_mutex m;
    go_event e;
    go_chan c;
    int rc, outer, item = 0, fds[2];

    go_mutex_init(&m, 0);
    go_event_init(&e, 0);
    GO_NURSERY(n, outer) {
        GO_SCOPE(&s, rc, NULL) {
            go_scope_cancel(&s, NULL);
            CHECK_EQ(go_spawn(n, marker, "1"), 0);
            CHECK_EQ(go_spawn_with(n, &(go_spawn_opts){.task = &t}, marker, "2"), 0);
            CHECK_EQ(go_spawn_copy(n, nothing, &item, sizeof item), 0);
            CHECK_EQ(go_task_result(&t), -EAGAIN);
            CHECK_EQ(go_task_on_exit(&t, on_exit_noop, NULL), 0);
            CHECK_EQ(go_chan_init(&c, sizeof(int), 1, 0), 0);
            CHECK_EQ(go_chan_try_send(&c, &item), 0);
            CHECK_EQ(go_chan_try_recv(&c, &item), 1);
            CHECK_EQ(go_chan_try_recv(&c, &item), -EAGAIN);
            go_chan_close(&c);
            go_chan_fini(&c);
            CHECK_EQ(go_mutex_try_lock(&m), 0);
            CHECK_EQ(go_mutex_unlock(&m), 0);
            go_event_set(&e);
            CHECK(go_event_is_set(&e));
            go_event_clear(&e);
            CHECK_EQ(go_defer(noop, NULL), 0);
            CHECK_EQ(go_key_init(&key, NULL), 0);
            CHECK_EQ(go_set(&key, NULL), 0);
            CHECK(!go_get(&key));
            CHECK_EQ(go_post(go_sched_self(), noop, NULL), 0);
            CHECK_EQ(go_sched_hold(go_sched_self()), 0);
            CHECK_EQ(go_sched_drop(go_sched_self()), 0);
            CHECK_EQ(go_scope_enter(&inner, NULL), 0);
            CHECK_EQ(go_scope_exit(&inner, 0), 0);
            CHECK_EQ(go_nursery_open(&empty, NULL), 0);
            CHECK_EQ(go_fail(EIO, "x"), -EIO);
            CHECK_EQ(go_pipe(fds), 0);
            CHECK_EQ(go_close(fds[0]), 0);
            CHECK_EQ(go_close(fds[1]), 0);
            (void)go_now();
            (void)go_deadline();
            CHECK_STR(kit_trace, "");
            CHECK_EQ(go_nursery_close(&empty, 0), 0);
            CHECK_TRACE("1 2"); /* closing does switch */
        }
        CHECK_EQ(rc, 0);
        CHECK(!go_scope_caught(&s));
    }
    CHECK_EQ(outer, 0);
}

static int sleeps_a_little(void *arg)
{
    *(bool *)arg = go_sleep(GO_MS) == 0;
    return 0;
}

/* A batch of one that yields for ever must not keep the loop from its turn. */
static int spins_alone(void *arg)
{
    bool woke = false;
    int rc;

    (void)arg;
    GO_NURSERY(n, rc) {
        go_spawn(n, sleeps_a_little, &woke);
        for (int i = 0; !woke && i < 50000000; i++)
            go_yield();
        CHECK(woke);
    }
    return rc;
}

LAW(seeded_spinner, "S6.07 with a seed, too, a fiber that yields for ever keeps no timer waiting")
{
    CHECK_EQ(go_run_with(&(go_run_opts){.seed = 5, .no_signals = true}, spins_alone, NULL), 0);
}

TAP_MAIN
