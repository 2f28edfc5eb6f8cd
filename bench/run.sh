#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# `make bench`: runs all benchmarks and prints one table. The targets are data, below: a result's
# name, whether it is the value or the ratio that counts, and what it must not exceed ("all": it must
# equal the sample that its unit names). A result without a target is printed for comparison.
set -u

bin=${O:-build}/bench
ulimit -n "$(ulimit -H -n)" 2>/dev/null

targets='
switch_inlined               ratio  0.5
yield                        ratio  1.5
spawn_join                   value  30
chan_rendezvous              value  30
mutex_uncontended            value  2
scope_deadline               value  25
memory_total                 value  4.6
memory_create_time           value  3
memory_guards_proven         value  all
echo_cpu_per_request         ratio  1.03
echo_syscalls_per_request    value  2.05
echo_epoll_ctl_per_request   value  0.01
connect_rate                 ratio  1.05
dns_literal                  value  1
dns_cached                   value  3
dns_batch100                 ratio  1
timer_early                  value  0
timer_burst_cpu              value  0.5
timer_steady_lateness_p99    value  5
'

results=$(mktemp)
trap 'rm -f "$results"' EXIT

for program in switch yield spawn tcb scope chan mutex memory timers echo connect dns; do
    printf 'running %-8s\r' "$program" >&2
    if [ ! -x "$bin/$program" ]; then
        echo "bench: $bin/$program is not there: make bench-build makes it" >&2
        exit 1
    fi
    timeout 120 "$bin/$program" >>"$results" || echo "bench: $program ended with status $?" >&2
done
printf '%-16s\r' '' >&2

{ echo "$targets"; echo results; cat "$results"; } | awk '
    !reading && $1 == "results" {
        reading = 1
        printf "%-28s %14s %-8s %-22s %-12s\n", "result", "value", "unit", "ratio", "reach"
    }
    !reading && NF == 3 { kind[$1] = $2; most[$1] = $3 }
    reading && NF >= 3 {
        ratio = ""
        if (match($0, /ratio=[0-9.]+/))
            ratio = substr($0, RSTART + 6, RLENGTH - 6)
        peer = ""
        if (match($0, /vs=[^ ]+/))
            peer = " x " substr($0, RSTART + 3, RLENGTH - 3)
        reach = mark = ""
        if ($1 in kind) {
            seen[$1] = 1
            got = kind[$1] == "ratio" ? ratio : $2
            if (most[$1] == "all") {
                reach = $3
                sub(/^of_/, "", reach)
                pass = $2 + 0 == reach + 0
                reach = "all"
            } else {
                reach = most[$1] (kind[$1] == "ratio" ? " x" : " " $3)
                pass = got + 0 <= most[$1] + 0
            }
            mark = pass ? "reached" : "MISSED"
            reached += pass
            targets++
        }
        printf "%-28s %14s %-8s %-22s %-12s %s\n", $1, $2, $3, ratio peer, reach, mark
    }
    END {
        for (name in kind)
            if (!(name in seen)) {
                printf "%-28s %14s\n", name, "no result"
                targets++
            }
        printf "\n%d of %d targets reached\n", reached, targets
    }'
