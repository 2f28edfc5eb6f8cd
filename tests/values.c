/* SPDX-License-Identifier: MIT
 *
 * Section 1: what the values mean, each code once; errno; calls outside a run. */
#include "tests/kit.h"
#include <netinet/in.h>

/* ---- errno ---- */

struct errno_story {
    int value;
    void (*park)(void *arg);
    void *arg;
};

static int keeps_errno(void *arg)
{
    struct errno_story *s = arg;

    for (int i = 0; i < 5; i++) {
        errno = s->value + i;
        s->park(s->arg);
        CHECK_EQ(errno, s->value + i);
    }
    return 0;
}

static void parks_by_yield(void *arg)
{
    (void)arg;
    go_yield();
}

static void parks_by_sleep(void *arg)
{
    (void)arg;
    go_sleep(GO_MS);
}

static void parks_by_mutex(void *arg)
{
    go_mutex_lock(arg);
    go_yield();
    go_mutex_unlock(arg);
}

static void parks_by_event(void *arg)
{
    int rc;

    GO_TIMEOUT(GO_MS, rc) {
        go_event_wait(arg);
    }
}

static void parks_by_read(void *arg)
{
    char byte;
    int rc;

    GO_TIMEOUT(GO_MS, rc) {
        (void)!go_read(*(int *)arg, &byte, 1); /* read fails with EAGAIN inside */
    }
}

static int empty(void *arg)
{
    errno = ERANGE;
    (void)arg;
    return 0;
}

static void parks_by_nursery(void *arg)
{
    int rc;

    (void)arg;
    GO_NURSERY(n, rc) {
        go_spawn(n, empty, NULL);
    }
}

LAW_VIRTUAL(errno_per_fiber, "S1.02 errno is saved and restored per fiber at every switch")
{
    go_mutex m;
    go_event e;
    int fds[2];

    go_mutex_init(&m, 0);
    go_event_init(&e, 0);
    CHECK_EQ(go_socketpair(fds), 0);
    {
        struct errno_story s[] = {
            {100, parks_by_yield, NULL}, {200, parks_by_sleep, NULL},
            {300, parks_by_mutex, &m},   {400, parks_by_mutex, &m},
            {500, parks_by_event, &e},   {600, parks_by_read, &fds[0]},
            {700, parks_by_yield, NULL}, {800, parks_by_nursery, NULL},
            {900, parks_by_sleep, NULL},
        };
        int rc;

        errno = 7;
        GO_NURSERY(n, rc) {
            for (size_t i = 0; i < sizeof s / sizeof *s; i++)
                go_spawn(n, keeps_errno, &s[i]);
        }
        CHECK_EQ(rc, 0);
        CHECK_EQ(errno, 7);
    }
    go_close(fds[0]);
    go_close(fds[1]);
}

static void posted_errno(void *arg)
{
    (void)arg;
    errno = EXDEV;
}

LAW_VIRTUAL(errno_and_posts, "S1.02 what a posted function does to errno is not the fiber's")
{
    errno = EDOM;
    go_post(go_sched_self(), posted_errno, NULL);
    go_sleep(GO_MS);
    CHECK_EQ(errno, EDOM);
}

static int first_errno(void *arg)
{
    *(int *)arg = errno;
    return 0;
}

LAW_VIRTUAL(errno_in_a_new_fiber, "S1.02 a new fiber begins with an errno of its own: 0")
{
    int rc, seen = 99;

    errno = EDOM;
    GO_NURSERY(n, rc) {
        go_spawn(n, first_errno, &seen);
    }
    CHECK_EQ(rc, 0);
    CHECK_EQ(seen, 0);
    CHECK_EQ(errno, EDOM);
}

/* ---- each code once ---- */

LAW_VIRTUAL(values_and_errors, "S1.01 a native call returns a value >= 0, or -errno")
{
    char buf[8];
    int fds[2];

    errno = 0;
    CHECK_EQ(go_read(-1, buf, 1), -EBADF);
    CHECK_EQ(go_close(-1), -EBADF);
    CHECK_EQ(go_unix_connect("/nonexistent/socket"), -ENOENT);
    CHECK_EQ(go_socketpair(fds), 0);
    CHECK_EQ(go_write(fds[0], "hello", 5), 5);
    CHECK_EQ(go_read(fds[1], buf, sizeof buf), 5);
    CHECK_EQ(go_close(fds[0]), 0);
    CHECK_EQ(go_close(fds[1]), 0);
}

