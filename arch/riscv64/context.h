/* SPDX-License-Identifier: MIT
 *
 * RISC-V of 64 bits, "RISC-V ELF psABI". Chapter "Register Convention": a callee preserves sp, s0
 * to s11 (x8, x9, x18 to x27) and, where there is floating point, fs0 to fs11 (f8, f9, f18 to f27),
 * in whole doubles; gp and tp are nobody's to change. Vector registers are temporaries. fcsr's
 * rounding mode (frm) is a global there, as a thread has it; here it belongs to the context. Its
 * flags, which are sticky, are nobody's. sp is a multiple of 16 always.
 *
 * No shadow stack (Zicfiss) is switched, and there are no landing pads (Zicfilp): no Linux enforces
 * them yet.
 *
 * The stack of a parked context, from its sp upwards:
 *
 *      offset  contents
 *        0     s0 (0 in a context that has never run), s1 (arg), s2 (entry), s3 to s11
 *       96     ra (arch_start)
 *      104     fs0 to fs11
 *      200     frm
 *      208     the caller's
 */
#ifndef ARCH_RISCV64_CONTEXT_H
#define ARCH_RISCV64_CONTEXT_H

#include "arch/called.h"

#endif
