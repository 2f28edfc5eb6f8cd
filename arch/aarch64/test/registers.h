/* SPDX-License-Identifier: MIT
 *
 * AArch64: the floating-point control register. */
static unsigned long fpcr(void)
{
    unsigned long word;

    __asm__ volatile("mrs %0, fpcr" : "=r"(word));
    return word;
}

static void set_fpcr(unsigned long word)
{
    __asm__ volatile("msr fpcr, %0" : : "r"(word));
}

enum { ROUND_UP = 1 << 22, ROUND_TO_ZERO = 3 << 22, FLUSH_TO_ZERO = 1 << 24 };

static const struct fp_word fp_words[] = {
    {"fpcr", fpcr, set_fpcr, ROUND_UP, ROUND_TO_ZERO | FLUSH_TO_ZERO}};

/* System calls, for programs without libc. */
enum { NR_WRITE = 64, NR_EXIT = 93 };
