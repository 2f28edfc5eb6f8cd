/* SPDX-License-Identifier: MIT
 *
 * Section 1: misuse that cannot be continued from prints a diagnosis that names the fiber, and
 * aborts. Section 7: foreign use is diagnosed. */
#include "tests/kit.h"
#include <pthread.h>
#include <setjmp.h>

/* Runs body as a fiber called "culprit". */
static int culprit(void *arg)
{
    go_name("culprit");
    ((struct kit_call *)arg)->fn();
    return 0;
}

static int culprit_main(void *arg)
{
    int rc;

    GO_NURSERY(n, rc) {
        go_spawn(n, culprit, arg);
    }
    return rc;
}

static int culprit_program(void *arg)
{
    virtual_run(culprit_main, arg);
    return 0;
}

static void aborts(void (*body)(void), int line)
{
    struct kit_call call = {body};

    if (child_dies(culprit_program, &call, SIGABRT, __FILE__, line)) {
        CHECK_HAS(kit_output, "gosling: ");
        CHECK_HAS(kit_output, "culprit");
    }
}

#define CHECK_ABORTS(body) aborts((body), __LINE__)

/* ---- scopes and nurseries ---- */

static void scopes_out_of_order(void)
{
    go_scope a = {0}, b = {0};

    go_scope_enter(&a, NULL);
    go_scope_enter(&b, NULL);
    go_scope_exit(&a, 0);
}

LAW(out_of_order,
    "S1.17 scopes closed out of order: a diagnosis that names the fiber, and an abort")
{
    CHECK_ABORTS(scopes_out_of_order);
    CHECK_HAS(kit_output, "go_scope_exit");
}

static void entered_twice(void)
{
    go_scope a = {0};

    go_scope_enter(&a, NULL);
    go_scope_enter(&a, NULL);
}

static void used_twice(void)
{
    go_scope a = {0};

    go_scope_enter(&a, NULL);
    go_scope_exit(&a, 0);
    go_scope_enter(&a, NULL);
}

static void exited_twice(void)
{
    go_scope a = {0};

    go_scope_enter(&a, NULL);
    go_scope_exit(&a, 0);
    go_scope_exit(&a, 0);
}

static void never_entered(void)
{
    go_scope a = {0};

    go_scope_exit(&a, 0);
}

LAW(single_use,
    "S1.17 a scope is used once: entering it twice, or leaving what was not entered, aborts")
{
    CHECK_ABORTS(entered_twice);
    CHECK_ABORTS(used_twice);
    CHECK_ABORTS(exited_twice);
    CHECK_ABORTS(never_entered);
}

static void nursery_over_scope(void)
{
    go_scope a = {0};
    go_nursery n;

    go_nursery_open(&n, NULL);
    go_scope_enter(&a, NULL);
    go_nursery_close(&n, 0);
}

static void scope_over_nursery(void)
{
    go_scope a = {0};
    go_nursery n;

    go_scope_enter(&a, NULL);
    go_nursery_open(&n, NULL);
    go_scope_exit(&a, 0);
}

static void nurseries_crossed(void)
{
    go_nursery a, b;

    go_nursery_open(&a, NULL);
    go_nursery_open(&b, NULL);
    go_nursery_close(&a, 0);
}

static void closed_twice(void)
{
    go_nursery n;

    go_nursery_open(&n, NULL);
    go_nursery_close(&n, 0);
    go_nursery_close(&n, 0);
}

LAW(crossed, "S1.17 nurseries and scopes nest: closing one out of order aborts")
{
    CHECK_ABORTS(nursery_over_scope);
    CHECK_ABORTS(scope_over_nursery);
    CHECK_ABORTS(nurseries_crossed);
    CHECK_ABORTS(closed_twice);
}

static int closes_other(void *arg)
{
    go_name("thief");
    go_nursery_close(arg, 0);
    return 0;
}

static void closed_by_another(void)
{
    go_nursery n;

    go_nursery_open(&n, NULL);
    go_spawn(&n, closes_other, &n);
    go_sleep(GO_MS);
}

LAW(another_closes, "S1.17 a nursery closed by another fiber than its opener: an abort")
{
    CHECK_DIES(culprit_program, &(struct kit_call){closed_by_another}, SIGABRT);
    CHECK_HAS(kit_output, "thief");
}

static void returns_with_nursery(void)
{
    static go_nursery n; /* outlives the function, for the diagnosis' sake */

    go_nursery_open(&n, NULL);
    go_spawn(&n, sleeper, NULL);
}

static void returns_with_scope(void)
{
    static go_scope s;

    go_scope_enter(&s, NULL);
}

LAW(open_nursery, "S1.18 a fiber that returns with an open nursery: a diagnosis that names the "
                  "fiber, and an abort")
{
    CHECK_ABORTS(returns_with_nursery);
    CHECK_HAS(kit_output, "nursery");
    CHECK_ABORTS(returns_with_scope);
}

static int main_returns_with_nursery(void *arg)
{
    (void)arg;
    go_name("culprit");
    returns_with_nursery();
    return 0;
}

