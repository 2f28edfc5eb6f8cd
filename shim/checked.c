/* SPDX-License-Identifier: MIT
 *
 * What _FORTIFY_SOURCE makes of the calls: with the room that there is. glibc's own end for what
 * does not fit. */
#include "shim/shim.h"

extern void __chk_fail(void) __attribute__((noreturn));

static inline void check(bool fits)
{
    if (!fits)
        __chk_fail();
}

ssize_t shim_read_chk(go_sched *s, int fd, void *buf, size_t n, size_t room)
{
    check(n <= room);
    return shim_result(shim_read(s, fd, buf, n));
}

ssize_t shim_pread_chk(go_sched *s, int fd, void *buf, size_t n, off64_t at, size_t room)
{
    check(n <= room);
    return shim_result(shim_pread(s, fd, buf, n, at));
}

ssize_t shim_recv_chk(go_sched *s, int fd, void *buf, size_t n, size_t room, int flags)
{
    check(n <= room);
    return shim_result(shim_recv(s, fd, buf, n, flags));
}

ssize_t shim_recvfrom_chk(go_sched *s, int fd, void *buf, size_t n, size_t room, int flags,
                          struct sockaddr *from, socklen_t *len)
{
    check(n <= room);
    return shim_result(shim_recvfrom(s, fd, buf, n, flags, from, len));
}

int shim_poll_chk(go_sched *s, struct pollfd *fds, nfds_t n, int timeout, size_t room)
{
    check(n <= room / sizeof *fds);
    return (int)shim_result(shim_poll(s, fds, n, timeout));
}

int shim_ppoll_chk(go_sched *s, struct pollfd *fds, nfds_t n, const struct timespec *timeout,
                   const sigset_t *mask, size_t room)
{
    check(n <= room / sizeof *fds);
    return (int)shim_result(shim_ppoll(s, fds, n, timeout, mask));
}
