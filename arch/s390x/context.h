/* SPDX-License-Identifier: MIT
 *
 * s390x, "ELF Application Binary Interface s390x Supplement". Section 1.2.1 ("Registers"): a callee
 * preserves r6 to r13, r15, which is the stack pointer, and f8 to f15, which are the first halves
 * of v8 to v15; r14 has the return address, and a0 and a1 the thread pointer. The floating-point
 * control register, fpc, is a global there, as a thread has it; here it belongs to the context.
 * Section 1.2.2 ("The Stack Frame"): a caller leaves 160 bytes above its stack pointer, in which
 * the callee saves registers, and which begin with the back chain.
 *
 * The stack of a parked context, from its sp upwards:
 *
 *      offset  contents
 *        0     f8 to f15
 *       64     fpc, 4 bytes; 12 that are free
 *       80     the caller's 160 bytes; of them
 *      128     r6, r7; of a context that has never run: arg, entry
 *      144     r8 to r13
 *      192     r14; of a context that has never run: arch_start
 *      200     r15, which is 80 above sp
 */
#ifndef ARCH_S390X_CONTEXT_H
#define ARCH_S390X_CONTEXT_H

#include "arch/called.h"

#endif
