/* SPDX-License-Identifier: MIT
 *
 * Arm of 32 bits: the control bits of FPSCR, by the names of the coprocessor that VFP was: a
 * program that was not compiled for it has no others. */
#include <stdbool.h>

static unsigned long fpscr(void)
{
    unsigned long word;

    __asm__ volatile(".fpu vfpv2\n\tvmrs %0, fpscr" : "=r"(word));
    return word & 0x07f79f00;
}

static void set_fpscr(unsigned long word)
{
    __asm__ volatile(".fpu vfpv2\n\tvmsr fpscr, %0" : : "r"(word));
}

enum { ROUND_UP = 1 << 22, ROUND_TO_ZERO = 3 << 22, FLUSH_TO_ZERO = 1 << 24 };

static const struct fp_word fp_words[] = {
    {"fpscr", fpscr, set_fpscr, ROUND_UP, ROUND_TO_ZERO | FLUSH_TO_ZERO}};

/* A program without libc does not ask the kernel what the processor has. */
#define REGISTERS_WITHOUT_LIBC bool arch_vfp = true

/* System calls, for programs without libc. */
enum { NR_WRITE = 4, NR_EXIT = 1 };
