#!/bin/bash
# SPDX-License-Identifier: MIT
#
# tools/mutants.sh [NAME…]: breaks a copy of the library in one way after the other, and runs the
# tests on each until one of them fails. The mutants are in tests/mutants/; tools/mutate.pl
# says how one is written. A mutant that no test notices, that does not apply or does not build is
# an error; so is a test that fails without any.
#
# All in $O/mutants: `tree`, the copy that is mutated and built again and again, `original`, and a
# log of each mutant.
set -u
shopt -s nullglob
cd "$(dirname "$0")/.." || exit 2
top=$PWD
dir=$(realpath -m "${O:-build}")/mutants
tree=$dir/tree
make=${MAKE:-make}
: "${TEST_TIMEOUT:=20}"
export TEST_TIMEOUT
unset MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES WERROR SAN ARCH O

die()
{
    echo "mutants: $*" >&2
    exit 1
}

files()
{
    if git rev-parse --is-inside-work-tree >/dev/null 2>&1; then
        git ls-files -co --exclude-standard -z
    else
        find . -type f ! -path './build*' ! -path './.git/*' -print0
    fi | while IFS= read -r -d '' f; do
        if [ -f "$f" ]; then printf '%s\0' "$f"; fi
    done
}

build() # log
{
    $make -C "$tree" O=build -j2 tests-build >"$1" 2>&1
}

# Runs these tests in turn; at the first that fails says which, and what failed in it. 1: none does.
first_failure() # log, test…
{
    local log=$1 t failed
    local -x O=$tree/build BUILD=$tree/build TOP=$tree MAKE=$make CC=${CC:-gcc} CXX=${CXX:-g++}
    shift
    for t in "$@"; do
        if ! (cd "$tree" && prove -v --exec 'sh tools/tap.sh' "$t") >"$log" 2>&1; then
            failed=$(grep -a -m 1 '^not ok' "$log" | cut -c -90)
            if [ -z "$failed" ]; then
                failed=$(grep -a -m 1 -E '^Bail|Non-zero|Parse errors|Bad plan|Dubious' "$log")
            fi
            echo "${t##*build/}: ${failed:-it ends badly}"
            return 0
        fi
    done
    return 1
}

rm -rf "$dir"
mkdir -p "$tree"
files | tar -c --null -T - | tar -x -C "$tree" || die "cannot copy the tree to $tree"
cp -r "$tree" "$dir/original"
build "$dir/baseline.log" || die "does not build even without a mutant: see $dir/baseline.log"
tests=()
while IFS= read -r t; do
    tests+=("$t")
done < <(cd "$tree" && for s in tests/*.c tests/*.cc tests/*.sh; do
    case $s in
    *.sh) echo "$s" ;;
    *) s=build/${s%.*} && [ -x "$s" ] && echo "$s" ;;
    esac
done)
if what=$(first_failure "$dir/baseline.log" "${tests[@]}"); then
    die "a test fails even without a mutant: $what"
fi
echo "mutants: ${#tests[@]} tests pass on the library as it is"

if [ $# -gt 0 ]; then
    names=("$@")
else
    names=()
    for p in tests/mutants/*.mutant; do
        p=${p##*/}
        names+=("${p%.mutant}")
    done
fi

bad=0
for name in "${names[@]}"; do
    mutant=$top/tests/mutants/$name.mutant
    log=$dir/$name.log
    [ -f "$mutant" ] || die "there is no tests/mutants/$name.mutant"
    if ! perl tools/mutate.pl "$tree" "$mutant" >"$dir/files" 2>"$log"; then
        echo "ERROR    $name does not apply: see $log"
        bad=1
    elif ! build "$log"; then
        echo "ERROR    $name does not build: see $log"
        bad=1
    else
        first=() rest=()
        wanted=" $(sed -n 's/^Tests: *//p' "$mutant") "
        for t in "${tests[@]}"; do
            base=${t##*/}
            case $wanted in
            *" ${base%.sh} "*) first+=("$t") ;;
            *) rest+=("$t") ;;
            esac
        done
        if what=$(first_failure "$log" ${first[@]+"${first[@]}"} ${rest[@]+"${rest[@]}"}); then
            printf 'killed   %-22s %s\n' "$name" "$what"
        else
            printf 'SURVIVED %-22s no test notices it\n' "$name"
            bad=1
        fi
    fi
    # Back to the original, with a new time, so that it is built again.
    while IFS= read -r f; do
        cp "$dir/original/$f" "$tree/$f"
    done <"$dir/files"
done

if [ "$bad" -ne 0 ]; then
    die "not every mutant turned a test red"
fi
echo "mutants: every one of ${#names[@]} turned a test red"
