/* SPDX-License-Identifier: MIT */
#include "core/inbox.h"
#include "core/san.h"
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>

/* ---- records of posts ----
 *
 * One pool for the process. A record is known by its index: chunk k holds FIRST_CHUNK << k records,
 * so 20 chunks hold more than memory does, a chunk once published never moves or goes away, and an
 * index fits beside a tag into 64 bits.
 *
 * Free records form a stack. Its head is (tag << 32 | index); every pop and push raises the tag, so
 * that a compare-exchange fails when the head was popped and pushed again meanwhile (ABA): by then
 * `next_free` may be another. The tag returns to a value only after 2^32 operations within one load
 * and its compare-exchange.
 *
 * Records that were never used are taken by counting `fresh` up. Nothing here waits for another
 * thread, and a signal handler that interrupts any line finds a pool that works. */
struct record {
    struct inbox_msg msg;
    _Atomic uint32_t next_free; /* index + 1 of the next free one; 0: none */
};

enum { FIRST_CHUNK = 64, CHUNKS = 20 };

static _Atomic(struct record *) chunks[CHUNKS];
static _Atomic uint64_t free_head;
static _Atomic uint32_t fresh;

/* Producers that are inside a wake-up, of any inbox: inbox_close waits for them, as what they call
 * is freed next. */
static atomic_uint wakers;

/* Where index lies: chunk k begins at FIRST_CHUNK * (2^k - 1). */
static unsigned chunk_of(uint32_t index, uint32_t *offset)
{
    uint32_t n = index / FIRST_CHUNK + 1;
    unsigned k = 31 - (unsigned)__builtin_clz(n);

    *offset = index - FIRST_CHUNK * ((1u << k) - 1);
    return k;
}

static struct record *record_at(uint32_t index)
{
    uint32_t offset;
    unsigned k = chunk_of(index, &offset);

    /* acquire: pairs with the publication; the memory's being there is all that there is to see */
    return atomic_load_explicit(&chunks[k], memory_order_acquire) + offset;
}

/* Maps chunk k, unless another did. False: no memory. mmap is a bare system call, but for errno. */
static bool chunk_ensure(unsigned k)
{
    size_t size = sizeof(struct record) * ((size_t)FIRST_CHUNK << k);
    struct record *none = NULL;
    int saved = errno;
    struct record *chunk;

    if (atomic_load_explicit(&chunks[k], memory_order_acquire))
        return true;
    chunk = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (chunk == MAP_FAILED) {
        errno = saved;
        return false;
    }
    if (!atomic_compare_exchange_strong_explicit(&chunks[k], &none, chunk, memory_order_acq_rel,
                                                 memory_order_acquire))
        munmap(chunk, size);
    errno = saved;
    return true;
}

static struct record *record_pop(uint32_t *index)
{
    uint64_t head = atomic_load_explicit(&free_head, memory_order_acquire);
    uint64_t next;

    do {
        struct record *r;

        if (!(uint32_t)head)
            return NULL;
        r = record_at((uint32_t)head - 1);
        /* May be stale: the record could be another's by now. Then the tag has moved, and the
         * exchange fails. */
        next = ((head >> 32) + 1) << 32 | atomic_load_explicit(&r->next_free, memory_order_relaxed);
        /* acquire: what the last user of the record did with it comes before what we do */
    } while (!atomic_compare_exchange_weak_explicit(&free_head, &head, next, memory_order_acquire,
                                                    memory_order_acquire));
    *index = (uint32_t)head - 1;
    return record_at(*index);
}

static struct record *record_fresh(uint32_t *index)
{
    uint32_t f = atomic_load_explicit(&fresh, memory_order_relaxed);
    uint32_t offset;

    do {
        unsigned k = chunk_of(f, &offset);

        if (k >= CHUNKS || !chunk_ensure(k))
            return NULL;
        /* relaxed: the count orders nothing, it hands out each number once */
    } while (!atomic_compare_exchange_weak_explicit(&fresh, &f, f + 1, memory_order_relaxed,
                                                    memory_order_relaxed));
    *index = f;
    return record_at(f);
}

static void record_push(uint32_t index)
{
    struct record *r = record_at(index);
    uint64_t head = atomic_load_explicit(&free_head, memory_order_relaxed);
    uint64_t mine;

    do {
        atomic_store_explicit(&r->next_free, (uint32_t)head, memory_order_relaxed);
        mine = ((head >> 32) + 1) << 32 | (index + 1);
        /* release: our use of the record, and next_free, come before whoever pops it */
    } while (!atomic_compare_exchange_weak_explicit(&free_head, &head, mine, memory_order_release,
                                                    memory_order_relaxed));
}

/* ---- the inbox ---- */

static struct inbox_msg closed_marker;
#define CLOSED (&closed_marker)

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void in_fork_child(void)
{
    atomic_store(&wakers, 0); /* whoever was inside has not come along */
}

static void register_fork_child(void)
{
    pthread_atfork(NULL, NULL, in_fork_child);
}

