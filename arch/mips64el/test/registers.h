/* SPDX-License-Identifier: MIT
 *
 * MIPS: the control bits of FCSR. */
static unsigned long fcsr(void)
{
    unsigned word;

    __asm__ volatile("cfc1 %0, $31" : "=r"(word));
    return word & 0x01000f83;
}

static void set_fcsr(unsigned long word)
{
    __asm__ volatile("ctc1 %0, $31" : : "r"((unsigned)word));
}

enum { ROUND_TO_ZERO = 1, ROUND_UP = 2, FLUSH_TO_ZERO = 1 << 24 };

static const struct fp_word fp_words[] = {
    {"fcsr", fcsr, set_fcsr, ROUND_UP, ROUND_TO_ZERO | FLUSH_TO_ZERO}};

/* System calls, for programs without libc. */
enum { NR_WRITE = 5001, NR_EXIT = 5058 };
