/* SPDX-License-Identifier: MIT
 *
 * LoongArch of 64 bits, "LoongArch ELF psABI", section "Register Convention": a callee preserves sp
 * (r3), fp (r22), s0 to s8 (r23 to r31) and, where there is floating point, fs0 to fs7 (f24 to
 * f31), which are the lower parts of the vector registers; tp (r2) and r21 are nobody's to change.
 * fcsr0 is a global there, as a thread has it; here its control bits (rounding, traps) belong to
 * the context. Its flags, which are sticky, are nobody's. sp is a multiple of 16 always. There are
 * no landing pads.
 *
 * The stack of a parked context, from its sp upwards:
 *
 *      offset  contents
 *        0     fp (0 in a context that has never run)
 *        8     s0 (arg), s1 (entry), s2 to s8
 *       80     ra (arch_start)
 *       88     fs0 to fs7
 *      152     fcsr0
 *      160     the caller's
 */
#ifndef ARCH_LOONGARCH64_CONTEXT_H
#define ARCH_LOONGARCH64_CONTEXT_H

#include "arch/called.h"

#endif
