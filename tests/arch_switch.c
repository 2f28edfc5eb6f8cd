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

static void notes_entry(void *arg)
{
    entry_arg = arg;
    /* no variable's address: ASan may keep those elsewhere */
    entry_frame = (uintptr_t)__builtin_frame_address(0);
    for (;;)
        arch_switch(&peer, &self);
}

LAW(entry_gets_arg, "a new context calls entry(arg) on its own stack, aligned to 16 bytes")
{
    int x;

    start_peer(notes_entry, &x);
    arch_switch(&self, &peer);
    CHECK(entry_arg == &x);
    CHECK(entry_frame % 16 == 0);
    CHECK(entry_frame >= (uintptr_t)peer_stack);
    CHECK(entry_frame < (uintptr_t)peer_stack + STACK);
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

#if defined(__x86_64__) || defined(__aarch64__)

/* Calls fn with a pattern of seed's in each register that the ABI calls callee-saved; returns how
 * many of them came back otherwise. */
int registers_lost(void (*fn)(void), long seed);
#ifdef __x86_64__
__asm__(".text\n"
        ".type registers_lost, @function\n"
        "registers_lost:\n\t"
        ".cfi_startproc\n\t"
        "pushq %rbx\n\tpushq %rbp\n\tpushq %r12\n\tpushq %r13\n\tpushq %r14\n\tpushq %r15\n\t"
        "pushq %rsi\n\t"
        ".cfi_adjust_cfa_offset 56\n\t"
        "leaq 1(%rsi), %rbx\n\tleaq 2(%rsi), %rbp\n\tleaq 3(%rsi), %r12\n\t"
        "leaq 4(%rsi), %r13\n\tleaq 5(%rsi), %r14\n\tleaq 6(%rsi), %r15\n\t"
        "callq *%rdi\n\t"
        "popq %rsi\n\t"
        ".cfi_adjust_cfa_offset -8\n\t"
        "xorl %eax, %eax\n\t"
        "subq %rsi, %rbx\n\tcmpq $1, %rbx\n\tsetne %cl\n\taddb %cl, %al\n\t"
        "subq %rsi, %rbp\n\tcmpq $2, %rbp\n\tsetne %cl\n\taddb %cl, %al\n\t"
        "subq %rsi, %r12\n\tcmpq $3, %r12\n\tsetne %cl\n\taddb %cl, %al\n\t"
        "subq %rsi, %r13\n\tcmpq $4, %r13\n\tsetne %cl\n\taddb %cl, %al\n\t"
        "subq %rsi, %r14\n\tcmpq $5, %r14\n\tsetne %cl\n\taddb %cl, %al\n\t"
        "subq %rsi, %r15\n\tcmpq $6, %r15\n\tsetne %cl\n\taddb %cl, %al\n\t"
        "popq %r15\n\tpopq %r14\n\tpopq %r13\n\tpopq %r12\n\tpopq %rbp\n\tpopq %rbx\n\t"
        ".cfi_adjust_cfa_offset -48\n\t"
        "ret\n\t"
        ".cfi_endproc\n\t"
        ".size registers_lost, . - registers_lost\n");
#else
__asm__(".text\n"
        ".type registers_lost, %function\n"
        "registers_lost:\n\t"
        ".cfi_startproc\n\t"
        "stp x29, x30, [sp, #-176]!\n\t"
        ".cfi_def_cfa_offset 176\n\t"
        ".cfi_rel_offset x29, 0\n\t.cfi_rel_offset x30, 8\n\t"
        "stp x19, x20, [sp, #16]\n\tstp x21, x22, [sp, #32]\n\t"
        "stp x23, x24, [sp, #48]\n\tstp x25, x26, [sp, #64]\n\t"
        "stp x27, x28, [sp, #80]\n\t"
        "stp d8, d9, [sp, #96]\n\tstp d10, d11, [sp, #112]\n\t"
        "stp d12, d13, [sp, #128]\n\tstp d14, d15, [sp, #144]\n\t"
        "str x1, [sp, #160]\n\t"
        ".irp r, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29\n\t"
        "add x\\r, x1, #\\r\n\t"
        ".endr\n\t"
        ".irp r, 8, 9, 10, 11, 12, 13, 14, 15\n\t"
        "add x9, x1, #\\r\n\tfmov d\\r, x9\n\t"
        ".endr\n\t"
        "blr x0\n\t"
        "ldr x1, [sp, #160]\n\t"
        "mov w0, #0\n\t"
        ".irp r, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29\n\t"
        "sub x9, x\\r, x1\n\tcmp x9, #\\r\n\tcinc w0, w0, ne\n\t"
        ".endr\n\t"
        ".irp r, 8, 9, 10, 11, 12, 13, 14, 15\n\t"
        "fmov x9, d\\r\n\tsub x9, x9, x1\n\tcmp x9, #\\r\n\tcinc w0, w0, ne\n\t"
        ".endr\n\t"
        "ldp d14, d15, [sp, #144]\n\tldp d12, d13, [sp, #128]\n\t"
        "ldp d10, d11, [sp, #112]\n\tldp d8, d9, [sp, #96]\n\t"
        "ldp x27, x28, [sp, #80]\n\tldp x25, x26, [sp, #64]\n\t"
        "ldp x23, x24, [sp, #48]\n\tldp x21, x22, [sp, #32]\n\t"
        "ldp x19, x20, [sp, #16]\n\t"
        "ldp x29, x30, [sp], #176\n\t"
        ".cfi_restore x29\n\t.cfi_restore x30\n\t.cfi_def_cfa_offset 0\n\t"
        "ret\n\t"
        ".cfi_endproc\n\t"
        ".size registers_lost, . - registers_lost\n");
#endif

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
        for (long n = 0; n < 100; n++)
            lost_here += registers_lost(leave, n << 32);
        CHECK_EQ(lost_here, 0);
        CHECK_EQ(lost_there, 0);
    }
}

