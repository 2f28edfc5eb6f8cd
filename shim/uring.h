/* SPDX-License-Identifier: MIT
 *
 * An accept that does not wait, on a listener that blocks: there is no flag for it, and between
 * poll's answer and the call another process may take the connection. io_uring can take it back. */
#ifndef SHIM_URING_H
#define SHIM_URING_H

#include <sys/socket.h>

struct go_sched;

/* As accept4, but -EAGAIN instead of waiting; -ENOSYS: no io_uring here. */
int uring_accept(struct go_sched *s, int fd, struct sockaddr *peer, socklen_t *len, int flags);

#endif
