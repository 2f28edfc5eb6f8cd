/* SPDX-License-Identifier: MIT
 *
 * go_poll, go_wait_fd, and go_select on descriptors. */
#include "tests/net_kit.h"
#include <sys/eventfd.h>

LAW_VIRTUAL(shares, "S8.17 go_wait_fd, go_poll and go_select may share an fd")
{
    int fds[2], rc;
    struct call a, b, c, reader;

    CHECK_EQ(go_socketpair(fds), 0);
    a = b = c = reader = CALL(fds[0]);
    a.events = b.events = POLLIN;
    GO_NURSERY(n, rc) {
        go_spawn(n, waits_fd, &a);
        go_spawn(n, polls, &b);
        go_spawn(n, selects, &c);
        settle();
        CHECK_EQ(c.result, NOT_YET);
        put(fds[1], "x");
    }
    CHECK_EQ(a.result, POLLIN);
    CHECK_EQ(b.result, POLLIN);
    CHECK_EQ(c.result, POLLIN);
    CHECK_EQ(go_read(fds[0], a.buf, 9), 1);
    close_both(fds);
}

LAW_VIRTUAL(shares_with_reader,
            "S8.17 a poller and a reader on one fd: both wake, and the reader has the data")
{
    int fds[2], rc;
    struct call a, reader;

    plain_pipe(fds);
    a = reader = CALL(fds[0]);
    a.events = POLLIN;
    GO_NURSERY(n, rc) {
        go_spawn(n, waits_fd, &a);
        go_spawn(n, reads, &reader);
        settle();
        put(fds[1], "xyz");
        settle_io();
        CHECK_EQ(reader.result, 3);
        put(fds[1], "z"); /* if the reader was faster, the poller goes on waiting */
    }
    CHECK_EQ(a.result, POLLIN);
    close_both(fds);
}

LAW_VIRTUAL(poll_like_libc, "S8.01 go_poll says what poll(2) says: negative fds, duplicates, "
                            "several ready, an end, an error")
{
    int fds[2], other[2];
    struct pollfd p[6];

    CHECK_EQ(go_pipe(fds), 0);
    CHECK_EQ(go_socketpair(other), 0);
    p[0] = (struct pollfd){-1, POLLIN, 99};
    p[1] = (struct pollfd){fds[0], POLLIN, 99};
    p[2] = (struct pollfd){fds[1], POLLOUT, 99};
    p[3] = (struct pollfd){fds[1], POLLIN | POLLOUT, 99};
    p[4] = (struct pollfd){other[0], POLLIN | POLLOUT, 99};
    p[5] = (struct pollfd){1000, POLLIN, 99};
    CHECK_EQ(go_poll(p, 6, -1), 4);
    CHECK_EQ(p[0].revents, 0);
    CHECK_EQ(p[1].revents, 0);
    CHECK_EQ(p[2].revents, POLLOUT);
    CHECK_EQ(p[3].revents, POLLOUT);
    CHECK_EQ(p[4].revents, POLLOUT);
    CHECK_EQ(p[5].revents, POLLNVAL);
    go_close(fds[1]);
    go_close(other[1]);
    CHECK_EQ(go_poll(&p[1], 1, GO_FOREVER), 1);
    CHECK_EQ(p[1].revents, POLLHUP);
    CHECK_EQ(go_poll(&p[4], 1, GO_FOREVER), 1);
    CHECK(p[4].revents & POLLHUP);
    CHECK_EQ(go_poll(p, 6, INT64_MAX / 2) > 0, 1);
    go_close(fds[0]);
    go_close(other[0]);
}

LAW_VIRTUAL(poll_timeout, "S1.05 go_poll returns 0 when its own time is up, and the revents are 0")
{
    int fds[2];
    struct pollfd p;
    go_time before = go_now();

    CHECK_EQ(go_pipe(fds), 0);
    p = (struct pollfd){fds[0], POLLIN, 99};
    CHECK_EQ(go_poll(&p, 1, 0), 0);
    CHECK_EQ(go_now(), before);
    CHECK_EQ(go_poll(&p, 1, 30 * GO_SEC), 0);
    CHECK_EQ(go_now() - before, 30 * GO_SEC);
    CHECK_EQ(p.revents, 0);
    CHECK_EQ(go_poll(NULL, 0, GO_SEC), 0);
    CHECK_EQ(go_now() - before, 31 * GO_SEC);
    close_both(fds);
}

struct many {
    struct pollfd p[100];
    int result;
};

static int polls_many(void *arg)
{
    struct many *m = arg;

    m->result = go_poll(m->p, 100, GO_FOREVER);
    return 0;
}

LAW_VIRTUAL(poll_many,
            "S8.17 go_poll waits on 100 fds, half of them foreign, and wakes for any one of them")
{
    int fds[100][2], rc;
    struct many m;

    for (int i = 0; i < 100; i++) {
        if (i % 2)
            plain_pipe(fds[i]);
        else
            CHECK_EQ(go_pipe(fds[i]), 0);
        m.p[i] = (struct pollfd){fds[i][0], POLLIN, 0};
    }
    for (int i = 0; i < 100; i += 33) {
        char byte;

        m.result = -1;
        GO_NURSERY(n, rc) {
            go_spawn(n, polls_many, &m);
            settle();
            CHECK_EQ(m.result, -1);
            put(fds[i][1], "x");
        }
        CHECK_EQ(m.result, 1);
        CHECK_EQ(m.p[i].revents, POLLIN);
        CHECK_EQ(go_read(fds[i][0], &byte, 1), 1);
    }
    for (int i = 0; i < 100; i++)
        close_both(fds[i]);
}

