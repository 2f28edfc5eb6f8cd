/* SPDX-License-Identifier: MIT
 *
 * Section 10: nothing can ever wake this program. */
#include "tests/kit.h"
#include <sys/time.h>

struct two_locks {
    go_mutex *first, *second;
    const char *name;
    int rc;
};

static int locks_both(void *arg)
{
    struct two_locks *l = arg;

    go_name("%s", l->name);
    CHECK_EQ(go_mutex_lock(l->first), 0);
    go_yield();
    l->rc = go_mutex_lock(l->second);
    go_mutex_unlock(l->first);
    return l->rc;
}

static int embrace(void *arg)
{
    go_mutex a, b;
    struct two_locks l[2] = {{&a, &b, "ping", 1}, {&b, &a, "pong", 1}};
    char reason[64] = "";
    int rc;

    (void)arg;
    go_mutex_init(&a, 0);
    go_mutex_init(&b, 0);
    GO_NURSERY(n, rc) {
        go_spawn(n, locks_both, &l[0]);
        go_spawn(n, locks_both, &l[1]);
    }
    snprintf(reason, sizeof reason, "%s", go_cancel_reason() ? go_cancel_reason() : "");
    CHECK_STR(reason, "deadlock");
    CHECK_EQ(l[0].rc, -ECANCELED);
    CHECK_EQ(l[1].rc, -ECANCELED);
    return rc;
}

static int embrace_program(void *arg)
{
    CHECK_EQ(virtual_run(embrace, arg), -EDEADLK);
    return 0;
}

LAW(who_waits_for_whom, "S10.01 every fiber is listed with what it waits for and who holds it")
{
    const char *ping, *pong;

    CHECK_EXITS(embrace_program, NULL, 0);
    CHECK_HAS(kit_output, "gosling: deadlock");
    ping = strstr(kit_output, "ping");
    pong = strstr(kit_output, "pong");
    if (!CHECK(ping && pong))
        return;
    CHECK_HAS(ping, "mutex");
    CHECK_HAS(ping, "pong"); /* who holds it */
    CHECK_HAS(pong, "mutex");
    CHECK_HAS(pong, "ping");
    CHECK_HAS(kit_output, "main");
}

LAW(result,
    "S10.02 the root scope is cancelled with the reason deadlock, and go_run returns -EDEADLK")
{
    CHECK_EXITS(embrace_program, NULL, 0);
}

static int waits_event(void *arg)
{
    return go_event_wait(arg);
}

static int waits_chan(void *arg)
{
    int item;

    return go_chan_recv(arg, &item);
}

static int sends_chan(void *arg)
{
    return go_chan_send(arg, &(int){1});
}

static int joins(void *arg)
{
    return go_task_join(arg);
}

static int selects(void *arg)
{
    go_chan *c = arg;
    int a, b;
    go_case cases[] = {GO_RECV(&c[0], &a), GO_RECV(&c[1], &b)};

    return go_select(cases, 2);
}

static int listed(void *arg)
{
    go_task t = {.result = 0};
    go_chan in, out, both[2];
    go_event e;
    int rc;

    (void)arg;
    go_chan_init(&in, sizeof(int), 0, 0);
    go_chan_init(&out, sizeof(int), 0, 0);
    go_chan_init(&both[0], sizeof(int), 0, 0);
    go_chan_init(&both[1], sizeof(int), 0, 0);
    go_event_init(&e, 0);
    GO_NURSERY(n, rc) {
        go_spawn_with(n, &(go_spawn_opts){.name = "for-event", .task = &t}, waits_event, &e);
        go_spawn_with(n, &(go_spawn_opts){.name = "for-item"}, waits_chan, &in);
        go_spawn_with(n, &(go_spawn_opts){.name = "for-room"}, sends_chan, &out);
        go_spawn_with(n, &(go_spawn_opts){.name = "for-task"}, joins, &t);
        go_spawn_with(n, &(go_spawn_opts){.name = "for-any"}, selects, both);
        go_spawn_with(n, &(go_spawn_opts){.name = "for-ever"}, sleeper, NULL);
    }
    go_chan_fini(&in);
    go_chan_fini(&out);
    return rc;
}

static int listed_program(void *arg)
{
    CHECK_EQ(real_run(listed, arg), -EDEADLK);
    return 0;
}

/* The line of the output in which name stands, as a string of its own. */
static const char *line_of(const char *name, char *line, size_t size)
{
    const char *at = strstr(kit_output, name);
    size_t len = at ? strcspn(at, "\n") : 0;

    snprintf(line, size, "%.*s", (int)len, at ? at : "");
    return line;
}

