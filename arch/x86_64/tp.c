/* SPDX-License-Identifier: MIT
 *
 * Whether the kernel lets programs write fs's base by themselves (Linux 5.9 and processors since
 * 2012; it says so in AT_HWCAP2), and how it is asked to where not. */
#include "context.h"
#include "syscall.h"
#include <asm/prctl.h>
#include <sys/auxv.h>
#include <sys/syscall.h>

#define FSGSBASE 2 /* the kernel's HWCAP2_FSGSBASE */

bool arch_fsgsbase;

__attribute__((constructor)) static void ask(void)
{
    arch_fsgsbase = (getauxval(AT_HWCAP2) & FSGSBASE) != 0;
}

void arch_tp_set_by_call(void *tp)
{
    arch_syscall6(SYS_arch_prctl, ARCH_SET_FS, (long)tp, 0, 0, 0, 0);
}
