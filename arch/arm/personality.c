/* SPDX-License-Identifier: MIT
 *
 * escape.c's routine, for Arm's own unwind tables (EHABI, IHI 0038, section 7.3, "Personality
 * routine exception-handling interface"): there a routine also does the unwinding, and is asked by
 * who only looks, as backtrace() does; libgcc marks that as a search by force. */
#include "arch/arch.h"
#include <unwind.h>

_Unwind_Reason_Code __gnu_unwind_frame(struct _Unwind_Control_Block *block,
                                       struct _Unwind_Context *context);

_Unwind_Reason_Code arch_personality(_Unwind_State state, struct _Unwind_Control_Block *block,
                                     struct _Unwind_Context *context)
    __attribute__((visibility("hidden"), used)); /* by assembly, which LTO does not see */

_Unwind_Reason_Code arch_personality(_Unwind_State state, struct _Unwind_Control_Block *block,
                                     struct _Unwind_Context *context)
{
    if (state == (_US_VIRTUAL_UNWIND_FRAME | _US_FORCE_UNWIND))
        return __gnu_unwind_frame(block, context) == _URC_OK ? _URC_CONTINUE_UNWIND : _URC_FAILURE;
    arch_escaped((state & _US_FORCE_UNWIND) != 0);
}
