/* SPDX-License-Identifier: MIT
 *
 * Listening, connecting, serving, and pairs of descriptors. What is created here is O_NONBLOCK and
 * CLOEXEC, and the caller's to close with go_close. */
#ifndef GOSLING_NET_H
#define GOSLING_NET_H

#include <gosling/error.h>
#include <gosling/io.h>

GO_BEGIN_DECLS

/* Options of a listener. A zero field means its default. */
typedef struct {
    int backlog;     /* SOMAXCONN */
    bool reuse_port; /* SO_REUSEPORT */
    bool v6_only;    /* IPV6_V6ONLY; default: "::" takes IPv4 too */
    mode_t mode;     /* of a Unix socket's file; default: what the umask leaves */
} go_listen_opts;

/* A TCP listener with SO_REUSEADDR. host is a numeric address, or NULL for every address of both
 * families; service a numeric port, "0" for a free one. Not a checkpoint. Returns the fd; -EINVAL
 * when host or service is not numeric (names need the resolver), -EADDRINUSE, -EADDRNOTAVAIL,
 * -EACCES, -EMFILE; go_fail's message says which address. */
GO_API int go_tcp_listen(const char *host, const char *service, const go_listen_opts *opts);

/* Options of go_tcp_connect. A zero field means its default. */
typedef struct {
    /* nanoseconds from one attempt to the next while none has failed; default 250 ms, at least
     * 10 ms */
    go_time attempt_delay;
    const char *bind_host; /* numeric: the address to connect from; only its family is tried */
    bool no_delay;         /* TCP_NODELAY */
    /* Called when an attempt begins (-EINPROGRESS) and when it ends: 0, connected; -ECANCELED,
     * another one was first, or the caller was cancelled; or its error. Must not wait. */
    void (*on_attempt)(const struct sockaddr *to, socklen_t len, int result, void *arg);
    void *arg;
} go_connect_opts;

/* [checkpoint] Connects by TCP to a host, by name or numeric address, and a service, by name or
 * port, as RFC 8305 has it ("happy eyeballs"): IPv6 and IPv4 addresses are looked up at once, and
 * tried as soon as one family's are known (IPv4's wait 50 ms for IPv6's); the families take turns,
 * the next attempt begins after attempt_delay, or at once when one has failed; the first that
 * connects wins, and the others are closed. opts may be NULL. There is no time limit but the
 * caller's scope's and the kernel's.
 *
 * Returns the fd, O_NONBLOCK and CLOEXEC, the caller's to close with go_close. -ENOENT: no such
 * name, or service; -EAGAIN: it could not be found out now; -EIO: looking it up failed otherwise.
 * When every attempt has failed, the error of the one that says most: -ECONNREFUSED, -ETIMEDOUT, …
 * rather than -ENETUNREACH. -EINVAL: no host or service, or a bind_host that is not numeric.
 * -EMFILE, -ENOMEM. -ECANCELED: nothing is left. go_fail's message has the resolver's words;
 * go_last_error() then has one child for each attempt that failed (go_error_fiber: the address),
 * also after a success. */
GO_API int go_tcp_connect(const char *host, const char *service, const go_connect_opts *opts);

/* A UDP socket bound to a numeric address. The same. */
GO_API int go_udp_bind(const char *host, const char *service);

/* A Unix stream listener at path ("@name": Linux's abstract namespace). A stale socket file that
 * nobody listens on is replaced. Not a checkpoint. Returns the fd; -EADDRINUSE, -ENAMETOOLONG,
 * -EACCES, … */
GO_API int go_unix_listen(const char *path, const go_listen_opts *opts);

/* [checkpoint] Connects to a Unix stream listener. Returns the fd, -ENOENT, -ECONNREFUSED,
 * -ECANCELED, … */
GO_API int go_unix_connect(const char *path);

/* A pipe (fds[0] reads) and a connected pair of Unix stream sockets. Not checkpoints. Return 0,
 * -EMFILE, -ENFILE. */
GO_API int go_pipe(int fds[2]);
GO_API int go_socketpair(int fds[2]);

/* The port that a socket is bound to, or -errno. Not a checkpoint. */
GO_API int go_local_port(int fd);

/* Options of a server. A zero field means its default. */
typedef struct {
    unsigned max_conns;  /* connections at once; beyond it accepting waits; default: no limit */
    unsigned max_per_ip; /* per peer address; beyond it a connection is closed; default: no limit */
    /* a handler whose connection moved no byte for this long is cancelled; default: never */
    go_time idle_timeout;
    /* of handlers once the server was asked to stop; default: the soft cancel's own */
    go_time grace;
    size_t stack_size; /* of a handler's fiber; default: the run's */
    int foreign;       /* as go_spawn_opts' */
    /* called with go_serve's arg for each handler's error; must not wait */
    void (*on_error)(const go_error *, void *);
} go_serve_opts;

/* Serves one connection; the server closes fd when it returns (unless go_close has done so). */
typedef int go_handler(int fd, void *arg);

/* [checkpoint] Accepts on listener and runs handler(fd, arg) in a fiber of its own for each
 * connection. A handler's error or a client's reset stops nothing. Out of descriptors or memory it
 * backs off and goes on when there are some. A soft cancel ends accepting and lets the handlers
 * finish: it then returns 0. Cancelled hard: -ECANCELED. At once -EBADF, -ENOTSOCK, -EINVAL for
 * what is no listening socket; -EBADF when the listener is closed by go_close. The listener stays
 * the caller's. */
GO_API int go_serve(int listener, go_handler *handler, void *arg, const go_serve_opts *opts);

GO_END_DECLS

#endif
