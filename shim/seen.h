/* SPDX-License-Identifier: MIT
 *
 * What need not be asked again about the program's descriptors, where all of its system calls come
 * by the engine (its threads are fibers: threads.h).
 *
 * Elsewhere a number may become another file behind our back, and the file O_NONBLOCK: a wait then
 * costs a look at the file before and after (fstat), its flags (fcntl), its time limit
 * (getsockopt), and a call that fails, of six system calls for an answered line. Here a number
 * changes hands when we see it (numbers_seen, net/number.h), and so do flags and limits, as long as
 * no other process has the open file: one that a call of this program has made, since its last fork
 * and since it has last sent a descriptor away. */
#ifndef SHIM_SEEN_H
#define SHIM_SEEN_H

#include "net/fd.h"
#include "shim/sites.h"

/* From now on; and no more: the program has a ring, or shares its table with a process, or with a
 * thread that is the kernel's. */
void seen_begin(void);
void seen_end(void);

/* Descriptors go to another process: by fork, by a message. */
void seen_shared(void);

/* Flags or limits of some open file change. */
void seen_changed(void);

/* fd, >= 0, is a file that nobody else has. */
void seen_made(go_sched *s, int fd);

/* Whether r's calls of dir (LOOP_READ, LOOP_WRITE) are known to wait, and without a limit; and that
 * they have been found to. */
bool seen_waits(const struct fd *r, unsigned dir);
void seen_to_wait(struct fd *r, unsigned dir);

/* socket, socketpair, setsockopt, ioctl, io_uring_setup. */
long seen_call(go_sched *s, const struct site_registers *r);

#endif
