/* SPDX-License-Identifier: MIT
 *
 * Section 4: SIGTERM and SIGINT of a run: soft, hard, default. */
#include "tests/kit.h"

static int with_signals(go_fn *fn, void *arg)
{
    return go_run_with(&(go_run_opts){.clock = GO_CLOCK_VIRTUAL, .watchdog = -1}, fn, arg);
}

static bool is_default(int sig)
{
    struct sigaction sa;

    return sigaction(sig, NULL, &sa) == 0 && sa.sa_handler == SIG_DFL;
}

/* Gives the loop a chance to see what was raised. */
static void settle(void)
{
    for (int i = 0; i < 4 && !go_stopping(); i++)
        go_sleep(1);
}

/* ---- soft ---- */

static int first_is_soft(void *arg)
{
    int sig = *(int *)arg;

    CHECK(!go_stopping());
    raise(sig);
    settle();
    CHECK(go_stopping());
    CHECK(!go_cancelled());
    CHECK_STR(go_cancel_reason(), "signal");
    CHECK_EQ(go_sleep(GO_SEC), 0);
    return 7;
}

LAW(sigterm, "S4.35 the first SIGTERM of a run is soft")
{
    int sig = SIGTERM;

    CHECK_EQ(with_signals(first_is_soft, &sig), 7);
}

LAW(sigint, "S4.35 the first SIGINT of a run is soft")
{
    int sig = SIGINT;

    CHECK_EQ(with_signals(first_is_soft, &sig), 7);
}

static int waits_for_grace(void *arg)
{
    go_time start = go_now();
    int rc;

    raise(SIGTERM);
    settle();
    rc = go_sleep(GO_FOREVER);
    CHECK_EQ(rc, -ECANCELED);
    CHECK_STR(go_cancel_reason(), "signal");
    *(go_time *)arg = go_now() - start;
    return rc;
}

LAW(grace, "S4.33 it turns hard after the run's grace, 10 s by default")
{
    go_run_opts opts = {.clock = GO_CLOCK_VIRTUAL, .grace = 3 * GO_SEC};
    go_time took = 0;

    CHECK_EQ(with_signals(waits_for_grace, &took), -ECANCELED);
    CHECK(took >= 10 * GO_SEC && took < 10 * GO_SEC + GO_MS);
    CHECK_EQ(go_run_with(&opts, waits_for_grace, &took), -ECANCELED);
    CHECK(took >= 3 * GO_SEC && took < 3 * GO_SEC + GO_MS);
}

static int source_is_stopped(void *arg)
{
    go_chan c;
    int item;

    (void)arg;
    go_chan_init(&c, sizeof(int), 0, GO_SOURCE);
    raise(SIGTERM);
    CHECK_EQ(go_chan_recv(&c, &item), -ECANCELED); /* wakes it */
    go_chan_fini(&c);
    return 4;
}

LAW(stops_accepting,
    "S4.35 it wakes who waits for work, and the run ends with its function's result")
{
    CHECK_EQ(with_signals(source_is_stopped, NULL), 4);
}

/* ---- hard ---- */

static int second_is_hard(void *arg)
{
    int rc;

    (void)arg;
    raise(SIGTERM);
    settle();
    raise(SIGTERM);
    rc = go_sleep(GO_SEC);
    CHECK_EQ(rc, -ECANCELED);
    CHECK_STR(go_cancel_reason(), "signal");
    return rc;
}

LAW(second, "S4.36 the second is hard: go_run returns -ECANCELED")
{
    CHECK_EQ(with_signals(second_is_hard, NULL), -ECANCELED);
}

static int second_with_result(void *arg)
{
    second_is_hard(arg);
    return 9;
}

LAW(second_result, "S4.36 or its function's result")
{
    CHECK_EQ(with_signals(second_with_result, NULL), 9);
}

static int mixed_signals(void *arg)
{
    (void)arg;
    raise(SIGINT);
    settle();
    CHECK(!go_cancelled());
    raise(SIGTERM);
    return go_sleep(GO_SEC);
}

LAW(second_of_the_other, "S4.36 SIGINT and SIGTERM count together")
{
    CHECK_EQ(with_signals(mixed_signals, NULL), -ECANCELED);
}

static int naps_with_child(void *arg)
{
    struct plan p = {.delay = GO_FOREVER};
    int rc;

    (void)arg;
    GO_NURSERY(n, rc) {
        go_spawn(n, follow, &p);
        go_yield();
        raise(SIGTERM);
        raise(SIGTERM);
    }
    CHECK_EQ(p.slept, -ECANCELED);
    return rc;
}

LAW(reaches_all, "S4.36 the hard one reaches every fiber")
{
    CHECK_EQ(with_signals(naps_with_child, NULL), -ECANCELED);
}

