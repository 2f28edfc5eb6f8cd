/* SPDX-License-Identifier: MIT
 *
 * Futexes, on which all of pthreads' objects wait: by libc's call sites. A fiber that waits is in a
 * table of its thread's, in which a wake-up by another fiber finds it. One by another thread, or
 * another process, goes to the kernel, which knows nothing of the fiber; but each such wake-up
 * follows a change of the word, and so the fiber looks at it now and then, ever less often.
 *
 * These waits are no cancellation points: who waits for a mutex cannot give up. */
#include "core/scope.h"
#include "shim/shim.h"
#include <linux/futex.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { BUCKETS = 256 };
#define LOOK      (GO_MS / 4)
#define LOOK_MOST (8 * GO_MS)

struct waiter {
    struct wait wait; /* its object: the word */
    uint32_t bits;
};

static void table_free(go_sched *s, void *table)
{
    (void)s;
    free(table);
}

/* The scheduler's table, made when first needed; without memory for it there is no other way but to
 * look at the words. */
static list *bucket(go_sched *s, const void *word)
{
    struct sched_slot *slot = &s->slots[SLOT_FUTEX];
    list *l;

    if (!slot->state) {
        slot->state = calloc(BUCKETS, sizeof(list));
        slot->fini = table_free;
    }
    if (!slot->state)
        return NULL;
    l = (list *)slot->state + (((uintptr_t)word >> 2) * UINT64_C(0x9e3779b97f4a7c15) >> 56);
    if (!l->next)
        list_init(l);
    return l;
}

static void futex_disarm(struct wait *w)
{
    list_remove(&w->link);
}

static void futex_describe(const struct wait *w, FILE *out)
{
    fprintf(out, "a mutex, condition or semaphore of pthreads, at %p", w->object);
}

static const struct waitable futex_waitable = {.name = "futex",
                                               .disarm = futex_disarm,
                                               .describe = futex_describe};

static bool changed(const void *word, uint32_t value)
{
    return atomic_load_explicit((const _Atomic uint32_t *)word, memory_order_acquire) != value;
}

/* One park, until then or until it is time to look again. */
static int park(go_sched *s, struct waiter *w, go_time until, enum shim_interrupts kind)
{
    list *l = bucket(s, w->wait.object), alone;
    int rc;

    if (!l)
        list_init(l = &alone);
    list_push(l, &w->wait.link);
    s->current->interrupts = kind;
    rc = wait_park(&w->wait, 1, WAIT_OUTSIDE | PARK_LOCK, until);
    s->current->interrupts = SHIM_NEVER;
    return rc;
}

/* 0, -EAGAIN: the word is another; -ETIMEDOUT; -EINTR. */
long shim_futex_wait(go_sched *s, void *word, uint32_t value, uint32_t bits, go_time until)
{
    enum shim_interrupts kind = until == GO_FOREVER ? SHIM_RESTARTS : SHIM_INTERRUPTS;
    struct waiter w = {.wait = {.ops = &futex_waitable, .object = word}, .bits = bits};
    go_time look = LOOK;

    if (changed(word, value))
        return -EAGAIN;
    for (;;) {
        go_time now = sched_now(s), at = now + look;
        int rc;

        if (now >= until)
            return -ETIMEDOUT;
        rc = park(s, &w, at < until ? at : until, kind);
        if (rc == -EINTR && !shim_restarts(s, kind))
            return -EINTR;
        if (rc >= 0 || changed(word, value))
            return 0;
        look = look * 2 < LOOK_MOST ? look * 2 : LOOK_MOST;
    }
}

/* Wakes at most n fibers of this thread; how many. */
int shim_futex_wake(go_sched *s, void *word, int n, uint32_t bits)
{
    list *l = bucket(s, word), *next;
    int woken = 0;

    if (!l)
        return 0;

    for (list *i = l->next; i != l && woken < n; i = next) {
        struct waiter *w = list_entry(list_entry(i, struct wait, link), struct waiter, wait);

        next = i->next;
        if (w->wait.object != word || !(w->bits & bits))
            continue;
        list_remove(i);
        wait_win(&w->wait, 0);
        woken++;
    }
    return woken;
}
