/* SPDX-License-Identifier: MIT
 *
 * Sections 1 and 8: descriptors that are closed, reused, and used by two at once. */
#include "tests/net_kit.h"
#include <pthread.h>

/* ---- go_close ---- */

LAW_VIRTUAL(close_under_reader, "S8.03 go_close wakes an fd's reader with -EBADF")
{
    int fds[2], rc;
    struct call c;

    CHECK_EQ(go_socketpair(fds), 0);
    c = CALL(fds[0]);
    GO_NURSERY(n, rc) {
        go_spawn(n, reads, &c);
        settle();
        CHECK_EQ(c.result, NOT_YET);
        CHECK_EQ(go_close(fds[0]), 0);
        settle();
        CHECK_EQ(c.result, -EBADF);
    }
    CHECK_EQ(go_close(fds[0]), -EBADF);
    go_close(fds[1]);
}

LAW_VIRTUAL(close_under_all,
            "S8.03 go_close wakes readers, writers and pollers of foreign fds as well")
{
    int fds[2], rc;
    struct call in, out, waiter, poller, selector;

    plain_pair(fds);
    in = out = waiter = poller = selector = CALL(fds[0]);
    waiter.events = poller.events = POLLIN;
    GO_NURSERY(n, rc) {
        go_spawn(n, reads, &in);
        go_spawn(n, fills, &out);
        go_spawn(n, waits_fd, &waiter);
        go_spawn(n, polls, &poller);
        go_spawn(n, selects, &selector);
        settle();
        CHECK_EQ(poller.result, NOT_YET);
        CHECK_EQ(go_close(fds[0]), 0);
    }
    CHECK_EQ(in.result, -EBADF);
    CHECK_EQ(out.result, -EBADF);
    CHECK_EQ(waiter.result, -EBADF);
    CHECK_EQ(poller.result, POLLNVAL);
    CHECK_EQ(selector.result, -EBADF);
    go_close(fds[1]);
}

LAW_VIRTUAL(before_reuse,
            "S8.03 the number is reused at once, and the old reader has -EBADF all the same")
{
    int fds[2], other[2], rc;
    struct call c;

    CHECK_EQ(go_pipe(fds), 0);
    c = CALL(fds[0]);
    GO_NURSERY(n, rc) {
        go_spawn(n, reads, &c);
        settle();
        go_close(fds[0]);
        CHECK_EQ(go_pipe(other), 0);
        CHECK_EQ(other[0], fds[0]);
        put(other[1], "new");
    }
    CHECK_EQ(c.result, -EBADF);
    CHECK_EQ(go_read(other[0], c.buf, 9), 3);
    close_both(other);
    go_close(fds[1]);
}

static int poll_after_close(void *arg)
{
    struct call *c = arg;
    struct pollfd p[3] = {{c->fd, POLLIN, 0}, {-1, POLLIN, 0}, {c->fd, POLLIN, 0}};

    c->result = go_poll(p, 3, -1);
    CHECK_EQ(c->result, 2);
    CHECK_EQ(p[0].revents, POLLNVAL);
    CHECK_EQ(p[1].revents, 0);
    CHECK_EQ(p[2].revents, POLLNVAL);
    return 0;
}

LAW_VIRTUAL(poll_closed, "S8.18 closed by go_close and reused at once: go_poll reports POLLNVAL, "
                         "for each of its entries")
{
    int fds[2], again[2], rc;
    struct call c;

    CHECK_EQ(go_pipe(fds), 0);
    c = CALL(fds[0]);
    GO_NURSERY(n, rc) {
        go_spawn(n, poll_after_close, &c);
        settle();
        go_close(fds[0]);
        plain_pipe(again);
        CHECK_EQ(again[0], fds[0]);
    }
    close_both(again);
    go_close(fds[1]);
}