#endif

/* ---- floating-point control words ---- */

#ifdef __x86_64__

enum { MXCSR_DEFAULT = 0x1f80, MXCSR_UP = 0x5f80, MXCSR_INEXACT = 0x20, X87_DEFAULT = 0x37f };

static uint16_t x87cw(void)
{
    uint16_t cw;

    __asm__ volatile("fnstcw %0" : "=m"(cw));
    TAP_FILLED(&cw, sizeof cw);
    return cw;
}

static void set_x87cw(uint16_t cw)
{
    __asm__ volatile("fldcw %0" : : "m"(cw));
}

static unsigned mxcsr_control(void)
{
    unsigned word = __builtin_ia32_stmxcsr();

    TAP_FILLED(&word, sizeof word);
    return word & 0xffc0;
}

static unsigned peer_mxcsr, peer_x87cw;

static void peer_words(void *arg)
{
    switch_fn *leave_by = arg;

    for (;;) {
        peer_mxcsr = mxcsr_control();
        peer_x87cw = x87cw();
        __builtin_ia32_ldmxcsr(0x9fc0); /* toward zero, denormals are zeros */
        set_x87cw(0x27f);               /* double precision */
        leave_by(&peer, &self);
    }
}

LAW(words_belong, "the floating-point control words belong to the context")
{
    switch_fn *kinds[] = {arch_switch, inlined};

    if (RUNNING_ON_VALGRIND) {
        TAP_SKIP("Valgrind has no control words");
        return;
    }
    for (int i = 0; i < 2; i++) {
        __builtin_ia32_ldmxcsr(MXCSR_UP);
        set_x87cw(X87_DEFAULT & ~0x3f); /* unmasked exceptions */
        start_peer(peer_words, kinds[i]);
        __builtin_ia32_ldmxcsr(MXCSR_DEFAULT);
        set_x87cw(X87_DEFAULT);
        kinds[i](&self, &peer);
        /* A new context has its creator's, as a new thread does. */
        CHECK_EQ(peer_mxcsr, MXCSR_UP);
        CHECK_EQ(peer_x87cw, X87_DEFAULT & ~0x3f);
        CHECK_EQ(mxcsr_control(), MXCSR_DEFAULT);
        CHECK_EQ(x87cw(), X87_DEFAULT);
        for (int n = 0; n < 3; n++)
            kinds[i](&self, &peer);
        CHECK_EQ(peer_mxcsr, 0x9fc0);
        CHECK_EQ(peer_x87cw, 0x27f);
        CHECK_EQ(mxcsr_control(), MXCSR_DEFAULT);
        CHECK_EQ(x87cw(), X87_DEFAULT);
    }
}

