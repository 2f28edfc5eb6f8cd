/* SPDX-License-Identifier: MIT
 *
 * Attempts to receive and to send on sockets, with op->flags. */
#ifndef NET_MSG_H
#define NET_MSG_H

#include "net/io.h"

/* These answer at once in any socket, blocking or not. */
enum { MSG_AT_ONCE = MSG_DONTWAIT | MSG_ERRQUEUE | MSG_OOB };

ssize_t msg_recv_attempt(struct io *op, struct fd *r);
ssize_t msg_recvmsg_attempt(struct io *op, struct fd *r);
ssize_t msg_send_attempt(struct io *op, struct fd *r);
ssize_t msg_sendmsg_attempt(struct io *op, struct fd *r);

typedef ssize_t msg_run(struct io *op, struct fd *r); /* io_run, or as it */

/* MSG_WAITALL on a stream: on until n bytes are there, the end, or an error; then what came counts.
 */
bool msg_wants_all(const struct fd *r, int flags);
ssize_t msg_recv_all(struct io *op, struct fd *r, char *buf, size_t n, msg_run *run);
ssize_t msg_recvmsg_all(struct io *op, struct fd *r, struct msghdr *m, msg_run *run);

#endif
