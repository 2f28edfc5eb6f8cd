#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# `make bench-shim`: blocking C under the shim beside the same natively. Starts a Redis server on a
# free port of the loopback for it, and stops it.
set -u

bin=${O:-build}/bench/shim
work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server"; rm -rf "$work"' EXIT

reach()
{
    awk '
        $1 == "shim_recv_ready" { most = 15 }
        $1 == "shim_outside" { most = 3 }
        $1 == "shim_site_ready" { most = 45 }
        $1 == "redis_get_64" { least = 0.9 }
        $1 == "redis_get_64_cpu" { most = 1 }
        {
            got = $2
            if (match($0, /ratio=[0-9.]+/))
                got = substr($0, RSTART + 6, RLENGTH - 6)
            mark = least ? (got >= least ? "reached" : "MISSED") " (at least " least ")" : \
                   most ? (got <= most ? "reached" : "MISSED") " (at most " most ")" : ""
            printf "%-60s %s\n", $0, mark
            most = least = 0
        }'
}

timeout 120 "$bin/calls" | reach
if command -v redis-server >/dev/null && [ -x "$bin/redis" ]; then
    port=$(perl -MIO::Socket::INET -e \
        'print IO::Socket::INET->new(Listen => 1, LocalAddr => "127.0.0.1")->sockport')
    redis-server --port "$port" --bind 127.0.0.1 --dir "$work" --save '' >/dev/null 2>&1 &
    server=$!
    for _ in $(seq 100); do
        (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && break
        sleep 0.05
    done
    timeout 300 "$bin/redis" "$port" | reach
else
    echo 'redis_get_64: skipped, no redis-server or no hiredis (make deps-full)'
fi
