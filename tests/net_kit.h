/* SPDX-License-Identifier: MIT
 *
 * What the tests of descriptors share: a fiber that makes one call and says what came of it, and
 * pairs that are not the library's. */
#ifndef TESTS_NET_KIT_H
#define TESTS_NET_KIT_H

#include "tests/kit.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/un.h>

/* One call in a fiber of its own. */
struct call {
    int fd;
    char buf[64];
    size_t size; /* how much to read; 0: all of buf */
    short events;
    int64_t result; /* NOT_YET until it returns */
};

#define NOT_YET  INT64_MIN
#define CALL(fd) ((struct call){(fd), "", 0, 0, NOT_YET})

static TAP_UNUSED int reads(void *arg)
{
    struct call *c = (struct call *)arg;

    c->result = go_read(c->fd, c->buf, c->size ? c->size : sizeof c->buf);
    return 0;
}

static TAP_UNUSED int receives(void *arg)
{
    struct call *c = (struct call *)arg;

    c->result = go_recv(c->fd, c->buf, sizeof c->buf, 0);
    return 0;
}

/* Writes until it must wait, and then waits. */
static TAP_UNUSED int fills(void *arg)
{
    static char block[1 << 16];
    struct call *c = (struct call *)arg;

    do
        c->result = go_write_all(c->fd, block, sizeof block);
    while (c->result == 0);
    return 0;
}

static TAP_UNUSED int waits_fd(void *arg)
{
    struct call *c = (struct call *)arg;

    c->result = go_wait_fd(c->fd, c->events);
    return 0;
}

static TAP_UNUSED int polls(void *arg)
{
    struct call *c = (struct call *)arg;
    struct pollfd p = {c->fd, c->events, 0};

    c->result = go_poll(&p, 1, -1);
    if (c->result > 0)
        c->result = p.revents;
    return 0;
}

static TAP_UNUSED int selects(void *arg)
{
    struct call *c = (struct call *)arg;
    go_case one = GO_READABLE(c->fd);

    c->result = go_select(&one, 1);
    if (c->result == 0)
        c->result = one.result;
    return 0;
}

static TAP_UNUSED int accepts(void *arg)
{
    struct call *c = (struct call *)arg;

    c->result = go_accept(c->fd, NULL, NULL);
    return 0;
}

/* Lets the others run until they have nothing to do but wait. */
static TAP_UNUSED void settle(void)
{
    for (int i = 0; i < 20; i++)
        go_yield();
}

/* The same, for what the kernel has to tell us: real time passes. */
static TAP_UNUSED void settle_io(void)
{
    for (int i = 0; i < 3; i++) {
        nap(GO_MS);
        go_sleep(GO_MS); /* nobody is ready then: the loop looks */
        settle();
    }
}

static TAP_UNUSED int flags_of(int fd)
{
    return fcntl(fd, F_GETFL);
}

/* A connected pair of blocking sockets that are not the library's. */
static TAP_UNUSED void plain_pair(int fds[2])
{
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) < 0)
        abort();
}

static TAP_UNUSED void plain_pipe(int fds[2])
{
    if (pipe(fds) < 0)
        abort();
}

static TAP_UNUSED void put(int fd, const char *text)
{
    if (write(fd, text, strlen(text)) != (ssize_t)strlen(text))
        abort();
}

static TAP_UNUSED void close_both(int fds[2])
{
    go_close(fds[0]);
    go_close(fds[1]);
}

static TAP_UNUSED int open_fds(void)
{
    DIR *dir = opendir("/proc/self/fd");
    struct dirent *entry;
    int n = -1; /* dir's own */

    while ((entry = readdir(dir)))
        n += entry->d_name[0] != '.';
    closedir(dir);
    return n;
}

/* A listener on the loopback, and a plain non-blocking connection to it (as from another process).
 */
static TAP_UNUSED int listen_local(int *port)
{
    int fd = go_tcp_listen("127.0.0.1", "0", NULL);

    *port = go_local_port(fd);
    return fd;
}

static TAP_UNUSED int connect_from(const char *from, int port)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    struct sockaddr_in at = {.sin_family = AF_INET};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if ((from && (inet_pton(AF_INET, from, &at.sin_addr) != 1 ||
                  bind(fd, (struct sockaddr *)&at, sizeof at) < 0)) ||
        (connect(fd, (struct sockaddr *)&to, sizeof to) < 0 && errno != EINPROGRESS)) {
        close(fd);
        return -1;
    }
    return fd;
}

static TAP_UNUSED int connect_local(int port)
{
    return connect_from(NULL, port);
}

/* Its port is free again at once: thousands of ended connections would use up all there are. */
static TAP_UNUSED void end_hard(int fd)
{
    struct linger now = {1, 0};

    setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close(fd);
}

/* What a plain descriptor has to say within a second: as read. */
static TAP_UNUSED ssize_t hear(int fd, void *buf, size_t n)
{
    struct pollfd p = {fd, POLLIN, 0};
    ssize_t got;

    if (poll(&p, 1, 1000) == 0)
        return -ETIMEDOUT;
    got = read(fd, buf, n);
    return got < 0 ? -errno : got;
}

#endif
