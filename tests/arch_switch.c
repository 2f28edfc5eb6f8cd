/* SPDX-License-Identifier: MIT
 *
 * The context switch: what a context keeps, in each pair of the two kinds of switch; where a
 * backtrace ends; and that no exception leaves a context's entry or arch_call. */
#include "arch/arch.h"
#include "tests/tap.h"

#include <execinfo.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/wait.h>
#include <unwind.h>

#if __has_include("test/registers.h")
#include "tests/registers.h"
#endif

/* Valgrind takes the stacks of neighbours for one. */
#if defined(__has_include) && __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#else
#define VALGRIND_STACK_REGISTER(lo, hi) 0
#define RUNNING_ON_VALGRIND             0
#endif

enum { STACK = 64 * 1024 };

static struct arch_context self, peer;
static _Alignas(64) char peer_stack[STACK];

static void start_peer(void (*entry)(void *), void *arg)
{
    arch_context_init(&peer, peer_stack + STACK, entry, arg);
}

typedef void switch_fn(struct arch_context *from, struct arch_context *to);

/* Has no frame pointer, where that can be had: so nobody but the switch keeps that register. */
#ifdef __clang__
#define NO_FRAME_POINTER
#else
#define NO_FRAME_POINTER , optimize("omit-frame-pointer")
#endif

TAP_UNUSED __attribute__((noinline NO_FRAME_POINTER)) static void inlined(struct arch_context *from,
                                                                          struct arch_context *to)
{
    arch_switch_inline(from, to);
}

/* ---- the entry ---- */

static void *entry_arg;
static uintptr_t entry_frame;
static bool entry_aligned;

static void notes_entry(void *arg)
{
    /* compilers take the stack to be aligned already */
    _Alignas(__BIGGEST_ALIGNMENT__) volatile char aligned;

    entry_aligned = (uintptr_t)&aligned % __BIGGEST_ALIGNMENT__ == 0;
    entry_arg = arg;
    /* no variable's address: ASan may keep those elsewhere */
    entry_frame = (uintptr_t)__builtin_frame_address(0);
    for (;;)
        arch_switch(&peer, &self);
}

LAW(entry_gets_arg, "a new context calls entry(arg) on its own stack, aligned as the ABI has it")
{
    int x;

    start_peer(notes_entry, &x);
    arch_switch(&self, &peer);
    CHECK(entry_arg == &x);
    CHECK(entry_aligned);
    CHECK(entry_frame >= (uintptr_t)peer_stack);
    CHECK(entry_frame <= (uintptr_t)peer_stack + STACK);
}

/* ---- what survives ---- */

/* Ten values that live across a switch, in registers where there are that many. */
#define DECLARE(i) uint64_t v##i = seed * (2 * i + 1) + i;
#define TOUCH(i)   __asm__ volatile("" : "+r"(v##i));
#define SUM(i)     +v##i *(i + 1)
#define TEN(X)     X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9)

static unsigned wrong;

#define KEEPER(name, switch_away)                                                                  \
    __attribute__((noinline)) static void name(struct arch_context *from, struct arch_context *to, \
                                               uint64_t seed, int n)                               \
    {                                                                                              \
        volatile unsigned char red[100]; /* in a leaf, this lies in the red zone */                \
                                                                                                   \
        for (unsigned i = 0; i < sizeof red; i++)                                                  \
            red[i] = (unsigned char)(seed + i);                                                    \
        while (n--) {                                                                              \
            TEN(DECLARE)                                                                           \
            uint64_t sum = TEN(SUM);                                                               \
            TEN(TOUCH)                                                                             \
            switch_away(from, to);                                                                 \
            TEN(TOUCH)                                                                             \
            wrong += sum != TEN(SUM);                                                              \
        }                                                                                          \
        for (unsigned i = 0; i < sizeof red; i++)                                                  \
            wrong += red[i] != (unsigned char)(seed + i);                                          \
    }
KEEPER(keeps_called, arch_switch)
KEEPER(keeps_inlined, arch_switch_inline)

static void peer_keeps_called(void *arg)
{
    (void)arg;
    for (uint64_t seed = 1u << 31;; seed += 77)
        keeps_called(&peer, &self, seed, 1000);
}

static void peer_keeps_inlined(void *arg)
{
    (void)arg;
    for (uint64_t seed = 1u << 30;; seed += 77)
        keeps_inlined(&peer, &self, seed, 1000);
}