LAW_VIRTUAL(wait_closed, "S8.18 closed by go_close meanwhile: go_wait_fd returns -EBADF")
{
    int fds[2], rc;
    struct call c;

    CHECK_EQ(go_pipe(fds), 0);
    c = CALL(fds[0]);
    c.events = POLLIN;
    GO_NURSERY(n, rc) {
        go_spawn(n, waits_fd, &c);
        settle();
        go_close(fds[0]);
    }
    CHECK_EQ(c.result, -EBADF);
    go_close(fds[1]);
}

static void close_it(void *fd)
{
    CHECK_EQ(go_close(*(int *)fd), 0);
}

LAW_VIRTUAL(close_in_post, "S8.03 go_close is legal in a posted function")
{
    int fds[2], rc;
    struct call c;

    CHECK_EQ(go_pipe(fds), 0);
    c = CALL(fds[0]);
    GO_NURSERY(n, rc) {
        go_spawn(n, reads, &c);
        settle();
        CHECK_EQ(go_post(go_sched_self(), close_it, &fds[0]), 0);
    }
    CHECK_EQ(c.result, -EBADF);
    go_close(fds[1]);
}

LAW_VIRTUAL(handle_closed, "S1.06 -EBADF: this handle was closed by us")
{
    int fds[2];
    char byte;

    CHECK_EQ(go_socketpair(fds), 0);
    go_close(fds[0]);
    CHECK_EQ(go_read(fds[0], &byte, 1), -EBADF);
    CHECK_EQ(go_write(fds[0], &byte, 1), -EBADF);
    go_close(fds[1]);
}

static int close_elsewhere(void *fd)
{
    return go_close(*(int *)fd);
}

static void *other_thread(void *fd)
{
    return (void *)(intptr_t)virtual_run(close_elsewhere, fd);
}

LAW_REAL(other_scheduler, "S8.03 closed and reused by another thread's scheduler: at the next use "
                          "the old reader has -EBADF")
{
    int fds[2], again[2], rc;
    struct call c, next;
    pthread_t thread;
    void *result;

    CHECK_EQ(go_socketpair(fds), 0);
    c = next = CALL(fds[0]);
    GO_NURSERY(n, rc) {
        go_spawn(n, reads, &c);
        settle();
        pthread_create(&thread, NULL, other_thread, &fds[0]);
        pthread_join(thread, &result);
        CHECK_EQ((intptr_t)result, 0);
        plain_pair(again);
        CHECK_EQ(again[0], fds[0]);
        go_spawn(n, reads, &next);
        settle();
        CHECK_EQ(c.result, -EBADF);
        CHECK_EQ(next.result, NOT_YET);
        put(again[1], "new");
        settle_io();
        CHECK_EQ(next.result, 3);
    }
    close_both(again);
    go_close(fds[1]);
}

/* ---- a plain close underfoot ---- */

LAW_REAL(plain_close, "S8.04 a plain close under a reader, and the number reused: the next user "
                      "gets its own data, the old one -EBADF")
{
    int fds[2], again[2], rc;
    struct call c, next;

    plain_pair(fds);
    c = next = CALL(fds[0]);
    GO_NURSERY(n, rc) {
        go_spawn(n, reads, &c);
        settle_io();
        close(fds[0]);
        plain_pair(again);
        CHECK_EQ(again[0], fds[0]);
        put(again[1], "new");
        settle_io();
        CHECK_EQ(c.result, NOT_YET); /* it is not the old reader's */
        go_spawn(n, reads, &next);
        settle();
        CHECK_EQ(c.result, -EBADF);
        CHECK_EQ(next.result, 3);
    }
    close_both(again);
    go_close(fds[1]);
}

LAW_REAL(plain_close_of_ours,
         "S8.04 the same with a descriptor of ours, which a plain close may not take, but does")
{
    int fds[2], again[2], rc;
    struct call c, next;

    CHECK_EQ(go_socketpair(fds), 0);
    c = next = CALL(fds[0]);
    GO_NURSERY(n, rc) {
        go_spawn(n, reads, &c);
        settle_io();
        close(fds[0]);
        plain_pipe(again);
        CHECK_EQ(again[0], fds[0]);
        put(again[1], "new");
        settle_io();
        CHECK_EQ(c.result, NOT_YET);
        go_spawn(n, reads, &next);
        settle();
        CHECK_EQ(c.result, -EBADF);
        CHECK_EQ(next.result, 3);
    }
    close_both(again);
    go_close(fds[1]);
}

