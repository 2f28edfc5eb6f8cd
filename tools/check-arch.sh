#!/bin/sh
# SPDX-License-Identifier: MIT
#
# tools/check-arch.sh ARCH|all: builds everything for a folder of arch/ and runs the whole suite,
# under $O/ARCH. The machine's own and `generic` run as they are; others are cross-built, with
# Debian's compilers and libraries, and run by qemu. What is missing is installed first.
set -eu
cd "$(dirname "$0")/.."

: "${O:=build}" "${MAKE:=make}"
native=$(${CC:-gcc} -dumpmachine)
native=${native%%-*}

# An emulator takes about ten times as long, and more on a busy machine.
: "${TEST_TIMEOUT:=300}"
export TEST_TIMEOUT

cross() # ARCH, the triplet of its tools and libraries, Debian's name for it
{
    sh tools/deps.sh "$3"
    sh tools/sysroot.sh "$3" "$O/$1/sysroot" libev-dev libc-ares-dev
    $MAKE check-run ARCH="$1" O="$O/$1" CROSS="$2-" SYSROOT="$O/$1/sysroot" \
        EMULATOR="qemu-$1 -L /usr/$2"
}

check()
{
    echo "== $1 =="
    case $1 in
    "$native" | generic) $MAKE check-run ARCH="$1" O="$O/$1" ;;
    aarch64) cross aarch64 aarch64-linux-gnu arm64 ;;
    *)
        echo "tools/check-arch.sh: no cross compiler is known for '$1'" >&2
        return 1
        ;;
    esac
}

if [ "${1:-all}" != all ]; then
    check "$1"
    exit
fi
sh tools/deps.sh base
bad=
for dir in arch/*/context.h; do
    dir=${dir%/context.h}
    check "${dir#arch/}" || bad="$bad ${dir#arch/}"
done
[ -z "$bad" ] || { echo "failed:$bad" >&2; exit 1; }
