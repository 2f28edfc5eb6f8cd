#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# `make demo`: the echo example serves a thousand connections on one thread. Prints what it reached,
# what it cost next to raw epoll, and a part of its tree of fibers.
set -u

bin=${O:-build}
connections=1000
seconds=3
work=$(mktemp -d)
server=''
load=''

cleanup()
{
    [ -z "$load" ] || kill "$load" 2>/dev/null
    [ -z "$server" ] || { kill -KILL "$server" && wait "$server"; } 2>/dev/null
    rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 1' INT TERM

fail()
{
    echo "demo failed: $*" >&2
    [ ! -s "$work/server.err" ] || { echo 'the server said:' >&2; head -n 20 "$work/server.err" >&2; }
    exit 1
}

wait_for() # seconds, command…: until it succeeds
{
    local tries=$(($1 * 20))

    shift
    while ! "$@"; do
        [ $((tries -= 1)) -gt 0 ] || return 1
        sleep 0.05
    done
}

result() { awk -v name="$1" '$1 == name { print $2 }' "$work/load.out"; }

for program in examples/echo bench/load bench/echo; do
    [ -x "$bin/$program" ] || fail "$bin/$program is not there: make bench-build makes it"
done
ulimit -n "$(ulimit -H -n)" 2>/dev/null
[ "$(ulimit -n)" = unlimited ] || [ "$(ulimit -n)" -ge $((connections + 100)) ] ||
    fail "$connections connections need more file descriptors than this shell may have ($(ulimit -n))"

# ---- the server ----

"$bin/examples/echo" 0 >"$work/server.out" 2>"$work/server.err" &
server=$!
wait_for 5 grep -q ' port [0-9]' "$work/server.out" || fail 'the echo server did not start'
port=$(sed 's/.* //' "$work/server.out")
echo "examples/echo listens on port $port, process $server"

# ---- a thousand connections, and a look at the server while they talk ----

echo "$connections connections, each sending 64 bytes and waiting for them to come back, for $seconds seconds:"
timeout 15 "$bin/bench/load" "$port" $connections $seconds 64 >"$work/load.out" 2>"$work/load.err" &
load=$!
sleep 2
threads=$(awk '$1 == "Threads:" { print $2 }' "/proc/$server/status" 2>/dev/null)
kill -USR1 "$server" 2>/dev/null || fail 'the server has died under load'
wait "$load"
status=$?
load=
[ $status = 0 ] || fail "the load generator had trouble: $(cat "$work/load.err" "$work/load.out")"
[ "$(result connections)" = $connections ] || fail "only $(result connections) connections were made"

rate=$(result rate)
echo
echo "  requests per second   $rate"
echo "  latency               p50 $(result p50) us, p99 $(result p99) us"
echo "  errors                $(result errors)"
echo "  threads               $threads"

# ---- what it costs ----

timeout 20 "$bin/bench/echo" --quick >"$work/echo.out" 2>"$work/echo.err" ||
    fail "the comparison with raw epoll did not work: $(cat "$work/echo.err")"
cpu=$(awk '$1 == "echo_cpu_per_request" { print $2 }' "$work/echo.out")
ratio=$(sed -n 's/^echo_cpu_per_request.*ratio=\([0-9.]*\).*/\1/p' "$work/echo.out")
spread=$(awk '$1 == "echo_raw_spread" { print $2 }' "$work/echo.out")
[ -n "$ratio" ] || fail "no ratio in: $(cat "$work/echo.out")"
echo "  CPU per request       $cpu ns, $ratio x raw epoll (which differs from itself by $spread %)"

# ---- the tree ----

wait_for 5 test -s "$work/server.err" || fail 'the server printed no tree of its fibers'
echo
echo 'Part of the tree of fibers, as the server printed it under load (kill -USR1):'
head -n 10 "$work/server.err" | cut -c 1-150 | sed 's/^/  /'
echo "  … and $(($(wc -l <"$work/server.err") - 10)) lines more"

# ---- the end ----

gone() { ! kill -0 "$server" 2>/dev/null; }

kill -TERM "$server"
wait_for 10 gone || fail 'the server did not stop on SIGTERM'
wait "$server"
status=$?
server=
[ $status = 0 ] || fail "after SIGTERM the server ended with status $status"

echo
echo "demo ok: one thread, $connections connections, $rate requests per second, CPU $ratio x raw epoll"
