/* SPDX-License-Identifier: MIT
 *
 * System calls that return >= 0 or -errno, and never touch errno: a fiber's errno is its own, and a
 * signal handler may use these. They go past libc on purpose: libc's names may be the shim's, and
 * its blocking calls are cancellation points of pthreads. Only calls that exist on every
 * architecture (the generic table of Linux), hence ppoll, accept4, pipe2.
 *
 * What they do to memory and order is told to the sanitizers (san.h); hostile builds interrupt and
 * shorten them (hostile.h). */
#ifndef CORE_SYS_H
#define CORE_SYS_H

#include "core/hostile.h"
#include "core/san.h"
#include "syscall.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>

/* An argument as the register that carries it. */
#define SYS_ARG(x) ((long)(x))
#define SYS6(nr, a, b, c, d, e, f) \
    arch_syscall6(nr, SYS_ARG(a), SYS_ARG(b), SYS_ARG(c), SYS_ARG(d), SYS_ARG(e), SYS_ARG(f))
#define SYS5(nr, a, b, c, d, e) SYS6(nr, a, b, c, d, e, 0)
#define SYS4(nr, a, b, c, d)    SYS6(nr, a, b, c, d, 0, 0)
#define SYS3(nr, a, b, c)       SYS6(nr, a, b, c, 0, 0, 0)
#define SYS2(nr, a, b)          SYS6(nr, a, b, 0, 0, 0, 0)
#define SYS1(nr, a)             SYS6(nr, a, 0, 0, 0, 0, 0)

/* rc, of a call that has written *p when it succeeded. */
static inline int sys_wrote(int rc, const void *p, size_t n)
{
    if (rc >= 0)
        san_wrote(p, n);
    return rc;
}

/* The same for an address, or an option, and its length. */
static inline int sys_wrote_long(int rc, const void *p, const socklen_t *len)
{
    if (rc >= 0 && len) {
        san_wrote(len, sizeof *len);
        san_wrote(p, p ? *len : 0);
    }
    return rc;
}

/* ---- descriptors ---- */

static inline int sys_close(int fd)
{
    return (int)SYS1(SYS_close, fd);
}

static inline int sys_dup(int fd)
{
    return (int)SYS1(SYS_dup, fd);
}

static inline int sys_dup3(int fd, int to, int flags)
{
    return (int)SYS3(SYS_dup3, fd, to, flags);
}

static inline int sys_fcntl(int fd, int command, long arg)
{
#ifdef SYS_fcntl64 /* the older one does not know the locks of 64 bits */
    return (int)SYS3(SYS_fcntl64, fd, command, arg);
#else
    return (int)SYS3(SYS_fcntl, fd, command, arg);
#endif
}

static inline int sys_ioctl(int fd, unsigned long request, void *arg)
{
    return (int)SYS3(SYS_ioctl, fd, request, arg);
}

static inline int sys_openat(int dir, const char *path, int flags, unsigned mode)
{
    return (int)SYS4(SYS_openat, dir, path, flags, mode);
}

static inline int sys_pipe2(int fds[2], int flags)
{
    return sys_wrote((int)SYS2(SYS_pipe2, fds, flags), fds, 2 * sizeof *fds);
}

struct epoll_event;

static inline int sys_epoll_create(int flags)
{
    return (int)SYS1(SYS_epoll_create1, flags);
}

static inline int sys_epoll_ctl(int epfd, int op, int fd, struct epoll_event *e)
{
    return (int)SYS4(SYS_epoll_ctl, epfd, op, fd, e);
}

/* Without waiting. */
static inline int sys_epoll_look(int epfd, struct epoll_event *events, int n)
{
    return (int)SYS6(SYS_epoll_pwait, epfd, events, n, 0, NULL, 0);
}

static inline int sys_eventfd(unsigned value, int flags)
{
    return (int)SYS2(SYS_eventfd2, value, flags);
}

/* struct stat is libc's, and the kernel's differs from it on some architectures: the one call that
 * libc makes. */
static inline int sys_fstat(int fd, struct stat *st)
{
    int saved = errno;
    int rc = fstat(fd, st) ? -errno : 0;

    errno = saved;
    return rc;
}

