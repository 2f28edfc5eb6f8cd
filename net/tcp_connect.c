/* SPDX-License-Identifier: MIT
 *
 * go_tcp_connect: what happy.c leaves open, the resolver and one attempt by TCP. */
#include "core/sys.h"
#include "net/addr.h"
#include "net/fd.h"
#include "net/happy.h"
#include <netinet/tcp.h>

static int set(int fd, int level, int name, int value)
{
    return sys_setsockopt(fd, level, name, &value, sizeof value);
}

/* The port is chosen by connect, when the other end is known: else at most 28,000 connections
 * would leave one address, wherever they go. */
static int bind_to(int fd, const char *host)
{
    union addr a;
    int len = addr_parse(&a, host, "0");

    if (len < 0)
        return len;
    set(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
    return sys_bind(fd, &a, (socklen_t)len);
}

/* Over the loopback the handshake is done when the first connect returns "in progress": asking once
 * more, which costs a system call where it is not, saves waiting for it. */
static int connect_soon(int fd, const struct sockaddr *to, socklen_t len)
{
    int rc = sys_connect(fd, to, len);

    if (rc == -EINPROGRESS)
        rc = sys_connect(fd, to, len);
    return rc == -EALREADY || rc == -EINTR ? go_connect(fd, to, len) : rc;
}

static int attempt(const struct sockaddr *to, socklen_t len, const go_connect_opts *o)
{
    int fd = sys_socket(to->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
    int rc = 0;

    if (fd < 0)
        return fd;
    fd_created(fd, FD_STREAM);
    if (o->bind_host)
        rc = bind_to(fd, o->bind_host);
    if (rc == 0 && o->no_delay)
        rc = set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    if (rc == 0)
        rc = connect_soon(fd, to, len);
    if (rc == 0)
        return fd;
    go_close(fd);
    return rc;
}

const struct happy_ways happy_real = {.lookup = resolve_addresses, .attempt = attempt};

int go_tcp_connect(const char *host, const char *service, const go_connect_opts *opts)
{
    return happy_connect(&happy_real, host, service, opts);
}
