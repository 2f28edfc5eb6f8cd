/* SPDX-License-Identifier: MIT
 *
 * go_serve: connections at once, per address, and idle ones. */
#include "tests/net_serve_kit.h"

LAW_REAL(max_conns, "S8.13 at max_conns go_serve stops accepting until one ends")
{
    int rc, fd[4];
    struct pollfd p;

    prepare(echoes);
    sv.opts.max_conns = 2;
    GO_NURSERY(n, rc) {
        go_spawn(n, server, NULL);
        for (int i = 0; i < 4; i++) {
            fd[i] = connect_local(sv.port);
            put(fd[i], "x");
        }
        settle_io();
        CHECK_EQ(sv.handled, 2);
        p = (struct pollfd){fd[2], POLLIN, 0};
        CHECK_EQ(poll(&p, 1, 0), 0);
        close(fd[0]);
        settle_io();
        CHECK_EQ(sv.handled, 3);
        close(fd[1]);
        close(fd[2]);
        settle_io();
        CHECK_EQ(sv.handled, 4);
        CHECK_EQ(sv.most, 2);
        close(fd[3]);
        go_nursery_cancel(n, NULL);
    }
    go_close(sv.fd);
}

LAW_REAL(max_per_ip, "S8.14 a connection beyond max_per_ip is closed; other addresses are served")
{
    int rc, a[3], b;

    prepare(echoes);
    sv.opts.max_per_ip = 2;
    GO_NURSERY(n, rc) {
        go_spawn(n, server, NULL);
        for (int i = 0; i < 2; i++) {
            a[i] = connect_local(sv.port);
            CHECK(answers(a[i]));
        }
        a[2] = connect_local(sv.port);
        CHECK(is_closed(a[2]));
        b = connect_from("127.0.0.2", sv.port);
        CHECK(answers(b));
        close(a[0]);
        settle_io();
        close(a[2]);
        a[2] = connect_local(sv.port);
        CHECK(answers(a[2]));
        CHECK_EQ(sv.errors, 0);
        close(a[1]);
        close(a[2]);
        close(b);
        go_nursery_cancel(n, NULL);
    }
    go_close(sv.fd);
}

LAW_REAL(mapped,
         "S8.14 an IPv4 address that comes mapped into IPv6 counts, too, and names its handler")
{
    int rc, a, b;

    prepare(echoes);
    go_close(sv.fd);
    sv.fd = go_tcp_listen(NULL, "0", NULL);
    sv.port = go_local_port(sv.fd);
    sv.handler = fails;
    sv.opts.max_per_ip = 1;
    GO_NURSERY(n, rc) {
        go_spawn(n, server, NULL);
        a = connect_local(sv.port);
        CHECK(is_closed(a));
        CHECK(strncmp(sv.last_fiber, "127.0.0.1:", 10) == 0);
        sv.handler = echoes;
        go_nursery_cancel(n, NULL);
    }
    GO_NURSERY(n, rc) {
        go_spawn(n, server, NULL);
        b = connect_local(sv.port);
        CHECK(answers(b));
        close(a);
        a = connect_local(sv.port);
        CHECK(is_closed(a));
        go_nursery_cancel(n, NULL);
    }
    close(a);
    close(b);
    go_close(sv.fd);
}

LAW_VIRTUAL(idle, "S8.25 a handler whose connection moved no byte for idle_timeout is cancelled")
{
    int rc, fd;
    go_time before;

    prepare(echoes);
    sv.opts.idle_timeout = 10 * GO_SEC;
    GO_NURSERY(n, rc) {
        go_spawn(n, server, NULL);
        fd = connect_local(sv.port);
        CHECK(answers(fd));
        before = go_now();
        for (int i = 0; i < 5; i++) { /* not idle */
            go_sleep(9 * GO_SEC);
            CHECK(answers(fd));
        }
        before = go_now();
        while (sv.live > 0)
            go_sleep(GO_MS * 100);
        CHECK(go_now() - before >= 9 * GO_SEC);
        CHECK(go_now() - before <= 11 * GO_SEC);
        CHECK(is_closed(fd));
        CHECK_EQ(sv.errors, 0);
        close(fd);
        fd = connect_local(sv.port);
        CHECK(answers(fd));
        close(fd);
        go_nursery_cancel(n, NULL);
    }
    go_close(sv.fd);
}

static int writes_on(int fd, void *arg)
{
    static char block[1 << 16];
    int rc;

    (void)arg;
    sv.live++;
    while ((rc = go_write_all(fd, block, sizeof block)) == 0)
        go_sleep(10 * GO_MS);
    sv.live--;
    return rc;
}

LAW_VIRTUAL(
    idle_writer,
    "S8.25 a handler that writes is not idle as long as somebody reads, and is once nobody does")
{
    static char buf[1 << 20];
    int rc, fd;
    go_time before;

    prepare(writes_on);
    sv.opts.idle_timeout = 5 * GO_SEC;
    GO_NURSERY(n, rc) {
        go_spawn(n, server, NULL);
        fd = connect_local(sv.port);
        for (int i = 0; i < 20; i++) {
            go_sleep(GO_SEC);
            for (int k = 0; k < 10; k++)
                (void)!recv(fd, buf, sizeof buf, MSG_DONTWAIT);
        }
        CHECK_EQ(sv.live, 1);
        before = go_now();
        while (sv.live > 0 && go_now() - before < 600 * GO_SEC)
            go_sleep(GO_SEC);
        CHECK_EQ(sv.live, 0);
        CHECK(go_now() - before >= 5 * GO_SEC);
        CHECK_EQ(sv.errors, 0);
        go_nursery_cancel(n, NULL);
    }
    close(fd);
    go_close(sv.fd);
}

TAP_MAIN
