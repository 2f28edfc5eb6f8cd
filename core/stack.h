/* SPDX-License-Identifier: MIT
 *
 * Stacks. A pool (one per scheduler) hands out stacks of power-of-two size classes from NORESERVE
 * arenas, committed by touch, each with a guard of 64 KiB below it. At the top of each stack lies a
 * record of the pool's record_size bytes that belongs to the user of the pool (the fiber),
 * beginning with a struct stack; frames grow down from it.
 *
 *      lo - STACK_GUARD      lo                                  struct stack *            top
 *      | guard               | frames …                        ← | record          | colour |
 *
 * Tops are coloured (a multiple of 64 B below the slot's top, 48 colours), so that the records and
 * first frames of many fibers do not fight for the same cache sets; record and first frames share
 * the top page, so that a parked small fiber touches one page.
 *
 * Free stacks are kept, last in first out; stack_trim gives the memory (not the guards) of those
 * beyond `keep` back. Nothing is unmapped before stack_pool_fini. Not thread-safe: a pool is its
 * scheduler's own. */
#ifndef CORE_STACK_H
#define CORE_STACK_H

#include <gosling/types.h>

#define STACK_GUARD   ((size_t)64 * 1024)
#define STACK_MIN     ((size_t)16 * 1024)
#define STACK_DEFAULT ((size_t)64 * 1024)
#define STACK_FOREIGN ((size_t)256 * 1024) /* of fibers that run foreign code */
#define STACK_MAX     ((size_t)1 << 30)

enum stack_guards { STACK_GUARDS_NONE, STACK_GUARDS_MPROTECT, STACK_GUARDS_MADVISE };

struct stack {
    struct stack *next;  /* in a free list */
    char *lo;            /* lowest usable byte */
    uint32_t size_class; /* log2 of the usable size */
    uint32_t slot;       /* its number in its class */
};

struct stack_class; /* the arenas and free lists of one size; stack.c's own */

struct stack_pool {
    size_t record_size;
    /* free and touched, by class, last in first out: stack_get's fast path */
    struct stack *hot[32];
    unsigned hot_count[32];
    struct stack_class *classes[32];
    size_t live;       /* stacks handed out */
    size_t reserved;   /* bytes of address space, guards included */
    size_t unguarded;  /* stacks made while no guard could be had */
    bool guards_ended; /* no more guards are to be had, stack.c said so */
    bool no_vectors;   /* the kernel wants the guards of a batch one by one */
};

void stack_pool_init(struct stack_pool *p, size_t record_size);
void stack_pool_fini(struct stack_pool *p); /* unmaps all, whatever is still out */

/* A stack of at least `size` bytes (rounded up to a power of two; clamped to STACK_MIN), or NULL
 * (no memory, size above STACK_MAX). The record's bytes after struct stack are what the last user
 * left, or zero. */
struct stack *stack_get_slow(struct stack_pool *p, unsigned size_class);

/* s will be used from top downwards, which is below its record: something else lies between. */
void stack_begins_at(struct stack *s, char *top);
unsigned stack_class_of(size_t size); /* 0: too large */

static inline struct stack *stack_get(struct stack_pool *p, unsigned size_class)
{
    struct stack *s = p->hot[size_class];

    if (__builtin_expect(!s, 0))
        return stack_get_slow(p, size_class);
    p->hot[size_class] = s->next;
    p->hot_count[size_class]--;
    p->live++;
    return s;
}

/* Legal for the stack that one still runs on, as long as nothing else happens before the switch
 * away from it. */
static inline void stack_put(struct stack_pool *p, struct stack *s)
{
    s->next = p->hot[s->size_class];
    p->hot[s->size_class] = s;
    p->hot_count[s->size_class]++;
    p->live--;
}

/* Gives back the memory of free stacks beyond `keep` of a class, at most `most` of them (some 0.7
 * µs each). True: there are more. Called when the loop has nothing to do. */
bool stack_trim(struct stack_pool *p, unsigned keep, unsigned most);

size_t stack_size(const struct stack *s); /* usable bytes, the record's included */
/* bytes, in whole pages, that were ever touched since the last trim */
size_t stack_high_water(const struct stack *s);

/* How guards are made in this process: probed once, by writing from a guard to a pipe (EFAULT: it
 * is in force). */
enum stack_guards stack_guards(void);

#endif
