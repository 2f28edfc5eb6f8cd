/* SPDX-License-Identifier: MIT
 *
 * A class of stacks is a row of slots, a guard and a stack each, numbered through its chunks of
 * reserved address space. A slot is reserved, then made (it has its guard, and its top page is
 * there), then used; a free one that was used is hot (in the pool's list, through its record) or
 * cold (trimmed: its record is gone with its memory, so its number waits in an array). Reserving
 * costs nothing but address space, hence chunks that double; making costs two system calls and a
 * page, hence small batches, which measured a third less per stack than one by one. */
#include "core/stack.h"
#include "core/misuse.h"
#include "core/san.h"
#include "core/sys.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#if defined(__has_include) && __has_include(<valgrind/memcheck.h>)
#include <valgrind/memcheck.h>
#else
#define VALGRIND_STACK_REGISTER(lo, hi)       0
#define VALGRIND_STACK_DEREGISTER(id)         ((void)(id))
#define VALGRIND_MAKE_MEM_UNDEFINED(at, size) ((void)(at), (void)(size))
#define RUNNING_ON_VALGRIND                   0
#endif

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif
#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif
#define PIDFD_SELF_ \
    (-10000) /* linux/pidfd.h: this thread's process, without a descriptor; Linux 6.14 */

enum {
    CLASS_MIN = 14,   /* log2 of STACK_MIN */
    CLASS_MAX = 30,   /* log2 of STACK_MAX */
    COLOURS = 48,     /* different distances from the slot's top, */
    COLOUR = 64,      /* in steps of a cache line */
    CHUNK_FIRST = 64, /* stacks in a class's first chunk */
    BATCH_MIN = 4,  /* stacks made at a time: a quarter of those there are, within these bounds: */
    BATCH_MAX = 32, /* no spawn should take longer than about 50 us, nor hold many pages that nobody
                       needs */
    RELEASE_MAX = 64, /* pieces that one system call gives back */
    GIVE_BACK = 512   /* guards undone when mappings run out: the rest of the process needs some too
                       */
};
#define CHUNK_MAX ((size_t)1 << 30) /* bytes of a chunk, unless a single stack is larger */

struct chunk {
    char *base;
    uint32_t first; /* its first slot's number */
    uint32_t count; /* of its slots */
};

struct stack_class {
    size_t usable; /* bytes of a stack */
    size_t stride; /* and with its guard */
    struct chunk *chunks;
    uint32_t chunk_count;
    uint32_t chunk_next; /* how many slots to ask for next */
    uint32_t reserved;   /* slots, of which these are */
    uint32_t made;       /* … and of these */
    uint32_t used;
    uint32_t cold_count;
    uint32_t cold_room;
    uint32_t *cold;       /* numbers of the trimmed slots */
    unsigned *registered; /* with valgrind: its number for each slot + 1; 0: it does not know it */
    uint32_t registered_room;
};

/* ---- guards ---- */

static bool guard_set(char *guard, size_t size, enum stack_guards how)
{
    if (how == STACK_GUARDS_MADVISE)
        return sys_madvise(guard, size, MADV_GUARD_INSTALL) == 0;
    return how == STACK_GUARDS_MPROTECT && mprotect(guard, size, PROT_NONE) == 0;
}

/* Does a guard made this way really fault? An emulator may answer 0 and do nothing. The kernel
 * reads it for us, so that nothing has to catch a signal. Without a descriptor for that, mprotect's
 * word is taken, and nobody else's. */
static bool guard_holds(enum stack_guards how)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *p = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    bool holds = false;
    ssize_t rc;
    int fds[2];

    if (p == MAP_FAILED)
        return false;
    if (!guard_set(p, page, how))
        goto unmap;
    if (sys_pipe2(fds, O_CLOEXEC) < 0) {
        holds = how == STACK_GUARDS_MPROTECT;
        goto unmap;
    }
    do
        rc = sys_write(fds[1], p, 1);
    while (rc == -EINTR);
    holds = rc == -EFAULT;
    sys_close(fds[0]);
    sys_close(fds[1]);
unmap:
    munmap(p, page);
    return holds;
}

static enum stack_guards probe(void)
{
    const char *wish = secure_getenv("GOSLING_GUARDS");

    if (wish && !strcmp(wish, "none"))
        return STACK_GUARDS_NONE;
    if (!(wish && !strcmp(wish, "mprotect")) && guard_holds(STACK_GUARDS_MADVISE))
        return STACK_GUARDS_MADVISE;
    if (guard_holds(STACK_GUARDS_MPROTECT))
        return STACK_GUARDS_MPROTECT;
    report("stacks: this system protects no memory (an emulator?), so fibers' stacks have no "
           "guards, and an overflow "
           "overwrites other memory unnoticed; give fibers ample stack_size");
    return STACK_GUARDS_NONE;
}

