/* SPDX-License-Identifier: MIT
 *
 * What c-ares 1.18 to 1.34 make of their options, and what follows:
 *  - Time-outs are in real time, and a question that timed out is forgotten; here the scheduler's
 *    clock counts, which may be virtual, and an answer to an earlier try is welcome. So c-ares is
 *    told to wait for ever, and no timer of its own is needed.
 *  - No version ends a single question. One that nobody wants any more stays in the channel,
 *    marked; when the last wanted one is gone, ares_cancel ends the rest, and closes the sockets.
 *  - ares_cancel and ares_destroy must not be called below one of its callbacks: `busy` counts.
 *  - resolv.conf is not its business: every option is set, so that it reads no file.
 *  - Its sockets are made here: CLOEXEC at once, and by system calls that are nobody's but the
 *    kernel's. */
#include "net/ares.h"
#include "core/sys.h"
#include <ares.h>
#include <arpa/nameser.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct cares_pending {
    struct cares_ask *ask; /* NULL: dropped */
    struct cares *channel;
};

struct cares_socket {
    struct loop_io read, write;
    struct cares *channel;
    struct cares_socket *next;
    int fd;
};

struct cares {
    ares_channel ares;
    go_sched *sched;
    struct sockaddr_storage server;
    struct cares_socket *sockets;
    unsigned live; /* questions that somebody waits for */
    unsigned dead; /* those that were dropped */
    unsigned busy; /* c-ares is on the stack */
    bool refused;  /* the server's machine says that nobody is there */
    int short_of;  /* -ENOMEM, -EMFILE…: why the last socket could not be had */
};

#define FOREVER_MS (INT_MAX / 4)

/* ---- entering and leaving c-ares ---- */

static void enter(struct cares *c)
{
    c->busy++;
    san_library_enter();
}

/* A refusal by UDP comes once, to whichever call is next, and c-ares tells one question of it; but
 * it is all the questions' that are on their way. New ones, asked by their owners meanwhile, are
 * not cancelled. */
static void leave(struct cares *c)
{
    if (c->busy == 1)
        while (c->refused || (c->live == 0 && c->dead > 0)) {
            c->refused = false;
            ares_cancel(c->ares);
        }
    san_library_leave();
    c->busy--;
}

static void process(struct cares *c, int readable, int writable)
{
    enter(c);
    c->short_of = 0;
    ares_process_fd(c->ares, readable, writable);
    leave(c);
}

/* ---- sockets ---- */

static void on_read(struct loop_io *io, int events);
static void on_write(struct loop_io *io, int events);

/* With all that watching it will need: one that could not be watched would swallow the answers to
 * every question of its channel. */
static ares_socket_t make_socket(int family, int type, int protocol, void *arg)
{
    struct cares *c = arg;
    struct cares_socket *k = malloc(sizeof *k);
    int fd = k ? sys_socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol) : -ENOMEM;
    int one = 1;

    if (fd < 0) {
        free(k);
        c->short_of = fd;
        errno = -fd;
        return ARES_SOCKET_BAD;
    }
    if (type == SOCK_STREAM)
        sys_setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    *k = (struct cares_socket){.channel = c, .fd = fd, .next = c->sockets};
    loop_io_init(&k->read, fd, on_read);
    loop_io_init(&k->write, fd, on_write);
    c->sockets = k;
    return fd;
}

static struct cares_socket **find_socket(struct cares *c, int fd)
{
    struct cares_socket **at = &c->sockets;

    while (*at && (*at)->fd != fd)
        at = &(*at)->next;
    return at;
}

static int close_socket(ares_socket_t fd, void *arg)
{
    struct cares *c = arg;
    struct cares_socket **at = find_socket(c, fd), *k = *at;

    if (k) {
        loop_io_stop(c->sched->loop, &k->read);
        loop_io_stop(c->sched->loop, &k->write);
        *at = k->next;
        free(k);
    }
    return sys_close(fd) < 0 ? -1 : 0;
}

