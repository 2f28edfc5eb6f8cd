#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# `make bench-sync`: what fibers wait on, beside Go (its own runtime; one processor, but two where
# two threads take part) and Boost.Fiber, by turns, ROUNDS (7) times each: medians, and the ratio to
# each. A peer that cannot be built is left out.
set -u

bin=${O:-build}/bench
top=${TOP:-.}
rounds=${ROUNDS:-7}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# ours, and the name of what it is compared with in the peers
reach='
mutex               2
mutex_shared        12
sem                 4
rwlock_read         4
event               4
chan_buffered       15
select_8            80
'

peers=
if command -v go >/dev/null && GOCACHE="$work/cache" go build -o "$work/go" "$top/bench/peers/sync.go"; then
    peers='go'
fi
if ${CXX:-g++} -O2 -o "$work/boost" "$top/bench/peers/sync_boost.cc" -lboost_fiber -lboost_context \
    -lpthread 2>/dev/null; then
    peers="$peers boost"
fi

for ((i = 0; i < rounds; i++)); do
    printf 'round %d\r' $((i + 1)) >&2
    "$bin/sync" | sed 's/^/ours /' >>"$work/all"
    for p in $peers; do
        "$work/$p" | sed "s/^/$p /" >>"$work/all"
    done
done
printf '%-16s\r' '' >&2

{ echo "$reach"; echo results; cat "$work/all"; } | awk '
    function median(list,   v, n, i, j, t) {
        n = split(list, v, " ")
        for (i = 2; i <= n; i++)
            for (j = i; j > 1 && v[j] + 0 < v[j - 1] + 0; j--) {
                t = v[j]
                v[j] = v[j - 1]
                v[j - 1] = t
            }
        return v[int((n + 1) / 2)]
    }
    function beside(peer, name,   value) {
        sub(/_shared$/, "", name)
        if (!((peer, name) in all))
            return sprintf("%20s", "")
        value = median(all[peer, name])
        return sprintf("%9.1f (x %.2f)", value, ours / value)
    }
    !reading && $1 == "results" {
        reading = 1
        printf "%-20s %9s   %-20s%-20s%s\n", "ns a time", "gosling", "Go", "Boost.Fiber", "reach"
    }
    !reading && NF == 2 { most[$1] = $2 }
    reading && NF >= 3 {
        if ($1 == "ours" && !(($1, $2) in all))
            order[++names] = $2
        all[$1, $2] = all[$1, $2] " " $3
    }
    END {
        most["chan_threads"] = median(all["go", "chan_threads"])
        for (i = 1; i <= names; i++) {
            name = order[i]
            ours = median(all["ours", name])
            mark = ""
            if (name in most && most[name] > 0)
                mark = sprintf("%.0f %s", most[name], ours <= most[name] ? "reached" : "MISSED")
            printf "%-20s %9.1f   %-20s%-20s%s\n", name, ours, beside("go", name), beside("boost", name), mark
        }
    }'
