/* SPDX-License-Identifier: MIT
 *
 * PowerPC: the enables and the rounding mode of FPSCR. */
static unsigned long fpscr(void)
{
    union {
        double word;
        unsigned long bits;
    } u;

    __asm__ volatile("mffs %0" : "=d"(u.word));
    return u.bits & 0xff;
}

static void set_fpscr(unsigned long bits)
{
    union {
        unsigned long bits;
        double word;
    } u = {bits};

    __asm__ volatile("mtfsf 0x03, %0" : : "d"(u.word));
}

enum { ROUND_TO_ZERO = 1, ROUND_UP = 2 };

static const struct fp_word fp_words[] = {{"fpscr", fpscr, set_fpscr, ROUND_UP, ROUND_TO_ZERO}};

/* A program without libc does not ask the kernel what the processor has. */
#define REGISTERS_WITHOUT_LIBC bool arch_altivec = true

/* System calls, for programs without libc. */
enum { NR_WRITE = 4, NR_EXIT = 1 };
