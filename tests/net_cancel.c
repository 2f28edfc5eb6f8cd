/* SPDX-License-Identifier: MIT
 *
 * Sections 4 and 6 on descriptors: a cancelled call has had no effect, a completed one returns its
 * result, and every call looks for cancellation. */
#include "tests/net_kit.h"
#include <sys/eventfd.h>

static int fds[2];

/* Runs fn(arg) until nothing more happens, and cancels it; then again in a scope that is cancelled
 * already. */
static int64_t cancelled(go_fn *fn, struct call *c)
{
    struct call before = *c;
    int rc;

    GO_MOVE_ON(GO_SEC, rc) {
        fn(c);
    }
    CHECK_EQ(c->result, -ECANCELED);
    CHECK(memcmp(c->buf, before.buf, sizeof c->buf) == 0);
    GO_MOVE_ON(-1, rc) {
        fn(c);
    }
    CHECK_EQ(c->result, -ECANCELED);
    return c->result;
}

LAW_VIRTUAL(read_cancelled,
            "S4.14 a cancelled go_read has had no effect, on any kind of descriptor")
{
    struct call c;

    for (int kind = 0; kind < 4; kind++) {
        if (kind == 0)
            go_socketpair(fds);
        else if (kind == 1)
            go_pipe(fds);
        else if (kind == 2)
            plain_pair(fds);
        else
            plain_pipe(fds);
        c = CALL(fds[0]);
        cancelled(reads, &c);
        put(fds[1], "abc");
        CHECK_EQ(go_read(fds[0], c.buf, 8), 3);
        CHECK(memcmp(c.buf, "abc", 3) == 0);
        close_both(fds);
    }
}

LAW_VIRTUAL(write_cancelled, "S4.14 a cancelled go_write has written nothing")
{
    static char block[1 << 16];
    int rc, err = 0;
    ssize_t n;
    size_t there = 0, back = 0;

    for (int kind = 0; kind < 2; kind++) {
        if (kind)
            plain_pipe(fds);
        else
            go_socketpair(fds);
        there = back = 0;
        GO_MOVE_ON(GO_SEC, rc) {
            while ((n = go_write(fds[1], block, sizeof block)) > 0)
                there += (size_t)n;
            err = (int)n;
        }
        CHECK_EQ(err, -ECANCELED);
        fcntl(fds[0], F_SETFL, O_NONBLOCK);
        while ((n = read(fds[0], block, sizeof block)) > 0)
            back += (size_t)n;
        CHECK_EQ(back, there);
        close_both(fds);
    }
}

static int accepts_named(void *arg)
{
    struct call *c = arg;
    struct sockaddr_in peer = {.sin_family = 77};
    socklen_t len = sizeof peer;

    c->result = go_accept(c->fd, (struct sockaddr *)&peer, &len);
    if (c->result < 0) {
        CHECK_EQ(peer.sin_family, 77);
        CHECK_EQ(len, sizeof peer);
    }
    return 0;
}

LAW_VIRTUAL(accept_cancelled,
            "S4.14 a cancelled go_accept has taken no connection, and leaves its arguments")
{
    int port, fd = listen_local(&port), out, in;
    struct call c = CALL(fd);

    cancelled(accepts_named, &c);
    out = connect_local(port);
    in = go_accept(fd, NULL, NULL);
    CHECK(in >= 0);
    close(out);
    close_both((int[]){fd, in});
}

static int receives_message(void *arg)
{
    struct call *c = arg;
    char room[64];
    struct sockaddr_in from;
    struct iovec v = {c->buf, sizeof c->buf};
    struct msghdr m = {.msg_name = &from,
                       .msg_namelen = sizeof from,
                       .msg_iov = &v,
                       .msg_iovlen = 1,
                       .msg_control = room,
                       .msg_controllen = sizeof room};

    c->result = go_recvmsg(c->fd, &m, 0);
    if (c->result < 0) {
        CHECK_EQ(m.msg_namelen, sizeof from);
        CHECK_EQ(m.msg_controllen, sizeof room);
    }
    return 0;
}

