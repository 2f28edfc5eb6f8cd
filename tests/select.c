/* SPDX-License-Identifier: MIT
 *
 * Section 7: waiting for the first of several things. */
#include "tests/kit.h"

struct op {
    go_chan *c;
    int value, rc;
};

static int sends(void *arg)
{
    struct op *op = arg;

    op->rc = go_chan_send(op->c, &op->value);
    return 0;
}

static int receives(void *arg)
{
    struct op *op = arg;

    op->rc = go_chan_recv(op->c, &op->value);
    return 0;
}

/* ---- each kind, ready and waited for ---- */

LAW_VIRTUAL(receiving, "S7.26 go_select receives from a channel")
{
    go_chan c;
    struct op s = {&c, 7, 1};
    int rc, got = 0;

    go_chan_init(&c, sizeof(int), 1, 0);
    GO_NURSERY(n, rc) {
        go_case cases[] = {GO_RECV(&c, &got)};

        go_spawn(n, sends, &s);
        CHECK_EQ(go_select(cases, 1), 0); /* waits */
        CHECK_EQ(cases[0].result, 1);
        CHECK_EQ(got, 7);
        s.value = 8;
        CHECK_EQ(go_chan_send(&c, &s.value), 0);
        CHECK_EQ(go_select(cases, 1), 0); /* ready */
        CHECK_EQ(got, 8);
        go_chan_close(&c);
        CHECK_EQ(go_select(cases, 1), 0); /* the end */
        CHECK_EQ(cases[0].result, 0);
    }
    CHECK_EQ(rc, 0);
    go_chan_fini(&c);
}

LAW_VIRTUAL(recv_closed_meanwhile, "S7.26 a channel that is closed meanwhile ends the wait")
{
    go_chan c;
    struct op r = {&c, 0, 1};
    int rc, got = 0, item = 1;

    go_chan_init(&c, sizeof(int), 0, 0);
    GO_NURSERY(n, rc) {
        go_case in[] = {GO_RECV(&c, &got)}, out[] = {GO_SEND(&c, &item)};

        go_post(go_sched_self(), (void (*)(void *))go_chan_close, &c);
        CHECK_EQ(go_select(in, 1), 0);
        CHECK_EQ(in[0].result, 0);
        CHECK_EQ(go_select(out, 1), 0);
        CHECK_EQ(out[0].result, -EPIPE);
        go_spawn(n, receives, &r);
    }
    CHECK_EQ(rc, 0);
    CHECK_EQ(r.rc, 0);
    go_chan_fini(&c);
}

LAW_VIRTUAL(sending, "S7.26 go_select sends to a channel")
{
    go_chan c;
    struct op r = {&c, 0, 1};
    int rc, item = 7;

    go_chan_init(&c, sizeof(int), 0, 0);
    GO_NURSERY(n, rc) {
        go_case cases[] = {GO_SEND(&c, &item)};

        go_spawn(n, receives, &r);
        CHECK_EQ(go_select(cases, 1), 0); /* waits: it is not there yet */
        CHECK_EQ(cases[0].result, 0);
        go_yield();
        CHECK_EQ(r.rc, 1);
        CHECK_EQ(r.value, 7);
        r.rc = 0;
        go_spawn(n, receives, &r);
        go_yield();
        CHECK_EQ(go_select(cases, 1), 0); /* ready */
    }
    CHECK_EQ(rc, 0);
    CHECK_EQ(r.rc, 1);
    go_chan_fini(&c);
}

static int writes_later(void *arg)
{
    go_sleep(GO_MS);
    (void)!write(*(int *)arg, "x", 1);
    return 0;
}

static char nothing[1 << 16];

static int reads_later(void *arg)
{
    static char buf[1 << 20];

    go_sleep(GO_MS);
    while (recv(*(int *)arg, buf, sizeof buf, MSG_DONTWAIT) > 0)
        ;
    return 0;
}