static void same_turn(void (*make)(int fds[2]))
{
    int fds[2], again[2], rc;
    struct call c, p;

    make(fds);
    c = p = CALL(fds[0]);
    p.events = POLLIN;
    GO_NURSERY(n, rc) {
        go_spawn(n, reads, &c);
        go_spawn(n, polls, &p);
        settle();
        close(fds[0]); /* before the loop has looked at what is new */
        plain_pair(again);
        CHECK_EQ(again[0], fds[0]);
        put(again[1], "new");
        settle_io();
    }
    CHECK_EQ(c.result, -EBADF);
    CHECK_EQ(p.result, POLLNVAL);
    CHECK_EQ(go_read(again[0], c.buf, 9), 3);
    close_both(again);
    go_close(fds[1]);
}

static void our_pair(int fds[2])
{
    CHECK_EQ(go_socketpair(fds), 0);
}

LAW_REAL(in_one_turn, "S8.04 a plain close and reuse before the loop's next turn: waiters do not "
                      "get the new file's event")
{
    same_turn(plain_pair);
    same_turn(our_pair);
}

LAW_REAL(dup_lives_on, "S8.04 a plain close while a dup lives on, and reuse: an event of the old "
                       "file gives nobody the new one's data")
{
    int fds[2], again[2], copy, rc;
    struct call c;

    plain_pair(fds);
    c = CALL(fds[0]);
    GO_NURSERY(n, rc) {
        go_spawn(n, reads, &c);
        settle();
        copy = dup(fds[0]);
        close(fds[0]);
        plain_pair(again);
        CHECK_EQ(again[0], fds[0]);
        put(again[1], "new");
        put(fds[1], "old");
        settle_io();
        CHECK_EQ(c.result, -EBADF);
    }
    CHECK_EQ(go_read(again[0], c.buf, 9), 3);
    CHECK(memcmp(c.buf, "new", 3) == 0);
    close_both(again);
    close_both((int[]){copy, fds[1]});
}

LAW_REAL(closed_in_the_same_turn,
         "S8.04 a plain close right after a fiber began to wait is no crash: -EBADF")
{
    int fds[2], rc;
    struct call c;

    CHECK_EQ(go_socketpair(fds), 0);
    c = CALL(fds[0]);
    GO_NURSERY(n, rc) {
        go_spawn(n, reads, &c);
        go_yield();
        close(fds[0]);
        settle_io();
    }
    CHECK_EQ(c.result, -EBADF);
    go_close(fds[1]);
}

static int read_twice(void *arg)
{
    struct call *c = arg;

    c->result = go_read(c->fd, c->buf, sizeof c->buf);
    CHECK_EQ(c->result, 3);
    close(c->fd); /* as a library may do that was handed the descriptor */
    c->result = go_read(c->fd, c->buf, sizeof c->buf);
    return 0;
}

LAW_REAL(drained_and_closed, "S8.04 a plain close of ours behind the drained bit: the next read is "
                             "-EBADF within two seconds, not a wait for ever")
{
    int fds[2], rc;
    struct call c;

    CHECK_EQ(go_socketpair(fds), 0);
    c = CALL(fds[0]);
    GO_NURSERY(n, rc) {
        go_spawn(n, read_twice, &c);
        settle();
        put(fds[1], "abc"); /* a short read: the bit is set */
    }
    CHECK_EQ(c.result, -EBADF);
    go_close(fds[1]);
}

LAW_REAL(wrong_guess,
         "S8.04 a plain close and reuse by another kind of file: calls go by what it is now")
{
    int fds[2], again[2];
    char buf[8];

    CHECK_EQ(go_socketpair(fds), 0);
    put(fds[1], "ab");
    CHECK_EQ(go_read(fds[0], buf, 2), 2); /* not short */
    close(fds[0]);
    plain_pipe(again);
    CHECK_EQ(again[0], fds[0]);
    put(again[1], "abc");
    CHECK_EQ(go_read(again[0], buf, 8), 3);
    CHECK_EQ(go_write(again[1], buf, 3), 3);
    CHECK_EQ(go_recv(again[0], buf, 8, 0), -ENOTSOCK);
    close_both(again);
    go_close(fds[1]);
}