static inline int64_t sys_lseek(int fd, int64_t offset, int whence)
{
#ifdef SYS__llseek
    int64_t at;
    int rc = (int)SYS5(SYS__llseek, fd, offset >> 32, offset, &at, whence);

    return rc < 0 ? rc : at;
#else
    return SYS3(SYS_lseek, fd, offset, whence);
#endif
}

/* libc's for the same reason. */
static inline int sys_fstatfs(int fd, struct statfs *fs)
{
    int saved = errno;
    int rc = fstatfs(fd, fs) ? -errno : 0;

    errno = saved;
    return rc;
}

/* Waits for at most `timeout` milliseconds; < 0: without limit. The kernel writes the time that is
 * left to ts. */
static inline int sys_poll(struct pollfd *fds, unsigned n, int timeout)
{
    struct timespec ts = {timeout / 1000, (long)(timeout % 1000) * 1000000};

    if (hostile_interrupts())
        return -EINTR;
    return sys_wrote((int)SYS5(SYS_ppoll, fds, n, timeout < 0 ? NULL : &ts, NULL, 0), fds,
                     n * sizeof *fds);
}

/* ---- bytes ---- */

static inline ssize_t sys_came(const void *buf, ssize_t n)
{
    san_bytes_came();
    san_wrote(buf, n > 0 ? (size_t)n : 0);
    return n;
}

static inline ssize_t sys_came_iov(const struct iovec *iov, int count, ssize_t n)
{
    san_bytes_came();
    san_wrote_iov(iov, count, n);
    return n;
}

static inline void sys_goes(const void *buf, size_t n)
{
    san_reads(buf, n);
    san_bytes_go();
}

static inline void sys_goes_iov(const struct iovec *iov, int count)
{
    san_reads_iov(iov, count);
    san_bytes_go();
}

static inline ssize_t sys_read(int fd, void *buf, size_t n)
{
    if (hostile_interrupts())
        return -EINTR;
    n = hostile_short(fd, n);
    return sys_came(buf, SYS3(SYS_read, fd, buf, n));
}

static inline ssize_t sys_write(int fd, const void *buf, size_t n)
{
    if (hostile_interrupts())
        return -EINTR;
    n = hostile_short(fd, n);
    sys_goes(buf, n);
    return SYS3(SYS_write, fd, buf, n);
}

static inline ssize_t sys_readv(int fd, const struct iovec *iov, int n)
{
    struct iovec one;

    if (hostile_interrupts())
        return -EINTR;
    iov = hostile_short_iov(fd, iov, &n, &one);
    return sys_came_iov(iov, n, SYS3(SYS_readv, fd, iov, n));
}

static inline ssize_t sys_writev(int fd, const struct iovec *iov, int n)
{
    struct iovec one;

    if (hostile_interrupts())
        return -EINTR;
    iov = hostile_short_iov(fd, iov, &n, &one);
    sys_goes_iov(iov, n);
    return SYS3(SYS_writev, fd, iov, n);
}

/* offset -1: the file's own position. The kernel wants the offset in two halves of a long; on 64
 * bits the second one is shifted out. */
static inline ssize_t sys_preadv2(int fd, const struct iovec *iov, int n, int64_t offset, int flags)
{
    struct iovec one;

    if (hostile_interrupts())
        return -EINTR;
    iov = hostile_short_iov(fd, iov, &n, &one);
    return sys_came_iov(iov, n,
                        SYS6(SYS_preadv2, fd, iov, n, offset, (uint64_t)offset >> 32, flags));
}

static inline ssize_t sys_pwritev2(int fd, const struct iovec *iov, int n, int64_t offset,
                                   int flags)
{
    struct iovec one;

    if (hostile_interrupts())
        return -EINTR;
    iov = hostile_short_iov(fd, iov, &n, &one);
    sys_goes_iov(iov, n);
    return SYS6(SYS_pwritev2, fd, iov, n, offset, (uint64_t)offset >> 32, flags);
}

/* Without flags: for kernels, and emulators, that know no other. */
static inline ssize_t sys_preadv(int fd, const struct iovec *iov, int n, int64_t offset)
{
    struct iovec one;

    if (hostile_interrupts())
        return -EINTR;
    iov = hostile_short_iov(fd, iov, &n, &one);
    return sys_came_iov(iov, n, SYS5(SYS_preadv, fd, iov, n, offset, (uint64_t)offset >> 32));
}