LAW_VIRTUAL(fds, "S7.26 go_select waits on fds, readable and writable")
{
    int rc, fds[2];

    CHECK_EQ(go_socketpair(fds), 0);
    GO_NURSERY(n, rc) {
        go_case in[] = {GO_READABLE(fds[0])}, out[] = {GO_READABLE(fds[0]), GO_WRITABLE(fds[0])};

        go_spawn(n, writes_later, &fds[1]);
        CHECK_EQ(go_select(in, 1), 0);
        CHECK_EQ(in[0].result, POLLIN);
        CHECK_EQ(go_select(in, 1), 0); /* it is still there: nothing was read */
        CHECK_EQ(recv(fds[0], nothing, sizeof nothing, MSG_DONTWAIT), 1);
        CHECK_EQ(go_select(out, 2), 1);
        CHECK_EQ(out[1].result, POLLOUT);
        while (send(fds[0], nothing, sizeof nothing, MSG_DONTWAIT) > 0)
            ;
        go_spawn(n, reads_later, &fds[1]);
        CHECK_EQ(go_select(out, 2), 1);
    }
    CHECK_EQ(rc, 0);
    go_close(fds[0]);
    go_close(fds[1]);
}

static int closes_later(void *arg)
{
    go_sleep(GO_MS);
    CHECK_EQ(go_close(*(int *)arg), 0);
    return 0;
}

LAW_VIRTUAL(closed_fd, "S7.26 an fd that go_close closes meanwhile: its result is -EBADF")
{
    int rc, fds[2];

    CHECK_EQ(go_socketpair(fds), 0);
    GO_NURSERY(n, rc) {
        go_case in[] = {GO_READABLE(fds[0])};

        go_spawn(n, closes_later, &fds[0]);
        CHECK_EQ(go_select(in, 1), 0);
        CHECK_EQ(in[0].result, -EBADF);
    }
    CHECK_EQ(rc, 0);
    go_close(fds[1]);
}

LAW_VIRTUAL(after, "S7.26 go_select waits for a time")
{
    go_time start = go_now();
    int got;
    go_chan c;

    go_chan_init(&c, sizeof(int), 0, 0);
    go_case cases[] = {GO_RECV(&c, &got), GO_AFTER(20 * GO_MS), GO_AFTER(10 * GO_MS)};
    CHECK_EQ(go_select(cases, 3), 2);
    CHECK_EQ(cases[2].result, 0);
    CHECK_EQ(go_now() - start, 10 * GO_MS);
    cases[1] = GO_AFTER(0);
    CHECK_EQ(go_select(cases, 2), 1);
    CHECK_EQ(go_now() - start, 10 * GO_MS);
    cases[1] = GO_AFTER(-1);
    CHECK_EQ(go_select(cases, 2), 1);
    CHECK_EQ(go_now() - start, 10 * GO_MS);
    CHECK_EQ(go_chan_try_send(&c, &got), -EAGAIN); /* nobody waits any more */
    go_chan_fini(&c);
}

LAW_VIRTUAL(join, "S7.26 go_select waits for tasks")
{
    struct plan p = {.delay = GO_MS, .result = 4}, q = {.delay = GO_SEC, .result = 5};
    go_task t = {.result = 0}, u = {.result = 0};
    int rc;

    GO_NURSERY(n, rc) {
        go_case cases[] = {GO_JOIN(&u), GO_JOIN(&t)};

        go_spawn_with(n, &(go_spawn_opts){.task = &t}, follow, &p);
        go_spawn_with(n, &(go_spawn_opts){.task = &u}, follow, &q);
        CHECK_EQ(go_select(cases, 2), 1);
        CHECK_EQ(cases[1].result, 4);
        CHECK_EQ(go_select(cases, 2), 1); /* it has ended: at once */
        CHECK_EQ(go_select(cases, 1), 0);
        CHECK_EQ(cases[0].result, 5);
    }
    CHECK_EQ(rc, 0);
}

