/* SPDX-License-Identifier: MIT
 *
 * Section 7: channels. */
#include "tests/kit.h"

struct op {
    go_chan *c;
    const char *name;
    int value, rc;
};

static int sends(void *arg)
{
    struct op *op = arg;

    op->rc = go_chan_send(op->c, &op->value);
    mark("%s:%d", op->name, op->rc);
    return 0;
}

static int receives(void *arg)
{
    struct op *op = arg;

    op->rc = go_chan_recv(op->c, &op->value);
    if (op->rc == 1)
        mark("%s=%d", op->name, op->value);
    else
        mark("%s:%d", op->name, op->rc);
    return 0;
}

#define TASK(t) (&(go_spawn_opts){.task = (t)})

/* ---- capacity ---- */

LAW_VIRTUAL(
    rendezvous,
    "S7.21 a channel of capacity 0 is a rendezvous: a send ends when a receiver has the item")
{
    go_chan c;
    struct op s = {&c, "sent", 7, 1};
    int rc, got = 0;

    CHECK_EQ(go_chan_init(&c, sizeof(int), 0, 0), 0);
    GO_NURSERY(n, rc) {
        CHECK_EQ(go_chan_try_send(&c, &got), -EAGAIN); /* nobody receives */
        go_spawn(n, sends, &s);
        go_sleep(GO_MS);
        CHECK_TRACE("");
        CHECK_EQ(go_chan_recv(&c, &got), 1);
        CHECK_EQ(got, 7);
        go_yield();
        CHECK_TRACE("sent:0");
    }
    CHECK_EQ(rc, 0);
    go_chan_fini(&c);
}

LAW_VIRTUAL(rendezvous_the_other_way, "S7.21 and a receive that waits is given the item directly")
{
    go_chan c;
    struct op r = {&c, "got", 0, 1};
    int rc, item = 8;

    CHECK_EQ(go_chan_init(&c, sizeof(int), 0, 0), 0);
    GO_NURSERY(n, rc) {
        CHECK_EQ(go_chan_try_recv(&c, &item), -EAGAIN);
        go_spawn(n, receives, &r);
        go_yield();
        CHECK_EQ(go_chan_try_send(&c, &item), 0);
        CHECK_EQ(go_chan_try_send(&c, &item), -EAGAIN); /* that receiver has its item */
    }
    CHECK_EQ(rc, 0);
    CHECK_TRACE("got=8");
    go_chan_fini(&c);
}

LAW_VIRTUAL(buffered, "S7.01 a channel of capacity 3 takes three, and gives them in order")
{
    go_chan c;
    int got = 0;

    CHECK_EQ(go_chan_init(&c, sizeof(int), 3, 0), 0);
    for (int round = 0; round < 4; round++) { /* the ring wraps around */
        for (int i = 0; i < 3; i++)
            CHECK_EQ(go_chan_send(&c, &(int){10 * round + i}), 0);
        CHECK_EQ(go_chan_try_send(&c, &got), -EAGAIN);
        for (int i = 0; i < 2; i++) {
            CHECK_EQ(go_chan_recv(&c, &got), 1);
            CHECK_EQ(got, 10 * round + i);
        }
        CHECK_EQ(go_chan_try_recv(&c, &got), 1);
        CHECK_EQ(got, 10 * round + 2);
        CHECK_EQ(go_chan_try_recv(&c, &got), -EAGAIN);
    }
    go_chan_fini(&c);
}

LAW_VIRTUAL(senders_wait_in_order,
            "S7.01 senders who wait get room in the order in which they came")
{
    go_chan c;
    struct op s[3] = {{&c, "a", 1, 1}, {&c, "b", 2, 1}, {&c, "c", 3, 1}};
    int rc, got = 0;

    go_chan_init(&c, sizeof(int), 1, 0);
    GO_NURSERY(n, rc) {
        for (int i = 0; i < 3; i++)
            go_spawn(n, sends, &s[i]);
        go_sleep(GO_MS);
        CHECK_TRACE("a:0");
        for (int i = 1; i <= 3; i++) {
            CHECK_EQ(go_chan_recv(&c, &got), 1);
            CHECK_EQ(got, i);
        }
    }
    CHECK_EQ(rc, 0);
    CHECK_TRACE("b:0 c:0");
    go_chan_fini(&c);
}

