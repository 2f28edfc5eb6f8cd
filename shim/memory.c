/* SPDX-License-Identifier: MIT
 *
 * Power-of-two classes with a free list each, in one reserved piece of address space, so that an
 * address tells whose it is; what is large is given back to the kernel when it is free. */
#include "shim/memory.h"
#include "arch/arch.h"
#include "core/sys.h"
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>

enum { SMALLEST = 5, LARGEST = sizeof(size_t) > 4 ? 36 : 30, BIG = 17, CHUNK = 64 * 1024 };
enum { FIRST = 1 << 20 };
#define RESERVED (sizeof(size_t) > 4 ? (size_t)1 << 36 : (size_t)1 << 30)
#define LEAST    ((size_t)64 << 20)

struct head {
    struct head *next; /* while it is free */
    uint32_t class;
    /* of this from the block's own beginning, where more alignment was asked for */
    uint32_t offset;
} __attribute__((aligned(16)));

_Static_assert(sizeof(struct head) == 16, "what follows is aligned");

static char *begin, *used, *ready, *end; /* up to `ready` it is more than reserved */
static struct head *classes[LARGEST + 1];
static atomic_flag lock = ATOMIC_FLAG_INIT;

static void take_lock(void)
{
    while (atomic_flag_test_and_set_explicit(&lock, memory_order_acquire))
        arch_pause();
}

static void drop_lock(void)
{
    atomic_flag_clear_explicit(&lock, memory_order_release);
}

static unsigned class_of(size_t n)
{
    unsigned class = SMALLEST;

    while (class <= LARGEST && ((size_t)1 << class) - sizeof(struct head) < n)
        class ++;
    return class;
}

/* Less, where the process's address space is limited. */
static bool reserve(void)
{
    for (size_t size = RESERVED; size >= LEAST; size /= 4) {
        void *at = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

        if (at != MAP_FAILED) {
            begin = used = ready = at;
            end = begin + size;
            return true;
        }
    }
    return false;
}

/* Room for n more, and as much again as there was: what a program has by mlockall is all there. */
static bool extend(size_t n)
{
    size_t more = ready == begin ? FIRST : (size_t)(ready - begin);

    while (more < n)
        more *= 2;
    if (more > (size_t)(end - ready))
        more = (size_t)(end - ready);
    if (more < n || SYS3(SYS_mprotect, ready, more, PROT_READ | PROT_WRITE) < 0)
        return false;
    ready += more;
    return true;
}

/* Under the lock: one, or a chunk of small ones. */
static struct head *make(unsigned class)
{
    size_t size = (size_t)1 << class, piece = size < CHUNK ? CHUNK : size;
    char *at = used;

    if (!begin && !reserve())
        return NULL;
    at = used;
    if (piece > (size_t)(ready - used) && !extend(piece - (size_t)(ready - used)))
        return NULL;
    used += piece;
    for (size_t i = size; i < piece; i += size) {
        struct head *more = (struct head *)(void *)(at + i);

        more->next = classes[class];
        classes[class] = more;
    }
    return (struct head *)(void *)at;
}

void *memory_get(size_t n)
{
    unsigned class = class_of(n);
    struct head *h;

    if (class > LARGEST)
        return NULL;
    take_lock();
    h = classes[class];
    if (h)
        classes[class] = h->next;
    else
        h = make(class);
    drop_lock();
    if (!h)
        return NULL;
    h->class = class;
    h->offset = 0;
    return h + 1;
}

void *memory_aligned(size_t alignment, size_t n)
{
    char *p = alignment <= sizeof(struct head) ? memory_get(n) : memory_get(n + alignment);
    uintptr_t off = p ? -(uintptr_t)p & (alignment - 1) : 0;
    struct head *h;

    if (off == 0)
        return p;
    h = (struct head *)(void *)(p + off) - 1;
    h->class = ((struct head *)(void *)p - 1)->class;
    h->offset = (uint32_t)off;
    return h + 1;
}

void memory_put(void *p)
{
    struct head *h = (struct head *)p - 1;
    unsigned class;

    if (!p)
        return;
    class = h->class;
    h = (struct head *)(void *)((char *)h - h->offset);
    if (class >= BIG)
        SYS3(SYS_madvise, h, (size_t)1 << class, MADV_DONTNEED);
    take_lock();
    h->next = classes[class];
    classes[class] = h;
    drop_lock();
}

void *memory_resize(void *p, size_t n)
{
    const struct head *h = p ? (struct head *)p - 1 : NULL;
    size_t room = h ? ((size_t)1 << h->class) - sizeof *h - h->offset : 0;
    void *to;

    if (p && n <= room)
        return p;
    to = memory_get(n);
    if (to && p) {
        memcpy(to, p, room);
        memory_put(p);
    }
    return to;
}

void *memory_clear(size_t n, size_t size)
{
    void *p = size && n > SIZE_MAX / size ? NULL : memory_get(n * size);

    if (p)
        memset(p, 0, n * size);
    return p;
}

bool memory_is(const void *p)
{
    return begin && (const char *)p >= begin && (const char *)p < end;
}
