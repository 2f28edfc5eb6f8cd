/* SPDX-License-Identifier: MIT
 *
 * The calls that blocked the OS thread, by their name and caller. A table of a fixed size: what
 * finds no room is counted at least. */
#include "core/clock.h"
#include "core/misuse.h"
#include "shim/shim.h"
#include "shim/wrap.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PLACES = 256 };
#define WORTH_TELLING (50 * GO_US)

struct place {
    const char *name;
    void *caller;
    uint64_t times;
    go_time ns;
};

static struct place places[PLACES];
static unsigned used;
static uint64_t lost;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* In a wrapped program: once, or never again. */
static void name_it(const char *name, const void *caller)
{
    char where[160];

    if (wrap.strict) {
        report("%s calls %s, which would block all of it; --strict ends it",
               fiber_place(caller, where, sizeof where), name);
        _exit(125);
    }
    if (!wrap.named) {
        wrap.named = true;
        report("%s calls %s, which blocks all of the program (told once; --audit lists all)",
               fiber_place(caller, where, sizeof where), name);
    }
}

void shim_blocks(struct shim_blocked *b, const char *name, void *caller)
{
    if (wrap.active)
        name_it(name, caller);
    *b = (struct shim_blocked){.name = name, .caller = caller, .began = clock_real()};
}

static struct place *place_of(const struct shim_blocked *b)
{
    for (unsigned i = 0; i < used; i++)
        if (places[i].caller == b->caller && places[i].name == b->name)
            return &places[i];
    if (used == PLACES)
        return NULL;
    places[used] = (struct place){.name = b->name, .caller = b->caller};
    return &places[used++];
}

void shim_blocked(struct shim_blocked *b)
{
    go_time ns = clock_real() - b->began;
    struct place *p;
    int saved = errno;

    if (ns < WORTH_TELLING)
        return;
    pthread_mutex_lock(&lock);
    p = place_of(b);
    if (p) {
        p->times++;
        p->ns += ns;
    } else {
        lost++;
    }
    pthread_mutex_unlock(&lock);
    errno = saved;
}

static int longest_first(const void *a, const void *b)
{
    const struct place *x = a, *y = b;

    return (x->ns < y->ns) - (x->ns > y->ns);
}

void go_shim_report(FILE *out)
{
    static struct place sorted[PLACES];
    uint64_t missing;
    char where[160];
    unsigned n;

    pthread_mutex_lock(&lock);
    n = used;
    missing = lost;
    memcpy(sorted, places, n * sizeof *sorted);
    qsort(sorted, n, sizeof *sorted, longest_first);
    for (unsigned i = 0; i < n; i++)
        fprintf(out, "blocked the thread: %s, %llu times, %.3f ms, called by %s\n", sorted[i].name,
                (unsigned long long)sorted[i].times, (double)sorted[i].ns / 1e6,
                fiber_place(sorted[i].caller, where, sizeof where));
    if (missing)
        fprintf(out, "blocked the thread: %llu times more, in other places\n",
                (unsigned long long)missing);
    pthread_mutex_unlock(&lock);
}
