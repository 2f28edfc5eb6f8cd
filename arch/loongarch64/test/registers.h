/* SPDX-License-Identifier: MIT
 *
 * LoongArch: the control bits of fcsr0. */
static unsigned long fcsr(void)
{
    unsigned long word;

    __asm__ volatile("movfcsr2gr %0, $fcsr0" : "=r"(word));
    return word & 0x31f;
}

static void set_fcsr(unsigned long word)
{
    __asm__ volatile("movgr2fcsr $fcsr0, %0" : : "r"(word));
}

enum { ROUND_TO_ZERO = 1 << 8, ROUND_UP = 2 << 8 };

static const struct fp_word fp_words[] = {{"fcsr0", fcsr, set_fcsr, ROUND_UP, ROUND_TO_ZERO}};

/* System calls, for programs without libc. */
enum { NR_WRITE = 64, NR_EXIT = 93 };
