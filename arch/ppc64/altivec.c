/* SPDX-License-Identifier: MIT
 *
 * Whether the processor has vectors. */
#include "context.h"
#include <sys/auxv.h>

#define ALTIVEC 0x10000000 /* the kernel's PPC_FEATURE_HAS_ALTIVEC */

bool arch_altivec;

__attribute__((constructor)) static void ask(void)
{
    arch_altivec = (getauxval(AT_HWCAP) & ALTIVEC) != 0;
}
