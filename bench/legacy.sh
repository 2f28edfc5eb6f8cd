#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# bench/legacy.sh: a thread-per-connection server in plain pthreads, natively and under `gosling run`,
# in turns, under the same load (ROUNDS=5, SECONDS_EACH=2): requests a second, requests per second of
# the server's CPU time, p99, memory per connection, the time until all are served. Medians; the
# ratios are of wrapped to native. ONLY='9000/100': these rows.
set -u

gosling=$BUILD/gosling
server=$BUILD/bench/legacy/echo
load=$BUILD/bench/legacy/load
# shellcheck source=tools/servers.sh
. "$(dirname "$0")/../tools/servers.sh"
: "${ROUNDS:=5}" "${SECONDS_EACH:=2}"
ulimit -n "$(ulimit -Hn)"

status_of() # pid, field
{
    sed -n "s/^$2:[ \t]*\([0-9]*\).*/\1/p" "/proc/$1/status"
}

# A user who may have 450 processes: how many connections were served?
limited()
{
    local port pid as=() failed_ mode
    [ "$(id -u)" = 0 ] && as=(setpriv --reuid nobody --regid nogroup --clear-groups)
    for mode in native wrapped; do
        local command=("$server")
        [ $mode = native ] || command=("$gosling" run -- "$server")
        port=$(free_port)
        "${as[@]}" bash -c 'ulimit -u 450 && exec "$@"' - "${command[@]}" "$port" >/dev/null 2>&1 &
        pid=$!
        pids+=("$pid")
        sleep 0.5
        timeout 60 "$load" "$port" 9000 100 "$SECONDS_EACH" "$pid" >"$work/load" 2>/dev/null ||
            echo '0 0 0 0 0 9000' >"$work/load"
        failed_=$(awk '{ print $6 }' "$work/load")
        printf '9000 connections, 450 processes: %-8s %6s failed, %s thread(s)\n' $mode "$failed_" \
            "$(status_of "$pid" Threads)"
        kill -TERM "$pid" 2>/dev/null
        wait "$pid" 2>/dev/null
    done
}

# connections, active, kind, mode: a line "rate rate/CPU-second p50 p99 storm KB-per-connection threads failed"
one()
{
    local port pid base rss result threads
    port=$(free_port)
    if [ "$4" = wrapped ]; then
        "$gosling" run -- "$server" "$port" $3 >/dev/null 2>&1 &
    else
        "$server" "$port" $3 >/dev/null 2>&1 &
    fi
    pid=$!
    pids+=("$pid")
    wait_for_port "$port"
    base=$(status_of "$pid" VmRSS)
    "$load" "$port" "$1" "$2" "$SECONDS_EACH" "$pid" $3 >"$work/load"
    rss=$(status_of "$pid" VmHWM)
    result=$(cat "$work/load")
    threads=$(status_of "$pid" Threads)
    kill -TERM "$pid"
    wait "$pid" 2>/dev/null
    awk -v rss="$rss" -v base="$base" -v n="$1" -v threads="$threads" \
        '{ printf "%s %s %s %s %s %.1f %d %d\n", $1, $2, $3, $4, $5, (rss - base) / n, threads, $6 }' <<<"$result"
}

median() # file, column
{
    awk -v c="$2" '{ print $c }' "$1" | sort -n | awk '{ a[NR] = $1 } END { print a[int((NR + 1) / 2)] }'
}

row() # connections, active, kind
{
    local name="$1 connections, $2 active${3:+, $3}"
    [ -z "${ONLY:-}" ] || [ "$ONLY" = "$1/$2" ] || return
    : >"$work/native"
    : >"$work/wrapped"
    for _ in $(seq "$ROUNDS"); do
        one "$1" "$2" "$3" native >>"$work/native"
        one "$1" "$2" "$3" wrapped >>"$work/wrapped"
    done
    echo "$name"
    for mode in native wrapped; do
        printf '  %-8s %9s req/s  %9s req/CPU s  p50 %6s us  p99 %7s us  ' $mode \
            "$(median "$work/$mode" 1)" "$(median "$work/$mode" 2)" \
            "$(median "$work/$mode" 3)" "$(median "$work/$mode" 4)"
        printf 'all served %7s s  %5s KB/conn  %6s threads  %s failed\n' "$(median "$work/$mode" 5)" \
            "$(median "$work/$mode" 6)" "$(median "$work/$mode" 7)" "$(median "$work/$mode" 8)"
    done
    awk -v a="$(median "$work/native" 1)" -v b="$(median "$work/wrapped" 1)" -v c="$(median "$work/native" 2)" \
        -v d="$(median "$work/wrapped" 2)" -v e="$(median "$work/native" 5)" -v f="$(median "$work/wrapped" 5)" \
        'BEGIN { printf "  ratio    rate %.2f, per CPU second %.2f, time until all are served %.2f\n",
            b / a, d / c, f / e }'
}

row 64 64 ''
row 1000 100 ''
row 1000 1000 ''
row 9000 100 ''
row 9000 9000 ''
row 1000 100 http
row 9000 100 http
[ -n "${ONLY:-}" ] || limited

[ -z "${ONLY:-}" ] || exit 0
pairs=$BUILD/bench/legacy/pairs
: >"$work/native"
: >"$work/wrapped"
for _ in $(seq "$ROUNDS"); do
    "$pairs" >>"$work/native"
    "$gosling" run -- "$pairs" >>"$work/wrapped"
done
for what in 1:'mutex and condition, there and back' 2:'create and join'; do
    n=$(median "$work/native" "${what%%:*}")
    w=$(median "$work/wrapped" "${what%%:*}")
    printf '%-36s native %6s ns  wrapped %6s ns  ratio %.2f\n' "${what#*:}" "$n" "$w" \
        "$(awk "BEGIN { print $w / $n }")"
done
