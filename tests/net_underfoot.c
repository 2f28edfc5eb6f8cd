/* SPDX-License-Identifier: MIT
 *
 * Section 8: descriptors that a plain close takes away underfoot, and numbers that are reused. */
#include "tests/net_kit.h"

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

/* The virtual clock: by the real one a busy machine's loop looks in between. */
LAW_VIRTUAL(in_one_turn,
            "S8.04 a plain close and reuse before the loop's next turn: waiters do not "
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

TAP_MAIN
