/* SPDX-License-Identifier: MIT
 *
 * Whether the processor has SSE. It is asked itself: what libc tells of AT_HWCAP is its own idea of
 * the platform. */
#include "context.h"
#include <cpuid.h>

bool arch_sse;

__attribute__((constructor)) static void ask(void)
{
    unsigned a, b, c, d;

    arch_sse = __get_cpuid(1, &a, &b, &c, &d) && (d & bit_SSE);
}