LAW(words_one_by_one, "a control word is switched when it alone differs")
{
    for (int i = 0; i < 2; i++) {
        start_peer(peer_words, i ? inlined : arch_switch);
        arch_switch(&self, &peer);
        set_x87cw(0x27f); /* as the peer's: now only MXCSR differs */
        arch_switch(&self, &peer);
        CHECK_EQ(mxcsr_control(), MXCSR_DEFAULT);
        set_x87cw(X87_DEFAULT);
        __builtin_ia32_ldmxcsr(0x9fc0); /* now only the x87's does */
        arch_switch(&self, &peer);
        CHECK_EQ(x87cw(), X87_DEFAULT);
        __builtin_ia32_ldmxcsr(MXCSR_DEFAULT);
    }
}

#elif defined(__aarch64__)

enum { ROUND_UP = 1 << 22, ROUND_TO_ZERO = 3 << 22, FLUSH_TO_ZERO = 1 << 24 };

static uint64_t fpcr(void)
{
    uint64_t word;

    __asm__ volatile("mrs %0, fpcr" : "=r"(word));
    return word;
}

static void set_fpcr(uint64_t word)
{
    __asm__ volatile("msr fpcr, %0" : : "r"(word));
}

static uint64_t peer_fpcr;

static void peer_words(void *arg)
{
    switch_fn *leave_by = arg;

    for (;;) {
        peer_fpcr = fpcr();
        set_fpcr(ROUND_TO_ZERO | FLUSH_TO_ZERO);
        leave_by(&peer, &self);
    }
}

LAW(words_belong, "the floating-point control words belong to the context")
{
    switch_fn *kinds[] = {arch_switch, inlined};
    uint64_t before = fpcr();

    for (int i = 0; i < 2; i++) {
        set_fpcr(ROUND_UP);
        start_peer(peer_words, kinds[i]);
        set_fpcr(before);
        kinds[i](&self, &peer);
        /* A new context has its creator's, as a new thread does. */
        CHECK_EQ(peer_fpcr, ROUND_UP);
        CHECK_EQ(fpcr(), before);
        for (int n = 0; n < 3; n++)
            kinds[i](&self, &peer);
        CHECK_EQ(peer_fpcr, ROUND_TO_ZERO | FLUSH_TO_ZERO);
        CHECK_EQ(fpcr(), before);
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
static void *first_fp = &first_fp;

static void notes_fp(void *arg)
{
    (void)arg;
#if defined(__x86_64__)
    __asm__ volatile("" ::: "memory");
    __asm__ volatile("movq %%rbp, %0" : "=r"(first_fp));
#elif defined(__aarch64__)
    __asm__ volatile("" ::: "memory");
    __asm__ volatile("mov %0, x29" : "=r"(first_fp));
#endif
    for (;;)
        arch_switch(&peer, &self);
}

#ifdef ARCH_FP
LAW(fp_is_zero, "a new context begins with a frame pointer of 0")
{
    start_peer(notes_fp, NULL);
    CHECK(!peer.fp);
    arch_switch(&self, &peer);
    /* Either nobody has set a frame up, and it is still 0, or it is notes_fp's, in its stack. */
    CHECK(!first_fp || ((char *)first_fp > peer_stack && (char *)first_fp < peer_stack + STACK));
    CHECK(!first_fp || !*(void **)first_fp);
}
#else
__attribute__((unused)) static void (*const unused)(void *) = notes_fp;
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

LAW(exceptions_stop, "S9.18 an exception that comes to arch_call or to an entry ends the program")
{
#if defined(__arm__)
    TAP_SKIP("unwind tables of another kind");
#else
    CHECK_EQ(fate(throw_from_call), SIGABRT);
    if (!TAP_SANITIZED) /* AddressSanitizer wants to know the stack that an unwinder starts on */
        CHECK_EQ(fate(throw_from_entry), SIGABRT);
#endif
}

LAW(forced_unwinding_stops, "S9.18 pthread_exit beneath arch_call ends the program")
{
#if defined(__arm__)
    TAP_SKIP("unwind tables of another kind");
#else
    CHECK_EQ(fate(exit_from_call), SIGABRT);
#endif
}

TAP_MAIN
