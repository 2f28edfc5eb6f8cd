#!/bin/sh
# SPDX-License-Identifier: MIT
#
# tools/check-arch.sh TARGET|all: builds everything for a target of arch/*/targets (tools/targets.sh),
# or for `generic`, and runs the whole suite, under $O/TARGET. The machine's own and `generic` run as
# they are; others are cross-built, with Debian's compilers and libraries, and run by qemu, or by the
# machine itself if it can. What is missing is installed first.
set -eu
cd "$(dirname "$0")/.."

: "${O:=build}" "${MAKE:=make}"
native=$(sh tools/targets.sh arch "$(${CC:-gcc} -dumpmachine)")
unset CC CXX

cross() # ARCH TARGET TRIPLET DEBIAN EMULATOR
{
    libc=/usr/$3
    sh tools/deps.sh "$2" &&
        sh tools/sysroot.sh "$4" "$3" "$O/$2/sysroot" libev-dev libc-ares-dev || return 1
    if [ "$5" = - ]; then
        # This machine's kernel runs them; the dynamic linker is not where they look for it.
        for loader in "$libc"/lib/ld-*.so*; do :; done
        set -- "$1" "$2" "$3" LDFLAGS="-Wl,--dynamic-linker=$loader -Wl,-rpath,$libc/lib"
    else
        # An emulator takes about ten times as long, and more on a busy machine.
        : "${TEST_TIMEOUT:=300}"
        export TEST_TIMEOUT
        set -- "$1" "$2" "$3" EMULATOR="$5 -L $libc"
    fi
    except=$PWD/arch/$1/test/except.txt
    TAP_EXCEPT=$except TAP_MODE=$2 \
        $MAKE check-run ARCH="$1" O="$O/$2" CROSS="$3-" SYSROOT="$O/$2/sysroot" "$4"
}

check() # ARCH TARGET TRIPLET DEBIAN EMULATOR
{
    echo "== $2 =="
    case $1 in
    "$native" | generic) $MAKE check-run ARCH="$1" O="$O/$2" ;;
    *)
        if [ "$3" = - ]; then
            echo "no cross compiler is known: only tools/check-registers.sh runs there"
        else
            cross "$1" "$2" "$3" "$4" "$5"
        fi
        ;;
    esac
}

wanted=${1:-all}
sh tools/deps.sh base
{
    sh tools/targets.sh list | sed "/^$native /d; s/^/ /"
    echo " generic generic"
    if [ -n "$native" ]; then echo " $native $native"; fi
} >"${tmp:=$(mktemp)}"
trap 'rm -f "$tmp"' EXIT
bad=
found=
while read -r arch target triplet debian _ emulator; do
    case $wanted in
    all | "$arch" | "$target") ;;
    *) continue ;;
    esac
    found=1
    check "$arch" "$target" "${triplet:--}" "${debian:--}" "${emulator:--}" </dev/null ||
        bad="$bad $target"
done <"$tmp"
[ -n "$found" ] || { echo "tools/check-arch.sh: no target is called '$wanted'" >&2; exit 1; }
[ -z "$bad" ] || { echo "failed:$bad" >&2; exit 1; }
