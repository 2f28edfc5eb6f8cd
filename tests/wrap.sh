#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Threads, natively and as fibers: each row of tests/wrap/ does something with libc's threads in a
# process of its own, and says what came of it; under `gosling run` it must say the same, and end in
# the same way. ROWS='a b': these.

gosling=$BUILD/gosling
table=$BUILD/tests/wrap/table
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tests=0

if [ -n "${EMULATOR:-}${SAN:-}" ] || ! "$gosling" check /bin/sh | grep -q 'threads as fibers: yes'; then
    echo '1..0 # SKIP threads are not fibers here: no entry B or C, an emulator, or a sanitizer'
    exit 0
fi

law() # row
{
    case $1 in
    create_*) echo S11.81 ;;
    mutex_* | cond_* | rwlock_* | barrier_* | spin_* | sem_* | once_* | c11_* | stdio_* | malloc_*) echo S11.82 ;;
    cancel_*) echo S11.83 ;;
    own_*) echo S11.84 ;;
    signal_* | timer_*) echo S11.85 ;;
    file_*) echo S11.88 ;;
    *) echo S11.86 ;;
    esac
}

one() # row, the command's words before it
{
    local row=$1 status
    shift
    timeout -k 5 "${ROW_TIMEOUT:-40}" "$@" "$table" "$row" >"$work/$row.out" 2>"$work/$row.err" </dev/null
    status=$?
    cat "$work/$row.out" "$work/$row.err"
    echo "status $status"
}

# Rows rest for some milliseconds to let others get somewhere, which a busy machine may not let them:
# so one that differs has two more tries, and says so.
compare() # row
{
    local native wrapped try
    for try in 1 2 3; do
        native=$(one "$1" 2>/dev/null)
        wrapped=$(one "$1" "$gosling" run -- 2>/dev/null)
        if [ "$native" == "$wrapped" ]; then
            echo "ok - $(law "$1") $1$([ "$try" = 1 ] || echo " (try $try)")"
            return
        fi
        printf 'natively: %s\nwrapped:  %s\n' "$native" "$wrapped" | sed 's/^/# /'
    done
    echo "not ok - $(law "$1") $1"
}

# Most of a row's time is waiting: several at once.
rows=${ROWS:-$("$table")}
for row in $rows; do
    tests=$((tests + 1))
    compare "$row" >"$work/$row.tap" &
    [ $((tests % 8)) != 0 ] || wait
done
wait
for row in $rows; do
    cat "$work/$row.tap"
done
echo "1..$tests"