LAW_VIRTUAL(canceled, "S1.04 -ECANCELED: the caller was cancelled; the operation did not happen")
{
    go_scope s = {0};
    go_chan c;
    int rc, item = 1;

    go_chan_init(&c, sizeof(int), 1, 0);
    GO_SCOPE(&s, rc, NULL) {
        go_scope_cancel(&s, NULL);
        CHECK_EQ(go_chan_send(&c, &item), -ECANCELED);
    }
    CHECK_EQ(go_chan_try_recv(&c, &item), -EAGAIN);
    go_chan_fini(&c);
}

LAW_VIRTUAL(timed_out, "S1.05 -ETIMEDOUT: the caller's own timeout ran out")
{
    int outer, inner;

    GO_TIMEOUT(GO_MS, outer) {
        outer = go_sleep(GO_SEC);
    }
    CHECK_EQ(outer, -ETIMEDOUT);
    GO_TIMEOUT(GO_MS, outer) {
        GO_TIMEOUT(GO_SEC, inner) {
            inner = go_sleep(10 * GO_SEC);
        }
        CHECK_EQ(inner, -ECANCELED); /* not its own */
    }
}

struct reader {
    int fd;
    ssize_t n;
};

static int reads(void *arg)
{
    struct reader *r = arg;
    char byte;

    r->n = go_read(r->fd, &byte, 1);
    return 0;
}

LAW_VIRTUAL(closed_by_us, "S1.06 -EBADF: this handle was closed by us")
{
    struct reader r = {.n = 1};
    int rc, fds[2];

    CHECK_EQ(go_socketpair(fds), 0);
    r.fd = fds[0];
    GO_NURSERY(n, rc) {
        go_spawn(n, reads, &r);
        go_yield();
        CHECK_EQ(go_close(fds[0]), 0);
    }
    CHECK_EQ(rc, 0);
    CHECK_EQ(r.n, -EBADF);
    CHECK_EQ(go_read(fds[0], &rc, 1), -EBADF);
    go_close(fds[1]);
}

LAW_VIRTUAL(other_side_gone, "S1.07 -EPIPE: the other side is gone")
{
    go_chan c;
    int fds[2], item = 1;

    CHECK_EQ(go_socketpair(fds), 0);
    CHECK_EQ(go_close(fds[1]), 0);
    CHECK_EQ(go_write(fds[0], "x", 1), -EPIPE);
    CHECK_EQ(go_close(fds[0]), 0);
    CHECK_EQ(go_pipe(fds), 0);
    CHECK_EQ(go_close(fds[0]), 0);
    CHECK_EQ(go_write(fds[1], "x", 1), -EPIPE);
    CHECK_EQ(go_close(fds[1]), 0);
    go_chan_init(&c, sizeof(int), 1, 0);
    go_chan_close(&c);
    CHECK_EQ(go_chan_send(&c, &item), -EPIPE);
    go_chan_fini(&c);
}

LAW_VIRTUAL(the_end, "S1.08 0 from a receive: end of file, end of channel")
{
    go_chan c;
    char byte;
    int fds[2], item;

    CHECK_EQ(go_socketpair(fds), 0);
    CHECK_EQ(go_close(fds[1]), 0);
    CHECK_EQ(go_read(fds[0], &byte, 1), 0);
    CHECK_EQ(go_recv(fds[0], &byte, 1, 0), 0);
    CHECK_EQ(go_close(fds[0]), 0);
    go_chan_init(&c, sizeof(int), 1, 0);
    go_chan_close(&c);
    CHECK_EQ(go_chan_recv(&c, &item), 0);
    go_chan_fini(&c);
}

static char lots[1 << 20];

static int writes(void *arg)
{
    struct reader *r = arg;

    r->n = go_write_all(r->fd, lots, sizeof lots);
    return 0;
}

