/* SPDX-License-Identifier: MIT
 *
 * Section 1: one descriptor, used by several fibers at once. */
#include "tests/net_kit.h"

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