static int main_program(void *arg)
{
    virtual_run(main_returns_with_nursery, arg);
    return 0;
}

LAW(open_nursery_main, "S1.18 the main fiber, too")
{
    CHECK_DIES(main_program, NULL, SIGABRT);
    CHECK_HAS(kit_output, "culprit");
}

static jmp_buf outside;

static void jumps_out(void)
{
    int outer, inner;

    GO_TIMEOUT(GO_SEC, outer) {
        if (setjmp(outside) == 0) {
            GO_TIMEOUT(GO_SEC, inner) {
                longjmp(outside, 1);
            }
        }
    }
}

static void jumps_out_of_nursery(void)
{
    int inner;

    if (setjmp(outside) == 0) {
        GO_NURSERY(n, inner) {
            go_spawn(n, sleeper, NULL);
            longjmp(outside, 1);
        }
    }
}

LAW(longjmp_out, "S1.17 longjmp out of a block is diagnosed")
{
    CHECK_ABORTS(jumps_out);
    CHECK_ABORTS(jumps_out_of_nursery);
}

static void bad_policy_block(void)
{
    int rc;

    GO_NURSERY_OPTS(n, rc, &(go_nursery_opts){.policy = (go_policy)77}) {
        rc = 1;
    }
}

LAW(block_outside, "S1.20 a block form that cannot begin aborts: it has no other way to say so")
{
    CHECK_ABORTS(bad_policy_block);
}

static int nursery_outside(void *arg)
{
    int rc;

    (void)arg;
    GO_NURSERY(n, rc) {
        rc = 1;
    }
    return 0;
}

LAW(nursery_block_outside, "S1.20 GO_NURSERY outside a run aborts, and says why")
{
    CHECK_DIES(nursery_outside, NULL, SIGABRT);
    CHECK_HAS(kit_output, "gosling: GO_NURSERY");
    CHECK_HAS(kit_output, "outside a run");
}

/* ---- callbacks that wait ---- */

static void waits(void *arg)
{
    (void)arg;
    go_sleep(GO_SEC);
}

static void post_waits(void)
{
    go_post(go_sched_self(), waits, NULL);
    go_sleep(GO_MS);
}

static void yields_in_callback(void *arg)
{
    (void)arg;
    for (int i = 0; i < 200; i++)
        go_checkpoint();
}

static void post_yields(void)
{
    go_post(go_sched_self(), yields_in_callback, NULL);
    go_sleep(GO_MS);
}

static void on_exit_waits(go_task *t, void *arg)
{
    (void)t;
    (void)arg;
    go_sleep(GO_SEC);
}

static void exit_callback_waits(void)
{
    go_task t = {.result = 0};
    int rc;

    GO_NURSERY(n, rc) {
        go_spawn_with(n, &(go_spawn_opts){.task = &t, .name = "task"}, sleeper, &moment);
        go_task_on_exit(&t, on_exit_waits, NULL);
    }
}

LAW(posts_must_not_wait,
    "S10.12 a posted function or callback that waits: a diagnosis, and an abort")
{
    CHECK_DIES(culprit_program, &(struct kit_call){post_waits}, SIGABRT);
    CHECK_HAS(kit_output, "go_post");
    CHECK_DIES(culprit_program, &(struct kit_call){post_yields}, SIGABRT);
    CHECK_DIES(culprit_program, &(struct kit_call){exit_callback_waits}, SIGABRT);
    CHECK_HAS(kit_output, "go_task_on_exit");
}

/* ---- foreign threads ---- */

struct shared {
    go_mutex m;
    go_event e;
    go_chan c;
    go_nursery *n;
    go_task *t;
    go_scope *s;
    int (*act)(void *);
    pthread_t thread;
};

static int foreign_lock(void *arg)
{
    go_name("intruder");
    return go_mutex_lock(&((struct shared *)arg)->m);
}

static int foreign_unlock(void *arg)
{
    go_name("intruder");
    return go_mutex_unlock(&((struct shared *)arg)->m);
}

static int foreign_wait(void *arg)
{
    go_name("intruder");
    return go_event_wait(&((struct shared *)arg)->e);
}

static int foreign_set(void *arg)
{
    go_name("intruder");
    go_event_set(&((struct shared *)arg)->e);
    return 0;
}

static int foreign_send(void *arg)
{
    go_name("intruder");
    return go_chan_try_send(&((struct shared *)arg)->c, &(int){1});
}

static int foreign_recv(void *arg)
{
    int item;

    go_name("intruder");
    return go_chan_recv(&((struct shared *)arg)->c, &item);
}

static int foreign_close(void *arg)
{
    go_name("intruder");
    go_chan_close(&((struct shared *)arg)->c);
    return 0;
}

static int foreign_spawn(void *arg)
{
    go_name("intruder");
    return go_spawn(((struct shared *)arg)->n, sleeper, NULL);
}

static int foreign_join(void *arg)
{
    go_name("intruder");
    return go_task_join(((struct shared *)arg)->t);
}

static int foreign_cancel(void *arg)
{
    go_name("intruder");
    go_scope_cancel(((struct shared *)arg)->s, NULL);
    return 0;
}