LAW_VIRTUAL(join_takes_error,
            "S3.31 under GO_SUPERVISE an error taken by go_select's GO_JOIN is delivered")
{
    struct plan bad = {.delay = GO_MS, .result = -EIO};
    go_task t = {.result = 0};
    int rc;

    GO_NURSERY_OPTS(n, rc, &(go_nursery_opts){.policy = GO_SUPERVISE}) {
        go_case cases[] = {GO_JOIN(&t)};

        go_spawn_with(n, &(go_spawn_opts){.task = &t}, follow, &bad);
        CHECK_EQ(go_select(cases, 1), 0);
        CHECK_EQ(cases[0].result, -EIO);
    }
    CHECK_EQ(rc, 0);
}

LAW_VIRTUAL(event, "S7.26 go_select waits for events")
{
    go_event e, f;
    int rc;

    go_event_init(&e, 0);
    go_event_init(&f, 0);
    GO_NURSERY(n, rc) {
        go_case cases[] = {GO_WAIT(&e), GO_WAIT(&f)};

        go_post(go_sched_self(), (void (*)(void *))go_event_set, &f);
        CHECK_EQ(go_select(cases, 2), 1);
        CHECK_EQ(cases[1].result, 0);
        CHECK_EQ(go_select(cases, 2), 1);
    }
    CHECK_EQ(rc, 0);
}

struct holder {
    go_mutex *m;
    go_time holds;
    bool keeps;
};

static int holds(void *arg)
{
    struct holder *h = arg;

    CHECK_EQ(go_mutex_lock(h->m), 0);
    go_sleep(h->holds);
    if (!h->keeps)
        go_mutex_unlock(h->m);
    return 0;
}

LAW_VIRTUAL(lock, "S7.26 go_select takes locks")
{
    go_mutex a, b;
    struct holder ha = {&a, 2 * GO_MS, false}, hb = {&b, GO_MS, false};
    int rc;

    go_mutex_init(&a, 0);
    go_mutex_init(&b, 0);
    GO_NURSERY(n, rc) {
        go_case cases[] = {GO_LOCK(&a), GO_LOCK(&b)};

        CHECK_EQ(go_select(cases, 1), 0); /* free */
        CHECK_EQ(cases[0].result, 0);
        CHECK_EQ(go_select(cases, 1), 0); /* its own */
        CHECK_EQ(cases[0].result, -EDEADLK);
        CHECK_EQ(go_mutex_unlock(&a), 0);
        go_spawn(n, holds, &ha);
        go_spawn(n, holds, &hb);
        go_yield();
        CHECK_EQ(go_select(cases, 2), 1); /* the first to be unlocked */
        CHECK_EQ(cases[1].result, 0);
        CHECK_EQ(go_mutex_unlock(&b), 0);
        CHECK_EQ(go_mutex_unlock(&a), -EPERM);
        go_sleep(10 * GO_MS);
        CHECK_EQ(go_mutex_try_lock(&a), 0); /* nobody waits there any more */
        CHECK_EQ(go_mutex_unlock(&a), 0);
    }
    CHECK_EQ(rc, 0);
}

LAW_VIRTUAL(lock_owner_dies, "S7.10 in a select, too: -EOWNERDEAD is the lock's result")
{
    go_mutex m;
    struct holder h = {&m, GO_MS, true};
    int rc;

    go_mutex_init(&m, 0);
    GO_NURSERY(n, rc) {
        go_case cases[] = {GO_AFTER(GO_SEC), GO_LOCK(&m)};

        go_spawn(n, holds, &h);
        go_yield();
        CHECK_EQ(go_select(cases, 2), 1);
        CHECK_EQ(cases[1].result, -EOWNERDEAD);
    }
    CHECK_EQ(rc, 0);
}

/* ---- exactly one ---- */