LAW_VIRTUAL(writable, "S8.17 go_wait_fd waits until a full pipe has room")
{
    int fds[2], rc;
    struct call c;
    static char buf[1 << 20];

    CHECK_EQ(go_pipe(fds), 0);
    while (write(fds[1], buf, sizeof buf) > 0)
        ;
    c = CALL(fds[1]);
    c.events = POLLOUT;
    GO_NURSERY(n, rc) {
        go_spawn(n, waits_fd, &c);
        settle_io();
        CHECK_EQ(c.result, NOT_YET);
        CHECK(go_read(fds[0], buf, sizeof buf) > 0);
    }
    CHECK_EQ(c.result, POLLOUT);
    close_both(fds);
}

LAW_REAL(
    urgent,
    "S8.17 what the loop does not know: POLLPRI of urgent data, while ordinary data does not wake")
{
    int port, fd = listen_local(&port), out = connect_local(port), in = go_accept(fd, NULL, NULL),
              rc;
    struct call c = CALL(in), d = CALL(in);

    c.events = POLLPRI;
    d.events = POLLIN | POLLPRI;
    put(out, "x");
    GO_NURSERY(n, rc) {
        go_spawn(n, waits_fd, &c);
        settle_io();
        CHECK_EQ(c.result, NOT_YET);
        CHECK_EQ(send(out, "!", 1, MSG_OOB), 1);
        settle_io();
        CHECK_EQ(c.result, POLLPRI);
        go_spawn(n, waits_fd, &d);
    }
    CHECK_EQ(d.result, POLLIN | POLLPRI);
    close_both((int[]){in, fd});
    close(out);
}

LAW_REAL(half_closed,
         "S8.17 what the loop does not know: POLLRDHUP, errors alone, and their end by go_close")
{
    int fds[2], rc;
    struct call c, d;

    CHECK_EQ(go_socketpair(fds), 0);
    c = d = CALL(fds[0]);
    c.events = POLLRDHUP;
    GO_NURSERY(n, rc) {
        put(fds[1], "x");
        go_spawn(n, waits_fd, &c);
        go_spawn(n, polls, &d); /* no events: POLLHUP only */
        settle_io();
        CHECK_EQ(c.result, NOT_YET);
        shutdown(fds[1], SHUT_WR);
        settle_io();
        CHECK_EQ(c.result, POLLRDHUP);
        CHECK_EQ(d.result, NOT_YET);
        go_close(fds[1]);
        settle_io();
        CHECK_EQ(d.result, POLLHUP);
    }
    go_close(fds[0]);
    CHECK_EQ(go_socketpair(fds), 0);
    c = CALL(fds[0]);
    c.events = POLLPRI;
    GO_NURSERY(n, rc) {
        go_spawn(n, polls, &c);
        settle_io();
        go_close(fds[0]);
    }
    CHECK_EQ(c.result, POLLNVAL);
    go_close(fds[1]);
}

LAW_VIRTUAL(
    poll_files,
    "S8.01 a regular file is ready at once, and a wait for urgent data of it ends at its time")
{
    int fd = open("/proc/self/exe", O_RDONLY);
    struct pollfd p = {fd, POLLIN | POLLOUT, 0};

    CHECK_EQ(go_poll(&p, 1, -1), 1);
    CHECK_EQ(p.revents, POLLIN | POLLOUT);
    p.events = POLLPRI;
    CHECK_EQ(go_poll(&p, 1, GO_SEC), 0);
    go_close(fd);
}

LAW_VIRTUAL(no_leak, "S7.03 a cancelled go_poll leaves no trace: no waiter, and no descriptor")
{
    int fds[2], before, rc, err = 0;
    struct pollfd p[2];

    CHECK_EQ(go_socketpair(fds), 0);
    before = open_fds();
    p[0] = (struct pollfd){fds[0], POLLPRI, 0};
    p[1] = (struct pollfd){fds[0], POLLIN, 0};
    GO_TIMEOUT(GO_SEC, rc) {
        err = go_poll(p, 2, -1);
    }
    CHECK_EQ(err, -ECANCELED);
    CHECK_EQ(rc, -ETIMEDOUT);
    CHECK_EQ(open_fds(), before);
    put(fds[1], "x");
    CHECK_EQ(go_poll(p, 2, -1), 1);
    close_both(fds);
}

LAW_VIRTUAL(select_foreign,
            "S7.28 go_select on foreign fds commits exactly one, and the other keeps its data")
{
    int a[2], b[2], rc, which = -1;
    char buf[8];

    plain_pair(a);
    plain_pipe(b);
    GO_TIMEOUT(GO_SEC, rc) {
        go_case none[2] = {GO_READABLE(a[0]), GO_READABLE(b[0])};

        CHECK_EQ(go_select(none, 2), -ECANCELED);
    }
    put(b[1], "x");
    put(a[1], "y");
    {
        go_case both[2] = {GO_READABLE(a[0]), GO_READABLE(b[0])};

        which = go_select(both, 2);
        CHECK(which == 0 || which == 1);
        CHECK_EQ(both[which].result, POLLIN);
    }
    CHECK_EQ(go_read(a[0], buf, 8), 1);
    CHECK_EQ(go_read(b[0], buf, 8), 1);
    close_both(a);
    close_both(b);
}

TAP_MAIN