LAW(all_kinds, "S10.01 with what each waits for: events, channels, tasks, selects, nothing at all")
{
    char line[512];

    CHECK_EXITS(listed_program, NULL, 0);
    CHECK_HAS(line_of("for-event", line, sizeof line), "event");
    CHECK_HAS(line_of("for-item", line, sizeof line), "chan");
    CHECK_HAS(line_of("for-room", line, sizeof line), "chan");
    CHECK_HAS(line_of("for-task", line, sizeof line), "for-event"); /* whose end it waits for */
    CHECK_HAS(line_of("for-any", line, sizeof line), "chan");
    CHECK_HAS(kit_output, "for-ever");
    CHECK_HAS(line_of("main", line, sizeof line), "child"); /* it closes its nursery */
}

static int main_alone(void *arg)
{
    int rc = go_sleep(GO_FOREVER);

    (void)arg;
    CHECK_EQ(rc, -ECANCELED);
    CHECK_STR(go_cancel_reason(), "deadlock");
    return 5;
}

static int main_alone_program(void *arg)
{
    CHECK_EQ(virtual_run(main_alone, arg), -EDEADLK); /* whatever the function returned */
    CHECK_EQ(real_run(main_alone, arg), -EDEADLK);
    return 0;
}

LAW(alone, "S10.02 a single fiber that waits for nothing, too")
{
    CHECK_EXITS(main_alone_program, NULL, 0);
}

static int shielded(void *arg)
{
    go_event e;
    int rc = 0;

    (void)arg;
    go_event_init(&e, 0);
    GO_SHIELD(GO_FOREVER) {
        rc = go_event_wait(&e); /* nobody will set it: no shield helps */
    }
    CHECK_EQ(rc, -ECANCELED);
    return 0;
}

static int shielded_program(void *arg)
{
    CHECK_EQ(virtual_run(shielded, arg), -EDEADLK);
    return 0;
}

LAW(under_a_shield, "S10.02 a deadlock under a shield ends the run all the same")
{
    CHECK_EXITS(shielded_program, NULL, 0);
    CHECK_HAS(kit_output, "deadlock");
}

static int cleans_up(void *arg)
{
    int rc = go_sleep(GO_FOREVER);

    GO_SHIELD(GO_SEC) {
        CHECK_EQ(go_sleep(10 * GO_MS), 0);
        fprintf(stderr, "cleaned up\n");
    }
    (void)arg;
    return rc;
}

static int cleans_up_program(void *arg)
{
    CHECK_EQ(virtual_run(cleans_up, arg), -EDEADLK);
    return 0;
}

LAW(clean_up, "S10.02 what is cancelled may clean up under its shield")
{
    CHECK_EXITS(cleans_up_program, NULL, 0);
    CHECK_HAS(kit_output, "cleaned up");
}

static int reads_alone(void *arg)
{
    char byte;
    int fds[2], rc;

    CHECK_EQ(go_socketpair(fds), 0);
    GO_TIMEOUT(GO_SEC, rc) { /* a time is something that wakes */
        CHECK_EQ(go_read(fds[0], &byte, 1), -ECANCELED);
    }
    CHECK_EQ(rc, -ETIMEDOUT);
    (void)arg;
    return 0;
}

LAW(no_false_alarm, "S10.01 who waits for a time or a descriptor is no deadlock")
{
    CHECK_EQ(virtual_run(reads_alone, NULL), 0);
}

static void sets(void *arg)
{
    go_event_set(arg);
}

static go_sched *target;
static go_event late;

static void alarm_posts(int sig)
{
    (void)sig;
    go_post(target, sets, &late);
}

static int woken_from_outside(void *arg)
{
    struct sigaction sa;
    struct timeval soon = {0, 5000};
    int rc;

    (void)arg;
    target = go_sched_self();
    go_event_init(&late, 0);
    memset(&sa, 0, sizeof sa);
    sa.sa_handler = alarm_posts;
    sigaction(SIGALRM, &sa, NULL);
    setitimer(ITIMER_REAL, &(struct itimerval){.it_value = soon}, NULL);
    rc = go_event_wait(&late);
    return rc;
}

static int no_deadlock_program(void *arg)
{
    CHECK_EQ(go_run_with(&(go_run_opts){.no_deadlock = true}, woken_from_outside, arg), 0);
    return 0;
}

LAW(opted_out, "S10.04 with .no_deadlock a run waits for a post from outside")
{
    CHECK_EXITS(no_deadlock_program, NULL, 0);
    CHECK_STR(kit_output, "");
}

static int again(void *arg)
{
    (void)arg;
    CHECK_EQ(virtual_run(main_alone, NULL), -EDEADLK);
    CHECK_EQ(virtual_run(kit_main, &(struct kit_call){trace_reset}), 0);
    return 0;
}

LAW(next_run, "S10.02 the next run of the thread starts anew")
{
    CHECK_EXITS(again, NULL, 0);
}

TAP_MAIN