/* A call's result, as libc would give it. */
static ssize_t libc_result(struct cares *c, int fd, ssize_t rc)
{
    int type = 0;
    socklen_t len = sizeof type;

    if (rc >= 0)
        return rc;
    if (rc == -ECONNREFUSED && sys_getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0)
        c->refused |= type == SOCK_DGRAM;
    errno = (int)-rc;
    return -1;
}

/* To the server as we know it: c-ares has no scope ids, and there is only one. */
static int connect_socket(ares_socket_t fd, const struct sockaddr *to, ares_socklen_t len,
                          void *arg)
{
    struct cares *c = arg;
    int rc = sys_connect(fd, &c->server, len);

    (void)to;
    return (int)libc_result(c, fd, rc == -EINTR ? -EINPROGRESS : rc); /* it goes on by itself */
}

static ares_ssize_t receive(ares_socket_t fd, void *buf, size_t n, int flags, struct sockaddr *from,
                            ares_socklen_t *len, void *arg)
{
    ssize_t got;

    san_called_back(7);
    san_filled(len, len ? sizeof *len : 0);
    do
        got = sys_recvfrom(fd, buf, n, flags, from, len);
    while (got == -EINTR); /* c-ares would give the server up */
    return libc_result(arg, fd, got);
}

static ares_ssize_t send_vector(ares_socket_t fd, const struct iovec *iov, int n, void *arg)
{
    struct msghdr m;
    ssize_t put;

    san_called_back(4);
    san_filled(iov, (size_t)n * sizeof *iov);
    for (int i = 0; i < n; i++)
        san_filled(iov[i].iov_base, iov[i].iov_len);
    m = (struct msghdr){.msg_iov = (struct iovec *)(uintptr_t)iov, .msg_iovlen = (size_t)n};
    do
        put = sys_sendmsg(fd, &m, MSG_NOSIGNAL);
    while (put == -EINTR);
    return libc_result(arg, fd, put);
}

static const struct ares_socket_functions socket_functions = {make_socket, close_socket,
                                                              connect_socket, receive, send_vector};

static void on_read(struct loop_io *io, int events)
{
    struct cares_socket *k = list_entry(io, struct cares_socket, read);

    (void)events;
    process(k->channel, k->fd, ARES_SOCKET_BAD);
}

static void on_write(struct loop_io *io, int events)
{
    struct cares_socket *k = list_entry(io, struct cares_socket, write);

    (void)events;
    process(k->channel, ARES_SOCKET_BAD, k->fd);
}

static void watch(struct cares *c, struct loop_io *io, int events, bool wanted)
{
    if (wanted && !io->active) {
        loop_io_start(c->sched->loop, io, events);
        sched_look_soon(c->sched);
    } else if (!wanted) {
        loop_io_stop(c->sched->loop, io);
    }
}

/* c-ares wants fd watched; neither direction: it is about to close it. O(sockets): two. */
static void on_state(void *arg, ares_socket_t fd, int readable, int writable)
{
    struct cares *c = arg;
    struct cares_socket *k = *find_socket(c, fd);

    if (!k)
        return;
    watch(c, &k->read, LOOP_READ, readable);
    watch(c, &k->write, LOOP_WRITE, writable);
}

/* ---- channels ---- */

static void library_init(void)
{
    ares_library_init(ARES_LIB_INIT_ALL);
}

static int error_of(int status)
{
    switch (status) {
    case ARES_ENOMEM:
        return -ENOMEM;
    case ARES_ETIMEOUT:
        return -ETIMEDOUT;
    case ARES_ECONNREFUSED:
    case ARES_ECANCELLED: /* because another one was refused */
        return -ECONNREFUSED;
    case ARES_EBADNAME:
    case ARES_EBADQUERY:
        return -EINVAL;
    default:
        return -EIO;
    }
}

static int set_server(ares_channel ares, const struct sockaddr *server)
{
    const struct sockaddr_in *v4 = (const void *)server;
    const struct sockaddr_in6 *v6 = (const void *)server;
    struct ares_addr_port_node node = {.family = server->sa_family};

    /* at the same place in both */
    node.udp_port = node.tcp_port = ntohs(v4->sin_port);
    if (server->sa_family == AF_INET)
        node.addr.addr4 = v4->sin_addr;
    else
        memcpy(&node.addr.addr6, &v6->sin6_addr, sizeof node.addr.addr6);
    return ares_set_servers_ports(ares, &node);
}

