/* SPDX-License-Identifier: MIT
 *
 * A number that is closed, or given to another file, while calls wait on it: natively these go on
 * with the old file. So they do here, by a number of the file's that nobody else knows. */
#ifndef SHIM_KEPT_H
#define SHIM_KEPT_H

#include "core/list.h"

struct go_sched;

/* A call that waits on a number. */
struct waits_on {
    list link;
    int fd;
    struct kept *kept; /* NULL: its number is still its file's */
};

void kept_begin(struct go_sched *s, struct waits_on *w, int fd);
void kept_end(struct waits_on *w);

/* The number to go on with, after -EBADF or POLLNVAL; -1: it was never good. */
int kept_number(const struct waits_on *w);

/* fd is about to be closed, or to become another file. */
void kept_keep(struct go_sched *s, int fd);

#endif
