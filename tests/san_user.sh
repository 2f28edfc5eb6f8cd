#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# A program that its author has built with a sanitizer, over a library that was built without one:
# tests of what the sanitizers see, and of what has many fibers, threads and children.

build=${BUILD:-build}
top=${TOP:-.}
CC=${CC:-cc}

skip() { echo "1..0 # SKIP $1"; exit 0; }
[ -z "${SAN:-}" ] || skip 'the library has a sanitizer of its own'
[ -z "${EMULATOR:-}" ] || skip 'sanitizers do not run under emulators'

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
echo 'int main(void) { return 0; }' >"$work/none.c"

tests=0
result() # description, and the status of what must have succeeded
{
    tests=$((tests + 1))
    if [ "$2" = 0 ]; then echo "ok $tests - $1"; else echo "not ok $tests - $1"; fi
}

try() # sanitizer test how-it-is-linked library…
{
    local what="S9.75 $2 with -fsanitize=$1, and a plain library, linked $3"

    if ! $CC -std=gnu11 -O1 -g -D_GNU_SOURCE -I"$top" -I"$top/include" "-fsanitize=$1" -rdynamic \
        -o "$work/test" "$top/tests/$2.c" "${@:4}" -lev -lcares -lpthread 2>"$work/err"; then
        sed 's/^/#   /' "$work/err"
        result "$what: it is built" 1
        return
    fi
    "$work/test" >"$work/out" 2>&1
    status=$?
    [ $status = 0 ] || sed 's/^/#   /' "$work/out"
    result "$what" $status
}

export ASAN_OPTIONS="detect_stack_use_after_return=1:${ASAN_OPTIONS:-}"
export TSAN_OPTIONS="die_after_fork=0:atexit_sleep_ms=0:${TSAN_OPTIONS:-}"
for san in address thread; do
    # shellcheck disable=SC2086 # it may be two words
    $CC "-fsanitize=$san" -o "$work/none" "$work/none.c" 2>/dev/null || continue
    "$work/none" || continue
    for test in "san_$san" nursery post fork; do
        try $san $test statically "$build/libgosling.a"
    done
    try $san "san_$san" dynamically "-L$build" "-Wl,-rpath,$build" -lgosling
done
[ $tests != 0 ] || skip "$CC has neither"
echo "1..$tests"
