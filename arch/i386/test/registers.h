/* SPDX-License-Identifier: MIT
 *
 * i386: MXCSR, for SSE, which every processor has on which this test runs, and the control word of
 * the x87. */
static unsigned long mxcsr(void)
{
    unsigned word;

    __asm__ volatile("stmxcsr %0" : "=m"(word));
    return word & 0xffc0;
}

static void set_mxcsr(unsigned long bits)
{
    unsigned word = (unsigned)bits;

    __asm__ volatile("ldmxcsr %0" : : "m"(word));
}

static unsigned long x87cw(void)
{
    unsigned short word;

    __asm__ volatile("fnstcw %0" : "=m"(word));
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

/* A program without libc does not ask the kernel what the processor has. */
#define REGISTERS_WITHOUT_LIBC bool arch_sse = true

/* System calls, for programs without libc. */
enum { NR_WRITE = 4, NR_EXIT = 1 };
