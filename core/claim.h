/* SPDX-License-Identifier: MIT
 *
 * The claim: who may end a park that other threads may end, too. Such a park's waits share one, on
 * the waiting stack. Whoever takes it first (a hand-over by any thread, or the cancellation or the
 * time-out of the fiber's own scheduler) ends the park; everybody else goes on to the next waiter.
 * So of two objects that are ready at once a select commits one, and nothing is handed to somebody
 * who has left.
 *
 * The state machine, whose interleavings tests/interleave.c enumerates:
 *
 *     OPEN -- exchange --> TAKEN     by the one who ends the park; it alone goes on
 *     TAKEN -- told                  a message to the fiber's scheduler, or the thread's futex
 *     OPEN -- compare-exchange --> HELD -- compare-exchange --> OPEN
 *                                    by a fiber that arms a select and looks at an object; who
 *                                    tries to take it meanwhile finds HELD, goes on to the next
 *                                    waiter, and has left TAKEN behind: the fiber then begins again
 *
 * Whoever tells touches nothing of the claim afterwards: the waiter may be gone. */
#ifndef CORE_CLAIM_H
#define CORE_CLAIM_H

#include "core/inbox.h"
#include "core/sched.h"
#include "core/wait.h"

struct claim {
    atomic_uint taken;
    atomic_uint told; /* a plain thread's futex */
    uint32_t process; /* whose: in a fork child those of other threads are nobody's */
    go_sched *sched;  /* NULL: a plain thread waits */
    struct wait *won;
    struct inbox_msg msg;
};

/* Which process this is, counted in forks from 1 on. */
extern atomic_uint claim_process_number;

static inline uint32_t claim_process(void)
{
    return atomic_load_explicit(&claim_process_number, memory_order_relaxed);
}

void claim_init(struct claim *c, go_sched *s);

/* True: the park is the caller's to end. Any thread. */
bool claim_take(struct claim *c);

/* By the fiber whose claim it is, before it parks. False: somebody else has won already. */
bool claim_hold(struct claim *c);
/* False: somebody wanted it meanwhile, and went on without: look everywhere once more. */
bool claim_let_go(struct claim *c);

/* w, whose claim the caller has taken, and which stands in no list, has won with w->result: its
 * fiber, or its thread, goes on. */
void claim_tell(struct wait *w);

/* A plain thread's wait: until it is told. */
void claim_wait(struct claim *c);

/* May w be won by who looks at it now? */
static inline bool wait_claim(struct wait *w)
{
    return __builtin_expect(!w->claim, 1) || claim_take(w->claim);
}

#endif
