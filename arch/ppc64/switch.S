/* SPDX-License-Identifier: MIT
 *
 * PowerPC of 64 bits: the switch, a context's first instructions, and the call that no exception
 * leaves. The ABIs, and the frame of a parked context, are in context.h. */
#include "context.h"
#include "abi.inc"

#define R14    48
#define F14    192
#define R2     336
#define FPSCR  344
#define VRSAVE 352
#define V20    368
#define FRAME  560
#define CR     8  /* in the caller's frame */
#define LR     16

#define FPSCR_CONTROL 0xff /* enables, rounding */

#define DWARF_F0  32
#define DWARF_LR  65
#define DWARF_CR2 70
#define DWARF_V0  77

        .machine power4
        .machine altivec

        .hidden arch_personality /* escape.c */
        .hidden arch_altivec     /* altivec.c */

        .text

        .macro each op
        .irp n, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
        \op \n
        .endr
        .endm

        .macro save n
        std \n, R14 + 8 * (\n - 14)(1)
        .cfi_rel_offset \n, R14 + 8 * (\n - 14)
        stfd \n, F14 + 8 * (\n - 14)(1)
        .cfi_rel_offset DWARF_F0 + \n, F14 + 8 * (\n - 14)
        .endm

        .macro load n
        lfd \n, F14 + 8 * (\n - 14)(1)
        .cfi_restore DWARF_F0 + \n
        ld \n, R14 + 8 * (\n - 14)(1)
        .cfi_restore \n
        .endm

        .macro each_vector op
        li 7, V20
        .irp n, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
        \op \n, 7, 1
        .if \n < 31
        addi 7, 7, 16
        .endif
        .endr
        .endm

/* void arch_switch(struct arch_context *from, struct arch_context *to); */
        function arch_switch
        .cfi_startproc
        mflr 0
        mfcr 5
        std 0, LR(1)
        .cfi_rel_offset DWARF_LR, LR
        stw 5, CR(1)
        .cfi_rel_offset DWARF_CR2, CR
        stdu 1, -FRAME(1)
        .cfi_adjust_cfa_offset FRAME
        each save
        std 2, R2(1)
        mffs 0
        stfd 0, FPSCR(1)
        addis 6, 2, arch_altivec@toc@ha
        lbz 6, arch_altivec@toc@l(6)
        cmpwi 0, 6, 0
        beq 1f
        mfspr 7, 256 /* VRSAVE */
        stw 7, VRSAVE(1)
        each_vector stvx
1:
        ld 8, FPSCR(1)

        /* From here on the frame is the other's; it has the same form, so that its description
         * holds for both. */
        std 1, ARCH_SP(3)
        ld 1, ARCH_SP(4)

        beq 2f
        lwz 7, VRSAVE(1)
        mtspr 256, 7
        each_vector lvx
2:
        /* write the control word only where a control bit differs */
        ld 9, FPSCR(1)
        xor 8, 8, 9
        andi. 8, 8, FPSCR_CONTROL
        beq 3f
        lfd 0, FPSCR(1)
        mtfsf 0xff, 0
3:
        ld 2, R2(1)
        each load
        addi 1, 1, FRAME
        .cfi_adjust_cfa_offset -FRAME
        lwz 5, CR(1)
        ld 0, LR(1)
        mtcrf 0x38, 5
        .cfi_restore DWARF_CR2
        mtlr 0
        .cfi_restore DWARF_LR
        blr
        .cfi_endproc
        end arch_switch

/* void arch_context_init(struct arch_context *c, void *top, void (*entry)(void *), void *arg);
 * A new context has its creator's control words, as a new thread does; its vectors are what lies
 * there. Above the frame is one for arch_start, as large as a callee may ask for. The address of
 * arch_start is where the bl returns to. */
        function arch_context_init
        .cfi_startproc
        addi 4, 4, -(FRAME + START_FRAME)
        li 0, 0
        std 0, FRAME(4)
        stw 0, FRAME + CR(4)
        std 6, R14(4)
        std 5, R14 + 8(4)
        std 2, R2(4)
        mffs 0
        stfd 0, FPSCR(4)
        mfspr 7, 256
        stw 7, VRSAVE(4)
        std 4, ARCH_SP(3)
        mflr 0
        .cfi_register DWARF_LR, 0
        bl .Lfound_start
        .cfi_endproc

/* Where a new context begins. It has no caller: the back chain is 0 and the return address
 * undefined, so that both ways of walking a stack end here. Its symbol is code in both ABIs: nobody
 * calls it, and debuggers find its name so. */
        .type arch_start, @function
arch_start:
        .cfi_startproc
        .cfi_personality PERSONALITY
        .cfi_undefined DWARF_LR
        mr 3, 14
        call_by 15
        trap /* entry never returns */
        .cfi_endproc
        .size arch_start, . - arch_start

        .cfi_startproc
        .cfi_register DWARF_LR, 0
.Lfound_start:
        mflr 7
        std 7, FRAME + LR(4)
        mtlr 0
        .cfi_restore DWARF_LR
        blr
        .cfi_endproc
        end arch_context_init

/* int arch_call(int (*fn)(void *), void *arg); */
        function arch_call
        .cfi_startproc
        .cfi_personality PERSONALITY
        mflr 0
        std 0, LR(1)
        .cfi_rel_offset DWARF_LR, LR
        stdu 1, -START_FRAME(1)
        .cfi_adjust_cfa_offset START_FRAME
        mr 12, 3
        mr 3, 4
        call_by 12
        addi 1, 1, START_FRAME
        .cfi_adjust_cfa_offset -START_FRAME
        ld 0, LR(1)
        mtlr 0
        .cfi_restore DWARF_LR
        blr
        .cfi_endproc
        end arch_call

#ifdef PERSONALITY_REF
/* Unwind tables name the personality routine by its address here. */
        .section .data.rel.ro, "aw"
        .p2align 3
        .type DW.ref.arch_personality, @object
DW.ref.arch_personality:
        .quad arch_personality
        .size DW.ref.arch_personality, 8
#endif

        .section .note.GNU-stack, "", @progbits