/* The best way that holds, but none better than GOSLING_GUARDS (madvise, mprotect, none) asks for.
 */
enum stack_guards stack_guards(void)
{
    static _Atomic int known = -1;
    int how = atomic_load_explicit(&known, memory_order_relaxed);

    if (how < 0) {
        how = (int)probe();
        atomic_store_explicit(&known, how, memory_order_relaxed);
    }
    return (enum stack_guards)how;
}

/* ---- slots ---- */

static const struct chunk *chunk_of(const struct stack_class *c, uint32_t slot)
{
    uint32_t low = 0, high = c->chunk_count;

    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;

        if (c->chunks[middle].first <= slot)
            low = middle;
        else
            high = middle;
    }
    return &c->chunks[low];
}

static char *slot_guard(const struct stack_class *c, uint32_t slot) /* its lowest address */
{
    const struct chunk *k = chunk_of(c, slot);

    return k->base + (size_t)(slot - k->first) * c->stride;
}

/* Advice for n pieces by one system call, where the kernel takes a vector from its own process
 * (Linux 6.14): how many bytes it did, from the first piece on. */
static size_t advise(struct stack_pool *p, const struct iovec *v, uint32_t n, int advice)
{
    long done;

    if (p->no_vectors || RUNNING_ON_VALGRIND) /* valgrind complains of calls that it does not know
                                               */
        return 0;
    done = SYS5(SYS_process_madvise, PIDFD_SELF_, v, n, advice, 0);
    p->no_vectors = done < 0 && done != -ENOMEM && done != -EAGAIN && done != -EINTR;
    return done > 0 ? (size_t)done : 0;
}

/* The same for a batch of slots: how many it did. */
static uint32_t advise_batch(struct stack_pool *p, size_t stride, char *first, uint32_t n,
                             size_t length, int advice)
{
    struct iovec v[BATCH_MAX];

    for (uint32_t i = 0; i < n; i++)
        v[i] = (struct iovec){first + i * stride, length};
    return (uint32_t)(advise(p, v, n, advice) / length);
}

/* mprotect splits a mapping in two, and vm.max_map_count has been reached. A process without a free
 * mapping can neither load a library nor get a large block from malloc, so the newest guards are
 * given up for it. */
static void guards_ran_out(struct stack_pool *p, const struct stack_class *c, uint32_t made)
{
    static atomic_flag said = ATOMIC_FLAG_INIT;
    uint32_t last = made > GIVE_BACK ? made - GIVE_BACK : 0;

    p->guards_ended = true;
    while (made-- > last && stack_guards() == STACK_GUARDS_MPROTECT)
        if (mprotect(slot_guard(c, made), STACK_GUARD, PROT_READ | PROT_WRITE) == 0)
            p->unguarded++;
    if (!atomic_flag_test_and_set(&said))
        report("stacks: the kernel allows this process no more memory mappings (vm.max_map_count), "
               "so all fibers beyond "
               "the first %u have no guard below their stack, and an overflow there overwrites "
               "another stack unnoticed; "
               "raise vm.max_map_count, or use Linux 6.13 or later",
               last);
}

