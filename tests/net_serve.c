/* SPDX-License-Identifier: MIT
 *
 * go_serve: whom it serves, and what does not stop it. */
#include "tests/net_serve_kit.h"

LAW_REAL(serves, "S8.12 go_serve closes each handler's fd; the listener stays the caller's")
{
    int rc, fd, before;

    prepare(echoes);
    before = open_fds();
    GO_NURSERY(n, rc) {
        go_spawn(n, server, NULL);
        fd = connect_local(sv.port);
        CHECK(answers(fd));
        CHECK(answers(fd));
        close(fd);
        settle_io();
        CHECK_EQ(open_fds(), before);
        CHECK_EQ(sv.handled, 1);
        go_nursery_cancel(n, NULL);
    }
    CHECK_EQ(sv.errors, 0);
    CHECK(fcntl(sv.fd, F_GETFD) >= 0);
    go_close(sv.fd);
}

static int closes_itself(int fd, void *arg)
{
    int *kept = &((struct served *)arg)->last_code;

    go_close(fd);
    *kept = open("/dev/null", O_RDONLY);
    CHECK_EQ(*kept, fd);
    return 0;
}

LAW_REAL(closed_by_handler,
         "S8.12 a handler that closes its fd itself does not make the server close the next file")
{
    int rc, fd;

    prepare(closes_itself);
    GO_NURSERY(n, rc) {
        go_spawn(n, server, NULL);
        fd = connect_local(sv.port);
        CHECK(is_closed(fd));
        settle_io();
        CHECK(sv.last_code > 0 && fcntl(sv.last_code, F_GETFD) >= 0);
        close(fd);
        close(sv.last_code);
        go_nursery_cancel(n, NULL);
    }
    go_close(sv.fd);
}

LAW_REAL(handler_fails,
         "S8.06 a handler's error never stops a server, and on_error is told by whom and what")
{
    int rc, fd;

    prepare(fails);
    GO_NURSERY(n, rc) {
        go_spawn(n, server, NULL);
        for (int i = 0; i < 200; i++) {
            fd = connect_local(sv.port);
            CHECK(is_closed(fd));
            close(fd);
        }
        CHECK_EQ(sv.handled, 200);
        CHECK_EQ(sv.errors, 200);
        CHECK_EQ(sv.last_code, -EIO);
        CHECK_STR(sv.last_message, "the disk is full");
        CHECK_HAS(sv.last_fiber, "127.0.0.1:");
        CHECK_EQ(sv.result, NOT_YET);
        go_scope_cancel_soft(go_nursery_scope(n), GO_FOREVER, NULL);
    }
    CHECK_EQ(sv.result, 0);
    CHECK_EQ(rc, 0);
    go_close(sv.fd);
}

static int leaves_an_error(int fd, void *arg)
{
    static int code = -EXDEV;
    int rc;

    (void)fd;
    (void)arg;
    GO_NURSERY(n, rc) {
        go_spawn(n, returner, &code);
        return 0; /* its child's error climbs */
    }
    return rc;
}

LAW_REAL(handler_leaves_errors,
         "S8.06 an error that no block of a handler delivered goes to on_error, too")
{
    int rc, fd;

    prepare(leaves_an_error);
    GO_NURSERY(n, rc) {
        go_spawn(n, server, NULL);
        fd = connect_local(sv.port);
        CHECK(is_closed(fd));
        close(fd);
        CHECK_EQ(sv.errors, 1);
        CHECK_EQ(sv.last_code, -EXDEV);
        go_scope_cancel_soft(go_nursery_scope(n), GO_FOREVER, NULL);
    }
    CHECK_EQ(sv.result, 0);
    go_close(sv.fd);
}

LAW_REAL(resets, "S8.07 a client's reset never stops a server, before it is accepted, while it is "
                 "read, while it is written")
{
    struct linger hard = {1, 0};
    static char block[1 << 20];
    int rc, fd;

    prepare(echoes);
    GO_NURSERY(n, rc) {
        for (int i = 0; i < 20; i++) { /* reset in the queue */
            fd = connect_local(sv.port);
            setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
            close(fd);
        }
        go_spawn(n, server, NULL);
        for (int i = 0; i < 20; i++) {
            fd = connect_local(sv.port);
            CHECK(answers(fd));
            if (i % 2)
                (void)!send(fd, block, sizeof block, MSG_DONTWAIT);
            settle_io();
            setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
            close(fd);
        }
        settle_io();
        fd = connect_local(sv.port);
        CHECK(answers(fd));
        close(fd);
        CHECK_EQ(sv.result, NOT_YET);
        CHECK(sv.errors >= 20);
        CHECK(sv.last_code == -ECONNRESET || sv.last_code == -EPIPE);
        go_nursery_cancel(n, NULL);
    }
    go_close(sv.fd);
}

