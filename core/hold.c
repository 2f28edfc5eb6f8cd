/* SPDX-License-Identifier: MIT */
#include "core/hold.h"
#include "core/fiber.h"
#include <stdlib.h>
#include <unistd.h>

/* Of a thread, while it is in no run. It is not told when one ends. */
static __thread struct go_hold *thread_holds __attribute__((tls_model("initial-exec")));
/* Records that are not used, a few for each thread: they come and go with each lock. */
static __thread struct {
    struct go_hold *first;
    unsigned count;
} spare __attribute__((tls_model("initial-exec")));

enum { SPARE_MOST = 64 };

static struct go_hold **holds_of(go_sched *s)
{
    return s ? &s->current->holds : &thread_holds;
}

struct go_hold *hold_new(go_sched *s)
{
    struct go_hold *h = spare.first;

    (void)s;
    if (!h)
        return malloc(sizeof *h);
    spare.first = h->next;
    spare.count--;
    return h;
}

void hold_unused(go_sched *s, struct go_hold *h)
{
    /* A thread that never runs fibers gives back at once: nobody would at its end. */
    if (!s || spare.count == SPARE_MOST) {
        free(h);
        return;
    }
    h->next = spare.first;
    spare.first = h;
    spare.count++;
}

void hold_spares_free(void)
{
    struct go_hold *h;

    while ((h = spare.first)) {
        spare.first = h->next;
        free(h);
    }
    spare.count = 0;
}

void hold_add(go_sched *s, struct go_hold *h, void *object, int how,
              void (*abandoned)(void *object, int how))
{
    struct go_hold **list = holds_of(s);

    *h = (struct go_hold){.next = *list, .object = object, .abandoned = abandoned, .how = how};
    *list = h;
}

void hold_embedded(go_sched *s, struct go_hold *h)
{
    struct go_hold **list = holds_of(s);

    h->next = *list;
    *list = h;
}

/* O(what it holds): few. */
static struct go_hold **find(go_sched *s, const void *object)
{
    struct go_hold **at = holds_of(s);

    while (*at && (*at)->object != object)
        at = &(*at)->next;
    return at;
}

struct go_hold *hold_find(go_sched *s, const void *object)
{
    return *find(s, object);
}

void hold_drop(go_sched *s, const void *object)
{
    struct go_hold **at = find(s, object), *h = *at;

    if (!h) /* there was no memory for it */
        return;
    *at = h->next;
    if (!h->embedded)
        hold_unused(s, h);
}

uint64_t holder_self(go_sched *s)
{
    static __thread uint64_t thread __attribute__((tls_model("initial-exec")));

    if (s)
        return s->current->id;
    if (!thread)
        thread = UINT64_C(1) << 63 | (uint64_t)gettid();
    return thread;
}

void holds_abandon(struct go_hold **holds)
{
    struct go_hold *h;

    while ((h = *holds)) {
        bool embedded = h->embedded;

        *holds = h->next;
        h->abandoned(h->object, h->how); /* the object may be gone then, and h with it */
        if (!embedded)
            free(h);
    }
}

void holds_join(struct go_hold **all, struct go_hold **holds)
{
    while (*all)
        all = &(*all)->next;
    *all = *holds;
    *holds = NULL;
}