LAW_VIRTUAL(exactly_one_ready,
            "S7.28 of several that are ready one is committed, and the others have no effect")
{
    go_chan a, b, full;
    go_mutex m;
    int got_a = 0, got_b = 0, item = 9, committed[4] = {0};

    go_chan_init(&a, sizeof(int), 100, 0);
    go_chan_init(&b, sizeof(int), 100, 0);
    go_chan_init(&full, sizeof(int), 100, 0);
    go_mutex_init(&m, 0);
    for (int i = 0; i < 50; i++) {
        CHECK_EQ(go_chan_send(&a, &i), 0);
        CHECK_EQ(go_chan_send(&b, &i), 0);
    }
    for (int i = 0; i < 50; i++) {
        go_case cases[] = {GO_RECV(&a, &got_a), GO_RECV(&b, &got_b), GO_SEND(&full, &item),
                           GO_LOCK(&m)};
        int which = go_select(cases, 4);

        if (!CHECK(which >= 0 && which < 4))
            break;
        committed[which]++;
        CHECK_EQ(go_mutex_unlock(&m), which == 3 ? 0 : -EPERM);
    }
    for (int i = 0; go_chan_try_recv(&a, &got_a) == 1; i++)
        committed[0]++;
    for (int i = 0; go_chan_try_recv(&b, &got_b) == 1; i++)
        committed[1]++;
    for (int i = 0; go_chan_try_recv(&full, &item) == 1; i++)
        committed[2]--;
    CHECK_EQ(committed[0], 50);
    CHECK_EQ(committed[1], 50);
    CHECK_EQ(committed[2], 0);
    go_chan_fini(&a);
    go_chan_fini(&b);
    go_chan_fini(&full);
}

struct selecting {
    go_chan *a, *b;
    int got, rc, result;
    go_time timeout;
};

static int selects(void *arg)
{
    struct selecting *s = arg;
    go_case cases[] = {GO_RECV(s->a, &s->got), GO_RECV(s->b, &s->got), GO_AFTER(s->timeout)};

    s->rc = go_select(cases, s->timeout ? 3 : 2);
    if (s->rc >= 0)
        s->result = cases[s->rc].result;
    return 0;
}

LAW_VIRTUAL(exactly_one_waiting, "S7.28 of several that become ready in one turn one is committed")
{
    go_chan a, b;
    struct selecting s = {.a = &a, .b = &b, .rc = -1};
    int rc;

    go_chan_init(&a, sizeof(int), 0, 0);
    go_chan_init(&b, sizeof(int), 0, 0);
    GO_NURSERY(n, rc) {
        go_spawn(n, selects, &s);
        go_yield();
        CHECK_EQ(go_chan_try_send(&b, &(int){2}), 0);
        CHECK_EQ(go_chan_try_send(&a, &(int){1}), -EAGAIN); /* it waits for nothing more */
        CHECK_EQ(go_chan_try_send(&b, &(int){3}), -EAGAIN);
    }
    CHECK_EQ(rc, 0);
    CHECK_EQ(s.rc, 1);
    CHECK_EQ(s.result, 1);
    CHECK_EQ(s.got, 2);
    go_chan_fini(&a);
    go_chan_fini(&b);
}

LAW_VIRTUAL(two_selects_meet, "S7.28 two selects meet on a channel of capacity 0")
{
    go_chan a, b;
    struct selecting s = {.a = &a, .b = &b, .rc = -1};
    int rc, item = 5, other;

    go_chan_init(&a, sizeof(int), 0, 0);
    go_chan_init(&b, sizeof(int), 0, 0);
    GO_NURSERY(n, rc) {
        go_case cases[] = {GO_RECV(&a, &other), GO_SEND(&b, &item)};

        go_spawn(n, selects, &s);
        go_yield();
        CHECK_EQ(go_select(cases, 2), 1);
    }
    CHECK_EQ(rc, 0);
    CHECK_EQ(s.rc, 1);
    CHECK_EQ(s.got, 5);
    go_chan_fini(&a);
    go_chan_fini(&b);
}