static volatile int pipe_signals;

static void count_pipe(int sig)
{
    (void)sig;
    pipe_signals++;
}

LAW_REAL(no_sigpipe, "S8.08 sockets are written without SIGPIPE, also where the program handles it")
{
    int fds[2];
    char buf[64] = "x";
    struct iovec v = {buf, 1};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};
    void (*old)(int) = signal(SIGPIPE, count_pipe);

    for (int foreign = 0; foreign < 2; foreign++) {
        if (foreign)
            plain_pair(fds);
        else
            CHECK_EQ(go_socketpair(fds), 0);
        go_close(fds[1]);
        CHECK_EQ(go_write(fds[0], "x", 1), -EPIPE);
        CHECK_EQ(go_send(fds[0], "x", 1, 0), -EPIPE);
        CHECK_EQ(go_writev(fds[0], &v, 1), -EPIPE);
        CHECK_EQ(go_sendmsg(fds[0], &m, 0), -EPIPE);
        CHECK_EQ(go_write_all(fds[0], "x", 1), -EPIPE);
        go_close(fds[0]);
    }
    CHECK_EQ(pipe_signals, 0);
    signal(SIGPIPE, old);
}

static int breaks_a_pipe(void *arg)
{
    int fds[2];

    (void)arg;
    plain_pipe(fds);
    close(fds[0]);
    CHECK_EQ(go_write(fds[1], "x", 1), -EPIPE);
    close(fds[1]);
    return 0;
}

static int runs_with_sigpipe(void *arg)
{
    struct sigaction now;

    (void)arg;
    signal(SIGPIPE, SIG_DFL);
    CHECK_EQ(go_run(breaks_a_pipe, NULL), 0);
    sigaction(SIGPIPE, NULL, &now);
    CHECK(now.sa_handler == SIG_DFL);
    return 0;
}

LAW(sigpipe_ignored,
    "S8.08 SIGPIPE is ignored during go_run where it was SIG_DFL, and is SIG_DFL afterwards")
{
    CHECK_EXITS(runs_with_sigpipe, NULL, 0);
}

LAW_REAL(no_listener, "S8.15 on what is no listening socket go_serve fails at once")
{
    int fds[2], fd = go_udp_bind("127.0.0.1", "0");

    CHECK_EQ(go_pipe(fds), 0);
    CHECK_EQ(go_serve(fds[0], echoes, NULL, NULL), -ENOTSOCK);
    close_both(fds);
    CHECK_EQ(go_socketpair(fds), 0);
    CHECK_EQ(go_serve(fds[0], echoes, NULL, NULL), -EINVAL);
    close_both(fds);
    CHECK_EQ(go_serve(fd, echoes, NULL, NULL), -EINVAL);
    go_close(fd);
    CHECK_EQ(go_serve(fd, echoes, NULL, NULL), -EBADF);
    CHECK_EQ(go_serve(-1, echoes, NULL, NULL), -EBADF);
}

LAW_REAL(hard, "S8.16 go_serve cancelled hard returns -ECANCELED, and its handlers are cancelled")
{
    int rc, fd;

    prepare(echoes);
    GO_NURSERY(n, rc) {
        go_spawn(n, server, NULL);
        fd = connect_local(sv.port);
        CHECK(answers(fd));
        CHECK_EQ(sv.live, 1);
        go_nursery_cancel(n, NULL);
    }
    CHECK_EQ(sv.result, -ECANCELED);
    CHECK_EQ(sv.live, 0);
    CHECK_EQ(sv.errors, 0);
    CHECK(is_closed(fd));
    close(fd);
    go_close(sv.fd);
}

LAW_REAL(listener_closed, "S8.03 go_close of the listener ends go_serve with -EBADF, also while it "
                          "waits for a connection to end")
{
    int rc, fd;

    for (int full = 0; full < 2; full++) {
        prepare(echoes);
        sv.opts.max_conns = 1;
        GO_NURSERY(n, rc) {
            go_spawn(n, server, NULL);
            settle_io();
            fd = full ? connect_local(sv.port) : -1;
            settle_io();
            CHECK_EQ(sv.live, full);
            go_close(sv.fd);
        }
        CHECK_EQ(sv.result, -EBADF);
        CHECK_EQ(rc, 0);
        close(fd);
    }
}

TAP_MAIN