LAW_VIRTUAL(busy, "S1.09 -EBUSY: a second fiber reads, or writes, the same stream at once")
{
    struct reader in = {.n = 1}, out = {.n = 1};
    int rc, fds[2];
    char byte;

    CHECK_EQ(go_socketpair(fds), 0);
    in.fd = out.fd = fds[0];
    GO_NURSERY(n, rc) {
        go_spawn(n, reads, &in); /* one reads and one writes: fine */
        go_spawn(n, writes, &out);
        go_yield();
        CHECK_EQ(go_read(fds[0], &byte, 1), -EBUSY);
        CHECK_EQ(go_write(fds[0], "x", 1), -EBUSY);
        go_nursery_cancel(n, NULL);
    }
    CHECK_EQ(in.n, -ECANCELED);
    CHECK_EQ(out.n, -ECANCELED);
    go_close(fds[0]);
    go_close(fds[1]);
}

struct acceptor {
    int listener, fd;
};

static int accepts(void *arg)
{
    struct acceptor *a = arg;

    a->fd = go_accept(a->listener, NULL, NULL);
    return 0;
}

static int polls(void *arg)
{
    struct pollfd p = {.fd = *(int *)arg, .events = POLLIN};

    return go_poll(&p, 1, -1) == 1 ? 0 : -EIO;
}

static int receives(void *arg)
{
    struct reader *r = arg;
    char byte;

    r->n = go_recvfrom(r->fd, &byte, 1, 0, NULL, NULL);
    return 0;
}

LAW_VIRTUAL(shared,
            "S1.10 accept, datagrams and go_poll may be shared between fibers without -EBUSY")
{
    int listener = go_unix_listen("@gosling-test-values", NULL), clients[2], rc,
        udp = go_udp_bind("127.0.0.1", "0");
    struct acceptor a[2] = {{listener, -1}, {listener, -1}};
    struct reader r[2] = {{udp, -1}, {udp, -1}};
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

    CHECK(listener >= 0 && udp >= 0);
    to.sin_port = htons((uint16_t)go_local_port(udp));
    GO_NURSERY(n, rc) {
        for (int i = 0; i < 2; i++) {
            go_spawn(n, accepts, &a[i]);
            go_spawn(n, polls, &listener);
            go_spawn(n, receives, &r[i]);
            go_spawn(n, polls, &udp);
        }
        go_yield();
        for (int i = 0; i < 2; i++) {
            clients[i] = go_unix_connect("@gosling-test-values");
            CHECK(clients[i] >= 0);
            CHECK_EQ(go_sendto(udp, "x", 1, 0, (struct sockaddr *)&to, sizeof to), 1);
        }
    }
    CHECK_EQ(rc, 0);
    for (int i = 0; i < 2; i++) {
        CHECK(a[i].fd >= 0);
        CHECK_EQ(r[i].n, 1);
        go_close(a[i].fd);
        go_close(clients[i]);
    }
    go_close(listener);
    go_close(udp);
}

struct locker {
    go_mutex *m;
    int tried;
};

static int tries(void *arg)
{
    struct locker *l = arg;

    l->tried = go_mutex_try_lock(l->m);
    return 0;
}

LAW_VIRTUAL(would_block, "S1.12 -EAGAIN: a _try call would have blocked")
{
    go_mutex m;
    struct locker l = {&m, 1};
    go_chan c;
    int rc, item;

    go_mutex_init(&m, 0);
    go_chan_init(&c, sizeof(int), 0, 0);
    CHECK_EQ(go_chan_try_recv(&c, &item), -EAGAIN);
    CHECK_EQ(go_chan_try_send(&c, &rc), -EAGAIN);
    CHECK_EQ(go_mutex_lock(&m), 0);
    GO_NURSERY(n, rc) {
        go_spawn(n, tries, &l);
    }
    CHECK_EQ(l.tried, -EAGAIN);
    CHECK_EQ(go_mutex_unlock(&m), 0);
    go_chan_fini(&c);
}

