/* SPDX-License-Identifier: MIT */
#include "core/claim.h"
#include "core/fiber.h"
#include "core/san.h"
#include "core/sys.h"
#include <linux/futex.h>
#include <pthread.h>
#include <sys/syscall.h>

enum { OPEN, TAKEN, HELD };

atomic_uint claim_process_number = 1;

static void in_fork_child(void)
{
    atomic_fetch_add_explicit(&claim_process_number, 1, memory_order_relaxed); /* it is alone */
}

__attribute__((constructor)) static void watch_forks(void)
{
    pthread_atfork(NULL, NULL, in_fork_child);
}

void claim_init(struct claim *c, go_sched *s)
{
    /* relaxed: the object's lock publishes it */
    atomic_store_explicit(&c->taken, OPEN, memory_order_relaxed);
    atomic_store_explicit(&c->told, 0, memory_order_relaxed);
    c->process = claim_process();
    c->sched = s;
    c->won = NULL;
}

/* Relaxed does, here and below: of several exchanges one finds OPEN, whatever their order; what the
 * winner hands over is ordered by the message, or by `told`; and who finds HELD has been ordered
 * before the next look at its object by that object's lock. */
bool claim_take(struct claim *c)
{
    if (unlikely(c->process != claim_process()) && (!c->sched || c->sched != sched_self()))
        return false; /* in a fork child: another thread's, which is not here */
    return atomic_exchange_explicit(&c->taken, TAKEN, memory_order_relaxed) == OPEN;
}

bool claim_hold(struct claim *c)
{
    unsigned open = OPEN;

    return atomic_compare_exchange_strong_explicit(&c->taken, &open, HELD, memory_order_relaxed,
                                                   memory_order_relaxed);
}

bool claim_let_go(struct claim *c)
{
    unsigned held = HELD;

    if (atomic_compare_exchange_strong_explicit(&c->taken, &held, OPEN, memory_order_relaxed,
                                                memory_order_relaxed))
        return true;
    atomic_store_explicit(&c->taken, OPEN, memory_order_relaxed);
    return false;
}

/* On the fiber's own loop. */
static void won(void *arg)
{
    struct claim *c = arg;

    c->sched->chatty = CHATTY;
    wait_win(c->won, c->won->result);
}

static void futex(atomic_uint *word, int op, unsigned value)
{
    arch_syscall6(SYS_futex, (long)word, op | FUTEX_PRIVATE_FLAG, value, 0, 0, 0);
}

void claim_tell(struct wait *w)
{
    struct claim *c = w->claim;

    c->won = w;
    if (!c->sched) {
        san_release(c);
        /* release: the item and the result come before the waiter's look at them */
        atomic_store_explicit(&c->told, 1, memory_order_release);
        futex(&c->told, FUTEX_WAKE, 1); /* if it has gone on by now: nobody waits at the address */
    } else if (c->sched == sched_self() && w->fiber->state == FIBER_PARKED) {
        wait_win(w, w->result);
    } else {
        c->msg.fn = won;
        c->msg.arg = c;
        inbox_push(&c->sched->inbox, &c->msg); /* which releases; its loop acquires */
    }
}

void claim_wait(struct claim *c)
{
    /* acquire: pairs with claim_tell */
    while (!atomic_load_explicit(&c->told, memory_order_acquire))
        futex(&c->told, FUTEX_WAIT, 0);
    san_acquire(c);
}
