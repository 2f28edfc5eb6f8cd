/* SPDX-License-Identifier: MIT
 *
 * The inside of go_serve: a server, on the stack of the fiber that called it, and its connections,
 * each with a handler in a fiber of its own. serve.c accepts and waits for better times; conn.c
 * runs handlers. */
#ifndef NET_SERVE_H
#define NET_SERVE_H

#include "core/sched.h"
#include "net/peers.h"
#include <gosling/net.h>
#include <gosling/nursery.h>

struct server {
    go_sched *sched;
    int listener;
    go_handler *handler;
    void *arg;
    go_serve_opts opts;
    unsigned live;      /* connections with a handler */
    struct conn *free;  /* ended ones, to be used again */
    struct peers peers; /* with max_per_ip */
    list room;          /* the server's own wait for a connection to end */
    go_time pause;      /* the next one's length; 0: the last accept went well */
    go_time short_at;   /* when something last ran out */
    go_nursery nursery;
};

struct conn {
    struct server *server;
    struct conn *next; /* in the free list */
    struct peer *peer;
    int fd;
    uint32_t generation; /* of fd: another one when the handler has closed it itself */
    uint32_t seen;       /* what had moved when the timer last fired */
    struct timer idle;
    go_scope *scope; /* the handler's, while it runs under an idle time-out */
};

/* Gives the connection a handler. 0: it has one, or was turned away; else it is still the caller's:
 * -ENOMEM or -EAGAIN when there is no room now, or another error, which concerns the server as a
 * whole. */
int conn_start(struct server *v, int fd, const union addr *peer);

/* Frees those that have ended, when all have. */
void conn_free_all(struct server *v);

#endif