LAW_VIRTUAL(not_with_itself,
            "S7.28 a select that sends and receives on one channel does not meet itself")
{
    go_chan c;
    int item = 5, got = 0;

    go_chan_init(&c, sizeof(int), 0, 0);
    go_case cases[] = {GO_RECV(&c, &got), GO_SEND(&c, &item), GO_AFTER(GO_MS)};
    CHECK_EQ(go_select(cases, 3), 2);
    CHECK_EQ(got, 0);
    go_chan_fini(&c);
}

LAW_VIRTUAL(same_twice, "S7.28 the same channel in two cases: one item, one of them")
{
    go_chan c;
    struct selecting s = {.a = &c, .b = &c, .rc = -1};
    int rc;

    go_chan_init(&c, sizeof(int), 0, 0);
    GO_NURSERY(n, rc) {
        go_spawn(n, selects, &s);
        go_yield();
        CHECK_EQ(go_chan_try_send(&c, &(int){2}), 0);
        CHECK_EQ(go_chan_try_send(&c, &(int){3}), -EAGAIN);
    }
    CHECK_EQ(rc, 0);
    CHECK_EQ(s.got, 2);
    go_chan_fini(&c);
}

LAW_VIRTUAL(cancelled, "S7.03 a cancelled select leaves no trace on any of its objects")
{
    go_chan a, b;
    struct selecting s[3] = {{.a = &a, .b = &b, .rc = 1},
                             {.a = &a, .b = &b, .rc = 1},
                             {.a = &a, .b = &b, .rc = 1}};
    go_task t[3] = {{.result = 0}};
    int rc;

    go_chan_init(&a, sizeof(int), 0, 0);
    go_chan_init(&b, sizeof(int), 0, 0);
    GO_NURSERY(n, rc) {
        for (int i = 0; i < 3; i++)
            go_spawn_with(n, &(go_spawn_opts){.task = &t[i]}, selects, &s[i]);
        go_yield();
        go_task_cancel(&t[1], NULL);
        CHECK_EQ(go_chan_try_send(&a, &(int){1}), 0);
        CHECK_EQ(go_chan_try_send(&b, &(int){2}), 0);
        CHECK_EQ(go_chan_try_send(&a, &(int){3}), -EAGAIN);
        CHECK_EQ(go_chan_try_send(&b, &(int){3}), -EAGAIN);
    }
    CHECK_EQ(rc, 0);
    CHECK_EQ(s[0].got, 1);
    CHECK_EQ(s[1].rc, -ECANCELED);
    CHECK_EQ(s[2].got, 2);
    go_chan_fini(&a);
    go_chan_fini(&b);
}

LAW_VIRTUAL(won_then_cancelled,
            "S4.15 a select that was committed before the cancel returns its case")
{
    go_chan a, b;
    struct selecting s = {.a = &a, .b = &b, .rc = -1};
    go_task t = {.result = 0};
    int rc;

    go_chan_init(&a, sizeof(int), 0, 0);
    go_chan_init(&b, sizeof(int), 0, 0);
    GO_NURSERY(n, rc) {
        go_spawn_with(n, &(go_spawn_opts){.task = &t}, selects, &s);
        go_yield();
        CHECK_EQ(go_chan_try_send(&b, &(int){2}), 0);
        go_task_cancel(&t, NULL);
    }
    CHECK_EQ(rc, 0);
    CHECK_EQ(s.rc, 1);
    CHECK_EQ(s.got, 2);
    go_chan_fini(&a);
    go_chan_fini(&b);
}