LAW_VIRTUAL(shut_down, "S1.13 -ESHUTDOWN: the nursery or runtime takes no more work")
{
    go_nursery n;

    CHECK_EQ(go_nursery_open(&n, NULL), 0);
    CHECK_EQ(go_nursery_close(&n, 0), 0);
    CHECK_EQ(go_spawn(&n, empty, NULL), -ESHUTDOWN);
}

static int dies_holding(void *arg)
{
    return go_mutex_lock(arg);
}

LAW_VIRTUAL(owner_dead, "S1.14 -EOWNERDEAD: the owner of the lock ended while holding it")
{
    go_mutex m;
    int rc;

    go_mutex_init(&m, 0);
    GO_NURSERY(n, rc) {
        go_spawn(n, dies_holding, &m);
    }
    CHECK_EQ(rc, 0);
    CHECK_EQ(go_mutex_lock(&m), -EOWNERDEAD);
}

LAW_VIRTUAL(self_lock, "S1.15 -EDEADLK: self-lock")
{
    go_mutex m;

    go_mutex_init(&m, 0);
    CHECK_EQ(go_mutex_lock(&m), 0);
    CHECK_EQ(go_mutex_lock(&m), -EDEADLK);
    CHECK_EQ(go_mutex_unlock(&m), 0);
}

static int forgets(void *arg, go_starter *starter)
{
    (void)arg;
    (void)starter;
    return 0;
}

LAW_VIRTUAL(forgotten, "S1.16 -EPROTO: a started task ended without calling go_started")
{
    int rc;

    GO_NURSERY(n, rc) {
        CHECK_EQ(go_start(n, forgets, NULL, NULL), -EPROTO);
    }
    CHECK_EQ(rc, 0);
}

/* ---- outside, and inside twice ---- */

static int nested(void *arg)
{
    int seven = 7;

    (void)arg;
    CHECK_EQ(go_run(returner, &seven), -EBUSY);
    CHECK_EQ(virtual_run(returner, &seven), -EBUSY);
    CHECK_EQ(go_sleep(GO_MS), 0); /* the outer one is as it was */
    return 6;
}

static int nested_in_a_child(void *arg)
{
    int rc;

    GO_NURSERY(n, rc) {
        go_spawn(n, nested, arg);
    }
    return rc;
}

LAW(run_inside_run, "S1.21 go_run inside go_run is -EBUSY")
{
    CHECK_EQ(virtual_run(nested, NULL), 6);
    CHECK_EQ(virtual_run(nested_in_a_child, NULL), 0);
}

static int starts_nothing(void *arg, go_starter *starter)
{
    (void)arg;
    return go_started(starter, 0);
}

