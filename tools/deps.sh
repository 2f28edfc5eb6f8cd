#!/bin/sh
# SPDX-License-Identifier: MIT
#
# tools/deps.sh base|bench|peers|fuzz|clang|valgrind|registers|full|TARGET: installs the Debian
# packages that are missing, as root or with sudo; without either, or without apt, says what to
# install. Tests for files first, so that it costs nothing when all is there, and serves on systems
# with other package managers too. TARGET is one of arch/*/targets: its cross compiler.
set -eu

base='gcc g++ make libc6-dev libev-dev libc-ares-dev perl pkg-config'
bench='libboost-context-dev'
peers='golang-go libboost-fiber-dev'
fuzz='clang libclang-rt-14-dev'
clang='clang'
valgrind='valgrind'
registers='qemu-user clang-16 lld-16 llvm-16-linker-tools'
full='clang clang-format valgrind gdb strace linux-perf curl openssl stunnel4 nginx apache2
      postgresql redis-server mariadb-server memcached apache2-utils xz-utils
      libpq-dev libhiredis-dev libcurl4-openssl-dev libssl-dev libmariadb-dev
      netcat-openbsd git wget redis-tools python3'

have_file() # any of the patterns
{
    for f in "$@"; do
        [ -e "$f" ] && return 0
    done
    return 1
}

have() # is the package, or what we need of it, there?
{
    case $1 in
    gcc | g++ | make | perl | curl | openssl | clang | clang-format | valgrind | gdb | strace)
        command -v "$1" >/dev/null 2>&1 ;;
    pkg-config)
        command -v pkg-config >/dev/null 2>&1 || command -v pkgconf >/dev/null 2>&1 ;;
    libclang-rt-14-dev) have_file /usr/lib/llvm-*/lib/clang/*/lib/linux/libclang_rt.fuzzer-*.a ;;
    libc6-dev) have_file /usr/include/stdio.h ;;
    libc-ares-dev) have_file /usr/include/ares.h /usr/local/include/ares.h ;;
    libev-dev) have_file /usr/include/ev.h /usr/local/include/ev.h /usr/include/libev/ev.h ;;
    libboost-context-dev) have_file /usr/include/boost/context/detail/fcontext.hpp ;;
    *) [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ] ;;
    esac
}

target() # NAME
{
    sh "$(dirname "$0")/targets.sh" list "$1" | while read -r _ _ triplet debian _ emulator; do
        # none is known, or it is the machine's own
        [ "$triplet" != - ] && [ "$triplet" != "$(${CC:-gcc} -dumpmachine)" ] || continue
        tools=$(echo "$triplet" | tr _ -)
        echo "gcc-$tools g++-$tools libc6-dev-$debian-cross dpkg-dev"
        [ "$emulator" = - ] || echo qemu-user gdb-multiarch
    done
}

case ${1:-base} in
base) wanted=$base ;;
bench) wanted=$bench ;;
peers) wanted=$peers ;;
fuzz) wanted=$fuzz ;;
clang) wanted=$clang ;;
valgrind) wanted=$valgrind ;;
registers) wanted=$registers ;;
full) wanted="$base $bench $full $(target aarch64)" ;;
*)
    wanted=$(target "$1")
    if [ -z "$wanted" ] && [ -z "$(sh "$(dirname "$0")/targets.sh" list "$1")" ]; then
        echo "usage: tools/deps.sh base|bench|peers|fuzz|clang|valgrind|registers|full|TARGET" >&2
        exit 2
    fi
    ;;
esac

missing=
for p in $wanted; do
    have "$p" || missing="$missing $p"
done
# prove comes with perl proper, not with perl-base.
if [ "${1:-base}" = base ] && ! command -v prove >/dev/null 2>&1; then
    missing="$missing perl"
fi
[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null 2>&1; then
    echo "no apt-get here: please install what gosling needs (Debian's names):$missing" >&2
    exit 1
fi

if [ "$(id -u)" = 0 ]; then
    root=
elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
    root=sudo
elif command -v sudo >/dev/null 2>&1 && [ -t 0 ]; then
    root=sudo # may ask for the password
else
    echo "gosling needs some packages, and neither root nor sudo is at hand. Please run:" >&2
    echo "    apt-get install$missing" >&2
    exit 1
fi

echo "installing:$missing"

apt()
{
    # The lock: another installation may be under way.
    $root env DEBIAN_FRONTEND=noninteractive \
        apt-get -qq -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300 "$@"
}

log=$(mktemp)
trap 'rm -f "$log"' EXIT
# The lists on this machine may do; when they do not (none, or stale), fetch them and try again.
# shellcheck disable=SC2086
if ! apt install --no-install-recommends -y $missing >"$log" 2>&1; then
    if ! { apt update && apt install --no-install-recommends -y $missing; } >"$log" 2>&1; then
        cat "$log" >&2
        echo "could not install:$missing" >&2
        exit 1
    fi
fi