static bool reserve(struct stack_pool *p, struct stack_class *c)
{
    struct chunk *chunks = realloc(c->chunks, (c->chunk_count + 1) * sizeof *chunks);
    size_t most = c->stride < CHUNK_MAX ? CHUNK_MAX / c->stride : 1;
    uint32_t n = c->chunk_next < most ? c->chunk_next : (uint32_t)most;
    char *base = MAP_FAILED;

    if (!chunks)
        return false;
    c->chunks = chunks;
    for (; n; n /= 2) {
        base = mmap(NULL, n * c->stride, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
        if (base != MAP_FAILED)
            break;
    }
    if (!n)
        return false;
    madvise(base, n * c->stride, MADV_NOHUGEPAGE); /* one would commit 16 stacks */
    c->chunks[c->chunk_count++] = (struct chunk){base, c->reserved, n};
    c->reserved += n;
    c->chunk_next = n * 2;
    p->reserved += n * c->stride;
    return true;
}

/* Makes the next few reserved slots of the last chunk. */
static bool make(struct stack_pool *p, struct stack_class *c)
{
    enum stack_guards how = p->guards_ended ? STACK_GUARDS_NONE : stack_guards();
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    uint32_t n = c->made / 4, i = 0;
    char *first;

    if (c->made == c->reserved && !reserve(p, c))
        return false;
    n = n < BATCH_MIN ? BATCH_MIN : n > BATCH_MAX ? BATCH_MAX : n;
    if (n > c->reserved - c->made)
        n = c->reserved - c->made;
    first = slot_guard(c, c->made);
    if (how == STACK_GUARDS_MADVISE)
        i = advise_batch(p, c->stride, first, n, STACK_GUARD, MADV_GUARD_INSTALL);
    for (; i < n && how != STACK_GUARDS_NONE; i++) {
        char *guard = first + i * c->stride;

        if (guard_set(guard, STACK_GUARD, how) ||
            guard_set(guard, STACK_GUARD, STACK_GUARDS_MPROTECT))
            continue; /* MADV_GUARD_INSTALL refuses locked memory, mprotect does not */
        guards_ran_out(p, c, c->made + i);
        break;
    }
    p->unguarded += n - i;
    /* The pages of the records: one by one, at their first touch, they cost more. */
    advise_batch(p, c->stride, first + c->stride - page, n, page, MADV_POPULATE_WRITE);
    c->made += n;
    return true;
}

static struct stack_class *class_of(struct stack_pool *p, unsigned size_class)
{
    struct stack_class *c;

    if (size_class < CLASS_MIN || size_class > CLASS_MAX)
        return NULL;
    c = p->classes[size_class];
    if (!c && (c = calloc(1, sizeof *c))) {
        c->usable = (size_t)1 << size_class;
        c->stride = STACK_GUARD + c->usable;
        c->chunk_next = CHUNK_FIRST;
        p->classes[size_class] = c;
    }
    return c;
}

/* ---- valgrind ---- */

/* It takes a switch for a wild jump of the stack pointer, unless it knows both stacks; and what it
 * still knows of memory that is unmapped confuses it later. */
static void valgrind_register(struct stack_class *c, uint32_t slot, char *lo)
{
    unsigned *more;

    (void)lo; /* valgrind's macros use nothing on a machine that it does not know */
    if (!RUNNING_ON_VALGRIND)
        return;
    if (slot >= c->registered_room) {
        more = realloc(c->registered, c->reserved * sizeof *more);
        if (!more)
            return;
        memset(more + c->registered_room, 0, (c->reserved - c->registered_room) * sizeof *more);
        c->registered = more;
        c->registered_room = c->reserved;
    }
    if (c->registered[slot] == 0)
        c->registered[slot] = VALGRIND_STACK_REGISTER(lo, lo + c->usable) + 1;
}

/* To valgrind the stack of a fiber that has ended is no memory any more below its last place, and
 * what a call pushes makes it so again: but not what lies beside a frame that begins deeper. */
void stack_begins_at(struct stack *s, char *top)
{
    char *from = top - 512; /* more than the red zone */

    (void)s; /* as above */
    (void)from;
    VALGRIND_MAKE_MEM_UNDEFINED(from, (size_t)((char *)s - from));
}

static void valgrind_forget(struct stack_class *c)
{
    for (uint32_t i = 0; i < c->registered_room; i++)
        if (c->registered[i])
            VALGRIND_STACK_DEREGISTER(c->registered[i] - 1);
    free(c->registered);
}

struct stack *stack_get_slow(struct stack_pool *p, unsigned size_class)
{
    struct stack_class *c = class_of(p, size_class);
    struct stack *s;
    uint32_t slot;
    char *lo, *top;

    if (!c)
        return NULL;
    if (c->cold_count)
        slot = c->cold[--c->cold_count];
    else if (c->used < c->made || make(p, c))
        slot = c->used++;
    else
        return NULL;
    lo = slot_guard(c, slot) + STACK_GUARD;
    top = lo + c->usable - slot % COLOURS * COLOUR;
    s = (struct stack *)(void *)(top - p->record_size);
    s->lo = lo;
    s->size_class = size_class;
    s->slot = slot;
    p->live++;
    valgrind_register(c, slot, lo);
    return s;
}

/* ---- trimming ---- */

static int descending(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x < y) - (x > y);
}

static void release_pieces(struct stack_pool *p, const struct iovec *v, uint32_t n)
{
    size_t done = advise(p, v, n, MADV_DONTNEED);

    for (uint32_t i = 0; i < n; i++)
        if (done >= v[i].iov_len)
            done -= v[i].iov_len;
        else
            madvise(v[i].iov_base, v[i].iov_len, MADV_DONTNEED);
}