LAW_REAL(reused_while_active,
         "S8.04 a number that was waited on is closed and reused: its events are not lost")
{
    int fds[2], again[2], rc;
    struct call c;

    for (int kind = 0; kind < 2; kind++) {
        (kind ? plain_pipe : plain_pair)(fds);
        c = CALL(fds[0]);
        GO_NURSERY(n, rc) {
            go_spawn(n, reads, &c);
            settle();
            put(fds[1], "a");
            settle_io();
            CHECK_EQ(c.result, 1); /* the watcher may be active still */
            close(fds[0]);
            (kind ? plain_pipe : plain_pair)(again);
            CHECK_EQ(again[0], fds[0]);
            c = CALL(again[0]);
            go_spawn(n, reads, &c);
            settle();
            put(again[1], "bc");
            settle_io();
            CHECK_EQ(c.result, 2);
        }
        close_both(again);
        go_close(fds[1]);
    }
}

LAW_REAL(deadline_ends_it, "S8.05 a waiter whom the kernel tells nothing ends at its deadline")
{
    int fds[2], rc, err = 0;
    struct call c;

    plain_pair(fds);
    c = CALL(fds[0]);
    GO_NURSERY(n, rc) {
        go_spawn(n, reads, &c);
        settle();
        close(fds[0]);
        settle();
        GO_TIMEOUT(10 * GO_MS, err) {
            err = go_sleep(GO_FOREVER);
        }
        go_nursery_cancel(n, NULL);
    }
    CHECK(c.result == -ECANCELED || c.result == -EBADF);
    go_close(fds[1]);
}

LAW_REAL(next_use_ends_it,
         "S8.05 a waiter whom the kernel tells nothing ends when the number is next used")
{
    int fds[2], again[2], rc;
    struct call c;

    plain_pair(fds);
    c = CALL(fds[0]);
    GO_NURSERY(n, rc) {
        go_spawn(n, reads, &c);
        settle_io();
        close(fds[0]);
        CHECK_EQ(go_socketpair(again), 0);
        CHECK_EQ(again[0], fds[0]);
        settle();
        CHECK_EQ(c.result, -EBADF);
    }
    close_both(again);
    go_close(fds[1]);
}

/* ---- two at once ---- */

LAW_VIRTUAL(second_reader,
            "S1.09 -EBUSY: a second fiber reads the same stream at once; the first goes on")
{
    int fds[2], rc;
    struct call a, b;

    for (int kind = 0; kind < 3; kind++) {
        CHECK_EQ(kind == 0 ? go_socketpair(fds) : kind == 1 ? go_pipe(fds) : 0, 0);
        if (kind == 2)
            plain_pair(fds);
        a = b = CALL(fds[0]);
        GO_NURSERY(n, rc) {
            go_spawn(n, reads, &a);
            go_spawn(n, reads, &b);
            settle();
            CHECK_EQ(b.result, -EBUSY);
            put(fds[1], "abc");
            settle_io();
            CHECK_EQ(a.result, 3);
            b.result = NOT_YET;
            go_spawn(n, reads, &b);
            settle();
            put(fds[1], "x");
            settle_io();
            CHECK_EQ(b.result, 1);
        }
        close_both(fds);
    }
}

LAW_VIRTUAL(woken_reader, "S1.09 -EBUSY also while the first reader was woken and has not run yet")
{
    int fds[2], rc;
    struct call a, b;

    CHECK_EQ(go_socketpair(fds), 0);
    a = b = CALL(fds[0]);
    GO_NURSERY(n, rc) {
        go_spawn(n, reads, &a);
        settle();
        put(fds[1], "abc");
        for (int i = 0; i < 1000 && a.result == NOT_YET; i++) {
            ssize_t got = go_recv(fds[0], b.buf, 1, MSG_DONTWAIT);

            CHECK_EQ(got, -EBUSY);
            go_yield();
        }
        CHECK_EQ(a.result, 3);
    }
    close_both(fds);
}

