#!/bin/sh
# SPDX-License-Identifier: MIT
#
# tools/check-registers.sh TARGET|all: the register test (tests/registers/) for each target of
# arch/*/targets, by gcc and clang, with -O0, -O2 and -O3, with and without link-time optimisation
# and frame pointers. And it proves that the test can fail: copies of the switch that forget
# something (arch/*/test/mutants) must not pass it. Prints a line for each target; what went wrong is
# in $O/registers/TARGET.log. What is missing is installed first.
set -u
cd "$(dirname "$0")/.." || exit 2

: "${O:=build}"
dir=$O/registers
wanted=${1:-all}
[ "$wanted" != all ] || wanted=
mkdir -p "$dir"
sh tools/deps.sh registers || exit 1
clang=$(command -v clang-16 || command -v clang)

freestanding='-std=gnu11 -ffreestanding -fno-stack-protector -fno-pie -Wall -Wextra -Werror'

# A part of check, whose $folder, $triplet and $emulator they know.
build() # PROGRAM TREE COMPILER OPTIONS…: gcc or clang; the switch is that of TREE/arch/FOLDER
{
    to=$1 with=$2/arch/$folder
    compiler=$3
    shift 3
    set -- $freestanding "-I${with%/arch/*}" -I. "-I$with" "$@"
    sources="tests/registers/registers.c $with/switch.S
             arch/$folder/test/registers.S arch/$folder/test/start.S"
    case $compiler$triplet in
    *-) # no linker knows the architecture: so it is done by hand
        objects=
        for source in $sources; do
            object=$to.$(basename "$source").o
            "$clang" "--target=$folder-linux-gnu" "$@" -c -o "$object" "$source" || return 1
            objects="$objects $object"
        done
        perl tests/registers/link.pl "$to" $objects
        ;;
    gcc*) "$triplet-gcc" "$@" -nostdlib -static -o "$to" $sources ;;
    clang*)
        # It makes MIPS's programs position-independent where it likes.
        "$clang" "--target=$triplet" -Wno-option-ignored "$@" -nostdlib -static \
            -o "$to" $sources
        ;;
    esac
}

runs() # PROGRAM
{
    if [ "$emulator" = - ] || [ "$triplet" = "$(gcc -dumpmachine)" ]; then
        timeout 60 "$1"
    else
        timeout 60 $emulator "$1"
    fi
}

check() # FOLDER TARGET TRIPLET EMULATOR
{
    folder=$1 target=$2 triplet=$3 emulator=$4
    program=$dir/$target
    built=0 killed=0 bad=
    compilers='gcc clang'
    lto='-fno-lto -flto'
    if [ "$triplet" = - ]; then
        compilers=clang
        lto=-fno-lto
    fi
    for compiler in $compilers; do
        for level in -O0 -O2 -O3; do
            for link in $lto; do
                for frame in -fomit-frame-pointer -fno-omit-frame-pointer; do
                    echo "== $compiler $level $link $frame"
                    if build "$program" . "$compiler" $level $link $frame &&
                        runs "$program"; then
                        built=$((built + 1))
                    else
                        bad="$bad; $compiler $level $link $frame"
                    fi
                done
            done
        done
    done

    tree=$dir/$target.tree
    while IFS='|' read -r file script what; do
        file=$(echo $file)
        case $file in
        '#'* | '') continue ;;
        esac
        echo "== without$what"
        rm -rf "$tree"
        mkdir -p "$tree"
        cp -r arch "$tree"
        changed=$tree/arch/$file
        sed "$script" "$changed" >"$tree/changed"
        if cmp -s "$tree/changed" "$changed" || ! cp "$tree/changed" "$changed" ||
            ! build "$program.mutant" "$tree" "${compilers%% *}" -O2; then
            bad="$bad; the mutant$what does not apply"
        else
            runs "$program.mutant"
            case $? in
            1 | 1[3-9]?) killed=$((killed + 1)) ;; # it says so, or dies of it
            *) bad="$bad; does not fail without$what" ;;
            esac
        fi
    done <"arch/$folder/test/mutants"
    rm -rf "$tree" "$program" "$program".*.o "$program.mutant"*

    if [ -z "$bad" ]; then
        echo "$target: ok, $built builds, and $killed mutants killed" >&3
    else
        echo "$target: FAILED${bad#;}" >&3
        return 1
    fi
}

targets=$dir/targets
sh tools/targets.sh list "$wanted" >"$targets"
while read -r _ target triplet _; do
    [ "$triplet" = - ] || sh tools/deps.sh "$target" </dev/null || exit 1
done <"$targets"

# As many at a time as there are processors.
status=0
jobs=0
check_one()
{
    check "$@" 3>"$dir/$2.line" >"$dir/$2.log" 2>&1 </dev/null
}
pids=
while read -r folder target triplet _ _ emulator; do
    check_one "$folder" "$target" "$triplet" "$emulator" &
    pids="$pids $!"
    jobs=$((jobs + 1))
    if [ "$jobs" -ge "$(nproc)" ]; then
        first=${pids# }
        wait "${first%% *}" || status=1
        pids=${pids#" ${first%% *}"}
        jobs=$((jobs - 1))
    fi
done <"$targets"
for pid in $pids; do
    wait "$pid" || status=1
done
while read -r _ target _; do
    cat "$dir/$target.line"
done <"$targets"
exit $status
