/* SPDX-License-Identifier: MIT
 *
 * Making sockets and pipes. None of it waits but go_unix_connect. */
#include "core/errname.h"
#include "core/sys.h"
#include "net/addr.h"
#include "net/fd.h"
#include <gosling/net.h>
#include <string.h>

static const go_listen_opts no_opts;

static int set(int fd, int level, int name, int value)
{
    return sys_setsockopt(fd, level, name, &value, sizeof value);
}

static int new_socket(int family, int type)
{
    return sys_socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

/* ---- errors in words ---- */

static const char *reason(int rc)
{
    switch (-rc) {
    case EADDRINUSE:
        return "the address is in use already";
    case EADDRNOTAVAIL:
        return "this machine has no such address";
    case EMFILE:
        return "out of file descriptors; raise the limit (ulimit -n)";
    case EACCES:
        return "permission denied";
    default:
        return errtext(rc);
    }
}

static int failed(int rc, const char *what, const union addr *a)
{
    const char *hint = "";
    char text[ADDR_TEXT];

    addr_print(a, text);
    if (rc == -EACCES && ntohs(a->v4.sin_port) < 1024)
        hint = "; ports below 1024 need root or CAP_NET_BIND_SERVICE";
    return go_fail(rc, "%s %s: %s%s", what, text, reason(rc), hint);
}

static int not_numeric(const char *what, const char *host, const char *service)
{
    return go_fail(EINVAL,
                   "%s host \"%s\", port \"%s\": both must be numeric; names need the resolver",
                   what, host ? host : "(any)", service ? service : "(none)");
}

/* ---- internet ---- */

static int bind_inet(int type, const union addr *a, int len, const go_listen_opts *o)
{
    int fd = new_socket(a->sa.sa_family, type), rc;

    if (fd < 0)
        return fd;
    if (type == SOCK_STREAM && (rc = set(fd, SOL_SOCKET, SO_REUSEADDR, 1)) < 0)
        goto close_fd;
    if (o->reuse_port && (rc = set(fd, SOL_SOCKET, SO_REUSEPORT, 1)) < 0)
        goto close_fd;
    if (a->sa.sa_family == AF_INET6 && (rc = set(fd, IPPROTO_IPV6, IPV6_V6ONLY, o->v6_only)) < 0)
        goto close_fd;
    rc = sys_bind(fd, a, (socklen_t)len);
    if (rc == 0 && type == SOCK_STREAM)
        rc = sys_listen(fd, o->backlog > 0 ? o->backlog : SOMAXCONN);
    if (rc < 0)
        goto close_fd;
    fd_created(fd, type == SOCK_STREAM ? FD_LISTENER : FD_PACKET);
    return fd;

close_fd:
    sys_close(fd);
    return rc;
}

/* A machine without IPv6, or where it was switched off. */
static bool no_v6(int rc)
{
    return rc == -EAFNOSUPPORT || rc == -EADDRNOTAVAIL || rc == -EPROTONOSUPPORT;
}

static int open_inet(int type, const char *what, const char *host, const char *service,
                     const go_listen_opts *o)
{
    union addr a;
    int len = addr_parse(&a, host ? host : "::", service), fd;

    if (len < 0)
        return not_numeric(what, host, service);
    fd = bind_inet(type, &a, len, o);
    if (!host && !o->v6_only && no_v6(fd)) {
        len = addr_parse(&a, "0.0.0.0", service);
        fd = bind_inet(type, &a, len, o);
    }
    return fd < 0 ? failed(fd, what, &a) : fd;
}

int go_tcp_listen(const char *host, const char *service, const go_listen_opts *opts)
{
    return open_inet(SOCK_STREAM, "listen on", host, service, opts ? opts : &no_opts);
}

int go_udp_bind(const char *host, const char *service)
{
    return open_inet(SOCK_DGRAM, "bind UDP", host, service, &no_opts);
}

int go_local_port(int fd)
{
    union addr a;
    socklen_t len = sizeof a;
    int rc = sys_getsockname(fd, &a, &len);

    if (rc < 0)
        return rc;
    if (a.sa.sa_family != AF_INET && a.sa.sa_family != AF_INET6)
        return -EAFNOSUPPORT;
    return ntohs(a.v4.sin_port);
}

/* ---- Unix sockets ---- */

/* Whether the socket file at a is left over from somebody who is gone: nobody listens there. */
static bool is_stale(const union addr *a, int len, ino_t *ino)
{
    struct stat st;
    int fd, rc, saved = errno;

    rc = lstat(a->un.sun_path, &st);
    errno = saved;
    if (rc < 0 || !S_ISSOCK(st.st_mode))
        return false;
    *ino = st.st_ino;
    fd = new_socket(AF_UNIX, SOCK_STREAM);
    if (fd < 0)
        return false;
    rc = sys_connect(fd, a, (socklen_t)len);
    sys_close(fd);
    return rc == -ECONNREFUSED;
}

/* Two programs that find the same left-over at once: each removes only the file that it has looked
 * at. What remains is the time between that look and unlink; a lock would leave a file of its own
 * behind. */
static int bind_unix(int fd, const union addr *a, int len)
{
    int rc = sys_bind(fd, a, (socklen_t)len), saved = errno;
    struct stat st;
    ino_t ino;

    if (rc != -EADDRINUSE || a->un.sun_path[0] == '\0' || !is_stale(a, len, &ino))
        return rc;
    if (lstat(a->un.sun_path, &st) == 0 && st.st_ino == ino)
        (void)!unlink(a->un.sun_path);
    errno = saved;
    return sys_bind(fd, a, (socklen_t)len);
}

/* Before listen, so that nobody has connected under another mode. */
static int set_mode(const union addr *a, mode_t mode)
{
    int saved = errno, rc;

    if (!mode || a->un.sun_path[0] == '\0')
        return 0;
    rc = chmod(a->un.sun_path, mode) < 0 ? -errno : 0;
    errno = saved;
    return rc;
}

int go_unix_listen(const char *path, const go_listen_opts *opts)
{
    const go_listen_opts *o = opts ? opts : &no_opts;
    union addr a;
    int len = addr_unix(&a, path), fd, rc;

    if (len < 0)
        return go_fail(len, "listen on %s: %s", path, reason(len));
    fd = new_socket(AF_UNIX, SOCK_STREAM);
    if (fd < 0)
        return go_fail(fd, "listen on %s: %s", path, reason(fd));
    rc = bind_unix(fd, &a, len);
    if (rc == 0)
        rc = set_mode(&a, o->mode);
    if (rc == 0)
        rc = sys_listen(fd, o->backlog > 0 ? o->backlog : SOMAXCONN);
    if (rc < 0) {
        sys_close(fd);
        return go_fail(rc, "listen on %s: %s", path, reason(rc));
    }
    fd_created(fd, FD_LISTENER);
    return fd;
}

int go_unix_connect(const char *path)
{
    go_sched *s = sched_self();
    union addr a;
    int len = addr_unix(&a, path), fd, rc;

    if (!s)
        return -ESHUTDOWN;
    if (len < 0)
        return go_fail(len, "connect to %s: %s", path, reason(len));
    fd = new_socket(AF_UNIX, SOCK_STREAM);
    if (fd < 0)
        return go_fail(fd, "connect to %s: %s", path, reason(fd));
    fd_created(fd, FD_STREAM);
    rc = go_connect(fd, &a.sa, (socklen_t)len);
    if (rc == 0)
        return fd;
    go_close(fd);
    return rc == -ECANCELED ? rc : go_fail(rc, "connect to %s: %s", path, reason(rc));
}

/* ---- pairs ---- */

int go_pipe(int fds[2])
{
    int rc = sys_pipe2(fds, O_NONBLOCK | O_CLOEXEC);

    if (rc < 0)
        return rc;
    fd_created(fds[0], FD_PIPE);
    fd_created(fds[1], FD_PIPE);
    return 0;
}

int go_socketpair(int fds[2])
{
    int rc = sys_socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds);

    if (rc < 0)
        return rc;
    fd_created(fds[0], FD_STREAM);
    fd_created(fds[1], FD_STREAM);
    return 0;
}