void inbox_open(struct inbox *b, void (*wake)(void *), void *wake_arg)
{
    pthread_once(&once, register_fork_child);
    b->wake = wake;
    b->wake_arg = wake_arg;
    atomic_store_explicit(&b->asleep, false, memory_order_relaxed);
    /* release: who finds it open finds it complete */
    atomic_store_explicit(&b->head, NULL, memory_order_release);
}

static void wake_consumer(struct inbox *b)
{
    /* Announced before the exchange, all of it sequentially consistent: either inbox_close, which
     * first clears `asleep`, sees us here and waits; or we find `asleep` cleared, and touch nothing
     * of what close's caller frees. */
    atomic_fetch_add(&wakers, 1);
    if (atomic_exchange(&b->asleep, false)) /* one producer of a batch wins this, and pays */
        b->wake(b->wake_arg);
    atomic_fetch_sub(&wakers, 1);
}

static int push(struct inbox *b, struct inbox_msg *m)
{
    struct inbox_msg *head = atomic_load_explicit(&b->head, memory_order_relaxed);

    san_release(b);
    do {
        if (head == CLOSED)
            return -ESHUTDOWN;
        m->next = head;
        /* Sequentially consistent, as is the load of `asleep`: the producer's half of Dekker's
         * algorithm. That includes release: the message's fields come before the consumer's look at
         * it. From here on m is the consumer's. There is no ABA: nothing is read through `head`
         * here, and a head that came back is as good a successor. */
    } while (!atomic_compare_exchange_weak_explicit(&b->head, &head, m, memory_order_seq_cst,
                                                    memory_order_relaxed));
    if (atomic_load(&b->asleep))
        wake_consumer(b);
    return 0;
}

int inbox_push(struct inbox *b, struct inbox_msg *m)
{
    m->index = 0;
    return push(b, m);
}

int inbox_post(struct inbox *b, void (*fn)(void *), void *arg)
{
    struct record *r;
    uint32_t index;
    int rc;

    if (atomic_load_explicit(&b->head, memory_order_relaxed) == CLOSED)
        return -ESHUTDOWN;
    r = record_pop(&index);
    if (!r)
        r = record_fresh(&index);
    if (!r)
        return -EAGAIN;
    r->msg.fn = fn;
    r->msg.arg = arg;
    r->msg.index = index + 1;
    rc = push(b, &r->msg);
    if (rc)
        record_push(index);
    return rc;
}

/* Newest first into oldest first: two messages of one producer were pushed in order. O(n). */
static struct inbox_msg *reverse(struct inbox_msg *m)
{
    struct inbox_msg *done = NULL;

    while (m) {
        struct inbox_msg *next = m->next;

        m->next = done;
        done = m;
        m = next;
    }
    return done;
}

static unsigned run(struct inbox *b, struct inbox_msg *m)
{
    unsigned n = 0;

    san_acquire(b);
    for (m = reverse(m); m; n++) {
        struct inbox_msg *next = m->next;
        void (*fn)(void *) = m->fn;
        void *arg = m->arg;

        /* Before the call: fn may free its message, and a post from inside fn finds the record. */
        if (m->index)
            record_push(m->index - 1);
        fn(arg);
        m = next;
    }
    return n;
}

/* One batch: what its functions post waits for the next call, so that a function that posts itself
 * does not stop the loop. */
unsigned inbox_drain(struct inbox *b)
{
    struct inbox_msg *head = atomic_load_explicit(&b->head, memory_order_relaxed);

    /* Only the consumer closes: it cannot be closed between this and the exchange. */
    if (!head || head == CLOSED)
        return 0;
    /* acquire: the producers' writes come before our reads */
    return run(b, atomic_exchange_explicit(&b->head, NULL, memory_order_acquire));
}

/* What the messages' functions post is refused already. */
void inbox_close(struct inbox *b)
{
    struct inbox_msg *head = atomic_exchange_explicit(&b->head, CLOSED, memory_order_acquire);

    atomic_store(&b->asleep, false);
    /* Each is inside one write(2), and gone soon; none that comes now can be ours. */
    while (atomic_load(&wakers))
        sched_yield();
    if (head != CLOSED)
        run(b, head);
}

void inbox_drop(struct inbox *b)
{
    struct inbox_msg *m = atomic_exchange_explicit(&b->head, NULL, memory_order_acquire);
    struct inbox_msg *next;

    atomic_store(&b->asleep, false);
    if (m == CLOSED) {
        atomic_store_explicit(&b->head, CLOSED, memory_order_relaxed);
        return;
    }
    for (; m; m = next) {
        next = m->next;
        if (m->index)
            record_push(m->index - 1);
    }
}

bool inbox_sleep(struct inbox *b)
{
    /* The consumer's half of Dekker's algorithm: both sequentially consistent, so that of "it
     * sleeps" and "there is a message" at least one is seen by the other side. */
    atomic_store(&b->asleep, true);
    if (!atomic_load(&b->head))
        return true;
    inbox_awake(b);
    return false;
}

void inbox_awake(struct inbox *b)
{
    /* relaxed: a producer that still sees it true pays for a wake-up that nobody needs */
    atomic_store_explicit(&b->asleep, false, memory_order_relaxed);
}
