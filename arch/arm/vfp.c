/* SPDX-License-Identifier: MIT
 *
 * Whether the processor has VFP. */
#include "context.h"
#include <sys/auxv.h>

#define VFP (1 << 6) /* the kernel's HWCAP_VFP */

bool arch_vfp;

__attribute__((constructor)) static void ask(void)
{
    arch_vfp = (getauxval(AT_HWCAP) & VFP) != 0;
}