LAW_VIRTUAL(receivers_wait_in_order, "S7.01 receivers get items in the order in which they came")
{
    go_chan c;
    struct op r[3] = {{&c, "a", 0, 1}, {&c, "b", 0, 1}, {&c, "c", 0, 1}};
    int rc;

    go_chan_init(&c, sizeof(int), 2, 0);
    GO_NURSERY(n, rc) {
        for (int i = 0; i < 3; i++)
            go_spawn(n, receives, &r[i]);
        go_yield();
        for (int i = 1; i <= 3; i++)
            CHECK_EQ(go_chan_send(&c, &i), 0);
    }
    CHECK_EQ(rc, 0);
    CHECK_TRACE("a=1 b=2 c=3");
    go_chan_fini(&c);
}

/* ---- _try ---- */

LAW_VIRTUAL(try_answers, "S7.15 a _try receive answers 1, 0 at the end, or -EAGAIN")
{
    go_chan c;
    int got = 5;

    go_chan_init(&c, sizeof(int), 1, 0);
    CHECK_EQ(go_chan_try_recv(&c, &got), -EAGAIN);
    CHECK_EQ(got, 5);
    CHECK_EQ(go_chan_try_send(&c, &(int){6}), 0);
    CHECK_EQ(go_chan_try_recv(&c, &got), 1);
    CHECK_EQ(got, 6);
    go_chan_close(&c);
    CHECK_EQ(go_chan_try_recv(&c, &got), 0);
    CHECK_EQ(go_chan_try_send(&c, &got), -EPIPE);
    go_chan_fini(&c);
}

LAW_VIRTUAL(try_send_never_overtakes, "S7.02 a _try send never overtakes a sender who waits")
{
    go_chan c;
    struct op s = {&c, "waiter", 2, 1};
    int rc, got = 0;

    go_chan_init(&c, sizeof(int), 1, 0);
    CHECK_EQ(go_chan_send(&c, &(int){1}), 0);
    GO_NURSERY(n, rc) {
        go_spawn(n, sends, &s);
        go_yield();
        CHECK_EQ(go_chan_recv(&c, &got), 1);
        CHECK_EQ(got, 1);
        CHECK_EQ(go_chan_try_send(&c, &(int){3}), -EAGAIN); /* the room was the waiter's */
        CHECK_EQ(go_chan_recv(&c, &got), 1);
        CHECK_EQ(got, 2);
    }
    CHECK_EQ(rc, 0);
    go_chan_fini(&c);
}

LAW_VIRTUAL(try_recv_never_overtakes, "S7.02 a _try receive never overtakes a receiver who waits")
{
    go_chan c;
    struct op r = {&c, "waiter", 0, 1};
    int rc, got = 0;

    go_chan_init(&c, sizeof(int), 1, 0);
    GO_NURSERY(n, rc) {
        go_spawn(n, receives, &r);
        go_yield();
        CHECK_EQ(go_chan_send(&c, &(int){1}), 0);
        CHECK_EQ(go_chan_try_recv(&c, &got), -EAGAIN); /* the item was the waiter's */
    }
    CHECK_EQ(rc, 0);
    CHECK_TRACE("waiter=1");
    go_chan_fini(&c);
}

/* ---- closing ---- */

LAW_VIRTUAL(drains, "S7.22 closing lets receivers drain, then they get 0 for ever")
{
    go_chan c;
    int got = 0;

    go_chan_init(&c, sizeof(int), 3, 0);
    for (int i = 1; i <= 2; i++)
        CHECK_EQ(go_chan_send(&c, &i), 0);
    go_chan_close(&c);
    go_chan_close(&c);
    CHECK_EQ(go_chan_send(&c, &got), -EPIPE);
    for (int i = 1; i <= 2; i++) {
        CHECK_EQ(go_chan_recv(&c, &got), 1);
        CHECK_EQ(got, i);
    }
    for (int i = 0; i < 3; i++)
        CHECK_EQ(go_chan_recv(&c, &got), 0);
    go_chan_fini(&c);
}

LAW_VIRTUAL(close_with_receivers, "S7.22 receivers who wait when it is closed get 0")
{
    go_chan c;
    struct op r[2] = {{&c, "a", 0, 1}, {&c, "b", 0, 1}};
    int rc;

    go_chan_init(&c, sizeof(int), 0, 0);
    GO_NURSERY(n, rc) {
        go_spawn(n, receives, &r[0]);
        go_spawn(n, receives, &r[1]);
        go_yield();
        go_chan_close(&c);
    }
    CHECK_EQ(rc, 0);
    CHECK_TRACE("a:0 b:0");
    go_chan_fini(&c);
}

