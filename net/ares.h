/* SPDX-License-Identifier: MIT
 *
 * c-ares, behind this header alone, and reduced to what it does well: it carries one question to
 * one name server and brings the answer back, by UDP and, when that was truncated, by TCP; it picks
 * ids, and drops what does not match. Which name is asked, of which server, how long and how often
 * is lookup.c's, since libc's answer depends on it.
 *
 * A channel belongs to its scheduler's thread and to one server. It has descriptors open, and
 * watched, only while a question of it is unanswered. An answer may come back inside cares_ask. */
#ifndef NET_ARES_H
#define NET_ARES_H

#include "core/sched.h"
#include <sys/socket.h>

struct cares; /* a channel */
struct cares_pending;

enum { CARES_TCP = 1, CARES_EDNS = 2 };

/* One question, embedded in who asks. */
struct cares_ask {
    /* status 0: the answer, which is ours and valid until done returns; or -errno: refused,
     * unreachable, not representable. Not called after cares_drop. */
    void (*done)(struct cares_ask *q, int status, const uint8_t *answer, size_t len);
    struct cares_pending *pending; /* while unanswered */
};

int cares_open(go_sched *s, const struct sockaddr *server, unsigned flags, struct cares **out);

/* Closes it; no question of it may be pending, and no callback of it on the stack. */
void cares_close(struct cares *c);

/* Asks for records of this type, class IN: 0, done will be called or was; -ENOMEM. */
int cares_ask(struct cares *c, struct cares_ask *q, const char *name, int type);

void cares_drop(struct cares_ask *q); /* forgets q, if it is pending; harmless otherwise */

/* In a fork child: the questions are forgotten, the parent's sockets closed here. */
void cares_forked(struct cares *c);

/* A callback of c is on the stack. */
bool cares_busy(const struct cares *c);

#endif
