#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Every function that the installed libc exports is accounted for: in shim/names.tab, which says how
# it is covered or why not, or in shim/quiet.list, of those that do not wait. And the shim exports
# what the table says that it covers.

lib=$(ldconfig -p 2>/dev/null | sed -n 's/.*libc\.so\.6 (libc6,x86-64.*=> //p' | head -n 1)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

if [ -n "${EMULATOR:-}${SAN:-}" ] || [ -z "$lib" ] || ! command -v nm >/dev/null; then
    echo '1..0 # SKIP the list is of the plain x86-64 glibc'
    exit 0
fi
echo 1..2

functions() # of what nm has printed
{
    awk '$2 ~ /[TWiV]/ { sub(/@.*/, "", $3); print $3 }' | sort -u
}
names() # kinds to leave out
{
    awk -F '[ \t]*[|][ \t]*' -v not="$1" '!/^#/ && NF > 3 {
        split($5, how, " ")
        if (how[1] != not) { n = split($1, name, /[ \t]*,[ \t]*/); for (i = 1; i <= n; i++) print name[i] }
    }' "$TOP/shim/names.tab" | sort -u
}

nm -D --defined-only "$lib" | functions >"$work/libc"
{ names none; grep -v '^#' "$TOP/shim/quiet.list"; } | sort -u >"$work/known"
comm -23 "$work/libc" "$work/known" >"$work/unknown"
if [ -s "$work/unknown" ]; then
    echo 'not ok 1 - S11.16 every function of libc is in the table, or in the list of the quiet'
    sed 's/^/# neither: /' "$work/unknown" | head -n 50
else
    echo "ok 1 - S11.16 every function of libc is in the table, or in the list of the quiet"
    echo "# $(wc -l <"$work/libc") functions, $(names inner | wc -l) covered by their names"
fi

nm -D --defined-only "$BUILD/libgosling-shim.so" | functions >"$work/shim"
names inner | comm -23 - "$work/shim" >"$work/missing"
if [ -s "$work/missing" ]; then
    echo 'not ok 2 - S11.16 the shim exports what the table says'
    sed 's/^/# missing: /' "$work/missing"
else
    echo 'ok 2 - S11.16 the shim exports what the table says'
fi