LAW_VIRTUAL(close_with_senders,
            "S7.23 senders on a closed channel get -EPIPE, also those that wait")
{
    go_chan c;
    struct op s[2] = {{&c, "a", 2, 1}, {&c, "b", 3, 1}};
    int rc, got = 0;

    go_chan_init(&c, sizeof(int), 1, 0);
    CHECK_EQ(go_chan_send(&c, &(int){1}), 0);
    GO_NURSERY(n, rc) {
        go_spawn(n, sends, &s[0]);
        go_spawn(n, sends, &s[1]);
        go_yield();
        go_chan_close(&c);
    }
    CHECK_EQ(rc, 0);
    CHECK_TRACE("a:-32 b:-32");
    CHECK_EQ(go_chan_send(&c, &got), -EPIPE);
    CHECK_EQ(go_chan_recv(&c, &got), 1);
    CHECK_EQ(got, 1); /* what was in it; nothing of theirs */
    CHECK_EQ(go_chan_recv(&c, &got), 0);
    go_chan_fini(&c);
}

/* ---- cancelled ---- */

LAW_VIRTUAL(cancel_middle_receiver,
            "S7.03 a cancelled receiver leaves no trace: the middle one of three")
{
    go_chan c;
    struct op r[3] = {{&c, "a", 0, 1}, {&c, "b", 0, 1}, {&c, "c", 0, 1}};
    go_task t = {.result = 0};
    int rc;

    go_chan_init(&c, sizeof(int), 0, 0);
    GO_NURSERY(n, rc) {
        go_spawn(n, receives, &r[0]);
        go_spawn_with(n, TASK(&t), receives, &r[1]);
        go_spawn(n, receives, &r[2]);
        go_yield();
        go_task_cancel(&t, NULL);
        CHECK_EQ(go_chan_send(&c, &(int){1}), 0); /* before it has run: no item is lost */
        CHECK_EQ(go_chan_send(&c, &(int){2}), 0);
        CHECK_EQ(go_chan_try_send(&c, &(int){3}), -EAGAIN);
    }
    CHECK_EQ(rc, 0);
    CHECK_EQ(r[0].value, 1);
    CHECK_EQ(r[1].rc, -ECANCELED);
    CHECK_EQ(r[2].value, 2);
    go_chan_fini(&c);
}

LAW_VIRTUAL(cancel_middle_sender, "S7.03 a cancelled sender leaves no trace, and no item")
{
    go_chan c;
    struct op s[3] = {{&c, "a", 1, 1}, {&c, "b", 2, 1}, {&c, "c", 3, 1}};
    go_task t = {.result = 0};
    int rc, got = 0;

    go_chan_init(&c, sizeof(int), 0, 0);
    GO_NURSERY(n, rc) {
        go_spawn(n, sends, &s[0]);
        go_spawn_with(n, TASK(&t), sends, &s[1]);
        go_spawn(n, sends, &s[2]);
        go_yield();
        go_task_cancel(&t, NULL);
        CHECK_EQ(go_chan_recv(&c, &got), 1);
        CHECK_EQ(got, 1);
        CHECK_EQ(go_chan_recv(&c, &got), 1);
        CHECK_EQ(got, 3);
        CHECK_EQ(go_chan_try_recv(&c, &got), -EAGAIN);
    }
    CHECK_EQ(rc, 0);
    CHECK_EQ(s[1].rc, -ECANCELED);
    go_chan_fini(&c);
}

LAW_VIRTUAL(no_item_lost, "S4.15 a receiver that is cancelled after it was given an item has it")
{
    go_chan c;
    struct op r = {&c, "a", 0, 1};
    go_task t = {.result = 0};
    int rc;

    go_chan_init(&c, sizeof(int), 0, 0);
    GO_NURSERY(n, rc) {
        go_spawn_with(n, TASK(&t), receives, &r);
        go_yield();
        CHECK_EQ(go_chan_send(&c, &(int){9}), 0);
        go_task_cancel(&t, NULL);
    }
    CHECK_EQ(rc, 0);
    CHECK_TRACE("a=9");
    go_chan_fini(&c);
}

LAW_VIRTUAL(sent_is_sent, "S4.15 a sender that is cancelled after its item was taken has sent it")
{
    go_chan c;
    struct op s = {&c, "a", 9, 1};
    go_task t = {.result = 0};
    int rc, got = 0;

    go_chan_init(&c, sizeof(int), 0, 0);
    GO_NURSERY(n, rc) {
        go_spawn_with(n, TASK(&t), sends, &s);
        go_yield();
        CHECK_EQ(go_chan_recv(&c, &got), 1);
        CHECK_EQ(got, 9);
        go_task_cancel(&t, NULL);
    }
    CHECK_EQ(rc, 0);
    CHECK_TRACE("a:0");
    go_chan_fini(&c);
}

