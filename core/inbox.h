/* SPDX-License-Identifier: MIT
 *
 * The inbox: what other threads and signal handlers ask a scheduler to do. Lock-free, many
 * producers, one consumer, first in first out for each producer. Two kinds of messages share it:
 * the caller's own `struct inbox_msg` (intrusive, for work that ends: offload), and posts, whose
 * records come from a lock-free pool that grows by mmap, since malloc is not async-signal-safe.
 *
 * The producer's push and the consumer's going to sleep are ordered as in Dekker's algorithm: the
 * consumer says that it sleeps, then looks at the inbox once more; the producer pushes, then looks
 * whether the consumer sleeps, and only then pays for a wake-up (one, for a batch). */
#ifndef CORE_INBOX_H
#define CORE_INBOX_H

#include <gosling/types.h>
#include <stdatomic.h>

struct inbox_msg {
    struct inbox_msg *next;
    void (*fn)(void *arg);
    void *arg;
    uint32_t index; /* of a post's record in the pool, + 1; 0: the caller's own message */
};

struct inbox; /* embedded below; inbox.c's own fields */

struct inbox {
    _Atomic(struct inbox_msg *) head; /* newest first; a marker when closed */
    atomic_bool asleep;   /* the consumer waits, or is about to: a producer must wake it */
    void (*wake)(void *); /* async-signal-safe */
    void *wake_arg;
};

/* also opens a closed one again */
void inbox_open(struct inbox *b, void (*wake)(void *), void *wake_arg);
void inbox_close(struct inbox *b); /* later pushes are refused; runs what was accepted first */
void inbox_drop(struct inbox *b);  /* in a fork child: forgets what is in it */

/* Any thread, any signal handler. 0, or -ESHUTDOWN when closed. */
int inbox_push(struct inbox *b, struct inbox_msg *m);

/* The same for a function call; the record is the pool's. Also -EAGAIN: no memory for one. */
int inbox_post(struct inbox *b, void (*fn)(void *), void *arg);

/* The consumer's: runs what is in it; how many. */
unsigned inbox_drain(struct inbox *b);

static inline bool inbox_empty(const struct inbox *b)
{
    return atomic_load_explicit(&b->head, memory_order_relaxed) == NULL;
}

/* The consumer's: true: go to sleep; false: there is something. Then, awake again, inbox_awake. */
bool inbox_sleep(struct inbox *b);
void inbox_awake(struct inbox *b);

#endif
