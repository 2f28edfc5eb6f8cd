/* SPDX-License-Identifier: MIT
 *
 * s390x: the floating-point control register; its last three bits round. */
static unsigned long fpc(void)
{
    unsigned word;

    __asm__ volatile("efpc %0" : "=d"(word));
    return word & 7;
}

static void set_fpc(unsigned long word)
{
    __asm__ volatile("sfpc %0" : : "d"((unsigned)word));
}

enum { ROUND_TO_ZERO = 1, ROUND_UP = 2 };

static const struct fp_word fp_words[] = {{"fpc", fpc, set_fpc, ROUND_UP, ROUND_TO_ZERO}};

/* System calls, for programs without libc. */
enum { NR_WRITE = 4, NR_EXIT = 1 };
