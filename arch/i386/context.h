/* SPDX-License-Identifier: MIT
 *
 * i386, "System V Application Binary Interface, Intel386 Architecture Processor Supplement".
 * Section 2.2.1 ("Registers and the Stack Frame"): a callee preserves ebx, esi, edi, ebp and esp,
 * and the control word of the x87; where there is SSE, the control bits of MXCSR. Here these belong
 * to the context. esp + 4 is a multiple of 16 where a function begins. Linux knows neither landing
 * pads nor shadow stacks in programs of 32 bits.
 *
 * The stack of a parked context, from its sp upwards:
 *
 *      offset  contents
 *        0     MXCSR
 *        4     x87 control word, 2 bytes; 2 that are free
 *        8     edi (arg of a context that has never run)
 *       12     esi (entry)
 *       16     ebx
 *       20     ebp (0)
 *       24     return address (arch_start)
 */
#ifndef ARCH_I386_CONTEXT_H
#define ARCH_I386_CONTEXT_H

#include "arch/called.h"

#ifndef __ASSEMBLER__

#include <stdbool.h>

#define arch_pause() __asm__ volatile("pause" ::: "memory")

/* The processor has SSE, which code that was not compiled for it may use by itself (sse.c). */
extern bool arch_sse __attribute__((visibility("hidden")));

#endif
#endif