LAW(outside, "S1.20 calls outside a run answer -ESHUTDOWN, or their documented neutral value")
{
    go_task t = {.result = 0}, *tasks[] = {&t};
    go_case cases[] = {GO_DEFAULT};
    struct pollfd p = {.fd = 0, .events = POLLIN};
    struct iovec v = {NULL, 0};
    struct msghdr m = {.msg_iov = &v};
    static go_key key;
    go_scope s = {0};
    go_nursery n;
    char byte = 0;
    size_t done;

    CHECK_EQ(go_yield(), -ESHUTDOWN);
    CHECK_EQ(go_checkpoint(), -ESHUTDOWN);
    CHECK_EQ(go_checkpoint_cancelled(), -ESHUTDOWN);
    CHECK_EQ(go_checkpoint_shielded(), -ESHUTDOWN);
    CHECK_EQ(go_sleep(1), -ESHUTDOWN);
    CHECK_EQ(go_sleep_until(1), -ESHUTDOWN);
    CHECK_EQ(go_nursery_open(&n, NULL), -ESHUTDOWN);
    CHECK_EQ(go_scope_enter(&s, NULL), -ESHUTDOWN);
    CHECK(!go_cancelled());
    CHECK(!go_stopping());
    CHECK(!go_cancel_reason());
    CHECK_EQ(go_deadline(), GO_FOREVER);
    CHECK(!go_sched_self());
    CHECK(!go_last_error());
    go_name("nobody");
    CHECK_EQ(go_set(&key, NULL), -ESHUTDOWN);
    CHECK(!go_get(&key));
    CHECK_EQ(go_task_result(&t), -EINVAL);
    CHECK(go_task_join(&t) < 0);
    CHECK(go_join_all(tasks, 1) < 0);
    CHECK(go_join_any(tasks, 1) < 0);
    CHECK_EQ(go_select(cases, 1), -ESHUTDOWN);
    CHECK_EQ(go_offload(empty, NULL), -ESHUTDOWN);
    CHECK_EQ(go_read(0, &byte, 1), -ESHUTDOWN);
    CHECK_EQ(go_write(1, &byte, 0), -ESHUTDOWN);
    CHECK_EQ(go_readv(0, &v, 1), -ESHUTDOWN);
    CHECK_EQ(go_writev(1, &v, 1), -ESHUTDOWN);
    CHECK_EQ(go_pread(0, &byte, 1, 0), -ESHUTDOWN);
    CHECK_EQ(go_pwrite(1, &byte, 0, 0), -ESHUTDOWN);
    CHECK_EQ(go_recv(0, &byte, 1, 0), -ESHUTDOWN);
    CHECK_EQ(go_send(0, &byte, 1, 0), -ESHUTDOWN);
    CHECK_EQ(go_recvmsg(0, &m, 0), -ESHUTDOWN);
    CHECK_EQ(go_sendmsg(0, &m, 0), -ESHUTDOWN);
    CHECK_EQ(go_accept(0, NULL, NULL), -ESHUTDOWN);
    CHECK_EQ(go_poll(&p, 1, 0), -ESHUTDOWN);
    CHECK_EQ(go_wait_fd(0, POLLIN), -ESHUTDOWN);
    CHECK_EQ(go_write_all(1, &byte, 1), -ESHUTDOWN);
    CHECK_EQ(go_write_some(1, &byte, 1, &done), -ESHUTDOWN);
    CHECK_EQ(go_read_exact(0, &byte, 1), -ESHUTDOWN);
    CHECK_EQ(go_copy(0, 1), -ESHUTDOWN);
    CHECK_EQ(go_sendfile(1, 0, NULL, 1), -ESHUTDOWN);
    CHECK_EQ(go_unix_connect("@gosling-test-nobody"), -ESHUTDOWN);
    CHECK_EQ(go_tcp_connect("127.0.0.1", "1", NULL), -ESHUTDOWN);
    CHECK_EQ(go_serve(0, NULL, NULL, NULL), -ESHUTDOWN);
    (void)starts_nothing;
}

static void dumps(FILE *out, const void *arg)
{
    (void)arg;
    go_dump(out);
}

LAW(dump_outside, "S1.20 go_dump outside a run says so")
{
    char text[4096];

    CHECK(strlen(printed(dumps, NULL, text, sizeof text)) > 0);
}

LAW_VIRTUAL(dump_inside, "S10.01 go_dump lists the fibers, with what they wait for")
{
    char text[4096];
    int rc;

    go_name("boss");
    GO_NURSERY(n, rc) {
        go_spawn_with(n, &(go_spawn_opts){.name = "worker"}, sleeper, NULL);
        go_yield();
        printed(dumps, NULL, text, sizeof text);
        CHECK_HAS(text, "boss");
        CHECK_HAS(text, "worker");
        go_nursery_cancel(n, NULL);
    }
}

LAW(wrong_options, "S1.01 options that make no sense are -EINVAL")
{
    int seven = 7;

    CHECK_EQ(go_run_with(&(go_run_opts){.clock = (go_clock)9}, returner, &seven), -EINVAL);
    CHECK_EQ(go_run_with(&(go_run_opts){.resolver = (go_resolver)9}, returner, &seven), -EINVAL);
    CHECK_EQ(go_run_with(&(go_run_opts){.stack_size = SIZE_MAX}, returner, &seven), -EINVAL);
    CHECK_EQ(go_run(NULL, NULL), -EINVAL);
    CHECK_EQ(go_run_with(&(go_run_opts){.stack_size = 1 << 20}, returner, &seven), 7);
    CHECK_EQ(go_run_with(NULL, returner, &seven), 7);
}

TAP_MAIN
