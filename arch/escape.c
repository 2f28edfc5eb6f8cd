/* SPDX-License-Identifier: MIT
 *
 * The personality routine of the two frames that no exception may leave: arch_call and a context's
 * first. An unwinder asks each frame's routine whether it stops there; these two always do, in the
 * search phase already, while every frame of the fiber is still there for a debugger to look at.
 * pthread_exit and pthread_cancel do not search: they unwind by force.
 *
 * Only <unwind.h>'s types are used, so that neither libstdc++ nor libgcc_s is needed. */
#include "arch/arch.h"
#include <unwind.h>

#ifndef ARCH_PERSONALITY /* the folder's own, for unwind tables of another kind */

_Unwind_Reason_Code arch_personality(int version, _Unwind_Action actions,
                                     _Unwind_Exception_Class class,
                                     struct _Unwind_Exception *exception,
                                     struct _Unwind_Context *context)
    __attribute__((visibility("hidden"), used)); /* by assembly, which LTO does not see */

_Unwind_Reason_Code arch_personality(int version, _Unwind_Action actions,
                                     _Unwind_Exception_Class class,
                                     struct _Unwind_Exception *exception,
                                     struct _Unwind_Context *context)
{
    (void)version;
    (void)class;
    (void)exception;
    (void)context;
    arch_escaped((actions & _UA_FORCE_UNWIND) != 0);
}

#else
typedef int not_empty;
#endif
