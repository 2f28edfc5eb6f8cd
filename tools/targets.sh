#!/bin/sh
# SPDX-License-Identifier: MIT
#
# tools/targets.sh: what arch/*/targets say. Each of their lines is one target:
#
#     TARGET TRIPLET DEBIAN MACHINES EMULATOR
#
# the target's name, what its tools' names begin with, Debian's name for the architecture, the first
# words, as patterns, by which compilers call the machine, and the command that runs its programs.
# `-`: there is none; of an emulator, that this machine runs them itself.
#
#     tools/targets.sh arch MACHINE   the folder for a compiler's -dumpmachine, or nothing
#     tools/targets.sh list [NAME]    FOLDER and such a line, of the target or the folder NAME
set -u
cd "$(dirname "$0")/.." || exit 2

lines()
{
    for file in arch/*/targets; do
        folder=${file#arch/}
        while read -r line; do
            case $line in
            '#'* | '') ;;
            *) echo "${folder%/targets} $line" ;;
            esac
        done <"$file"
    done
}

case ${1:-} in
arch)
    lines | while read -r folder _ _ _ machines _; do
        (
            set -f
            IFS='|'
            for pattern in $machines; do
                # shellcheck disable=SC2254 # it is a pattern
                case ${2%%-*} in
                $pattern) echo "$folder" ;;
                esac
            done
        )
    done | head -n 1
    ;;
list)
    lines | while read -r folder target rest; do
        case ${2:-$target} in
        "$target" | "$folder") echo "$folder $target $rest" ;;
        esac
    done
    ;;
*)
    echo 'usage: tools/targets.sh arch MACHINE | list [NAME]' >&2
    exit 2
    ;;
esac
