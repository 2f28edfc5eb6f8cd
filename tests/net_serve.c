/* SPDX-License-Identifier: MIT
 *
 * go_serve: what a server survives, what it limits, how it ends. */
#include "tests/net_kit.h"

/* A server in a fiber of its own. */
struct served {
    int fd, port;
    go_handler *handler;
    go_serve_opts opts;
    int64_t result;
    int handled, live, most, errors;
    int last_code;
    char last_message[128], last_fiber[64];
    go_event release;
};

static struct served sv;

static int echoes(int fd, void *arg)
{
    char buf[256];
    ssize_t n;
    int rc = 0;

    (void)arg;
    sv.handled++;
    sv.live++;
    if (sv.live > sv.most)
        sv.most = sv.live;
    while (rc == 0 && (n = go_read(fd, buf, sizeof buf)) > 0)
        rc = go_write_all(fd, buf, (size_t)n);
    sv.live--;
    return n < 0 ? (int)n : rc;
}

static void on_error(const go_error *e, void *arg)
{
    CHECK(arg == &sv);
    sv.errors++;
    sv.last_code = go_error_code(e);
    snprintf(sv.last_message, sizeof sv.last_message, "%s", go_error_message(e));
    snprintf(sv.last_fiber, sizeof sv.last_fiber, "%s", go_error_fiber(e));
}

static int server(void *arg)
{
    (void)arg;
    sv.result = go_serve(sv.fd, sv.handler, &sv, &sv.opts);
    return 0;
}

static void prepare(go_handler *handler)
{
    memset(&sv, 0, sizeof sv);
    sv.handler = handler;
    sv.result = NOT_YET;
    sv.fd = listen_local(&sv.port);
    sv.opts.on_error = on_error;
    go_event_init(&sv.release, 0);
}

/* As a client of another process: its answer to "x". */
static bool answers(int fd)
{
    char buf[8] = "";

    put(fd, "x");
    for (int i = 0; i < 200; i++) {
        ssize_t n = recv(fd, buf, sizeof buf, MSG_DONTWAIT);

        if (n == 1)
            return buf[0] == 'x';
        if (n == 0 || (n < 0 && errno != EAGAIN))
            return false;
        go_sleep(GO_MS);
    }
    return false;
}

static bool is_closed(int fd)
{
    char buf[8];

    for (int i = 0; i < 200; i++) {
        ssize_t n = recv(fd, buf, sizeof buf, MSG_DONTWAIT);

        if (n == 0 || (n < 0 && errno != EAGAIN))
            return true;
        go_sleep(GO_MS);
    }
    return false;
}

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

