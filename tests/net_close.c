/* SPDX-License-Identifier: MIT
 *
 * Sections 1 and 8: descriptors that are closed by go_close, and reused. */
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

static int blocks(void *arg)
{
    nap(20 * GO_MS);
    return *(int *)arg = 1;
}

static int offloads(void *arg)
{
    return go_offload(blocks, arg);
}

static int writes_file(void *arg)
{
    struct call *c = arg;

    c->result = go_pwrite(c->fd, "abc", 3, 0);
    return 0;
}

static int close_a_file_at_work(void *arg)
{
    char path[] = "/tmp/gosling-close-XXXXXX";
    int file = mkstemp(path), other = -1, rc, done = 0;
    struct call c = CALL(file);
    char buf[8] = "";

    (void)arg;
    GO_NURSERY(n, rc) {
        go_spawn(n, offloads, &done); /* the pool's one thread is busy */
        go_spawn(n, writes_file, &c); /* needs it, on most file systems */
        settle();
        CHECK_EQ(go_close(file), 0);
        CHECK_EQ(go_close(file), -EBADF);
        CHECK_EQ(go_read(file, buf, 1), -EBADF);
        if (c.result == NOT_YET) {
            other = open("/dev/null", O_RDWR);
            CHECK(other != file); /* a thread of the pool is to work on that number still */
        }
    }
    CHECK_EQ(c.result, 3);
    close(other);
    CHECK(fcntl(file, F_GETFD) < 0);
    file = open(path, O_RDONLY);
    CHECK_EQ(read(file, buf, 8), 3);
    CHECK_STR(buf, "abc");
    close(file);
    unlink(path);
    return 0;
}

static int one_thread(void *arg)
{
    go_run_opts opts;

    memset(&opts, 0, sizeof opts);
    opts.pool_max = 1;
    return go_run_with(&opts, close_a_file_at_work, arg);
}

LAW(close_at_work,
    "S8.03 go_close under a call that the pool works on: the number is free when that is done")
{
    CHECK_EXITS(one_thread, NULL, 0);
}

TAP_MAIN