/* Gives back the memory of n slots, in descending order, neighbours as one piece: it may run over
 * the guards between them, which MADV_DONTNEED leaves alone. */
static void release(struct stack_pool *p, const struct stack_class *c, const uint32_t *slots,
                    uint32_t n)
{
    struct iovec v[RELEASE_MAX];
    uint32_t pieces = 0;

    for (uint32_t i = 0, next; i < n; i = next) {
        uint32_t start = chunk_of(c, slots[i])->first;

        for (next = i + 1; next < n && slots[next] + 1 == slots[next - 1] && slots[next] >= start;)
            next++;
        v[pieces++] = (struct iovec){slot_guard(c, slots[next - 1]) + STACK_GUARD,
                                     (next - i) * c->stride - STACK_GUARD};
        if (pieces == RELEASE_MAX) {
            release_pieces(p, v, pieces);
            pieces = 0;
        }
    }
    if (pieces)
        release_pieces(p, v, pieces);
}

/* Room for n more in the list of those without memory. */
static bool cold_reserve(struct stack_class *c, uint32_t n)
{
    uint32_t room = c->cold_room ? c->cold_room : 64;
    uint32_t *cold;

    while (room < c->cold_count + n)
        room *= 2;
    if (room == c->cold_room)
        return true;
    cold = realloc(c->cold, room * sizeof *cold);
    if (!cold)
        return false;
    c->cold = cold;
    c->cold_room = room;
    return true;
}

/* O(n log n) in the n stacks that it takes, because they are sorted to be released in runs. */
static void trim_class(struct stack_pool *p, unsigned size_class, unsigned keep, uint32_t n)
{
    struct stack_class *c = p->classes[size_class];
    struct stack **link = &p->hot[size_class], *s;

    if (!cold_reserve(c, n))
        return;
    for (unsigned i = 0; i < keep; i++)
        link = &(*link)->next;
    s = *link;
    for (uint32_t i = 0; i < n; i++, s = s->next)
        c->cold[c->cold_count + i] = s->slot;
    *link = s;
    p->hot_count[size_class] -= n;
    qsort(c->cold + c->cold_count, n, sizeof *c->cold, descending);
    release(p, c, c->cold + c->cold_count, n);
    c->cold_count += n;
}

bool stack_trim(struct stack_pool *p, unsigned keep, unsigned most)
{
    bool more = false;

    for (unsigned i = CLASS_MIN; i <= CLASS_MAX; i++) {
        uint32_t excess = p->hot_count[i] > keep ? p->hot_count[i] - keep : 0;

        if (excess == 0)
            continue;
        trim_class(p, i, keep, excess < most ? excess : most);
        more |= excess > most;
    }
    return more;
}

/* ---- the pool ---- */

void stack_pool_init(struct stack_pool *p, size_t record_size)
{
    assert(record_size >= sizeof(struct stack) && record_size + COLOURS * COLOUR <= STACK_MIN / 2);
    memset(p, 0, sizeof *p);
    p->record_size = (record_size + COLOUR - 1) / COLOUR * COLOUR; /* records begin at a cache line
                                                                    */
}

void stack_pool_fini(struct stack_pool *p)
{
    for (unsigned i = CLASS_MIN; i <= CLASS_MAX; i++) {
        struct stack_class *c = p->classes[i];

        if (!c)
            continue;
        for (uint32_t k = 0; k < c->chunk_count; k++) {
            san_unmapped(c->chunks[k].base, c->chunks[k].count * c->stride);
            munmap(c->chunks[k].base, c->chunks[k].count * c->stride);
        }
        valgrind_forget(c);
        free(c->chunks);
        free(c->cold);
        free(c);
    }
    memset(p, 0, sizeof *p);
}

unsigned stack_class_of(size_t size)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);

    if (size > STACK_MAX)
        return 0;
    if (size < STACK_MIN)
        size = STACK_MIN;
    if (size < page)
        size = page;
    return 64 - (unsigned)__builtin_clzll((unsigned long long)size - 1);
}

size_t stack_size(const struct stack *s)
{
    return (size_t)1 << s->size_class;
}

size_t stack_high_water(const struct stack *s)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), size = stack_size(s);
    unsigned char resident[256];

    for (size_t below = 0; below < size;) {
        size_t n = (size - below) / page;

        if (n > sizeof resident)
            n = sizeof resident;
        if (mincore(s->lo + below, n * page, resident))
            return size;
        for (size_t i = 0; i < n; i++, below += page)
            if (resident[i] & 1)
                return size - below;
    }
    return 0;
}
