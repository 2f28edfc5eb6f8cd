/* SPDX-License-Identifier: MIT
 *
 * The register test without libc: any compiler that knows the architecture can make it, and any
 * kernel or emulator run it. In each pair of the two kinds of switch, two contexts switch to and
 * fro; each holds its own pattern in every callee-saved register, and settings in the control words
 * of floating point, none of which may come back otherwise. Says so, and exits with 1 if one did.
 *
 * Its switches are 100,000 in all, half of them to each side. */
#include "arch/arch.h"
#include "syscall.h"
#include "tests/registers.h"
#include <stdbool.h>

enum { SWITCHES = 100000, PAIRS = 4, STACK = 16 * 1024 };

void registers_main(void);
void arch_personality(void);

#ifdef REGISTERS_WITHOUT_LIBC
REGISTERS_WITHOUT_LIBC;
#endif

/* No exception is thrown here. */
void arch_personality(void)
{
    __builtin_trap();
}

typedef void switch_fn(struct arch_context *from, struct arch_context *to);

static struct arch_context self, peer;
static _Alignas(64) char peer_stack[STACK];
static switch_fn *self_kind, *peer_kind;
static unsigned lost, words_lost, switches;

__attribute__((noinline)) static void inlined(struct arch_context *from, struct arch_context *to)
{
    arch_switch_inline(from, to);
}

static void check_words(bool mine)
{
    for (int w = 0; w < FP_WORDS; w++)
        words_lost += fp_words[w].get() != (mine ? fp_words[w].one : fp_words[w].other);
}

/* These do nothing else: a function that needs callee-saved registers restores them for its caller,
 * and the loss would go unseen. */
static void leave(void)
{
    self_kind(&self, &peer);
}

static void leave_peer(void)
{
    peer_kind(&peer, &self);
}

static void peer_entry(void *arg)
{
    for (int w = 0; w < FP_WORDS; w++)
        fp_words[w].set(fp_words[w].other);
    for (long seed = 1000;; seed += 13) {
        switches++;
        *(unsigned *)arg += (unsigned)registers_lost(leave_peer, seed);
        check_words(false);
    }
}

static void say(const char *text)
{
    long n = 0;

    while (text[n])
        n++;
    arch_syscall6(NR_WRITE, 1, (long)text, n, 0, 0, 0);
}

/* Without a division, which on Arm may be libgcc's. */
static void say_number(unsigned n)
{
    static const unsigned places[] = {1000000, 100000, 10000, 1000, 100, 10, 1};
    bool begun = false;

    for (unsigned i = 0; i < sizeof places / sizeof *places; i++) {
        char digit[2] = "0";

        while (n >= places[i]) {
            n -= places[i];
            digit[0]++;
        }
        begun = begun || digit[0] != '0' || places[i] == 1;
        if (begun)
            say(digit);
    }
}

void registers_main(void)
{
    switch_fn *kinds[] = {arch_switch, inlined};

    for (int i = 0; i < PAIRS; i++) {
        self_kind = kinds[i & 1];
        peer_kind = kinds[i >> 1];
        arch_context_init(&peer, peer_stack + STACK, peer_entry, &lost);
        for (int w = 0; w < FP_WORDS; w++)
            fp_words[w].set(fp_words[w].one);
        for (unsigned long n = 0; n < SWITCHES / PAIRS / 2; n++) {
            switches++;
            lost += (unsigned)registers_lost(leave, (long)(n * 0x1234567));
            check_words(true);
        }
    }
    say_number(switches);
    say(" switches, ");
    say_number(lost);
    say(" registers lost, ");
    say_number(words_lost);
    say(" control words lost\n");
    arch_syscall6(NR_EXIT, lost || words_lost || switches != SWITCHES, 0, 0, 0, 0, 0);
}
