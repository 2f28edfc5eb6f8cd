/* SPDX-License-Identifier: MIT
 *
 * A server under test, in a fiber of its own, and clients as other processes would have them. */
#ifndef TESTS_NET_SERVE_KIT_H
#define TESTS_NET_SERVE_KIT_H

#include "tests/net_kit.h"

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

static TAP_UNUSED int echoes(int fd, void *arg)
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

static TAP_UNUSED int fails(int fd, void *arg)
{
    (void)fd;
    (void)arg;
    sv.handled++;
    return go_fail(EIO, "the disk is full");
}

static TAP_UNUSED void on_error(const go_error *e, void *arg)
{
    CHECK(arg == &sv);
    sv.errors++;
    sv.last_code = go_error_code(e);
    snprintf(sv.last_message, sizeof sv.last_message, "%s", go_error_message(e));
    snprintf(sv.last_fiber, sizeof sv.last_fiber, "%s", go_error_fiber(e));
}

static TAP_UNUSED int server(void *arg)
{
    (void)arg;
    sv.result = go_serve(sv.fd, sv.handler, &sv, &sv.opts);
    return 0;
}

static TAP_UNUSED void prepare(go_handler *handler)
{
    memset(&sv, 0, sizeof sv);
    sv.handler = handler;
    sv.result = NOT_YET;
    sv.fd = listen_local(&sv.port);
    sv.opts.on_error = on_error;
    go_event_init(&sv.release, 0);
}

/* As a client of another process: its answer to "x". */
static TAP_UNUSED bool answers(int fd)
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

static TAP_UNUSED bool is_closed(int fd)
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

#endif