static int fails(int fd, void *arg)
{
    (void)fd;
    (void)arg;
    sv.handled++;
    return go_fail(EIO, "the disk is full");
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

/* ---- running out of things ---- */

/* Clients in a process of their own, since the limit is this one's: `count` of them connect, each
 * says "x" and wants it back; how many had it. */
static int clients(int port, int count, pid_t *pid)
{
    int out[2];

    plain_pipe(out);
    *pid = fork();
    if (*pid == 0) {
        struct rlimit high = {4096, 4096};
        int good = 0, fds[1200];
        char byte;

        setrlimit(RLIMIT_NOFILE, &high);
        alarm(20);
        for (int i = 0; i < count; i++) {
            fds[i] = connect_local(port);
            fcntl(fds[i], F_SETFL, 0);
            (void)!write(fds[i], "x", 1);
        }
        for (int i = 0; i < count; i++) {
            good += read(fds[i], &byte, 1) == 1;
            close(fds[i]);
        }
        (void)!write(out[1], &good, sizeof good);
        _exit(0);
    }
    close(out[1]);
    return out[0];
}

static int hush(void)
{
    int copy = dup(2), null = open("/dev/null", O_WRONLY);

    dup2(null, 2);
    close(null);
    return copy;
}

static void unhush(int copy)
{
    dup2(copy, 2);
    close(copy);
}

LAW_REAL(out_of_fds,
         "S8.24 out of descriptors, go_serve backs off, and recovers when there are some")
{
    struct rlimit old, low;
    int rc, in, good = 0, status, stderr_copy;
    pid_t pid;

    prepare(echoes);
    getrlimit(RLIMIT_NOFILE, &old);
    GO_NURSERY(n, rc) {
        go_spawn(n, server, NULL);
        settle_io();
        in = clients(sv.port, 40, &pid);
        stderr_copy = hush();
        low = old;
        low.rlim_cur = (rlim_t)stderr_copy + 11; /* ten connections at once, about */
        setrlimit(RLIMIT_NOFILE, &low);
        CHECK_EQ(go_read_exact(in, &good, sizeof good), 1);
        setrlimit(RLIMIT_NOFILE, &old);
        unhush(stderr_copy);
        CHECK_EQ(good, 40);
        CHECK_EQ(sv.handled, 40);
        CHECK(sv.most < 20);
        CHECK_EQ(sv.result, NOT_YET);
        go_nursery_cancel(n, NULL);
    }
    waitpid(pid, &status, 0);
    close_both((int[]){in, sv.fd});
}

LAW_REAL(out_of_fds_idle,
         "S8.24 the same when no connection of its own ends: it goes on when the limit is raised")
{
    struct rlimit old, low;
    int rc, fd, stderr_copy;

    prepare(echoes);
    getrlimit(RLIMIT_NOFILE, &old);
    GO_NURSERY(n, rc) {
        go_spawn(n, server, NULL);
        settle_io();
        fd = connect_local(sv.port);
        stderr_copy = hush();
        low = old;
        low.rlim_cur = (rlim_t)fd;
        setrlimit(RLIMIT_NOFILE, &low);
        settle_io();
        CHECK_EQ(sv.handled, 0);
        CHECK_EQ(sv.result, NOT_YET);
        setrlimit(RLIMIT_NOFILE, &old);
        unhush(stderr_copy);
        CHECK(answers(fd));
        close(fd);
        go_nursery_cancel(n, NULL);
    }
    go_close(sv.fd);
}

static int out_of_memory(void *arg)
{
    struct rlimit low;
    int rc, fd[64], good = 0;
    FILE *maps = fopen("/proc/self/statm", "r");
    unsigned long pages = 0;

    (void)arg;
    prepare(echoes);
    sv.opts.stack_size = 64 << 20;
    GO_NURSERY(n, rc) {
        go_spawn(n, server, NULL);
        settle_io();
        CHECK_EQ(fscanf(maps, "%lu", &pages), 1);
        fclose(maps);
        low.rlim_max = RLIM_INFINITY;
        low.rlim_cur = pages * 4096 + ((rlim_t)300 << 20); /* a few such stacks */
        setrlimit(RLIMIT_AS, &low);
        for (int i = 0; i < 20; i++)
            fd[i] = connect_local(sv.port);
        settle_io();
        CHECK(sv.handled < 20);
        for (int i = 0; i < 20; i++) {
            good += answers(fd[i]);
            close(fd[i]);
        }
        CHECK_EQ(good, 20);
        CHECK_EQ(sv.result, NOT_YET);
        go_nursery_cancel(n, NULL);
    }
    go_close(sv.fd);
    return 0;
}

static int out_of_memory_run(void *arg)
{
    return real_run(out_of_memory, arg);
}

LAW(no_stack, "S8.24 out of memory for stacks, go_serve backs off, and loses no connection")
{
    if (TAP_SANITIZED) {
        TAP_SKIP("address space is not only ours");
        return;
    }
    CHECK_EXITS(out_of_memory_run, NULL, 0);
    CHECK_HAS(kit_output, "gosling: go_serve: out of memory");
}

/* ---- idle time-outs ---- */

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

/* ---- the end ---- */

static int waits_for_release(int fd, void *arg)
{
    int rc;

    (void)fd;
    (void)arg;
    sv.handled++;
    sv.live++;
    rc = go_event_wait(&sv.release);
    sv.live--;
    return rc;
}

LAW_REAL(drain, "S8.29 a soft cancel drains go_serve: no new connections, the handlers finish")
{
    int rc, a, b;

    prepare(waits_for_release);
    GO_NURSERY(n, rc) {
        go_spawn(n, server, NULL);
        a = connect_local(sv.port);
        settle_io();
        CHECK_EQ(sv.live, 1);
        go_scope_cancel_soft(go_nursery_scope(n), GO_FOREVER, NULL);
        b = connect_local(sv.port);
        settle_io();
        CHECK_EQ(sv.handled, 1);
        CHECK_EQ(sv.live, 1);
        CHECK_EQ(sv.result, NOT_YET);
        go_event_set(&sv.release);
    }
    CHECK_EQ(sv.result, 0);
    CHECK_EQ(rc, 0);
    close(a);
    close(b);
    go_close(sv.fd);
}

LAW_REAL(drain_grace,
         "S8.29 opts.grace cancels the handlers of a drained server hard, and it still returns 0")
{
    int rc, a;
    go_time before;

    prepare(waits_for_release);
    sv.opts.grace = 20 * GO_MS;
    GO_NURSERY(n, rc) {
        go_spawn(n, server, NULL);
        a = connect_local(sv.port);
        settle_io();
        before = go_now();
        go_scope_cancel_soft(go_nursery_scope(n), GO_FOREVER, NULL);
    }
    CHECK(go_now() - before >= 20 * GO_MS);
    CHECK_EQ(sv.result, 0);
    CHECK_EQ(sv.live, 0);
    CHECK_EQ(rc, 0);
    close(a);
    go_close(sv.fd);
}

LAW_REAL(drain_hard, "S8.16 a drain that turns hard by the soft cancel's own grace is -ECANCELED")
{
    int rc, a;

    prepare(waits_for_release);
    GO_NURSERY(n, rc) {
        go_spawn(n, server, NULL);
        a = connect_local(sv.port);
        settle_io();
        go_scope_cancel_soft(go_nursery_scope(n), 10 * GO_MS, NULL);
    }
    CHECK_EQ(sv.result, -ECANCELED);
    close(a);
    go_close(sv.fd);
}

LAW_REAL(drain_full, "S8.29 a soft cancel ends the wait at max_conns as well")
{
    int rc, a;

    prepare(waits_for_release);
    sv.opts.max_conns = 1;
    GO_NURSERY(n, rc) {
        go_spawn(n, server, NULL);
        a = connect_local(sv.port);
        settle_io();
        go_scope_cancel_soft(go_nursery_scope(n), GO_FOREVER, NULL);
        settle();
        go_event_set(&sv.release);
    }
    CHECK_EQ(sv.result, 0);
    CHECK_EQ(sv.handled, 1);
    close(a);
    go_close(sv.fd);
}

static int terminated(void *arg)
{
    int rc;

    (void)arg;
    prepare(echoes);
    raise(SIGTERM);
    rc = go_serve(sv.fd, echoes, &sv, &sv.opts);
    CHECK_EQ(rc, 0);
    return 42;
}

static int terminated_run(void *arg)
{
    go_run_opts opts;

    (void)arg;
    memset(&opts, 0, sizeof opts);
    signal(SIGTERM, SIG_DFL);
    return go_run_with(&opts, terminated, NULL);
}

LAW(sigterm, "S4.40 after SIGTERM go_serve returns 0 once it is drained, and go_run returns its "
             "function's result")
{
    CHECK_EXITS(terminated_run, NULL, 42);
}

TAP_MAIN
