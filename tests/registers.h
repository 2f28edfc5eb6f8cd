/* SPDX-License-Identifier: MIT
 *
 * What a test of the switch asks of an architecture: its folder test/ has registers.S, with a
 * function that fills every callee-saved register, and registers.h, with the table of its
 * floating-point control words. They do without libc; so does this. */
#ifndef TESTS_REGISTERS_H
#define TESTS_REGISTERS_H

struct fp_word {
    const char *name;
    unsigned long (*get)(void); /* its control bits alone */
    void (*set)(unsigned long bits);
    unsigned long one, other; /* two settings that no thread starts with */
};

/* Assembly has written *p, and MemorySanitizer has not seen that. */
#ifdef TAP_FILLED
#define FP_FILLED(p) TAP_FILLED(p, sizeof *(p))
#else
#define FP_FILLED(p) ((void)0)
#endif

#include "test/registers.h"

enum { FP_WORDS = sizeof fp_words / sizeof *fp_words };

/* Calls fn with a pattern of seed's in each register that the ABI calls callee-saved; returns how
 * many of them came back otherwise. */
int registers_lost(void (*fn)(void), long seed);

#endif
