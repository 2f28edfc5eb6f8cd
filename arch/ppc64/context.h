/* SPDX-License-Identifier: MIT
 *
 * PowerPC of 64 bits: big-endian by the "64-bit PowerPC ELF Application Binary Interface
 * Supplement" 1.9 (ELFv1, in which a function's address is that of a descriptor) or, where the
 * compiler says so, by "Power Architecture 64-Bit ELF V2 ABI Specification" (ELFv2), which
 * arch/ppc64le/ takes from here. In both (sections 3.2.1 and 2.2.1.1) a callee preserves r1, which
 * is the stack pointer, r14 to r31, f14 to f31, v20 to v31, VRSAVE, and the fields 2 to 4 of CR;
 * and r2, the TOC, as far as its module goes. r13 is the thread pointer. FPSCR is a global there,
 * as a thread has it; here its enables and the rounding mode belong to the context. Its flags,
 * which are sticky, are nobody's, and so is the rounding of decimal numbers. What lies below r1 is
 * free for signal handlers only beyond 288 bytes, and a switch writes nothing there. r1 points to
 * the back chain, a caller keeps room above it for its callee's CR (8) and LR (16), and for r2.
 * There are no landing pads.
 *
 * The stack of a parked context, from its sp upwards:
 *
 *      offset  contents
 *        0     back chain; 40 bytes that are free
 *       48     r14 (arg of a context that has never run), r15 (entry), r16 to r31
 *      192     f14 to f31
 *      336     r2
 *      344     FPSCR
 *      352     VRSAVE, 4 bytes; 12 that are free
 *      368     v20 to v31, if there are vectors
 *      560     the caller's: back chain (0)
 *      568     CR
 *      576     LR (arch_start)
 */
#ifndef ARCH_PPC64_CONTEXT_H
#define ARCH_PPC64_CONTEXT_H

#include "arch/called.h"

#ifndef __ASSEMBLER__

#include <stdbool.h>

/* The processor has vectors, which code that was not compiled for it may use by itself
 * (altivec.c). */
extern bool arch_altivec __attribute__((visibility("hidden")));

#endif
#endif