/* ---- default ---- */

static int ignores_two(void *arg)
{
    (void)arg;
    for (int i = 0; i < 3; i++) {
        raise(SIGTERM);
        go_sleep(1);
        fprintf(stderr, "%d", i);
    }
    return 0;
}

static int third_program(void *arg)
{
    with_signals(ignores_two, arg);
    return 0;
}

LAW(third, "S4.37 the third takes the default action")
{
    if (TAP_THREAD) {
        TAP_SKIP("TSan's handlers stand before ours, and keep the default action away");
        return;
    }
    CHECK_DIES(third_program, NULL, SIGTERM);
    CHECK_STR(kit_output, "01");
}

/* ---- only where they are SIG_DFL ---- */

static volatile sig_atomic_t handled;

static void handler(int sig)
{
    (void)sig;
    handled++;
}

static int raises_both(void *arg)
{
    (void)arg;
    raise(SIGTERM);
    raise(SIGINT);
    go_sleep(GO_MS);
    CHECK(!go_stopping());
    return 3;
}

LAW(only_defaults, "S4.38 go_run takes them only where they are SIG_DFL")
{
    handled = 0;
    signal(SIGTERM, handler);
    signal(SIGINT, SIG_IGN);
    CHECK_EQ(with_signals(raises_both, NULL), 3);
    CHECK_EQ(handled, 1);
    signal(SIGTERM, SIG_DFL);
    signal(SIGINT, SIG_DFL);
}

static int taken(void *arg)
{
    *(int *)arg = is_default(SIGTERM) * 4 + is_default(SIGINT) * 2 + is_default(SIGPIPE);
    return 0;
}

LAW(restored, "S4.38 and restores them")
{
    int state = 7;

    CHECK_EQ(with_signals(taken, &state), 0);
    CHECK_EQ(state, 0);
    CHECK(is_default(SIGTERM));
    CHECK(is_default(SIGINT));
    CHECK(is_default(SIGPIPE));
    signal(SIGINT, SIG_IGN);
    CHECK_EQ(with_signals(taken, &state), 0);
    CHECK(!is_default(SIGINT));
    signal(SIGINT, SIG_DFL);
}

LAW(opted_out, "S4.39 .no_signals opts out")
{
    int state = 0;

    CHECK_EQ(virtual_run(taken, &state), 0);
    CHECK_EQ(state & 6, 6);
}

static int dies_at_once(void *arg)
{
    (void)arg;
    raise(SIGTERM);
    return 0;
}

static int opted_out_program(void *arg)
{
    virtual_run(dies_at_once, arg);
    return 0;
}

LAW(opted_out_dies, "S4.39 with it the first SIGTERM ends the process")
{
    CHECK_DIES(opted_out_program, NULL, SIGTERM);
}

static int fresh(void *arg)
{
    (void)arg;
    CHECK(!go_stopping());
    return 2;
}

LAW(each_run_anew, "S4.35 each run counts anew")
{
    int sig = SIGTERM;

    CHECK_EQ(with_signals(first_is_soft, &sig), 7);
    CHECK_EQ(with_signals(fresh, NULL), 2);
    CHECK_EQ(with_signals(first_is_soft, &sig), 7);
}

/* ---- a server ---- */

static int greets(int fd, void *arg)
{
    (void)arg;
    raise(SIGTERM); /* somebody stops the server while this connection is served */
    go_sleep(GO_SEC);
    return go_write_all(fd, "hello", 5);
}

struct server {
    int listener, served, client;
};

static int serves(void *arg)
{
    struct server *s = arg;

    s->served = go_serve(s->listener, greets, NULL, NULL);
    return 0;
}

static int talks(void *arg)
{
    struct server *s = arg;
    char buf[16];
    int fd = go_unix_connect("@gosling-test-signals");

    CHECK(fd >= 0);
    s->client = go_read_exact(fd, buf, 5);
    go_close(fd);
    return 0;
}

static int server_main(void *arg)
{
    struct server *s = arg;
    int rc;

    s->listener = go_unix_listen("@gosling-test-signals", NULL);
    CHECK(s->listener >= 0);
    GO_NURSERY(n, rc) {
        go_spawn(n, serves, s);
        go_spawn(n, talks, s);
    }
    go_close(s->listener);
    return rc < 0 ? rc : 6;
}

LAW(server,
    "S4.40 go_serve returns 0 once it is drained, and go_run then returns its function's result")
{
    struct server s = {.served = 1};

    CHECK_EQ(with_signals(server_main, &s), 6);
    CHECK_EQ(s.served, 0);
    CHECK_EQ(s.client, 1);
}

TAP_MAIN
