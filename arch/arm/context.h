/* SPDX-License-Identifier: MIT
 *
 * Arm of 32 bits, "Procedure Call Standard for the Arm Architecture" (AAPCS32, IHI 0042). Section
 * 6.1.1 ("Core registers"): a callee preserves r4 to r11 and sp (r9's other roles are not Linux's);
 * section 6.1.2.1: where there is VFP, d8 to d15, whether the program passes floats in its
 * registers (armhf) or not (armel). FPSCR is a global there, as a thread has it; here its control
 * bits (rounding, flush-to-zero, NaNs, traps, vectors' length and stride) belong to the context.
 * Its flags are nobody's. sp is a multiple of 8 at every call. There are no landing pads.
 *
 * The stack of a parked context, from its sp upwards:
 *
 *      offset  contents
 *        0     d8 to d15, if there is VFP
 *       64     FPSCR
 *       68     r4 (arg of a context that has never run), r5 (entry), r6 to r10, r11 (0)
 *      100     lr (arch_start)
 *      104     the caller's
 */
#ifndef ARCH_ARM_CONTEXT_H
#define ARCH_ARM_CONTEXT_H

#include "arch/called.h"

#ifndef __ASSEMBLER__

#include <stdbool.h>

#define ARCH_PERSONALITY 1 /* personality.c */

/* The processor has VFP, which code that was not compiled for it may use by itself (vfp.c). */
extern bool arch_vfp __attribute__((visibility("hidden")));

#endif
#endif