LAW_VIRTUAL(message_cancelled, "S4.14 a cancelled go_recv, go_recvmsg or go_poll has had no effect")
{
    int fd = go_udp_bind("127.0.0.1", "0");
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)go_local_port(fd))};
    struct call c = CALL(fd);

    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    cancelled(receives, &c);
    cancelled(receives_message, &c);
    c.events = POLLIN;
    cancelled(polls, &c);
    cancelled(waits_fd, &c);
    cancelled(selects, &c);
    CHECK_EQ(go_sendto(fd, "hello", 5, 0, (struct sockaddr *)&to, sizeof to), 5);
    CHECK_EQ(go_recv(fd, c.buf, 64, 0), 5);
    go_close(fd);
}

static int has_data(int64_t result)
{
    return result == -ECANCELED;
}

LAW_VIRTUAL(always_looks,
            "S6.01 every call on a descriptor looks for cancellation, also when the data is there")
{
    char buf[8] = "12345678";
    int rc;
    struct pollfd p;
    struct iovec v = {buf, 2};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};
    size_t done = 9;
    int file = open("/proc/self/exe", O_RDONLY);

    CHECK_EQ(go_socketpair(fds), 0);
    put(fds[1], "abcdefgh");
    p = (struct pollfd){fds[0], POLLIN, 0};
    GO_MOVE_ON(-1, rc) {
        CHECK(has_data(go_read(fds[0], buf, 1)));
        CHECK(has_data(go_write(fds[0], buf, 1)));
        CHECK(has_data(go_readv(fds[0], &v, 1)));
        CHECK(has_data(go_writev(fds[0], &v, 1)));
        CHECK(has_data(go_recv(fds[0], buf, 1, 0)));
        CHECK(has_data(go_recv(fds[0], buf, 1, MSG_PEEK)));
        CHECK(has_data(go_send(fds[0], buf, 1, 0)));
        CHECK(has_data(go_recvfrom(fds[0], buf, 1, 0, NULL, NULL)));
        CHECK(has_data(go_sendto(fds[0], buf, 1, 0, NULL, 0)));
        CHECK(has_data(go_recvmsg(fds[0], &m, 0)));
        CHECK(has_data(go_sendmsg(fds[0], &m, 0)));
        CHECK(has_data(go_poll(&p, 1, 0)));
        CHECK(has_data(go_wait_fd(fds[0], POLLIN)));
        CHECK(has_data(go_write_all(fds[0], buf, 1)));
        CHECK(has_data(go_write_some(fds[0], buf, 1, &done)));
        CHECK_EQ(done, 0);
        CHECK(has_data(go_read_exact(fds[0], buf, 1)));
        CHECK(has_data(go_copy(fds[0], fds[1])));
        CHECK(has_data(go_pread(file, buf, 1, 0)));
        CHECK(has_data(go_sendfile(fds[0], file, NULL, 1)));
        CHECK(has_data(go_accept(fds[0], NULL, NULL)));
        CHECK(has_data(go_connect(fds[0], NULL, 0)));
        CHECK(has_data(go_serve(fds[0], NULL, NULL, NULL)));
        CHECK(has_data(go_unix_connect("@nobody-is-here")));
    }
    CHECK_EQ(go_read(fds[0], buf, 8), 8);
    CHECK(memcmp(buf, "abcdefgh", 8) == 0);
    close_both(fds);
    go_close(file);
}

static int cancel_and_feed(void *arg)
{
    go_sleep(GO_SEC); /* the reader waits */
    put(fds[1], "abc");
    settle_io(); /* it has been woken, or has run */
    go_scope_cancel(arg, "too late");
    return 0;
}

LAW_VIRTUAL(
    completed,
    "S4.15 a read that has its data returns it; the pending cancel waits for the next checkpoint")
{
    char buf[8];
    int rc, all;
    go_scope scope;
    ssize_t n = 0;

    CHECK_EQ(go_socketpair(fds), 0);
    memset(&scope, 0, sizeof scope);
    GO_NURSERY(nursery, all) {
        go_spawn(nursery, cancel_and_feed, &scope);
        GO_SCOPE(&scope, rc, NULL) {
            n = go_read(fds[0], buf, 8);
            CHECK_EQ(n, 3);
            go_sleep(10 * GO_SEC);
            CHECK_EQ(go_read(fds[0], buf, 8), -ECANCELED);
        }
    }
    CHECK_EQ(rc, -ECANCELED);
    close_both(fds);
}

/* The data and the cancellation come in one turn, the data first. */
static int feed_then_cancel(void *arg)
{
    put(fds[1], "abc");
    go_sleep(GO_MS);
    go_scope_cancel(arg, NULL);
    return 0;
}

