/* SPDX-License-Identifier: MIT
 *
 * The waitable: everything that a fiber can wait on is an object with these four operations, and a
 * fiber that waits has one `struct wait` for each object, on its own stack. Whoever makes the
 * object available takes the first waiter off its list, does the operation on that waiter's behalf
 * (hands over the lock, copies the item), and calls wait_win: that takes the fiber's other waits
 * off their objects at once, so that lists hold live waiters only, and makes the fiber ready.
 *
 * Invariants: a wait is armed from park to win or abort, and never longer; at most one wait of a
 * fiber wins; what has won is not undone by a cancellation that comes before the fiber runs.
 *
 * The idea of one mechanism beneath select, join, poll and cancellation is Concurrent ML's. */
#ifndef CORE_WAIT_H
#define CORE_WAIT_H

#include "core/list.h"
#include <gosling/stats.h>
#include <gosling/time.h>

struct wait;

struct waitable {
    const char *name;              /* for reports: "mutex" */
    int (*commit)(struct wait *w); /* do it now: its result in w->result, and 0; or -EAGAIN */
    /* put w on the object's list: 0; lot_arm, in sync/, also 1: done now; -EAGAIN: arm all again */
    int (*arm)(struct wait *w);
    void (*disarm)(struct wait *w); /* take it off again, O(1); NULL: list_remove(&w->link) */
    /* "mutex 0x… held by #7 db" ; NULL: the name and the object */
    void (*describe)(const struct wait *w, FILE *out);
    /* whose doing would end this wait; NULL: nobody's in particular */
    struct go_fiber *(*holder)(const struct wait *w);
    bool lot;                         /* the object begins with a struct go_lot */
    bool (*withdraw)(struct wait *w); /* WAIT_ASK: whether the operation can still be taken back */
    void (*won)(struct wait *w); /* on the waiter's own stack, when it goes on; NULL: nothing */
    /* that holder has ended without doing it: wins with -EOWNERDEAD */
    void (*orphaned)(struct wait *w);
};

struct wait {
    list link;              /* on the object's list of waiters */
    struct go_fiber *fiber; /* who waits; set by the park */
    struct claim *claim;    /* NULL: only this thread can end the park */
    const struct waitable *ops;
    void *object;
    union {
        void *item;    /* the operation's own: where an item goes to or comes from */
        uint64_t mark; /* or what it remembers */
    };
    int64_t arg; /* the operation's own: an fd, events */
    int result;  /* of the operation, set by who wins */
};

/* How a wait may end other than by winning. */
enum {
    WAIT_CANCEL = 1, /* a cancellation ends it: -ECANCELED */
    WAIT_SOURCE = 2, /* a soft one as well */
    /* but ask first, the claim if there is one, else the only object: claim_take or withdraw
     * false, and nothing but winning ends it any more */
    WAIT_ASK = 8,
    WAIT_OUTSIDE = 4 /* the outside world may end it (an fd, a thread): no deadlock while it lasts
                      */
};

/* Beside these, what it is counted as. */
enum {
    PARK_SHIFT = 8,
    PARK_LOCK = GO_PARK_LOCK << PARK_SHIFT,
    PARK_CHANNEL = GO_PARK_CHANNEL << PARK_SHIFT,
    PARK_FD = GO_PARK_FD << PARK_SHIFT,
    PARK_SLEEP = GO_PARK_SLEEP << PARK_SHIFT,
    PARK_TASK = GO_PARK_TASK << PARK_SHIFT,
    PARK_NURSERY = GO_PARK_NURSERY << PARK_SHIFT,
    PARK_OFFLOAD = GO_PARK_OFFLOAD << PARK_SHIFT
};

/* Parks the current fiber on waits[0..n), which are armed already, until one wins, `until`
 * (absolute; GO_FOREVER: none) has come, or a cancellation does. Returns the winner's index,
 * -ETIMEDOUT for `until`, or -ECANCELED (the delivery is recorded). No checkpoint precedes it: the
 * caller made one. */
int wait_park(struct wait *waits, unsigned n, unsigned how, go_time until);

/* w's fiber, which is parked, now waits until then at most. */
void wait_set_until(struct wait *w, go_time until);

/* w, already taken off its object's list, has won with this result: its siblings are disarmed, its
 * fiber made ready. */
void wait_win(struct wait *w, int result);

#endif
