#!/bin/sh
# SPDX-License-Identifier: MIT
#
# AArch64 with landing pads enforced (BTI): the tests of the switch pass in a program whose pages
# are guarded, and a program without one of the pads dies. libc's start files have no pads
# everywhere, so the program has a start of its own.

case $($CC -dumpmachine) in
aarch64*) ;;
*)
    echo '1..0 # SKIP not AArch64'
    exit 0
    ;;
esac

cd "${TOP:-.}" || exit 1
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

cat >"$work/start.S" <<'END'
        .text
        .globl _start
        .type _start, %function
_start:
        hint #34            /* bti c */
        mov x29, #0
        mov x30, #0
        mov x5, x0          /* what the dynamic linker wants to be called at the end */
        ldr x1, [sp]
        add x2, sp, #8
        mov x6, sp
        adrp x0, main
        add x0, x0, :lo12:main
        mov x3, #0
        mov x4, #0
        bl __libc_start_main
        brk #1000
        .size _start, . - _start

        .section .note.gnu.property, "a", %note
        .p2align 3
        .long 4, 16, 5
        .asciz "GNU"
        .long 0xc0000000, 4, 3, 0
        .section .note.GNU-stack, "", %progbits
END
cat >"$work/escaped.c" <<'END'
#include "arch/arch.h"
#include <stdlib.h>
void arch_escaped(int forced)
{
    (void)forced;
    abort();
}
END

build() # program, arch folder: that of another arch/ must come first on the include path
{
    # No calls of libgcc's for atomics: it has no landing pads everywhere.
    $CC -std=gnu11 -O2 -D_GNU_SOURCE -I"${2%/arch/*}" -I. -I"$2" -mbranch-protection=standard \
        -mno-outline-atomics -fPIE -pie -rdynamic -nostartfiles -Wl,-z,force-bti -o "$work/$1" \
        "$work/start.S" "$work/escaped.c" tests/arch_switch.c arch/escape.c "$2/switch.S" \
        arch/aarch64/test/registers.S -lpthread
}

broken() # name, file, sed expression: a copy of the switch with that change
{
    mkdir -p "$work/$1.d/arch/aarch64"
    cp arch/arch.h "$work/$1.d/arch"
    cp -r arch/aarch64/* "$work/$1.d/arch/aarch64"
    sed "$3" "arch/aarch64/$2" >"$work/$1.d/arch/aarch64/$2"
    ! cmp -s "arch/aarch64/$2" "$work/$1.d/arch/aarch64/$2" &&
        build "$1" "$work/$1.d/arch/aarch64" && ! $EMULATOR "$work/$1" >"$work/$1.out" 2>&1
}

report() # ok or not, what
{
    n=$((${n:-0} + 1))
    if [ "$1" = 0 ]; then echo "ok $n - $2"; else echo "not ok $n - $2"; fi
}

# Is anything enforced here? A processor, a kernel or a dynamic linker may not know of it.
if ! broken no_j switch.S 's/^#define BTI_J .*/#define BTI_J nop/'; then
    if [ -x "$work/no_j" ]; then
        echo '1..0 # SKIP landing pads are not enforced here'
        exit 0
    fi
    echo 'Bail out! it does not compile'
    exit 1
fi

build good "$PWD/arch/aarch64" && $EMULATOR "$work/good" >"$work/good.out" 2>&1
passed=$?
[ "$passed" = 0 ] || sed 's/^/# /' "$work/good.out"
report "$passed" 'the tests of the switch pass with landing pads enforced'
broken no_inline context.h 's/hint #36/nop/'
report $? 'the inlined switch needs its landing pad'
broken no_x16 switch.S 's/ldp x0, x16/ldp x0, x9/; /adr x30/,/brk/s/br x16/br x9/'
report $? 'a context begins by x16: by another register the jump to its entry is no call'

# The same without libc: static programs, of the register test.
static() # name, tree
{
    $CC -std=gnu11 -O2 -ffreestanding -fno-stack-protector -fno-pie -mbranch-protection=standard -nostdlib -static \
        -Wl,-z,force-bti -I"$2" -I. -I"$2/arch/aarch64" -o "$work/$1" tests/registers/registers.c \
        "$2/arch/aarch64/switch.S" arch/aarch64/test/registers.S arch/aarch64/test/start.S
}

static static_good . && $EMULATOR "$work/static_good" >"$work/good.out" 2>&1
passed=$?
[ "$passed" = 0 ] || sed 's/^/# /' "$work/good.out"
report "$passed" 'a good static program runs'
broken no_j switch.S 's/^#define BTI_J .*/#define BTI_J nop/'
static static_bad "$work/no_j.d"
$EMULATOR "$work/static_bad" >/dev/null 2>&1
[ $? = 132 ]
report $? 'a static program without a landing pad is killed'
echo "1..$n"
