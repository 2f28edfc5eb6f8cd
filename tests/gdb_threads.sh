#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# gdb, with tools/gosling-gdb.py, and the threads of a wrapped program: they show, each with its stack,
# and the signals of the library's own do not.

gosling=${BUILD:-build}/gosling
script=${TOP:-.}/tools/gosling-gdb.py
work=$(mktemp -d)
pid=
trap 'kill "$pid" 2>/dev/null; rm -rf "$work"' EXIT

skip() { echo "1..0 # SKIP $1"; exit 0; }
[ -z "${SAN:-}${EMULATOR:-}" ] || skip 'threads are not fibers under a sanitizer or an emulator'
"$gosling" check /bin/sh | grep -q 'threads as fibers: yes' || skip 'threads are not fibers here'
command -v gdb >/dev/null || skip 'gdb is not installed'

"$gosling" run -- sleep 60 &
pid=$!
for _ in $(seq 100); do # until it sleeps, on the loop
    grep -q '^State:[[:space:]]*S' "/proc/$pid/status" && grep -q libgosling-shim "/proc/$pid/maps" && break
    sleep 0.05
done
sleep 0.2
timeout -k 2 40 gdb -nx -batch -p "$pid" -ex "source $script" -ex 'info signals SIGSYS' \
    -ex 'info gosling-threads' -ex 'gosling-backtrace' >"$work/out" 2>&1
grep -q 'SIGSYS.*No.*No.*Yes' "$work/out" || skip 'gdb cannot look at a process here'

tests=0
has() # description, pattern
{
    tests=$((tests + 1))
    if grep -qE "$2" "$work/out"; then
        echo "ok $tests - S11.89 $1"
    else
        echo "not ok $tests - S11.89 $1"
        sed 's/^/# /' "$work/out"
    fi
}

has 'a thread is listed with its id, its name and its wait' "^$pid +sleep +waits for sleep"
has 'its stack is walked from its wait into libc and its main' '^#[0-9]+ .* in .*nanosleep'
echo "1..$tests"
