/* SPDX-License-Identifier: MIT
 *
 * A fiber: the record at the top of its stack. It belongs to its nursery from spawn to end; when it
 * has ended the record goes back to the pool with the stack, so nobody else keeps a pointer to one
 * without its id (ids are never used twice; the memory stays mapped until the run ends, so that
 * looking whether the id is still there is safe).
 *
 * The record and the first frames of a parked fiber share one page: mind its size (asserted
 * below). */
#ifndef CORE_FIBER_H
#define CORE_FIBER_H

#include "arch/arch.h"
#include "core/san.h"
#include "core/stack.h"
#include "core/wait.h"
#include <gosling/nursery.h>
#include <gosling/task.h>

typedef struct go_fiber fiber;

enum { FIBER_SLICE = 64 }; /* checkpoints until a fiber must let the others run */
enum { FIBER_NAME = 48 };
enum fiber_state { FIBER_FREE, FIBER_READY /* or running */, FIBER_PARKED, FIBER_ENDED };
enum fiber_wake { WAKE_NONE, WAKE_WON, WAKE_TIME, WAKE_CANCEL, WAKE_SOFT, WAKE_INTERRUPT };

struct go_fiber {
    struct stack stack;          /* first: the pool's part of the record */
    struct arch_context context; /* while it does not run */
    fiber *next;                 /* in the run queue */
    go_sched *sched;
    go_scope *scope; /* innermost: its own, or its nursery's */
    /* when a cancellation becomes visible to it; INT64_MIN: it is; GO_FOREVER: none */
    go_time alarm;
    /* checkpoints per dispatch that need no look: FIBER_SLICE, or 0 when alarm is finite */
    int32_t slice;
    uint8_t state; /* enum fiber_state */
    bool unborn;   /* its function has not been called */
    uint64_t id;
    go_fn *fn;
    void *arg;
    void *spawned_at;   /* return address of the spawn */
    go_nursery *parent; /* the nursery that it belongs to */
    list siblings;      /* in its nursery's children */
    struct wait *waits; /* while parked */
    struct wait *won;
    go_time until;     /* the park's own end; GO_FOREVER: none */
    go_time parked_at; /* by the scheduler's last clock reading */
    fiber *work;       /* scratch: in a walk's list of fibers */

    /* Zero at birth, from here to the name's first byte. */
    int err;      /* errno, while it does not run */
    uint8_t wake; /* enum fiber_wake: how its last park ended */
    uint8_t how;  /* WAIT_*: how its park may end */
    bool extras;  /* something below needs a look at its end */
    bool hit;     /* a cancellation from outside its own scopes was delivered to it */
    bool climbed; /* its result is an error that no block delivered */
    /* whether it gets a thread control block of its own: 0: if the shim is active; 1, -1 */
    int8_t foreign;
    uint8_t interrupts; /* not 0: a signal may end its wait (interrupt.h) */
    uint8_t inside;     /* > 0: in a call of the shim's, whose own calls are libc's */
    bool attention;     /* something is to be done at that call's end: a signal */
    bool restarts;      /* the wait that a signal has just ended begins anew after a handler with
                           SA_RESTART */
    bool blind;         /* TSan does not look at what it does any more */
    uint32_t nwaits;
    uint32_t ignored; /* deliveries since it last left a scope */
    /* of mutexes; two counters, since one would be a chain of two stores and loads a pair */
    uint32_t locks, unlocks;
    /* in the heap at min(until, alarm) or earlier; its kind is TIMER_FIBER, which is 0 */
    struct go_timer timer;
    struct tcb *tcb;             /* its own, or NULL */
    void *eh[2];                 /* C++'s per-thread exception state, while it does not run */
    go_nursery *nursery;         /* the innermost that it has opened itself */
    go_task *task;               /* its handle, or NULL */
    go_starter *starter;         /* while go_start waits for it, or NULL; these and below: extras */
    struct go_error *last_error; /* of its last closed block */
    struct go_error *undelivered; /* a group of errors that climb when it ends */
    struct fail_note *fail;       /* go_fail's last message */
    struct defer *defers;
    struct locals *locals;       /* values of private keys */
    struct inherited *inherited; /* values of inherited keys, shared until written */
    /* ASan's: where its variables lie that are watched after their function returned; TSan's: its
     * idea of this fiber */
    void *san;
    struct go_hold *holds; /* what it holds of objects that know their holders */
    int climbs;            /* the first code of what is undelivered; 0: none */
    char name[FIBER_NAME];
};

_Static_assert(sizeof(struct go_fiber) <= 448, "record and first frames must share the top page");

/* Ids are the process's own: the scheduler's number, and below it the how-manieth fiber of that
 * one, which is what people are shown. */
enum { FIBER_NUMBER_BITS = 40 };

static inline unsigned long long fiber_number(uint64_t id)
{
    return id & ((UINT64_C(1) << FIBER_NUMBER_BITS) - 1);
}

/* "name", or "#12 function": for reports, into a buffer of the caller's. Returns buf. */
const char *fiber_label(const fiber *f, char *buf, size_t size);

/* A code address as "function+0x12 (file)", by dladdr. Returns buf. */
const char *fiber_place(const void *pc, char *buf, size_t size);

/* For the fault handler: whether addr lies in the guard below a live fiber's stack of this thread;
 * async-signal-safe. */
bool fiber_stack_of_fault(const void *addr, const char **name, uint64_t *id, size_t *size);

/* f's function has returned rc: what it left behind is cleaned up, and its parent told. For the
 * main fiber, and for fn's end in the entry of every other. Returns the fiber's result. */
int fiber_finish(fiber *f, int rc);

#endif