static inline ssize_t sys_pwritev(int fd, const struct iovec *iov, int n, int64_t offset)
{
    struct iovec one;

    if (hostile_interrupts())
        return -EINTR;
    iov = hostile_short_iov(fd, iov, &n, &one);
    sys_goes_iov(iov, n);
    return SYS5(SYS_pwritev, fd, iov, n, offset, (uint64_t)offset >> 32);
}

static inline ssize_t sys_splice(int in, loff_t *in_at, int out, loff_t *out_at, size_t n,
                                 unsigned flags)
{
    if (hostile_interrupts())
        return -EINTR;
    n = hostile_short(in, n);
    san_bytes_came();
    san_bytes_go();
    return SYS6(SYS_splice, in, in_at, out, out_at, n, flags);
}

static inline ssize_t sys_sendfile(int out, int in, int64_t *at, size_t n)
{
    if (hostile_interrupts())
        return -EINTR;
    n = hostile_short(in, n);
    san_bytes_go();
#ifdef SYS_sendfile64
    return SYS4(SYS_sendfile64, out, in, at, n);
#else
    return SYS4(SYS_sendfile, out, in, at, n);
#endif
}

/* ---- sockets ---- */

/* What came besides the bytes. */
static inline void sys_came_msg(const struct msghdr *msg)
{
    san_wrote(msg, sizeof *msg);
    san_wrote(msg->msg_name, msg->msg_namelen);
    san_wrote(msg->msg_control, msg->msg_controllen);
}

static inline int sys_socket(int family, int type, int protocol)
{
    return (int)SYS3(SYS_socket, family, type, protocol);
}

static inline int sys_socketpair(int family, int type, int protocol, int fds[2])
{
    return sys_wrote((int)SYS4(SYS_socketpair, family, type, protocol, fds), fds, 2 * sizeof *fds);
}

static inline int sys_bind(int fd, const void *addr, socklen_t len)
{
    return (int)SYS3(SYS_bind, fd, addr, len);
}

static inline int sys_listen(int fd, int backlog)
{
    return (int)SYS2(SYS_listen, fd, backlog);
}

static inline int sys_accept4(int fd, void *addr, socklen_t *len, int flags)
{
    if (hostile_interrupts())
        return -EINTR;
    san_bytes_came();
    return sys_wrote_long((int)SYS4(SYS_accept4, fd, addr, len, flags), addr, len);
}

static inline int sys_connect(int fd, const void *addr, socklen_t len)
{
    int rc;

    san_bytes_go();
    rc = (int)SYS3(SYS_connect, fd, addr, len);
    /* what a blocking one is interrupted in goes on as a non-blocking one */
    return rc == -EINPROGRESS && hostile_interrupts() ? -EINTR : rc;
}

static inline int sys_shutdown(int fd, int how)
{
    return (int)SYS2(SYS_shutdown, fd, how);
}

static inline int sys_getsockname(int fd, void *addr, socklen_t *len)
{
    return sys_wrote_long((int)SYS3(SYS_getsockname, fd, addr, len), addr, len);
}

static inline int sys_getpeername(int fd, void *addr, socklen_t *len)
{
    return sys_wrote_long((int)SYS3(SYS_getpeername, fd, addr, len), addr, len);
}

static inline int sys_getsockopt(int fd, int level, int name, void *value, socklen_t *len)
{
    return sys_wrote_long((int)SYS5(SYS_getsockopt, fd, level, name, value, len), value, len);
}

static inline int sys_setsockopt(int fd, int level, int name, const void *value, socklen_t len)
{
    return (int)SYS5(SYS_setsockopt, fd, level, name, value, len);
}

/* Also recv and send: a NULL address. */
static inline ssize_t sys_recvfrom(int fd, void *buf, size_t n, int flags, void *addr,
                                   socklen_t *len)
{
    ssize_t got;

    if (hostile_interrupts())
        return -EINTR;
    n = hostile_short(fd, n);
    got = sys_came(buf, SYS6(SYS_recvfrom, fd, buf, n, flags, addr, len));
    if (addr)
        sys_wrote_long(got < 0 ? -1 : 0, addr, len);
    return got;
}

