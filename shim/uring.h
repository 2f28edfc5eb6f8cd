/* SPDX-License-Identifier: MIT
 *
 * Two calls that block, and that io_uring makes so that they do not block the thread, and can be
 * taken back. An accept, on a listener that blocks: there is no flag for it, and between poll's
 * answer and the call another process may take the connection. And a wait for a futex that other
 * processes wake (Linux 6.7). */
#ifndef SHIM_URING_H
#define SHIM_URING_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

struct go_sched;

/* As accept4, but -EAGAIN instead of waiting; -ENOSYS: no io_uring here. */
int uring_accept(struct go_sched *s, int fd, struct sockaddr *peer, socklen_t *len, int flags);

/* A wait among the kernel's own, in the order in which they came. */
struct uring_futex {
    void (*done)(struct uring_futex *w); /* called by the loop, or by the call itself */
    bool came;
    int result; /* then: 0: woken; -EAGAIN: the word is another; -ECANCELED: taken back; -EFAULT */
};

/* 0: w is the kernel's until it has come; -ENOSYS: no such thing here. The arguments are those of a
 * call that the kernel would not refuse with EINVAL. */
int uring_futex_wait(struct go_sched *s, struct uring_futex *w, const void *word, uint32_t value,
                     uint32_t bits);

/* For one of several words; the result: the index of one that was woken. */
struct futex_waitv;
int uring_futex_waitv(struct go_sched *s, struct uring_futex *w, const struct futex_waitv *words,
                      unsigned n);

/* It has come when this returns: taken back, or woken before. */
void uring_futex_cancel(struct go_sched *s, struct uring_futex *w);

/* In a fork child: the ring is the parent's. */
void uring_forked(struct go_sched *s);

#endif
