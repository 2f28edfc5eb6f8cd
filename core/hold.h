/* SPDX-License-Identifier: MIT
 *
 * What a fiber, or a plain thread, holds of the objects that know their holders: one record for
 * each, in a list of the holder's own, so that taking and giving back cost no atomic operation, and
 * that an end with something held is noticed. (A mutex of one scheduler has its owner's id instead,
 * which is faster.) A record is had before the wait, so that what was handed over is never refused
 * for want of memory. */
#ifndef CORE_HOLD_H
#define CORE_HOLD_H

#include "core/sched.h"
#include <gosling/sync.h>

/* s may be NULL: the calling thread's, outside a run. */
struct go_hold *hold_new(go_sched *s); /* NULL: no memory */
void hold_unused(go_sched *s, struct go_hold *h);
void hold_add(go_sched *s, struct go_hold *h, void *object, int how,
              void (*abandoned)(void *object, int how));
/* The same with a record that lies in the object, which has one holder at most, and is filled
 * in. */
void hold_embedded(go_sched *s, struct go_hold *h);
struct go_hold *hold_find(go_sched *s, const void *object); /* NULL: does not hold it */
void hold_drop(go_sched *s, const void *object);            /* no more; it does */

/* Who the caller is: never 0, and never another's again, but for threads of equal numbers. */
uint64_t holder_self(go_sched *s);

/* The holders have ended; leaves *holds empty. */
void holds_abandon(struct go_hold **holds);
void holds_join(struct go_hold **all, struct go_hold **holds); /* moves these to those */
void hold_spares_free(void);                                   /* at the end of a run */

#endif