LAW_VIRTUAL(nothing_lost, "S4.14 whatever the order of data and cancellation, no byte is lost")
{
    int rc, all;
    ssize_t n = 0;
    char buf[8];

    for (int i = 0; i < 20; i++) {
        go_scope scope;

        memset(&scope, 0, sizeof scope);
        CHECK_EQ(go_socketpair(fds), 0);
        GO_NURSERY(nursery, all) {
            go_spawn(nursery, feed_then_cancel, &scope);
            GO_SCOPE(&scope, rc, NULL) {
                for (int k = 0; k < i; k++)
                    go_yield();
                n = go_read(fds[0], buf, 8);
            }
        }
        if (n == -ECANCELED)
            n = go_read(fds[0], buf, 8);
        CHECK_EQ(n, 3);
        close_both(fds);
    }
}

LAW_VIRTUAL(connect_cancelled,
            "S4.18 a cancelled go_connect leaves an fd that is only good for closing")
{
    int port, listener, fd, rc, err = 0, filled[64], n = 0;
    struct sockaddr_in to = {.sin_family = AF_INET};

    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    listener = go_tcp_listen("127.0.0.1", "0", &(go_listen_opts){.backlog = 1});
    port = go_local_port(listener);
    to.sin_port = htons((uint16_t)port);
    while (n < 8) /* nobody accepts: the queue is full soon, and further connections hang */
        filled[n++] = connect_local(port);
    fd = socket(AF_INET, SOCK_STREAM, 0);
    GO_TIMEOUT(GO_SEC / 2, rc) {
        err = go_connect(fd, (struct sockaddr *)&to, sizeof to);
    }
    CHECK_EQ(err, -ECANCELED);
    CHECK_EQ(flags_of(fd) & O_NONBLOCK, 0);
    CHECK_EQ(go_close(fd), 0);
    while (n > 0)
        close(filled[--n]);
    go_close(listener);
}

LAW_VIRTUAL(read_exact_cancelled,
            "S4.17 a cancelled go_read_exact may have moved a part; so may go_copy")
{
    char buf[8] = "";
    int rc, err = 0, other[2];
    int64_t moved = 0;

    CHECK_EQ(go_socketpair(fds), 0);
    CHECK_EQ(go_pipe(other), 0);
    put(fds[1], "abc");
    GO_TIMEOUT(GO_SEC, rc) {
        err = go_read_exact(fds[0], buf, 8);
    }
    CHECK_EQ(err, -ECANCELED);
    CHECK_STR(buf, "abc");
    put(fds[1], "defg");
    GO_TIMEOUT(GO_SEC, rc) {
        moved = go_copy(fds[0], other[1]);
    }
    CHECK_EQ(moved, -ECANCELED);
    CHECK_EQ(go_read(other[0], buf, 8), 4);
    close_both(fds);
    close_both(other);
}

static int takes_a_signal(void *arg)
{
    (void)arg;
    go_sleep(GO_SEC);
    go_scope_cancel_soft(arg, GO_FOREVER, "please");
    return 0;
}

LAW_VIRTUAL(soft_accept, "S4.28 a soft cancel stops go_accept: the one that waits, and the next "
                         "ones, though somebody connects")
{
    int port, fd = listen_local(&port), out, rc, all, err = 0;
    go_scope scope;

    memset(&scope, 0, sizeof scope);
    GO_NURSERY(n, all) {
        go_spawn(n, takes_a_signal, &scope);
        GO_SCOPE(&scope, rc, NULL) {
            err = go_accept(fd, NULL, NULL);
            CHECK_EQ(err, -ECANCELED);
            out = connect_local(port);
            go_sleep(GO_SEC);
            CHECK_EQ(go_accept(fd, NULL, NULL), -ECANCELED);
        }
    }
    CHECK_EQ(rc, 0);
    err = go_accept(fd, NULL, NULL);
    CHECK(err >= 0);
    close_both((int[]){fd, err});
    close(out);
}

