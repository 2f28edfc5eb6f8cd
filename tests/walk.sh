#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# gdb and perf walk a fiber's stack to its entry, and stop there. Each is skipped where it is not
# installed, or may not look at processes.

program=${BUILD:-build}/tests/walk
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

case ${EMULATOR:-} in
'' | qemu-*) ;;
*) SAN=other ;;
esac
if [ -n "${SAN:-}" ]; then
    echo '1..0 # SKIP the debugger would see the emulator, or the sanitizer'
    exit 0
fi

m='walk_middle walk_middle walk_middle'
wanted="walk_bottom $m $m walk_top fiber_main arch_start"
# makecontext's trampoline has no name; gdb knows it for the end, perf prints it.
[ "${ARCH:-}" == generic ] && trampoline=' [unknown]'
tests=0
walked() # description, the functions' names
{
    tests=$((tests + 1))
    if [ "$2" == "$wanted" ]; then
        echo "ok $tests - $1"
    else
        echo "not ok $tests - $1"
        echo "#   got:    $2"
        echo "#   wanted: $wanted"
    fi
}

skip() # description, reason
{
    tests=$((tests + 1))
    echo "ok $tests - $1 # SKIP $2"
}

# ---- gdb ----

# Under qemu gdb talks to the emulator, which waits for it with the program not yet begun.
emulated()
{
    # A processor that passes over signatures of return addresses: the emulator does not tell gdb which
    # bits they are.
    case $EMULATOR in
    qemu-aarch64*) export QEMU_CPU=cortex-a72 ;;
    esac
    # shellcheck disable=SC2086 # the emulator's options
    timeout 50 $EMULATOR -g "$work/socket" "$program" >/dev/null 2>&1 &
    for _ in {1..50}; do
        [ -S "$work/socket" ] && break
        sleep 0.1
    done
    timeout 50 gdb-multiarch -nx -batch -ex "set sysroot ${EMULATOR##*-L }" -ex "file $program" \
        -ex "target remote $work/socket" -ex 'break walk_bottom' -ex continue -ex bt -ex kill
    local status=$?
    wait
    return $status
}

natively()
{
    gdb -nx -batch -ex 'break walk_bottom' -ex run -ex bt -ex kill "$program"
}

gdb=gdb run=natively
if [ -n "${EMULATOR:-}" ]; then gdb=gdb-multiarch run=emulated; fi
what='S9.71 gdb walks from a fiber to its entry, and ends there'
if ! command -v "$gdb" >/dev/null; then
    skip "$what" "$gdb is not installed"
elif ! "$run" >"$work/gdb" 2>&1 || ! grep -q '^#0' "$work/gdb"; then
    skip "$what" 'gdb cannot run a program here'
else
    walked "$what" "$(sed -n 's/^#[0-9]* *\(0x[0-9a-f]* in \)\?\([a-z_]*\) (.*/\2/p' "$work/gdb" | xargs)"
fi

# ---- perf ----

what='S9.71 perf walks from a fiber to its entry, and ends there'
if [ -n "${EMULATOR:-}" ]; then
    skip "$what" 'perf would see the emulator'
elif ! command -v perf >/dev/null; then
    skip "$what" 'perf is not installed'
elif ! WALK_MS=1 perf record -q -F 99 -e cpu-clock --call-graph dwarf,16384 -o "$work/data" \
    "$program" >/dev/null 2>&1; then
    skip "$what" 'perf may not look here'
else
    # The first sample from inside walk_bottom, without what that calls.
    perf script -i "$work/data" -F ip,sym 2>/dev/null |
        awk -v RS= '{ n = 0
                      for (i = 2; i <= NF; i += 2) {
                          if ($i == "walk_bottom") n = i
                          if (n && $i == "walk_top") found = 1
                      }
                      if (found) { for (i = n; i <= NF; i += 2) print $i; exit } }' >"$work/perf"
    if [ -s "$work/perf" ]; then
        frames=$(xargs <"$work/perf")
        walked "$what" "${frames%"${trampoline:-}"}"
    else
        skip "$what" 'no sample was taken there'
    fi
fi

echo "1..$tests"
