/* SPDX-License-Identifier: MIT
 *
 * MIPS of 64 bits, little-endian, ABI n64: "MIPSpro N32 ABI Handbook", table 2-1 ("N32 and N64
 * register conventions"): a callee preserves s0 to s7 ($16 to $23), gp ($28), sp ($29), fp ($30),
 * and the doubles $f24 to $f31, which are the lower halves of MSA's registers. The control and
 * status register of floating point, FCSR, is a global there, as a thread has it; here its control
 * bits (rounding, traps, flush-to-zero) belong to the context. Its flags, which are sticky, are
 * nobody's. sp is a multiple of 16 always. There are no landing pads.
 *
 * The stack of a parked context, from its sp upwards:
 *
 *      offset  contents
 *        0     s0 (arg of a context that has never run), s1 (entry), s2 to s7
 *       64     gp
 *       72     fp (0)
 *       80     ra (arch_start)
 *       88     $f24 to $f31
 *      152     FCSR
 *      160     the caller's
 */
#ifndef ARCH_MIPS64EL_CONTEXT_H
#define ARCH_MIPS64EL_CONTEXT_H

#include "arch/called.h"

#endif
