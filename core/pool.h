/* SPDX-License-Identifier: MIT
 *
 * The offload pool: threads of the process that run blocking functions, in the order in which they
 * were submitted. It knows nothing of fibers or schedulers. A job is its submitter's memory, and
 * the pool's from pool_submit until done is called or pool_withdraw has returned true.
 *
 * There is no thread before the first job. One more is made whenever a job would queue behind busy
 * threads and the limit allows it; one that has had nothing to do for 10 s ends: a process with one
 * idle thread pays for every lock of its libc. Threads are called gosling-pool, and have all
 * signals blocked but those that report a fault of their own.
 *
 * Everything here may be called from any thread, and nothing from a signal handler. */
#ifndef CORE_POOL_H
#define CORE_POOL_H

#include "core/list.h"
#include <gosling/time.h>

enum { POOL_DEFAULT = 16 }; /* threads, until pool_limit says otherwise */

struct pool_job {
    list link; /* in the queue */
    int (*fn)(void *arg);
    void *arg;
    int result;                         /* fn's, when done is called */
    void (*done)(struct pool_job *job); /* on the pool's thread, and its last touch of the job */
    bool queued;                        /* the pool's own */
};

/* Queues job: 0; or -EAGAIN, there is no thread and none could be made. */
int pool_submit(struct pool_job *job);

/* Whether job still queued: then it is out of the queue, and neither fn nor done will be called. */
bool pool_withdraw(struct pool_job *job);

/* At most this many threads; 0 counts as 1. Surplus ones end when they have nothing to run. */
void pool_limit(unsigned most);
unsigned pool_threads(unsigned *most); /* how many there are; most (may be NULL): and may be */
bool pool_has_threads(void);           /* a look without a lock */
void pool_linger(go_time idle);        /* how long a thread waits for a job before it ends */

/* For pthread_atfork. The child has an empty pool: no thread, and nothing queued. */
void pool_fork_prepare(void);
void pool_fork_parent(void);
void pool_fork_child(void);

#endif
