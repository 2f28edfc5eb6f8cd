#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Runs one test for prove: a program (under $EMULATOR, if there is one) or a script. Whatever the
# caller ignores, the test starts with the default dispositions of all signals: a shell's background
# jobs ignore SIGINT, and nohup SIGHUP. A test that hangs is ended after $TEST_TIMEOUT seconds.

test=$1
shift
# A test that calls make itself must not share our jobs and overrides.
unset MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES GO_SEED

defaults=
env --default-signal true 2>/dev/null && defaults='env --default-signal'
: "${TEST_TIMEOUT:=60}"
export TEST_TIMEOUT
limit="timeout -k 5 $TEST_TIMEOUT"

case $test in
*.sh)
    IFS= read -r first <"$test"
    case $first in
    *bash*) exec $defaults $limit bash "$test" "$@" ;;
    *) exec $defaults $limit sh "$test" "$@" ;;
    esac
    ;;
*) exec $defaults $limit $EMULATOR "$test" "$@" ;;
esac