LAW_VIRTUAL(time_out_and_item,
            "S4.15 a select whose timer and whose item come in one turn: one of them, no item lost")
{
    go_chan a, b;
    struct selecting s = {.a = &a, .b = &b, .rc = -1, .timeout = GO_MS};
    int rc, sent;

    go_chan_init(&a, sizeof(int), 0, 0);
    go_chan_init(&b, sizeof(int), 0, 0);
    GO_NURSERY(n, rc) {
        go_spawn(n, selects, &s);
        go_sleep(GO_MS);
        sent = go_chan_try_send(&a, &(int){4});
    }
    CHECK_EQ(rc, 0);
    CHECK((s.rc == 0 && sent == 0 && s.got == 4) || (s.rc == 2 && sent == -EAGAIN && s.got == 0));
    go_chan_fini(&a);
    go_chan_fini(&b);
}

/* ---- GO_DEFAULT, fairness, and what is wrong ---- */

LAW_VIRTUAL(with_default, "S7.29 go_select with GO_DEFAULT does not wait")
{
    go_time start = go_now();
    go_chan c;
    int got = 0;

    go_chan_init(&c, sizeof(int), 1, 0);
    go_case cases[] = {GO_DEFAULT, GO_RECV(&c, &got), GO_AFTER(GO_SEC)};
    CHECK_EQ(go_select(cases, 3), 0);
    CHECK_EQ(go_now(), start);
    CHECK_EQ(go_chan_send(&c, &(int){6}), 0);
    CHECK_EQ(go_select(cases, 3), 1); /* what is ready comes first */
    CHECK_EQ(got, 6);
    CHECK_EQ(go_select(cases, 1), 0);
    go_chan_fini(&c);
}

LAW_VIRTUAL(fair, "S7.32 go_select is fair among the ready")
{
    go_chan c[3];
    int count[3] = {0}, got;

    for (int i = 0; i < 3; i++) {
        go_chan_init(&c[i], sizeof(int), 1, 0);
        CHECK_EQ(go_chan_send(&c[i], &i), 0);
    }
    for (int i = 0; i < 900; i++) {
        go_case cases[] = {GO_RECV(&c[0], &got), GO_RECV(&c[1], &got), GO_RECV(&c[2], &got)};
        int which = go_select(cases, 3);

        if (!CHECK(which >= 0 && which < 3))
            break;
        count[which]++;
        CHECK_EQ(got, which);
        CHECK_EQ(go_chan_send(&c[which], &which), 0);
    }
    for (int i = 0; i < 3; i++) {
        CHECK(count[i] > 200 && count[i] < 400);
        go_chan_fini(&c[i]);
    }
}

LAW_VIRTUAL(wrong, "S1.01 go_select: an unknown kind is -EINVAL, and nothing was committed")
{
    go_chan c;
    int got = 0;

    go_chan_init(&c, sizeof(int), 1, 0);
    CHECK_EQ(go_chan_send(&c, &(int){6}), 0);
    go_case cases[] = {GO_RECV(&c, &got), {.kind = 99}};
    CHECK_EQ(go_select(cases, 2), -EINVAL);
    CHECK_EQ(got, 0);
    CHECK_EQ(go_chan_try_recv(&c, &got), 1);
    go_chan_fini(&c);
}

LAW_VIRTUAL(many_cases, "S7.26 a hundred cases")
{
    go_chan c[100];
    go_case cases[100];
    struct op s = {&c[63], 5, 1};
    int rc, got = 0;

    for (int i = 0; i < 100; i++) {
        go_chan_init(&c[i], sizeof(int), 0, 0);
        cases[i] = GO_RECV(&c[i], &got);
    }
    GO_NURSERY(n, rc) {
        go_spawn(n, sends, &s);
        CHECK_EQ(go_select(cases, 100), 63);
        CHECK_EQ(got, 5);
    }
    CHECK_EQ(rc, 0);
    for (int i = 0; i < 100; i++)
        go_chan_fini(&c[i]);
}

LAW(outside, "S1.20 outside a run go_select is -ESHUTDOWN")
{
    go_case cases[] = {GO_AFTER(0)};

    CHECK_EQ(go_select(cases, 1), -ESHUTDOWN);
}

TAP_MAIN