struct flow {
    go_chan c;
    int sent, received, cancelled;
    go_task tasks[40];
};

static int produces(void *arg)
{
    struct flow *f = arg;
    int rc = 0;

    for (int i = 0; i < 50 && rc == 0; i++) {
        rc = go_chan_send(&f->c, &i);
        f->sent += rc == 0;
        if (rc == 0 && i % 7 == 0)
            rc = go_sleep(i % 3);
    }
    f->cancelled += rc == -ECANCELED;
    return 0;
}

static int consumes(void *arg)
{
    struct flow *f = arg;
    int rc, item;

    while ((rc = go_chan_recv(&f->c, &item)) == 1) {
        f->received++;
        if (item % 5 == 0 && go_sleep(item % 4) < 0)
            break;
    }
    f->cancelled += rc == -ECANCELED;
    return 0;
}

LAW_VIRTUAL(conservation, "S4.14 among many that are cancelled at random, no item is lost or made")
{
    for (size_t capacity = 0; capacity < 4; capacity++) {
        struct flow f = {.sent = 0};
        uint32_t random = 7 + (uint32_t)capacity;
        int rc, item;

        go_chan_init(&f.c, sizeof(int), capacity, 0);
        GO_NURSERY(n, rc) {
            for (int i = 0; i < 40; i++)
                go_spawn_with(n, TASK(&f.tasks[i]), i % 2 ? produces : consumes, &f);
            for (int i = 0; i < 30; i++) {
                random = random * 1664525 + 1013904223;
                go_sleep(random >> 30);
                go_task_cancel(&f.tasks[(random >> 8) % 40], NULL);
            }
            for (int i = 1; i < 40; i += 2)
                go_task_cancel(&f.tasks[i], NULL);
            for (int i = 1; i < 40; i += 2)
                go_task_join(&f.tasks[i]);
            go_chan_close(&f.c);
        }
        CHECK_EQ(rc, 0);
        while (go_chan_try_recv(&f.c, &item) == 1)
            f.received++;
        CHECK_EQ(f.received, f.sent);
        CHECK(f.sent > 100);
        CHECK(f.cancelled > 4);
        go_chan_fini(&f.c);
    }
}

/* ---- making one ---- */

LAW_VIRTUAL(sizes, "S1.01 go_chan_init: sizes and flags")
{
    go_chan c;
    char big[1000], got[1000];

    CHECK_EQ(go_chan_init(&c, SIZE_MAX / 2, 3, 0), -EINVAL);
    CHECK_EQ(go_chan_init(&c, 8, SIZE_MAX / 4, 0), -EINVAL);
    CHECK_EQ(go_chan_init(&c, sizeof(int), 1, 64), -EINVAL);
    CHECK_EQ(go_chan_init(&c, 0, 2, 0), 0); /* items of nothing: a counter */
    CHECK_EQ(go_chan_send(&c, NULL), 0);
    CHECK_EQ(go_chan_send(&c, NULL), 0);
    CHECK_EQ(go_chan_try_send(&c, NULL), -EAGAIN);
    CHECK_EQ(go_chan_recv(&c, NULL), 1);
    go_chan_fini(&c);
    CHECK_EQ(go_chan_init(&c, sizeof big, 2, 0), 0);
    memset(big, 'x', sizeof big);
    CHECK_EQ(go_chan_send(&c, big), 0);
    CHECK_EQ(go_chan_recv(&c, got), 1);
    CHECK_EQ(memcmp(big, got, sizeof big), 0);
    go_chan_fini(&c);
}

LAW_VIRTUAL(close_says_enough, "S1.08 0 from a receive: end of channel")
{
    go_chan c;
    int got = 0;

    go_chan_init(&c, sizeof(int), 0, 0);
    go_chan_close(&c);
    CHECK_EQ(go_chan_recv(&c, &got), 0);
    go_chan_fini(&c);
}

LAW(outside,
    "S1.20 outside a run a channel may be made and closed; sending and receiving are -ESHUTDOWN")
{
    go_chan c;
    int item = 4;

    CHECK_EQ(go_chan_init(&c, sizeof(int), 2, 0), 0);
    CHECK_EQ(go_chan_send(&c, &item), -ESHUTDOWN);
    CHECK_EQ(go_chan_recv(&c, &item), -ESHUTDOWN);
    go_chan_close(&c);
    go_chan_fini(&c);
}

TAP_MAIN
