#!/bin/sh
# SPDX-License-Identifier: MIT
#
# tools/hostile.sh [MODE…]: the suite against the hostile build in $O (core/hostile.h), mode by mode.
# Two modes need nothing of that build:
#
#     seeds   laws that hold in every order of the run queue, with seeds 1 to $SEEDS (200)
#     alloc   the k-th allocation fails, for each k (tests/no_memory*.c)
#
# What cannot hold in a mode stands in tests/hostile.txt, with its reason. A failure again, by hand:
#
#     GOSLING_HOSTILE=short GOSLING_DICE=1 build/hostile/tests/stream
#     KIT_SEED=17 build/hostile/tests/chan
set -u
cd "$(dirname "$0")/.." || exit 2

: "${O:=build/hostile}" "${DICE:=1}" "${SEEDS:=200}"
export TAP_EXCEPT="$PWD/tests/hostile.txt" GOSLING_HOSTILE=none GOSLING_DICE="$DICE"
[ $# -gt 0 ] || set -- yield wake eintr short clock seeds alloc

out=$(mktemp) || exit 2
trap 'rm -f "$out"' EXIT

programs() # all compiled tests
{
    for source in tests/*.c tests/*.cc; do
        name=${source##*/}
        echo "$O/tests/${name%.*}"
    done
}

# Programs that name no order, and take milliseconds.
any_order='blocks deadlock defer errors misuse net_cancel net_close net_drain net_limits net_poll
           post process scope_io scope_model shield signals soft'

seeds()
{
    bad=0
    for name in $any_order; do
        seed=1
        while [ "$seed" -le "$SEEDS" ]; do
            if ! KIT_SEED=$seed TAP_MODE=seeds sh tools/tap.sh "$O/tests/$name" >"$out" 2>&1; then
                echo "$name fails with KIT_SEED=$seed:"
                grep -v '^ok' "$out"
                bad=1
                break
            fi
            seed=$((seed + 1))
        done
    done
    return $bad
}

status=0
for mode in "$@"; do
    echo "== hostile: $mode =="
    case $mode in
    yield | wake | eintr | short | clock)
        # shellcheck disable=SC2046 # names without spaces
        TAP_MODE=$mode GOSLING_HOSTILE=$mode prove -j2 -Q --exec 'sh tools/tap.sh' $(programs) ;;
    seeds) seeds ;;
    alloc) prove --exec 'sh tools/tap.sh' "$O/tests/no_memory" "$O/tests/no_memory_io" ;;
    *)
        echo "tools/hostile.sh: no mode '$mode'; there are: yield wake eintr short clock seeds alloc" >&2
        exit 2
        ;;
    esac || status=1
done
exit $status