LAW(locals_survive, "locals survive a million switches, in every pair of kinds")
{
    void (*peers[])(void *) = {peer_keeps_called, peer_keeps_inlined};
    int n = TAP_SANITIZED ? 10000 : 250000;

    wrong = 0;
    for (int i = 0; i < 2; i++) {
        start_peer(peers[i], NULL);
        keeps_called(&self, &peer, 5, n / 2);
        keeps_inlined(&self, &peer, 6, n / 2);
        start_peer(peers[i], NULL);
        keeps_inlined(&self, &peer, 7, n / 2);
        keeps_called(&self, &peer, 8, n / 2);
    }
    CHECK_EQ(wrong, 0);
}

enum { RING = 64 };
static struct arch_context ring[RING];
static int turns[RING];

static void ring_member(void *arg)
{
    int i = (int)(intptr_t)arg;
    struct arch_context *next = &ring[(i + 1) % RING];

    for (;;) {
        turns[i]++;
        if (i % 3)
            arch_switch_inline(&ring[i], next);
        else
            arch_switch(&ring[i], next);
    }
}

LAW(ring_of_contexts, "contexts may be resumed in a ring, each by another than it left to")
{
    enum { SIZE = 16 * 1024, LAPS = 1000 };
    char *stacks = aligned_alloc(64, RING * SIZE);

    if (!CHECK(stacks))
        return;
    for (int i = 1; i < RING; i++) {
        char *top = stacks + (i + 1) * SIZE;

        (void)VALGRIND_STACK_REGISTER(top - SIZE, top);
        arch_context_init(&ring[i], top, ring_member, (void *)(intptr_t)i);
    }
    for (int lap = 0; lap < LAPS; lap++)
        arch_switch_inline(&ring[0], &ring[1]);
    for (int i = 1; i < RING; i++)
        CHECK_EQ(turns[i], LAPS);
    free(stacks);
}

#ifdef TESTS_REGISTERS_H

static switch_fn *self_kind, *peer_kind;

static void leave(void)
{
    self_kind(&self, &peer);
}

static void leave_peer(void)
{
    peer_kind(&peer, &self);
}

static void peer_registers(void *arg)
{
    for (long seed = 1000;; seed += 13)
        *(int *)arg += registers_lost(leave_peer, seed);
}

LAW(registers_survive, "callee-saved registers survive a switch, in every pair of kinds")
{
    switch_fn *kinds[] = {arch_switch, inlined};

    for (int i = 0; i < 4; i++) {
        int lost_here = 0, lost_there = 0;

        self_kind = kinds[i & 1];
        peer_kind = kinds[i >> 1];
        start_peer(peer_registers, &lost_there);
        for (unsigned long n = 0; n < 100; n++)
            lost_here += registers_lost(leave, (long)(n * 0x1234567));
        CHECK_EQ(lost_here, 0);
        CHECK_EQ(lost_there, 0);
    }
}

/* ---- floating-point control words ---- */

static unsigned long found[FP_WORDS];

static void peer_words(void *arg)
{
    switch_fn *leave_by = arg;

    for (;;) {
        for (int w = 0; w < FP_WORDS; w++) {
            found[w] = fp_words[w].get();
            fp_words[w].set(fp_words[w].other);
        }
        leave_by(&peer, &self);
    }
}

static bool no_words(void)
{
    if (!RUNNING_ON_VALGRIND)
        return FP_WORDS == 0;
    TAP_SKIP("Valgrind has no control words");
    return true;
}

LAW(words_belong, "the floating-point control words belong to the context")
{
    switch_fn *kinds[] = {arch_switch, inlined};
    unsigned long before[FP_WORDS];

    if (no_words())
        return;
    for (int w = 0; w < FP_WORDS; w++)
        before[w] = fp_words[w].get();
    for (int i = 0; i < 2; i++) {
        for (int w = 0; w < FP_WORDS; w++)
            fp_words[w].set(fp_words[w].one);
        start_peer(peer_words, kinds[i]);
        for (int w = 0; w < FP_WORDS; w++)
            fp_words[w].set(before[w]);
        for (int n = 0; n < 4; n++) {
            kinds[i](&self, &peer);
            for (int w = 0; w < FP_WORDS; w++) {
                /* A new context has its creator's, as a new thread does. */
                CHECK_EQ(found[w], n == 0 ? fp_words[w].one : fp_words[w].other);
                CHECK_EQ(fp_words[w].get(), before[w]);
            }
        }
    }
}

LAW(words_one_by_one, "a control word is switched when it alone differs")
{
    unsigned long before[FP_WORDS];

    if (no_words())
        return;
    for (int w = 0; w < FP_WORDS; w++)
        before[w] = fp_words[w].get();
    for (int i = 0; i < 2; i++) {
        start_peer(peer_words, i ? inlined : arch_switch);
        arch_switch(&self, &peer);
        for (int differs = 0; differs < FP_WORDS; differs++) {
            for (int w = 0; w < FP_WORDS; w++)
                fp_words[w].set(w == differs ? before[w] : fp_words[w].other);
            arch_switch(&self, &peer);
            for (int w = 0; w < FP_WORDS; w++) {
                CHECK_EQ(fp_words[w].get(), w == differs ? before[w] : fp_words[w].other);
                CHECK_EQ(found[w], fp_words[w].other);
            }
        }
        for (int w = 0; w < FP_WORDS; w++)
            fp_words[w].set(before[w]);
    }
}