LAW_VIRTUAL(soft_others, "S4.32 under a soft cancel all other I/O goes on")
{
    int rc, all, listener, in;
    char buf[8];
    go_scope scope;
    struct pollfd p;

    CHECK_EQ(go_socketpair(fds), 0);
    memset(&scope, 0, sizeof scope);
    GO_NURSERY(n, all) {
        GO_SCOPE(&scope, rc, NULL) {
            go_scope_cancel_soft(&scope, GO_FOREVER, NULL);
            CHECK(go_stopping());
            p = (struct pollfd){fds[0], POLLIN, 0};
            CHECK_EQ(go_poll(&p, 1, GO_SEC), 0);
            CHECK_EQ(go_write(fds[1], "abc", 3), 3);
            CHECK_EQ(go_wait_fd(fds[0], POLLIN), POLLIN);
            CHECK_EQ(go_read(fds[0], buf, 8), 3);
            listener = go_unix_listen("@gosling-net-cancel", NULL);
            in = go_unix_connect("@gosling-net-cancel");
            CHECK(listener >= 0 && in >= 0);
            close_both((int[]){listener, in});
        }
    }
    CHECK_EQ(rc, 0);
    close_both(fds);
}

static int always_ready(void *arg)
{
    char byte;

    (void)arg;
    for (int i = 0; i < 1000; i++)
        CHECK_EQ(go_read(fds[0], &byte, 1), 1);
    mark("done");
    return 0;
}

LAW_VIRTUAL(fair, "S6.03 a reader whose data is always there lets the others run every 64 reads")
{
    static char block[2000];
    int rc;
    struct plan other = {.name = "other"};

    CHECK_EQ(go_socketpair(fds), 0);
    CHECK_EQ(go_write_all(fds[1], block, sizeof block), 0);
    GO_NURSERY(n, rc) {
        go_spawn(n, always_ready, NULL);
        go_spawn(n, follow, &other);
    }
    CHECK_TRACE("other done");
    close_both(fds);
}

LAW_VIRTUAL(io_beats_deadline,
            "S5.07 I/O that is ready beats a deadline that expires in the same turn")
{
    char buf[8];
    int rc;
    ssize_t n = 0;

    CHECK_EQ(go_socketpair(fds), 0);
    GO_TIMEOUT(GO_SEC, rc) {
        put(fds[1], "abc");
        n = go_read(fds[0], buf, 2);
        CHECK_EQ(n, 2);
        n = go_read(fds[0], buf, 8);
        CHECK_EQ(n, 1); /* short: the next one waits without trying */
        put(fds[1], "d");
        n = go_read(fds[0], buf, 8);
    }
    CHECK_EQ(n, 1);
    CHECK_EQ(rc, 0);
    close_both(fds);
}

LAW(outside,
    "S1.20 outside a run: the calls that wait are -ESHUTDOWN, making and closing descriptors works")
{
    char buf[4];
    struct pollfd p = {0, POLLIN, 0};
    size_t done = 9;
    int fd;

    CHECK_EQ(go_pipe(fds), 0);
    CHECK_EQ(go_read(fds[0], buf, 4), -ESHUTDOWN);
    CHECK_EQ(go_write(fds[1], buf, 4), -ESHUTDOWN);
    CHECK_EQ(go_recv(fds[0], buf, 4, 0), -ESHUTDOWN);
    CHECK_EQ(go_send(fds[0], buf, 4, 0), -ESHUTDOWN);
    CHECK_EQ(go_accept(fds[0], NULL, NULL), -ESHUTDOWN);
    CHECK_EQ(go_connect(fds[0], NULL, 0), -ESHUTDOWN);
    CHECK_EQ(go_poll(&p, 1, 0), -ESHUTDOWN);
    CHECK_EQ(go_wait_fd(fds[0], POLLIN), -ESHUTDOWN);
    CHECK_EQ(go_write_all(fds[1], buf, 4), -ESHUTDOWN);
    CHECK_EQ(go_write_some(fds[1], buf, 4, &done), -ESHUTDOWN);
    CHECK_EQ(go_read_exact(fds[0], buf, 4), -ESHUTDOWN);
    CHECK_EQ(go_copy(fds[0], fds[1]), -ESHUTDOWN);
    CHECK_EQ(go_serve(fds[0], NULL, NULL, NULL), -ESHUTDOWN);
    CHECK_EQ(go_unix_connect("@nobody"), -ESHUTDOWN);
    CHECK_EQ(go_close(fds[0]), 0);
    CHECK_EQ(go_close(fds[1]), 0);
    CHECK_EQ(go_close(fds[1]), -EBADF);
    fd = go_tcp_listen("127.0.0.1", "0", NULL);
    CHECK(go_local_port(fd) > 0);
    CHECK_EQ(go_tcp_listen("nobody", "0", NULL), -EINVAL);
    CHECK_EQ(go_close(fd), 0);
}

TAP_MAIN
