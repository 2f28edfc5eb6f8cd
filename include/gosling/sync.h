/* SPDX-License-Identifier: MIT
 *
 * What all synchronisation objects have in common. Everything is first come, first served, with
 * direct hand-off: who releases gives to the first who waits, and a `_try` call never overtakes a
 * waiter. An object is caller-allocated, and its waiters must be gone before its memory is.
 *
 * An object belongs to the scheduler that initialises it (initialised outside a run: to the first
 * one that uses it) and costs no atomic operation; use from another OS thread is misuse and aborts.
 * One that is initialised with GO_SHARED works between schedulers and plain threads: a fiber waits
 * as a fiber, a plain thread blocks as a thread, without checkpoints. What was handed over is never
 * lost, also when the receiver is cancelled in the same moment: it has it then. Not from signal
 * handlers. */
#ifndef GOSLING_SYNC_H
#define GOSLING_SYNC_H

#include <gosling/run.h>

GO_BEGIN_DECLS

enum {
    GO_SHARED = 1, /* usable between OS threads */
    GO_SOURCE = 2  /* on a channel or queue: receiving is refused with -ECANCELED once a soft cancel
                      asks to stop */
};

/* Private: who waits for an object, and whose it is. */
struct go_lot {
    go_sched *sched;        /* whose object it is; NULL: nobody's yet, or a shared one */
    struct go_link waiters; /* in order of arrival */
    uint32_t lock;          /* of a shared one: 0: free, else the process whose thread has it */
    uint32_t process;       /* of a shared one: in which it was used last */
    uint8_t shared;
    uint8_t more; /* lines of waiters that follow this one in memory */
};

/* Private: an object in its holder's list of what it holds. */
struct go_hold {
    struct go_hold *next;
    void *object;
    void (*abandoned)(void *object, int how); /* the holder has ended */
    int how;                                  /* the object's own */
    bool embedded;                            /* in the object itself: not to be freed */
};

GO_END_DECLS

#endif