#endif

/* ---- walking the stack ---- */

static void *frames[64];
static int depth;

__attribute__((noinline)) static void walk(int levels)
{
    if (levels > 0)
        walk(levels - 1);
    else
        depth = backtrace(frames, 64);
    __asm__ volatile("" ::: "memory"); /* no tail call */
}

static void walks(void *arg)
{
    (void)arg;
    for (;;) {
        walk(5);
        arch_switch_inline(&peer, &self);
    }
}

LAW(backtrace_stops, "a backtrace ends at the context's entry")
{
    for (int i = 0; i < 3; i++) {
        depth = 0;
        if (i < 2) {
            if (i == 0)
                start_peer(walks, NULL);
            arch_switch(&self, &peer);
            /* walk six times, walks, and whatever the architecture starts a context with */
            CHECK(depth >= 7);
            CHECK(depth <= 7 + 3);
        } else {
            walk(5); /* on the thread's stack, behind a switch: still whole */
            CHECK(depth > 7);
        }
    }
}

/* The frame-pointer chain of a new context ends too: a profiler that follows it needs no tables. */
#ifdef ARCH_FP
static void *first_fp = &first_fp;

static void notes_fp(void *arg)
{
    (void)arg;
    __asm__ volatile("" ::: "memory");
    first_fp = *(void **)__builtin_frame_address(0);
    for (;;)
        arch_switch(&peer, &self);
}

LAW(fp_is_zero, "a new context begins with a frame pointer of 0")
{
    start_peer(notes_fp, NULL);
    CHECK(!peer.fp);
    arch_switch(&self, &peer);
    CHECK(!first_fp);
}
#endif

/* ---- exceptions ---- */

static int adds_one(void *arg)
{
    return *(int *)arg + 1;
}

LAW(call_returns, "arch_call returns what the function returns")
{
    int x = 41;

    CHECK_EQ(arch_call(adds_one, &x), 42);
}

static struct _Unwind_Exception exception;

static int throws(void *arg)
{
    (void)arg;
    _Unwind_RaiseException(&exception);
    _exit(3); /* nobody caught it, and nobody stopped it */
}

static int exits_thread(void *arg)
{
    (void)arg;
    pthread_exit(NULL);
}

static void throws_at_entry(void *arg)
{
    throws(arg);
}

static void *in_thread(void *arg)
{
    (void)arg;
    arch_call(exits_thread, NULL);
    return NULL;
}

/* How a child that runs this ends: its signal, or -1 minus its status. */
static int fate(void (*fn)(void))
{
    int status = 0;
    pid_t pid = fork();

    if (pid == 0) {
        int fd = open("/dev/null", O_WRONLY);

        dup2(fd, 2);
        fn();
        _exit(4);
    }
    waitpid(pid, &status, 0);
    return WIFSIGNALED(status) ? WTERMSIG(status) : -1 - WEXITSTATUS(status);
}

static void throw_from_call(void)
{
    arch_call(throws, NULL);
}

static void throw_from_entry(void)
{
    start_peer(throws_at_entry, NULL);
    arch_switch_inline(&self, &peer);
}

static void exit_from_call(void)
{
    pthread_t thread;

    if (!pthread_create(&thread, NULL, in_thread, NULL))
        pthread_join(thread, NULL);
}

static bool stops_exceptions(void)
{
#if defined(__arm__) && defined(ARCH_GENERIC_CONTEXT_H)
    return false;
#else
    return true;
#endif
}

LAW(exceptions_stop, "S9.18 an exception that comes to arch_call or to an entry ends the program")
{
    if (!stops_exceptions()) {
        TAP_SKIP("the generic switch stops none with 32-bit Arm's unwind tables");
        return;
    }
    CHECK_EQ(fate(throw_from_call), SIGABRT);
    if (!TAP_SANITIZED) /* AddressSanitizer wants to know the stack that an unwinder starts on */
        CHECK_EQ(fate(throw_from_entry), SIGABRT);
}

LAW(forced_unwinding_stops, "S9.18 pthread_exit beneath arch_call ends the program")
{
    if (!stops_exceptions()) {
        TAP_SKIP("the generic switch stops none with 32-bit Arm's unwind tables");
        return;
    }
    CHECK_EQ(fate(exit_from_call), SIGABRT);
}

TAP_MAIN
