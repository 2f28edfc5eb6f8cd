/* SPDX-License-Identifier: MIT
 *
 * A load generator for echo servers, in raw epoll, on one thread. Each connection has one request
 * under way: it sends `size` bytes that begin with its own number and the request's, waits until
 * all of them have come back, sees that they are the same, and sends the next.
 *
 * All connections are made first. Then comes any number of windows: some warm-up, and a time in
 * which requests are counted and timed. At its end no new request is sent, but those under way are
 * awaited; the connections then lie idle. */
#ifndef BENCH_LOAD_H
#define BENCH_LOAD_H

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum {
    LOAD_MIN_SIZE = 16,
    LOAD_MAX_SIZE = 16 * 1024,
    LOAD_EVENTS = 256,
    LOAD_SUB = 32, /* histogram: parts of each power of two */
    LOAD_BUCKETS = 40 * LOAD_SUB,
    LOAD_PATIENCE = 5 /* seconds until a connection, or a last answer, is given up */
};

struct load {
    /* given */
    int port;
    unsigned connections;
    size_t size;             /* of a request, from LOAD_MIN_SIZE on */
    double warm_up, seconds; /* of a window */
    bool reset; /* end the connections by resets: else each keeps a port busy for a minute */
    /* called when the window begins and when it ends; may be NULL */
    void (*at)(void *arg, bool begins);
    void *arg;
    /* found */
    unsigned connected;
    uint64_t errors;      /* connections lost, answers that were wrong, answers that never came */
    uint64_t requests;    /* answered within the last window */
    double elapsed;       /* its seconds */
    double p50, p99, max; /* of the time from request to answer, µs */
    /* private */
    struct load_conn *conns;
    int epoll;
    bool counting;
    bool stopping;
    unsigned waiting; /* connections that wait for an answer */
    uint64_t histogram[LOAD_BUCKETS];
    int64_t slowest;
    char out[LOAD_MAX_SIZE];
    char in[LOAD_MAX_SIZE];
};

struct load_conn {
    int fd;
    bool waiting; /* for an answer */
    size_t have;  /* bytes of it */
    int64_t sent_at;
    uint64_t stamp[2]; /* the connection's number and the request's */
};

static inline int64_t load_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* As many descriptors as the machine lets us have. */
static inline void load_raise_fd_limit(void)
{
    struct rlimit l;

    if (getrlimit(RLIMIT_NOFILE, &l) == 0) {
        l.rlim_cur = l.rlim_max;
        setrlimit(RLIMIT_NOFILE, &l);
    }
}

/* ---- the histogram: exact to a 32nd ---- */

static inline unsigned load_bucket(int64_t ns)
{
    uint64_t n = ns > 0 ? (uint64_t)ns : 0;
    unsigned shift = n < LOAD_SUB ? 0 : 63 - (unsigned)__builtin_clzll(n) - 5;
    unsigned b = shift * LOAD_SUB + (unsigned)(n >> shift);

    return b < LOAD_BUCKETS ? b : LOAD_BUCKETS - 1;
}

static inline double load_bucket_us(unsigned b)
{
    unsigned shift = b < 2 * LOAD_SUB ? 0 : b / LOAD_SUB - 1;

    return (double)((uint64_t)(b - shift * LOAD_SUB) << shift) / 1e3;
}

static inline double load_quantile(const struct load *l, double p)
{
    uint64_t seen = 0, wanted = (uint64_t)(p * (double)l->requests);

    for (unsigned b = 0; b < LOAD_BUCKETS; b++)
        if ((seen += l->histogram[b]) > wanted)
            return load_bucket_us(b);
    return (double)l->slowest / 1e3;
}

/* ---- one connection ---- */

static inline void load_lose(struct load *l, struct load_conn *c)
{
    l->errors++;
    l->waiting -= c->waiting;
    c->waiting = false;
    close(c->fd);
    c->fd = -1;
}

static inline void load_request(struct load *l, struct load_conn *c)
{
    c->stamp[1]++;
    memcpy(l->out, c->stamp, sizeof c->stamp);
    c->have = 0;
    c->sent_at = load_now();
    c->waiting = true;
    l->waiting++;
    /* One request fits a socket's empty buffer, so that it is sent whole or not at all. */
    if (send(c->fd, l->out, l->size, MSG_NOSIGNAL) != (ssize_t)l->size)
        load_lose(l, c);
}

