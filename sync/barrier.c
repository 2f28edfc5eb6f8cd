/* SPDX-License-Identifier: MIT */
#include "sync/lot.h"
#include <gosling/barrier.h>

void go_barrier_init(go_barrier *b, unsigned n, int flags)
{
    lot_init(&b->lot, flags, 0);
    b->n = n ? n : 1;
    b->here = 0;
}

static void barrier_describe(const struct wait *w, FILE *out)
{
    const go_barrier *b = w->object;

    fprintf(out, "barrier %p, where %u of %u are", w->object, b->here, b->n);
}

/* Who leaves was not there. */
static void barrier_disarm(struct wait *w)
{
    go_barrier *b = w->object;
    struct lot_turn t;

    lot_enter(&b->lot, &t, b->lot.shared ? NULL : b->lot.sched, "go_barrier_wait");
    if (lot_out(w)) /* else its round has ended as it left */
        b->here--;
    lot_leave(&b->lot, &t);
}

static const struct waitable barrier_waitable = {.name = "barrier",
                                                 .describe = barrier_describe,
                                                 .disarm = barrier_disarm,
                                                 .lot = true};

/* Of a shared one somebody may be leaving in this very moment, who has been counted: then it is
 * told that it was cancelled, and the others go on all the same. */
static bool complete(go_barrier *b, struct lot_turn *t)
{
    struct wait *w;

    if (b->here + 1 < b->n)
        return false;
    b->here = 0;
    while ((w = lot_pop(&b->lot.waiters, t)))
        lot_win(&b->lot, t, w, 0);
    return true;
}

int go_barrier_wait(go_barrier *b)
{
    struct wait w = {.ops = &barrier_waitable, .object = b};
    struct lot_turn t;
    int rc = lot_begin(&b->lot, &t, "go_barrier_wait");

    if (rc < 0)
        return rc;
    if (complete(b, &t)) {
        lot_leave(&b->lot, &t);
        return 1;
    }
    b->here++;
    return lot_wait(&b->lot, &b->lot.waiters, &w, &t, WAIT_CANCEL);
}
