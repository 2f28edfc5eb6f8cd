#!/bin/sh
# SPDX-License-Identifier: MIT
#
# `make fuzz`: tools/fuzz.sh TARGET…: each of tests/fuzz/TARGET.c for $SECONDS_EACH seconds under
# AddressSanitizer, by libFuzzer where clang has it, else by tests/fuzz/driver.c. What libFuzzer
# finds interesting is kept in $O/corpus/TARGET for the next time; an input that fails is left in
# $O/corpus as TARGET-crash-…: put it into tests/fuzz/corpus/TARGET once it is repaired, and
# `make check` runs it from then on.
set -u
cd "$(dirname "$0")/.." || exit 2
O=${O:-$PWD/build}
MAKE=${MAKE:-make}
seconds=${SECONDS_EACH:-20}
seed=${SEED:-$(od -An -N3 -tu4 /dev/urandom | tr -d ' ')}
bad=

mkdir -p "$O/corpus"
probe=$O/corpus/probe
printf '#include <stddef.h>\nint LLVMFuzzerTestOneInput(const unsigned char *d, size_t n)\n' >"$probe.c"
printf '{ return d == 0 && n; }\n' >>"$probe.c"
if clang -fsanitize=fuzzer,address -o "$probe" "$probe.c" 2>/dev/null; then
    how=libFuzzer
    $MAKE O="$O/fuzz" CC=clang SAN=address FUZZER=1 \
        CFLAGS='-O1 -g -fsanitize=fuzzer-no-link' fuzz-programs || exit 1
    bin=$O/fuzz/tests/fuzz
else
    how='a plain driver'
    $MAKE O="$O/address" SAN=address fuzz-programs || exit 1
    bin=$O/address/tests/fuzz
fi
rm -f "$probe" "$probe.c"
echo "fuzz: $* by $how, $seconds s each, seed $seed"

# libFuzzer's pages of coverage are no leak of ours; a run's main stack is not poisoned.
export ASAN_OPTIONS="detect_stack_use_after_return=0:${ASAN_OPTIONS-}"
for t in "$@"; do
    out=$O/corpus/$t.log
    mkdir -p "$O/corpus/$t"
    if [ "$how" = libFuzzer ]; then
        set -- -max_total_time="$seconds" -seed="$seed" -max_len=2048 -timeout=20 \
            -artifact_prefix="$O/corpus/$t-" "$O/corpus/$t"
        [ ! -d "tests/fuzz/corpus/$t" ] || set -- "$@" "tests/fuzz/corpus/$t"
        "$bin/$t" "$@" >"$out" 2>&1
    else
        find "tests/fuzz/corpus/$t" -type f 2>/dev/null |
            (cd "$O/corpus" && xargs "$bin/$t" -t "$seconds" -s "$seed") >"$out" 2>&1
    fi
    if [ $? -eq 0 ]; then
        printf 'fuzz: %-8s ok (%s)\n' "$t" "$(grep -E '^Done|random inputs' "$out" | tail -1)"
    else
        printf 'fuzz: %-8s FAILED, seed %s:\n' "$t" "$seed"
        tail -60 "$out"
        bad="$bad $t"
    fi
done
if [ -n "$bad" ]; then
    echo "fuzz: failed:$bad" >&2
    exit 1
fi