static inline void load_answered(struct load *l, struct load_conn *c)
{
    int64_t took = load_now() - c->sent_at;

    c->waiting = false;
    l->waiting--;
    if (l->counting) {
        l->requests++;
        l->histogram[load_bucket(took)]++;
        l->slowest = took > l->slowest ? took : l->slowest;
    }
    if (!l->stopping)
        load_request(l, c);
}

static inline void load_readable(struct load *l, struct load_conn *c)
{
    size_t left = l->size - c->have;
    ssize_t n = recv(c->fd, l->in, c->waiting ? left : 1, MSG_DONTWAIT);
    size_t stamp_left = c->have < sizeof c->stamp ? sizeof c->stamp - c->have : 0;

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0 || !c->waiting) {
        load_lose(l, c);
        return;
    }
    stamp_left = stamp_left < (size_t)n ? stamp_left : (size_t)n;
    if (memcmp(l->in, (char *)c->stamp + c->have, stamp_left) != 0) {
        load_lose(l, c);
        return;
    }
    c->have += (size_t)n;
    if (c->have == l->size)
        load_answered(l, c);
}

/* ---- all of them ---- */

static inline int load_connect(struct load *l, unsigned i)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)l->port)};
    struct timeval patience = {.tv_sec = LOAD_PATIENCE};
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = &l->conns[i]};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

    if (fd < 0)
        return -errno;
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience); /* bounds connect, too */
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connect(fd, (struct sockaddr *)&to, sizeof to) < 0 ||
        epoll_ctl(l->epoll, EPOLL_CTL_ADD, fd, &e) < 0) {
        int err = -errno;

        close(fd);
        return err;
    }
    l->conns[i].fd = fd;
    l->conns[i].stamp[0] = i;
    l->connected++;
    return 0;
}

/* Serves events until the given time, or, once stopping, until nobody waits any more. */
static inline void load_turn(struct load *l, int64_t until)
{
    struct epoll_event events[LOAD_EVENTS];
    int64_t now;

    while ((now = load_now()) < until && l->waiting) {
        int n = epoll_wait(l->epoll, events, LOAD_EVENTS, (int)((until - now) / 1000000) + 1);

        for (int i = 0; i < n; i++)
            load_readable(l, events[i].data.ptr);
    }
}

/* Makes the connections. Returns 0 or -errno; whatever it returns, load_close is due. */
static inline int load_open(struct load *l)
{
    int rc = 0;

    l->conns = calloc(l->connections, sizeof *l->conns);
    if (!l->conns)
        return -ENOMEM;
    for (unsigned i = 0; i < l->connections; i++)
        l->conns[i].fd = -1;
    l->epoll = epoll_create1(EPOLL_CLOEXEC);
    memset(l->out, 'x', sizeof l->out);
    for (unsigned i = 0; i < l->connections && rc == 0; i++)
        rc = load_connect(l, i);
    return rc;
}

static inline void load_window(struct load *l)
{
    int64_t begin;

    l->requests = 0;
    l->slowest = 0;
    memset(l->histogram, 0, sizeof l->histogram);

    l->stopping = false;
    for (unsigned i = 0; i < l->connections; i++)
        if (l->conns[i].fd >= 0)
            load_request(l, &l->conns[i]);
    load_turn(l, load_now() + (int64_t)(l->warm_up * 1e9));

    if (l->at)
        l->at(l->arg, true);
    l->counting = true;
    begin = load_now();
    load_turn(l, begin + (int64_t)(l->seconds * 1e9));
    l->elapsed = (double)(load_now() - begin) / 1e9;
    l->counting = false;
    if (l->at)
        l->at(l->arg, false);

    l->stopping = true;
    load_turn(l, load_now() + LOAD_PATIENCE * (int64_t)1000000000);
    for (unsigned i = 0; i < l->connections; i++)
        if (l->conns[i].waiting)
            load_lose(l, &l->conns[i]);

    l->p50 = load_quantile(l, 0.5);
    l->p99 = load_quantile(l, 0.99);
    l->max = (double)l->slowest / 1e3;
}

static inline void load_close(struct load *l)
{
    struct linger reset = {.l_onoff = 1};

    if (!l->conns)
        return;
    for (unsigned i = 0; i < l->connections; i++) {
        if (l->conns[i].fd < 0)
            continue;
        if (l->reset)
            setsockopt(l->conns[i].fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
        close(l->conns[i].fd);
    }
    close(l->epoll);
    free(l->conns);
}

#endif
