/* SPDX-License-Identifier: MIT
 *
 * Files and sockets: libc's arguments, our returns (>= 0, or -errno), and only the calling fiber
 * waits. Any fd works: sockets, pipes, ttys, eventfds, regular files. O_NONBLOCK is never set on a
 * descriptor that gosling did not create, because that flag belongs to the open file, which other
 * processes may share.
 *
 * All calls but go_close are checkpoints. Besides what their namesakes in libc return, every one
 * may return -ECANCELED (nothing was moved), -EBADF when the fd was closed by go_close meanwhile,
 * -EBUSY when another fiber reads, or writes, the same stream already, and -ESHUTDOWN outside a
 * run. Sending on a socket never raises SIGPIPE. */
#ifndef GOSLING_IO_H
#define GOSLING_IO_H

#include <gosling/time.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

GO_BEGIN_DECLS

/* [checkpoint] As read(2) and write(2): at most one system call's worth. 0 from a read is the end.
 * -EPIPE: the other side is gone. */
GO_API ssize_t go_read(int fd, void *buf, size_t n);
GO_API ssize_t go_write(int fd, const void *buf, size_t n);
GO_API ssize_t go_readv(int fd, const struct iovec *v, int n);
GO_API ssize_t go_writev(int fd, const struct iovec *v, int n);
GO_API ssize_t go_pread(int fd, void *buf, size_t n, int64_t at);
GO_API ssize_t go_pwrite(int fd, const void *buf, size_t n, int64_t at);

/* [checkpoint] As in libc, but that a send may take a part (go_write_all takes all). MSG_DONTWAIT
 * in flags is honoured: -EAGAIN; so is MSG_WAITALL. */
GO_API ssize_t go_recv(int fd, void *buf, size_t n, int flags);
GO_API ssize_t go_send(int fd, const void *buf, size_t n, int flags);
GO_API ssize_t go_recvfrom(int fd, void *buf, size_t n, int flags, struct sockaddr *from,
                           socklen_t *len);
GO_API ssize_t go_sendto(int fd, const void *buf, size_t n, int flags, const struct sockaddr *to,
                         socklen_t len);
GO_API ssize_t go_recvmsg(int fd, struct msghdr *m, int flags);
GO_API ssize_t go_sendmsg(int fd, const struct msghdr *m, int flags);

/* [checkpoint] The new descriptor is the caller's, O_NONBLOCK and CLOEXEC. peer and len may be
 * NULL. Several fibers may accept on one listener. Once a soft cancel asks to stop: -ECANCELED. On
 * a blocking listener that gosling did not create and that other processes accept on as well, one
 * of them may be faster between our poll and our accept, and this thread then waits: make such a
 * listener O_NONBLOCK. */
GO_API int go_accept(int fd, struct sockaddr *peer, socklen_t *len);

/* [checkpoint] Returns 0 once connected. Cancelled, it leaves an fd that is only good for closing.
 * A blocking socket is O_NONBLOCK for the length of one system call, and blocking again then. */
GO_API int go_connect(int fd, const struct sockaddr *to, socklen_t len);

/* [checkpoint] As poll(2), with a timeout in nanoseconds; 0 when the time is up, negative and
 * GO_FOREVER wait for ever. An fd that go_close closes meanwhile reports POLLNVAL. Shares fds with
 * every other call. Also -ENOMEM, -EINVAL. */
GO_API int go_poll(struct pollfd *fds, nfds_t n, go_time timeout);

/* [checkpoint] Waits until fd is ready for one of events (POLLIN, POLLOUT, POLLPRI, …); returns
 * those that are (POLLERR and POLLHUP too), or -EBADF. Shares the fd with every other call. */
GO_API int go_wait_fd(int fd, short events);

/* Closes fd, after waking who waits on it with -EBADF. Not a checkpoint, never waits. Returns 0,
 * -EBADF, what close(2) returned (the fd is closed all the same). */
GO_API int go_close(int fd);

/* [checkpoint] Writes all n bytes. Returns 0 or an error; a part may have been written then. */
GO_API int go_write_all(int fd, const void *buf, size_t n);

/* The same; *done says how many bytes were written, whatever it returns. */
GO_API int go_write_some(int fd, const void *buf, size_t n, size_t *done);

/* [checkpoint] Reads exactly n bytes. Returns 1; 0: the end came before the first byte; -EPIPE: it
 * came later; an error: a part may have been read. n 0 returns 1. */
GO_API int go_read_exact(int fd, void *buf, size_t n);

/* [checkpoint] Copies until the end of `from`. Returns the bytes copied, or an error: a part may
 * have been copied then. */
GO_API int64_t go_copy(int from, int to);

/* [checkpoint] As sendfile(2): at most n bytes of the regular file `in` from *at (or its own
 * position, at == NULL). */
GO_API ssize_t go_sendfile(int out, int in, int64_t *at, size_t n);

GO_END_DECLS

#endif
