/* SPDX-License-Identifier: MIT
 *
 * What one switch costs, one way, against Boost.Context's raw jump. Each round times the three in
 * turn, so that whatever else the machine does meanwhile meets them alike; the medians of the
 * rounds are compared. */
#include "arch/arch.h"

#include <fenv.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

enum { ROUNDS = 15, TRIPS = 1000000, STACK = 64 * 1024 };

/* Boost.Context's C interface (boost/context/detail/fcontext.hpp is C++). */
typedef void *fcontext_t;
struct transfer {
    fcontext_t from;
    void *data;
};
struct transfer jump_fcontext(fcontext_t to, void *data);
fcontext_t make_fcontext(void *top, size_t size, void (*fn)(struct transfer));

static fcontext_t boost;

_Noreturn void arch_escaped(int forced)
{
    (void)forced;
    abort();
}

static struct arch_context self, inlined, called;

static void inlined_peer(void *arg)
{
    (void)arg;
    for (;;)
        arch_switch_inline(&inlined, &self);
}

static void inlined_trips(int n)
{
    while (n--)
        arch_switch_inline(&self, &inlined);
}

/* Both sides run this loop, as all fibers of a program call the switch from the same place: its
 * return is then predicted, since the processor expects it to go where the last call came from. */
__attribute__((noinline, noclone)) static void called_loop(struct arch_context *from,
                                                           struct arch_context *to, int n)
{
    while (n--)
        arch_switch(from, to);
}

static void called_peer(void *arg)
{
    (void)arg;
    for (;;)
        called_loop(&called, &self, INT_MAX);
}

static void called_trips(int n)
{
    called_loop(&self, &called, n);
}

static void boost_peer(struct transfer t)
{
    for (;;)
        t = jump_fcontext(t.from, NULL);
}

static void boost_trips(int n)
{
    while (n--)
        boost = jump_fcontext(boost, NULL).from;
}

static double cost(void (*trips)(int))
{
    struct timespec a, b;

    /* Boost loads MXCSR at every jump, which takes 4 ns, or 75 when a sticky status bit differs
     * between the two sides: it is measured at its best. */
    feclearexcept(FE_ALL_EXCEPT);
    trips(1000);
    clock_gettime(CLOCK_MONOTONIC, &a);
    trips(TRIPS);
    clock_gettime(CLOCK_MONOTONIC, &b);
    return ((double)(b.tv_sec - a.tv_sec) * 1e9 + (double)(b.tv_nsec - a.tv_nsec)) / (2.0 * TRIPS);
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double median(double *v)
{
    qsort(v, ROUNDS, sizeof *v, ascending);
    return v[ROUNDS / 2];
}

static char *stack_top(void)
{
    char *p = mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (p == MAP_FAILED) {
        perror("mmap");
        exit(1);
    }
    return p + STACK;
}

int main(void)
{
    double i[ROUNDS], c[ROUNDS], b[ROUNDS], reference;

    arch_context_init(&inlined, stack_top(), inlined_peer, NULL);
    arch_context_init(&called, stack_top(), called_peer, NULL);
    boost = make_fcontext(stack_top(), STACK, boost_peer);
    for (int r = 0; r < ROUNDS; r++) {
        i[r] = cost(inlined_trips);
        c[r] = cost(called_trips);
        b[r] = cost(boost_trips);
    }
    reference = median(b);
    printf("switch_inlined %.2f ns ratio=%.2f vs=boost\n", median(i), i[ROUNDS / 2] / reference);
    printf("switch_call %.2f ns ratio=%.2f vs=boost\n", median(c), c[ROUNDS / 2] / reference);
    return 0;
}