static void *intrudes(void *arg)
{
    struct shared *s = arg;

    virtual_run(s->act, s); /* a run of its own, with the other's objects */
    return NULL;
}

static int invites(void *arg)
{
    struct shared *s = arg;
    go_task t = {.result = 0};
    go_scope scope = {0};
    int rc, inner;

    go_mutex_init(&s->m, 0);
    go_event_init(&s->e, 0);
    go_chan_init(&s->c, sizeof(int), 1, 0);
    go_mutex_lock(&s->m);
    GO_NURSERY(n, rc) {
        s->n = n;
        s->t = &t;
        s->s = &scope;
        go_spawn_with(n, &(go_spawn_opts){.task = &t}, sleeper, NULL);
        GO_SCOPE(&scope, inner, NULL) {
            go_yield();
            pthread_create(&s->thread, NULL, intrudes, s);
            pthread_join(s->thread, NULL);
            go_nursery_cancel(n, NULL);
        }
    }
    return 0;
}

static int invites_program(void *arg)
{
    virtual_run(invites, arg);
    return 0;
}

static void check_intruder(int (*act)(void *), const char *function)
{
    struct shared s;

    memset(&s, 0, sizeof s);
    s.act = act;
    CHECK_DIES(invites_program, &s, SIGABRT);
    CHECK_HAS(kit_output, "gosling: ");
    CHECK_HAS(kit_output, function);
    CHECK_HAS(kit_output, "intruder");
}

LAW(foreign_objects,
    "S7.05 an object belongs to the scheduler that initialised it; foreign use is diagnosed")
{
    check_intruder(foreign_lock, "go_mutex_lock");
    check_intruder(foreign_unlock, "go_mutex_unlock");
    check_intruder(foreign_wait, "go_event_wait");
    check_intruder(foreign_set, "go_event_set");
    check_intruder(foreign_send, "go_chan_try_send");
    check_intruder(foreign_recv, "go_chan_recv");
    check_intruder(foreign_close, "go_chan_close");
}

LAW(foreign_handles, "S1.19 a handle used from a foreign thread: a diagnosis, and an abort")
{
    check_intruder(foreign_spawn, "go_spawn");
    check_intruder(foreign_join, "go_task_join");
    check_intruder(foreign_cancel, "go_scope_cancel");
}

static int plain_set(void *arg)
{
    (void)arg;
    return 0;
}

static void *plain_thread(void *arg)
{
    struct shared *s = arg;

    if (s->act == plain_set)
        go_event_set(&s->e); /* no run in this thread */
    else
        go_spawn(s->n, sleeper, NULL);
    return NULL;
}

static int invites_plain(void *arg)
{
    struct shared *s = arg;
    int rc;

    go_event_init(&s->e, 0);
    GO_NURSERY(n, rc) {
        s->n = n;
        pthread_create(&s->thread, NULL, plain_thread, s);
        pthread_join(s->thread, NULL);
    }
    return 0;
}

static int invites_plain_program(void *arg)
{
    virtual_run(invites_plain, arg);
    return 0;
}

LAW(foreign_plain, "S7.05 from a plain thread as well")
{
    struct shared s;

    memset(&s, 0, sizeof s);
    s.act = plain_set;
    CHECK_DIES(invites_plain_program, &s, SIGABRT);
    CHECK_HAS(kit_output, "go_event_set");
}

LAW(foreign_plain_spawn, "S1.19 go_spawn from a plain thread as well")
{
    struct shared s;

    memset(&s, 0, sizeof s);
    CHECK_DIES(invites_plain_program, &s, SIGABRT);
    CHECK_HAS(kit_output, "go_spawn");
}

static int uses_late(void *arg)
{
    return go_mutex_lock(arg);
}

static void *uses_in_thread(void *arg)
{
    virtual_run(uses_late, arg);
    return NULL;
}

static int first_come(void *arg)
{
    go_mutex m;
    pthread_t t;

    (void)arg;
    go_mutex_init(&m, 0); /* outside a run: whoever comes first */
    CHECK_EQ(virtual_run(uses_late, &m), 0);
    pthread_create(&t, NULL, uses_in_thread, &m);
    pthread_join(t, NULL);
    return 0;
}

LAW(first_scheduler, "S7.06 and once the first scheduler has used it, another is diagnosed")
{
    CHECK_DIES(first_come, NULL, SIGABRT);
    CHECK_HAS(kit_output, "go_mutex_lock");
}

/* ---- objects that are still in use ---- */

static int receives_for_ever(void *arg)
{
    int item;

    return go_chan_recv(arg, &item);
}

static void fini_with_waiter(void)
{
    go_chan c;
    int rc;

    go_chan_init(&c, sizeof(int), 0, 0);
    GO_NURSERY(n, rc) {
        go_spawn(n, receives_for_ever, &c);
        go_yield();
        go_chan_fini(&c);
    }
}

LAW(fini_in_use, "S10.12 go_chan_fini while somebody waits: a diagnosis, and an abort")
{
    CHECK_ABORTS(fini_with_waiter);
    CHECK_HAS(kit_output, "go_chan_fini");
}

TAP_MAIN
