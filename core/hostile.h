/* SPDX-License-Identifier: MIT
 *
 * Hostile builds: what seldom happens happens all the time, so that the suite meets it. A library
 * built with -DGOSLING_HOSTILE=MODES has the hooks; $GOSLING_HOSTILE, words between commas, chooses
 * other modes for one run. Every mode does only what a correct program must bear: a kernel, a
 * scheduler and a clock may all behave so. In ordinary builds the hooks are nothing.
 *
 *  - yield: each checkpoint lets everybody else run first, not the 64th alone
 *  - wake:  the loop's turns end for nothing, and report descriptors on which nothing happened
 *  - eintr: system calls that a signal may interrupt are, every other time
 *  - short: reads and writes move one byte, more only now and then
 *  - clock: the real clock jumps forwards by an hour, once in 64 readings
 *
 * The dice are thrown by $GOSLING_DICE, a number; the same one throws the same in each thread. */
#ifndef CORE_HOSTILE_H
#define CORE_HOSTILE_H

#include <gosling/time.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/uio.h>

enum {
    HOSTILE_YIELD = 1,
    HOSTILE_WAKE = 2,
    HOSTILE_EINTR = 4,
    HOSTILE_SHORT = 8,
    HOSTILE_CLOCK = 16
};

#ifdef GOSLING_HOSTILE

bool hostile(unsigned modes); /* whether one of them is on */
bool hostile_wakes(void);     /* now */
bool hostile_interrupts(void);

/* How many of n bytes, or messages, a call on fd shall move: n, or less where the file may do that:
 * a stream's bytes can be split, a datagram cannot. */
size_t hostile_short(int fd, size_t n);
unsigned hostile_few(unsigned n);

/* The same for a vector: v, or *one, which holds its beginning; *count is adjusted. */
const struct iovec *hostile_short_iov(int fd, const struct iovec *v, int *count, struct iovec *one);

/* The calls on a message, shortened. */
ssize_t hostile_recvmsg(int fd, struct msghdr *msg, int flags);
ssize_t hostile_sendmsg(int fd, const struct msghdr *msg, int flags);

go_time hostile_clock(go_time real);   /* what clock_real says */
go_time hostile_kernel(go_time shown); /* and back: when that is for the kernel */

#else

#define hostile(modes)                       ((void)(modes), false)
#define hostile_wakes()                      false
#define hostile_interrupts()                 false
#define hostile_short(fd, n)                 (n)
#define hostile_few(n)                       (n)
#define hostile_short_iov(fd, v, count, one) ((void)(one), (v))
#define hostile_recvmsg(fd, msg, flags)      ((ssize_t)0)
#define hostile_sendmsg(fd, msg, flags)      ((ssize_t)0)
#define hostile_clock(real)                  (real)
#define hostile_kernel(shown)                (shown)

#endif
#endif
