/* SPDX-License-Identifier: MIT
 *
 * Exit notices where the kernel has no pidfds (before Linux 5.3, under some sandboxes, under
 * valgrind 3.19): a job on the offload pool looks at the children that are watched every few
 * milliseconds, and writes to a child's eventfd when it can be reaped. It reaps none.
 *
 * One short job for all of them, queued anew after each look, so that neither many children nor
 * long-lived ones keep pool threads from other work. Any thread. */
#ifndef NET_REAPER_H
#define NET_REAPER_H

#include <sys/types.h>

/* Has the eventfd `fd` written to when the child pid has ended: 0, -ENOMEM, -EAGAIN (no thread). */
int reaper_watch(pid_t pid, int fd);

/* Before fd is closed: it will not be written to any more. */
void reaper_forget(int fd);

#endif
