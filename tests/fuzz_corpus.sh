#!/bin/sh
# SPDX-License-Identifier: MIT
#
# The fuzz targets, briefly: the inputs on which they once failed (tests/fuzz/corpus/TARGET), and
# random ones, always the same.

n=0
plan=$(find "$TOP/tests/fuzz" -name '*.c' ! -name driver.c | wc -l)
echo "1..$plan"
for source in "$TOP"/tests/fuzz/*.c; do
    t=$(basename "$source" .c)
    [ "$t" != driver ] || continue
    n=$((n + 1))
    work=$(mktemp -d) || exit 1
    # shellcheck disable=SC2086 # an emulator may have options
    if find "$TOP/tests/fuzz/corpus/$t" -type f 2>/dev/null |
        (cd "$work" && xargs $EMULATOR "$BUILD/tests/fuzz/$t" -n 300 -s 1) >"$work/out" 2>&1; then
        echo "ok $n - S10.42 $t: the inputs on which it once failed, and 300 others"
    else
        sed 's/^/# /' "$work/out"
        echo "not ok $n - S10.42 $t: the inputs on which it once failed, and 300 others"
    fi
    rm -rf "$work"
done
