/* SPDX-License-Identifier: MIT
 *
 * x86-64: MXCSR, for SSE, and the control word of the x87. */
static unsigned long mxcsr(void)
{
    unsigned word = __builtin_ia32_stmxcsr();

    FP_FILLED(&word);
    return word & 0xffc0;
}

static void set_mxcsr(unsigned long word)
{
    __builtin_ia32_ldmxcsr((unsigned)word);
}

static unsigned long x87cw(void)
{
    unsigned short word;

    __asm__ volatile("fnstcw %0" : "=m"(word));
    FP_FILLED(&word);
    return word;
}

static void set_x87cw(unsigned long bits)
{
    unsigned short word = (unsigned short)bits;

    __asm__ volatile("fldcw %0" : : "m"(word));
}

enum {
    MXCSR_UP = 0x5f80,
    MXCSR_TO_ZERO = 0x9fc0, /* and denormals are zeros */
    X87_UNMASKED = 0x340,
    X87_DOUBLE = 0x27f
};

static const struct fp_word fp_words[] = {{"mxcsr", mxcsr, set_mxcsr, MXCSR_UP, MXCSR_TO_ZERO},
                                          {"x87cw", x87cw, set_x87cw, X87_UNMASKED, X87_DOUBLE}};

/* System calls, for programs without libc. */
enum { NR_WRITE = 1, NR_EXIT = 60 };
