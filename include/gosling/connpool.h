/* SPDX-License-Identifier: MIT */
#ifndef GOSLING_CONNPOOL_H
#define GOSLING_CONNPOOL_H

#include <gosling/sync.h>

GO_BEGIN_DECLS

/* How a pool deals with its connections, which are whatever open makes. A zero field means its
 * default. */
typedef struct {
    /* Makes one: 0 and *conn, or an error, which go_connpool_get passes on. Runs in the fiber that
     * asked, and may wait. Required. */
    int (*open)(void **conn, void *arg);
    void (*close)(void *conn, void *arg); /* ends one; must not wait; default: nothing to do */
    /* Whether an idle one still works: asked in the fiber that is about to get it, and may wait.
     * Default: it does. */
    bool (*healthy)(void *conn, void *arg);
    void *arg;            /* of all three */
    unsigned min;         /* idle ones that do not expire */
    unsigned max;         /* connections at most, idle or lent; default 10 */
    unsigned max_waiting; /* fibers that wait at most; default: no limit */
    go_time idle;         /* nanoseconds after which an idle one is closed; default: never */
} go_connpool_opts;

/* A pool of connections to one server. Fields are private. */
typedef struct go_connpool {
    struct connpool *pool;
} go_connpool;

/* Initialises p, empty: connections are opened when they are asked for. *opts is copied. Not a
 * checkpoint. Returns 0, -EINVAL without open or with min > max, -ENOMEM. */
GO_API int go_connpool_init(go_connpool *p, const go_connpool_opts *opts);

/* [checkpoint] Lends a connection: the idle one that was used last, if it is healthy; else a new
 * one, as long as there are fewer than max. One is opened at a time, so that a server that is slow
 * or down sees no crowd; who comes meanwhile waits for that, or for one that is put back, first
 * come, first served. Returns 0 and *conn; open's error; -EAGAIN when max_waiting fibers wait
 * already; -ESHUTDOWN when p is closed, also while it waited, or outside a run; -ECANCELED. */
GO_API int go_connpool_get(go_connpool *p, void **conn);

/* Gives a connection back, to the first who waits. broken: it is closed instead, and another may be
 * opened in its place. Every connection got must be put back, before or after go_connpool_close;
 * one too many is misuse and aborts. Not a checkpoint. */
GO_API void go_connpool_put(go_connpool *p, void *conn, bool broken);

/* Closes p and its idle connections, and frees its memory once those that are lent have been put
 * back, which closes them. Who waits gets -ESHUTDOWN. Not a checkpoint. */
GO_API void go_connpool_close(go_connpool *p);

GO_END_DECLS

#endif
