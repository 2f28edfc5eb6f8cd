#!/bin/sh
# SPDX-License-Identifier: MIT
#
# `make lint`: what a compiler does not check. Each part is a small script beside this one; all of
# them run, and the exit status is 1 if any has found something. $O is where the libraries were
# built.
set -u
cd "$(dirname "$0")/.." || exit 2
O=${O:-build}
CC=${CC:-gcc}
CXX=${CXX:-g++}
export O CC CXX
tmp=$(mktemp -d) || exit 2
trap 'rm -rf "$tmp"' EXIT
bad=0

# What belongs to the project: what is committed or could be; without git, what lies here and was
# not made here.
if git rev-parse --is-inside-work-tree >/dev/null 2>&1; then
    git ls-files -co --exclude-standard | sort -u
else
    find . -type f ! -path "./${O#"$PWD"/}/*" ! -path './build*' ! -path './.git/*' |
        sed 's|^\./||' | sort
fi | while IFS= read -r f; do
    if [ -f "$f" ]; then echo "$f"; fi
done >"$tmp/files"

part() # name, command…
{
    name=$1
    shift
    if "$@" >"$tmp/out" 2>&1; then
        printf 'lint: %-8s ok' "$name"
        if [ -s "$tmp/out" ]; then
            printf ' (%s)' "$(tr '\n' ';' <"$tmp/out" | sed 's/;$//; s/;/; /g')"
        fi
        echo
    else
        bad=1
        printf 'lint: %-8s FAILED\n' "$name"
        sed 's/^/    /' "$tmp/out"
    fi
}

form()
{
    # Another version formats otherwise: only this one decides.
    format=$(command -v clang-format-14 || command -v clang-format || echo true)
    case $("$format" --version) in
    *"version 14."*) ;;
    *) echo "skipped: no clang-format 14"; return 0 ;;
    esac
    grep -E '\.(c|h|cc)$' "$tmp/files" |
        xargs -r "$format" --dry-run --Werror --style=file 2>"$tmp/form" && return 0
    grep -E '^[^ :]+:[0-9]+:[0-9]+: error' "$tmp/form" | cut -d: -f1 | sort | uniq -c
    echo "make format repairs it"
    return 1
}

scripts()
{
    command -v shellcheck >/dev/null || { echo "skipped: no shellcheck"; return 0; }
    { grep -E '\.sh$' "$tmp/files"; echo .ci/run; } | xargs -r shellcheck -S warning -f gcc
}

part layers perl tools/lint/layers.pl "$tmp/files"
part laws perl tools/lint/laws.pl
part text perl tools/lint/text.pl "$tmp/files"
part form form
part scripts scripts
part headers sh tools/lint/headers.sh
part symbols sh tools/lint/symbols.sh

if [ "$bad" -ne 0 ]; then
    echo "lint failed" >&2
    exit 1
fi
echo "lint ok"