int cares_open(go_sched *s, const struct sockaddr *server, unsigned flags, struct cares **out)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct cares *c = calloc(1, sizeof *c);
    struct in_addr nobody = {htonl(INADDR_LOOPBACK)};
    struct ares_options o = {.flags =
                                 ARES_FLAG_NOCHECKRESP | ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES,
                             .timeout = FOREVER_MS,
                             .tries = 1,
                             .ndots = 1,
                             .servers = &nobody,
                             .nservers = 1,
                             .lookups = (char[]){"b"},
                             .sock_state_cb = on_state,
                             .sock_state_cb_data = c,
                             .ednspsz = 1200};
    int mask = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_NDOTS |
               ARES_OPT_SERVERS | ARES_OPT_DOMAINS | ARES_OPT_LOOKUPS | ARES_OPT_SOCK_STATE_CB |
               ARES_OPT_SORTLIST | ARES_OPT_NOROTATE;
    int status;

    if (!c)
        return -ENOMEM;
#ifdef ARES_OPT_QUERY_CACHE
    mask |= ARES_OPT_QUERY_CACHE; /* a cache of ours is enough; this is off at 0 */
#endif
    if (flags & CARES_TCP)
        o.flags |= ARES_FLAG_USEVC;
    if (flags & CARES_EDNS) {
        o.flags |= ARES_FLAG_EDNS;
        mask |= ARES_OPT_EDNSPSZ;
    }
    pthread_once(&once, library_init);
    c->sched = s;
    memcpy(&c->server, server,
           server->sa_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6));
    status = ares_init_options(&c->ares, &o, mask);
    if (status != ARES_SUCCESS)
        goto free_channel;
    ares_set_socket_functions(c->ares, &socket_functions, c);
    status = set_server(c->ares, server);
    if (status != ARES_SUCCESS)
        goto destroy_ares;
    *out = c;
    return 0;

destroy_ares:
    ares_destroy(c->ares);
free_channel:
    free(c);
    return error_of(status);
}

void cares_close(struct cares *c)
{
    san_library_enter();
    ares_destroy(c->ares); /* calls back for what was dropped, and closes the sockets */
    san_library_leave();
    free(c);
}

void cares_forked(struct cares *c)
{
    c->busy = 0; /* who was on the stack, and is not the caller, is not here */
    cares_close(c);
}

bool cares_busy(const struct cares *c)
{
    return c->busy > 0;
}

/* ---- questions ---- */

static void answered(void *arg, int status, int timeouts, unsigned char *answer, int len)
{
    struct cares_pending *p = arg;
    struct cares_ask *q = p->ask;
    struct cares *c = p->channel;

    san_called_back(5);
    san_filled(answer, len > 0 ? (size_t)len : 0);
    (void)timeouts;
    free(p);
    if (!q) {
        c->dead--;
        return;
    }
    c->live--;
    q->pending = NULL;
    if (answer && len > 0)
        q->done(q, 0, answer, (size_t)len);
    else
        q->done(q, c->short_of ? c->short_of : error_of(status), NULL, 0);
}

int cares_ask(struct cares *c, struct cares_ask *q, const char *name, int type)
{
    struct cares_pending *p = malloc(sizeof *p);

    if (!p)
        return -ENOMEM;
    *p = (struct cares_pending){q, c};
    q->pending = p;
    c->live++;
    enter(c);
    c->short_of = 0;
    ares_query(c->ares, name, ns_c_in, type, answered, p);
    leave(c);
    return 0;
}

void cares_drop(struct cares_ask *q)
{
    struct cares_pending *p = q->pending;
    struct cares *c;

    if (!p)
        return;
    c = p->channel;
    p->ask = NULL;
    q->pending = NULL;
    c->live--;
    c->dead++;
    enter(c);
    leave(c);
}