LAW_VIRTUAL(second_writer, "S1.09 -EBUSY: a second fiber writes the same stream at once")
{
    int fds[2], rc;
    struct call a;

    CHECK_EQ(go_socketpair(fds), 0);
    a = CALL(fds[0]);
    GO_NURSERY(n, rc) {
        go_spawn(n, fills, &a);
        settle();
        CHECK_EQ(go_write(fds[0], "x", 1), -EBUSY);
        CHECK_EQ(go_write_all(fds[0], "x", 1), -EBUSY);
        CHECK_EQ(go_send(fds[0], "x", 1, 0), -EBUSY);
        put(fds[1], "abc");
        CHECK_EQ(go_read(fds[0], a.buf, 9), 3); /* the other direction is free */
        go_nursery_cancel(n, NULL);
    }
    close_both(fds);
}

LAW_VIRTUAL(busy_is_over, "S1.09 a cancelled reader leaves no claim behind")
{
    int fds[2], rc, err = 0;
    struct call c;

    CHECK_EQ(go_socketpair(fds), 0);
    GO_TIMEOUT(GO_MS, rc) {
        err = (int)go_read(fds[0], c.buf, 9);
    }
    CHECK_EQ(err, -ECANCELED);
    put(fds[1], "abc");
    CHECK_EQ(go_read(fds[0], c.buf, 9), 3);
    close_both(fds);
}

LAW_REAL(shared_accept, "S1.10 accept may be shared by fibers, and each gets a connection")
{
    int port, fd = listen_local(&port), rc, peers[3];
    struct call c[3];

    GO_NURSERY(n, rc) {
        for (int i = 0; i < 3; i++) {
            c[i] = CALL(fd);
            go_spawn(n, accepts, &c[i]);
        }
        settle();
        for (int i = 0; i < 3; i++)
            peers[i] = connect_local(port);
    }
    for (int i = 0; i < 3; i++) {
        CHECK(c[i].result >= 0);
        go_close((int)c[i].result);
        close(peers[i]);
    }
    go_close(fd);
}

LAW_REAL(shared_datagrams, "S1.10 datagrams may be shared by fibers, and each gets one")
{
    int fd = go_udp_bind("127.0.0.1", "0"), out = go_udp_bind("127.0.0.1", "0"), rc;
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)go_local_port(fd))};
    struct call c[3];
    bool seen[3] = {0};

    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    GO_NURSERY(n, rc) {
        for (int i = 0; i < 3; i++) {
            c[i] = CALL(fd);
            go_spawn(n, i ? receives : reads, &c[i]);
        }
        settle();
        for (int i = 0; i < 3; i++)
            CHECK_EQ(go_sendto(out, "012" + i, 1, 0, (struct sockaddr *)&to, sizeof to), 1);
    }
    for (int i = 0; i < 3; i++) {
        CHECK_EQ(c[i].result, 1);
        seen[c[i].buf[0] - '0'] = true;
    }
    CHECK(seen[0] && seen[1] && seen[2]);
    close_both((int[]){fd, out});
}

LAW_VIRTUAL(poll_beside_reader, "S1.10 go_poll may be used beside a reader, and several at once")
{
    int fds[2], rc;
    struct call reader, a, b;

    CHECK_EQ(go_socketpair(fds), 0);
    reader = a = b = CALL(fds[0]);
    a.events = b.events = POLLIN;
    GO_NURSERY(n, rc) {
        go_spawn(n, polls, &a);
        go_spawn(n, polls, &b);
        settle();
        put(fds[1], "abc");
        settle_io();
        CHECK_EQ(a.result, POLLIN);
        CHECK_EQ(b.result, POLLIN);
        go_spawn(n, reads, &reader);
    }
    CHECK_EQ(reader.result, 3);
    close_both(fds);
}

TAP_MAIN
