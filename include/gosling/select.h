/* SPDX-License-Identifier: MIT
 *
 * Waiting for the first of several things. The idea is Go's select, and Concurrent ML's choice
 * before it. */
#ifndef GOSLING_SELECT_H
#define GOSLING_SELECT_H

#include <gosling/chan.h>
#include <gosling/event.h>
#include <gosling/future.h>
#include <gosling/mutex.h>
#include <gosling/sem.h>
#include <gosling/signals.h>
#include <gosling/task.h>

GO_BEGIN_DECLS

/* One case; made by the macros below. `result`, of the committed case, is that operation's own:
 * go_chan_recv's 1 or 0, go_chan_send's 0 or -EPIPE, the events of an fd or -EBADF, a task's
 * result, go_mutex_lock's, a future's error or 0 (its value is there to get), the signal or -EBADF,
 * 0 for an event, a semaphore or a timer. */
typedef struct go_case {
    int kind;
    void *object;
    void *item;
    int64_t arg;
    int result;
} go_case;

enum {
    GO_CASE_DEFAULT,
    GO_CASE_RECV,
    GO_CASE_SEND,
    GO_CASE_READABLE,
    GO_CASE_WRITABLE,
    GO_CASE_AFTER,
    GO_CASE_JOIN,
    GO_CASE_WAIT,
    GO_CASE_LOCK,
    GO_CASE_SIGNAL,
    GO_CASE_GET,
    GO_CASE_ACQUIRE
};

#ifdef __cplusplus
#define GO_CASE_(kind, object, item, arg)  \
    go_case                                \
    {                                      \
        (kind), (object), (item), (arg), 0 \
    }
#else
#define GO_CASE_(kind, object, item, arg) ((go_case){(kind), (object), (item), (arg), 0})
#endif

#define GO_RECV(chan, to)   GO_CASE_(GO_CASE_RECV, (chan), (to), 0)
#define GO_SEND(chan, from) GO_CASE_(GO_CASE_SEND, (chan), (void *)(from), 0)
#define GO_READABLE(fd)     GO_CASE_(GO_CASE_READABLE, NULL, NULL, (fd))
#define GO_WRITABLE(fd)     GO_CASE_(GO_CASE_WRITABLE, NULL, NULL, (fd))
#define GO_AFTER(ns)        GO_CASE_(GO_CASE_AFTER, NULL, NULL, (ns))
#define GO_JOIN(task)       GO_CASE_(GO_CASE_JOIN, (task), NULL, 0)
#define GO_WAIT(event)      GO_CASE_(GO_CASE_WAIT, (event), NULL, 0)
#define GO_LOCK(mutex)      GO_CASE_(GO_CASE_LOCK, (mutex), NULL, 0)
#define GO_GET(future)      GO_CASE_(GO_CASE_GET, (future), NULL, 0)
#define GO_ACQUIRE(sem)     GO_CASE_(GO_CASE_ACQUIRE, (sem), NULL, 0)
#define GO_SIGNAL(source)   GO_CASE_(GO_CASE_SIGNAL, (source), NULL, 0)
#define GO_DEFAULT          GO_CASE_(GO_CASE_DEFAULT, NULL, NULL, 0)

/* [checkpoint] Waits until one of the n cases can happen, and commits exactly one: chosen fairly
 * among the ready, and none of the others has any effect. With a GO_DEFAULT it does not wait.
 * Returns the index of the one that was committed; -ECANCELED, -EINVAL for an unknown kind,
 * -ENOMEM, -ESHUTDOWN outside a run; nothing was committed then. */
GO_API int go_select(go_case *cases, size_t n);

GO_END_DECLS

#endif