static inline ssize_t sys_sendto(int fd, const void *buf, size_t n, int flags, const void *addr,
                                 socklen_t len)
{
    if (hostile_interrupts())
        return -EINTR;
    n = hostile_short(fd, n);
    sys_goes(buf, n);
    return SYS6(SYS_sendto, fd, buf, n, flags, addr, len);
}

static inline ssize_t sys_recvmsg(int fd, struct msghdr *msg, int flags)
{
    ssize_t n;

    if (hostile_interrupts())
        return -EINTR;
    if (hostile(HOSTILE_SHORT))
        return hostile_recvmsg(fd, msg, flags);
    n = SYS3(SYS_recvmsg, fd, msg, flags);
    if (n >= 0)
        sys_came_msg(msg);
    return sys_came_iov(msg->msg_iov, (int)msg->msg_iovlen, n);
}

static inline ssize_t sys_sendmsg(int fd, const struct msghdr *msg, int flags)
{
    if (hostile_interrupts())
        return -EINTR;
    if (hostile(HOSTILE_SHORT))
        return hostile_sendmsg(fd, msg, flags);
    sys_goes_iov(msg->msg_iov, (int)msg->msg_iovlen);
    return SYS3(SYS_sendmsg, fd, msg, flags);
}

static inline int sys_recvmmsg(int fd, struct mmsghdr *msgs, unsigned n, int flags)
{
    int got;

    if (hostile_interrupts())
        return -EINTR;
    got = (int)SYS5(SYS_recvmmsg, fd, msgs, hostile_few(n), flags, NULL);
    san_bytes_came();
    for (int i = 0; SAN && i < got; i++) {
        san_wrote(&msgs[i].msg_len, sizeof msgs[i].msg_len);
        sys_came_msg(&msgs[i].msg_hdr);
        san_wrote_iov(msgs[i].msg_hdr.msg_iov, (int)msgs[i].msg_hdr.msg_iovlen, msgs[i].msg_len);
    }
    return got;
}

static inline int sys_sendmmsg(int fd, struct mmsghdr *msgs, unsigned n, int flags)
{
    int put;

    if (hostile_interrupts())
        return -EINTR;
    for (unsigned i = 0; SAN && i < n; i++)
        san_reads_iov(msgs[i].msg_hdr.msg_iov, (int)msgs[i].msg_hdr.msg_iovlen);
    san_bytes_go();
    put = (int)SYS4(SYS_sendmmsg, fd, msgs, hostile_few(n), flags);
    for (int i = 0; SAN && i < put; i++)
        san_wrote(&msgs[i].msg_len, sizeof msgs[i].msg_len);
    return put;
}

/* ---- timers, memory, threads ---- */

static inline int sys_timerfd_create(int clock, int flags)
{
    return (int)SYS2(SYS_timerfd_create, clock, flags);
}

static inline int sys_timerfd_settime(int fd, int flags, const struct itimerspec *to,
                                      struct itimerspec *was)
{
    return (int)SYS4(SYS_timerfd_settime, fd, flags, to, was);
}

/* The kernel's timer ids are not libc's timer_t. */
static inline int sys_timer_create(int clock, struct sigevent *event, int *id)
{
    return sys_wrote((int)SYS3(SYS_timer_create, clock, event, id), id, sizeof *id);
}

static inline int sys_timer_settime(int id, int flags, const struct itimerspec *to,
                                    struct itimerspec *was)
{
    return (int)SYS4(SYS_timer_settime, id, flags, to, was);
}

static inline int sys_timer_delete(int id)
{
    return (int)SYS1(SYS_timer_delete, id);
}

static inline int sys_madvise(void *at, size_t n, int advice)
{
    return (int)SYS3(SYS_madvise, at, n, advice);
}

static inline int sys_gettid(void)
{
    return (int)SYS1(SYS_gettid, 0);
}

/* ---- processes ---- */

static inline int sys_pidfd_open(int pid, unsigned flags)
{
    return (int)SYS2(SYS_pidfd_open, pid, flags);
}

static inline int sys_pidfd_send_signal(int pidfd, int sig)
{
    return (int)SYS4(SYS_pidfd_send_signal, pidfd, sig, NULL, 0);
}

static inline int sys_waitid(int what, int id, siginfo_t *info, int options)
{
    if (hostile_interrupts())
        return -EINTR;
    return sys_wrote((int)SYS5(SYS_waitid, what, id, info, options, NULL), info, sizeof *info);
}

#endif
