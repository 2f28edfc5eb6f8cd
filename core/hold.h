/* SPDX-License-Identifier: MIT
 *
 * What a fiber, or a plain thread, holds of the objects that know their holders: one record for
 * each, in a list of the holder's own, so that taking and giving back cost no atomic operation, and
 * that an end with something held is noticed. (A mutex of one scheduler has its owner's id instead,
 * which is faster.) A record is had before the wait, so that what was handed over is never refused
 * for want of memory. */
#ifndef CORE_HOLD_H
#define CORE_HOLD_H

#include "core/fiber.h"
#include "core/sched.h"
#include <gosling/sync.h>

/* s may be NULL everywhere: the calling thread's, outside a run. A scheduler keeps some records
 * that are not used: they come and go with each lock. */
enum { HOLD_SPARES = 64 };

struct go_hold **holds_of_thread(void);
struct go_hold *hold_malloc(void);
void hold_free(struct go_hold *h);

static inline struct go_hold **holds_of(go_sched *s)
{
    return likely(s) ? &s->current->holds : holds_of_thread();
}

static inline struct go_hold *hold_new(go_sched *s) /* NULL: no memory */
{
    struct go_hold *h = s ? s->spare_holds : NULL;

    if (unlikely(!h))
        return hold_malloc();
    s->spare_holds = h->next;
    s->spare_hold_count--;
    return h;
}

static inline void hold_unused(go_sched *s, struct go_hold *h)
{
    if (unlikely(!s || s->spare_hold_count == HOLD_SPARES)) {
        hold_free(h);
        return;
    }
    h->next = s->spare_holds;
    s->spare_holds = h;
    s->spare_hold_count++;
}

static inline void hold_add(go_sched *s, struct go_hold *h, void *object, int how,
                            void (*abandoned)(void *object, int how))
{
    struct go_hold **list = holds_of(s);

    h->object = object;
    h->abandoned = abandoned;
    h->how = how;
    h->embedded = false;
    h->next = *list;
    *list = h;
}

/* The same with a record that lies in the object, which has one holder at most, and is filled
 * in. */
static inline void hold_embedded(go_sched *s, struct go_hold *h)
{
    struct go_hold **list = holds_of(s);

    h->next = *list;
    *list = h;
}

/* Where the record hangs; *it NULL: the caller does not hold it. O(what it holds): few. */
static inline struct go_hold **hold_place(go_sched *s, const void *object)
{
    struct go_hold **at = holds_of(s);

    while (*at && (*at)->object != object)
        at = &(*at)->next;
    return at;
}

static inline struct go_hold *hold_find(go_sched *s, const void *object)
{
    return *hold_place(s, object);
}

static inline void hold_drop_at(go_sched *s, struct go_hold **at)
{
    struct go_hold *h = *at;

    *at = h->next;
    if (!h->embedded)
        hold_unused(s, h);
}

/* No more; it does. */
static inline void hold_drop(go_sched *s, const void *object)
{
    hold_drop_at(s, hold_place(s, object));
}

uint64_t holder_of_thread(void);

/* Who the caller is: never 0, and never another's again, but for threads of equal numbers. */
static inline uint64_t holder_self(go_sched *s)
{
    return likely(s) ? s->current->id : holder_of_thread();
}

/* The holders have ended; leaves *holds empty. */
void holds_abandon(struct go_hold **holds);
void holds_join(struct go_hold **all, struct go_hold **holds); /* moves these to those */
void hold_spares_free(go_sched *s);                            /* at the end of a run */

#endif
