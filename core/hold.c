/* SPDX-License-Identifier: MIT */
#include "core/hold.h"
#include <stdlib.h>
#include <unistd.h>

/* It is not told when the thread ends. */
struct go_hold **holds_of_thread(void)
{
    static __thread struct go_hold *holds __attribute__((tls_model("initial-exec")));

    return &holds;
}

struct go_hold *hold_malloc(void)
{
    return malloc(sizeof(struct go_hold));
}

void hold_free(struct go_hold *h)
{
    free(h);
}

uint64_t holder_of_thread(void)
{
    static __thread uint64_t id __attribute__((tls_model("initial-exec")));

    if (!id)
        id = UINT64_C(1) << 63 | (uint64_t)gettid();
    return id;
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

void hold_spares_free(go_sched *s)
{
    struct go_hold *h;

    while ((h = s->spare_holds)) {
        s->spare_holds = h->next;
        free(h);
    }
    s->spare_hold_count = 0;
}
