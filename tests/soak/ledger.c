/* SPDX-License-Identifier: MIT
 *
 * The linker gives malloc, mmap and their like to the functions below wherever the library or the
 * soak itself calls them (--wrap), with whatever sanitizer. libev and libc keep their own: libev
 * ends the process when it gets no memory. Who allocates is kept with the block, so that a leak has
 * a place. Blocks that libc has made for us and that we free are not in the ledger, nor are those
 * that it frees. */
#include "tests/soak/soak.h"
#include <execinfo.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void *__real_aligned_alloc(size_t align, size_t n);
char *__real_strdup(const char *s);
void __real_free(void *p);
void *__real_mmap(void *at, size_t n, int prot, int flags, int fd, off_t off);
int __real_munmap(void *p, size_t n);

void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);
void *__wrap_aligned_alloc(size_t align, size_t n);
char *__wrap_strdup(const char *s);
void __wrap_free(void *p);
void *__wrap_mmap(void *at, size_t n, int prot, int flags, int fd, off_t off);
int __wrap_munmap(void *p, size_t n);

/* ---- the table: open addressing, by address; a hole left by a removal is GONE ---- */

enum { SLOTS = 1 << 18 };
#define GONE ((void *)1)

static struct entry {
    void *p;
    void *site;
    size_t n;
    bool mapping, kept;
} table[SLOTS];

/* No mutex: TSan loses track of one that is held across a fork. */
static atomic_flag lock = ATOMIC_FLAG_INIT;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static size_t used, gone;

static void acquire(void)
{
    while (atomic_flag_test_and_set(&lock))
        sched_yield();
}

static void release(void)
{
    atomic_flag_clear(&lock);
}

static void watch_fork(void)
{
    pthread_atfork(acquire, release, release);
}

static size_t home(const void *p)
{
    return soak_mix((uintptr_t)p) & (SLOTS - 1);
}

/* Takes the holes out. */
static void rehash(void)
{
    static struct entry old[SLOTS];

    memcpy(old, table, sizeof table);
    memset(table, 0, sizeof table);
    gone = 0;
    for (size_t i = 0; i < SLOTS; i++) {
        size_t at;

        if (!old[i].p || old[i].p == GONE)
            continue;
        for (at = home(old[i].p); table[at].p; at = (at + 1) & (SLOTS - 1))
            ;
        table[at] = old[i];
    }
}

static void *note(void *p, size_t n, void *site, bool mapping)
{
    size_t at;

    if (!p || p == MAP_FAILED)
        return p;
    pthread_once(&once, watch_fork);
    acquire();
    if (used + gone > SLOTS / 2)
        rehash();
    if (used > SLOTS / 2)
        abort();
    for (at = home(p); table[at].p && table[at].p != GONE; at = (at + 1) & (SLOTS - 1))
        ;
    gone -= table[at].p == GONE;
    table[at] = (struct entry){p, site, n, mapping, false};
    used++;
    release();
    return p;
}

/* The block's size, or 0: not ours. */
static size_t strike(void *p, bool mapping)
{
    size_t n = 0;

    acquire();
    for (size_t at = home(p); table[at].p; at = (at + 1) & (SLOTS - 1))
        if (table[at].p == p && table[at].mapping == mapping) {
            n = table[at].n;
            table[at].p = GONE;
            used--;
            gone++;
            break;
        }
    release();
    return n;
}

/* ---- dice ---- */

static atomic_uint rate, mapping_rate;
static atomic_long failed, unmapped;
static atomic_uint thrown;

static bool refuses(atomic_uint *one_in, atomic_long *count)
{
    unsigned sides = atomic_load_explicit(one_in, memory_order_relaxed);

    if (!sides || soak_mix(soak.seed + atomic_fetch_add(&thrown, 1)) % sides)
        return false;
    atomic_fetch_add(count, 1);
    errno = ENOMEM;
    return true;
}

void ledger_fail(unsigned one_in, unsigned mapping_one_in)
{
    atomic_store(&rate, one_in);
    atomic_store(&mapping_rate, mapping_one_in);
}

long ledger_failed(void)
{
    return atomic_load(&failed);
}

long ledger_unmapped(void)
{
    return atomic_load(&unmapped);
}

/* ---- the functions ---- */

#define SITE __builtin_return_address(0)

void *__wrap_malloc(size_t n)
{
    return refuses(&rate, &failed) ? NULL : note(__real_malloc(n), n, SITE, false);
}

void *__wrap_calloc(size_t n, size_t size)
{
    return refuses(&rate, &failed) ? NULL : note(__real_calloc(n, size), n * size, SITE, false);
}

void *__wrap_aligned_alloc(size_t align, size_t n)
{
    return refuses(&rate, &failed) ? NULL : note(__real_aligned_alloc(align, n), n, SITE, false);
}

char *__wrap_strdup(const char *s)
{
    return refuses(&rate, &failed) ? NULL : note(__real_strdup(s), strlen(s) + 1, SITE, false);
}

void *__wrap_realloc(void *p, size_t n)
{
    void *more;
    size_t had;

    if (n && refuses(&rate, &failed))
        return NULL;
    /* struck first: as soon as it is freed, another thread may get its address */
    had = p ? strike(p, false) : 0;
    more = __real_realloc(p, n);
    if (!more && n) {
        if (had)
            note(p, had, SITE, false);
        return NULL;
    }
    return note(more, n, SITE, false);
}

void __wrap_free(void *p)
{
    if (p)
        strike(p, false);
    __real_free(p);
}

void *__wrap_mmap(void *at, size_t n, int prot, int flags, int fd, off_t off)
{
    if (refuses(&mapping_rate, &unmapped))
        return MAP_FAILED;
    return note(__real_mmap(at, n, prot, flags, fd, off), n, SITE, true);
}

int __wrap_munmap(void *p, size_t n)
{
    size_t had = strike(p, true);

    if (had && had != n)
        complain("a mapping of %zu bytes was undone as one of %zu", had, n);
    return __real_munmap(p, n);
}

/* ---- sums ---- */

void ledger_mark(void)
{
    acquire();
    for (size_t i = 0; i < SLOTS; i++)
        table[i].kept = table[i].p && table[i].p != GONE;
    release();
}

static struct ledger_sum sum(bool kept, bool print)
{
    struct ledger_sum s = {0};
    int lines = 0;

    acquire();
    for (size_t i = 0; i < SLOTS; i++) {
        const struct entry *e = &table[i];

        if (!e->p || e->p == GONE || e->kept != kept)
            continue;
        if (e->mapping) {
            s.mappings++;
            s.mapped += e->n;
        } else {
            s.blocks++;
            s.bytes += e->n;
        }
        if (print && lines++ < 20) {
            fprintf(stderr, "soak: %s of %zu bytes at %p by ", e->mapping ? "a mapping" : "a block",
                    e->n, e->p);
            fflush(stderr);
            backtrace_symbols_fd((void *const *)&e->site, 1, 2);
        }
    }
    release();
    return s;
}

struct ledger_sum ledger_more(bool print)
{
    return sum(false, print);
}

struct ledger_sum ledger_kept(void)
{
    return sum(true, false);
}
