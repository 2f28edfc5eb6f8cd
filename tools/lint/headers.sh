#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Every public header compiles alone, in C11 and C++17, by gcc and clang, without a warning of -Wall
# -Wextra -Wpedantic; so does a program that uses all block forms. Internal headers compile alone,
# as the library is compiled.
set -u
cd "$(dirname "$0")/../.." || exit 2
tmp=$(mktemp -d) || exit 2
trap 'rm -rf "$tmp"' EXIT
bad=0
CC=${CC:-gcc}
CXX=${CXX:-g++}
strict='-Wall -Wextra -Wpedantic -Werror -Iinclude -fsyntax-only'

try() # what, command…: says what failed, and the compiler's words
{
    what=$1
    shift
    if ! "$@" >"$tmp/out" 2>&1; then
        bad=1
        echo "$what:"
        head -n 12 "$tmp/out"
    fi
}

c_compilers=$CC
cxx_compilers=$CXX
if command -v clang >/dev/null; then c_compilers="$c_compilers clang"; else echo "no clang"; fi
if command -v clang++ >/dev/null; then cxx_compilers="$cxx_compilers clang++"; fi

# shellcheck disable=SC2086 # flags are words
for h in include/gosling.h include/gosling/*.h; do
    # Twice: that the guard guards.
    name=${h#include/}
    printf '#include <%s>\n#include <%s>\ntypedef int not_empty;\n' "$name" "$name" >"$tmp/one.c"
    cp "$tmp/one.c" "$tmp/one.cc"
    for cc in $c_compilers; do
        try "$h, $cc, C11" $cc -std=c11 -D_GNU_SOURCE $strict "$tmp/one.c"
        try "$h, $cc, C11 without _GNU_SOURCE" $cc -std=c11 -D_DEFAULT_SOURCE $strict "$tmp/one.c"
    done
    for cxx in $cxx_compilers; do
        try "$h, $cxx, C++17" $cxx -std=c++17 $strict "$tmp/one.cc"
    done
done

# A macro is checked where it is used.
cat >"$tmp/blocks.c" <<'END'
#include <gosling.h>
extern go_nursery_opts *opts;
extern go_scope_opts *scope_opts;
extern go_chan *c;
extern go_mutex *m;
extern go_event *e;
extern go_task *t;
int blocks(void);
int blocks(void)
{
    int rc = 0, item = 0;
    go_scope s = go_scope();
    go_case cases[8];

    GO_NURSERY(n, rc) {
        GO_NURSERY_OPTS(inner, rc, opts) {
            rc = go_spawn(inner, NULL, n);
        }
    }
    GO_TIMEOUT(GO_SEC, rc) {
        GO_MOVE_ON(2 * GO_MS, rc) {
            GO_SHIELD(GO_FOREVER) {
                rc = go_yield();
            }
        }
    }
    GO_SCOPE(&s, rc, scope_opts) {
        rc = 1;
    }
    cases[0] = GO_RECV(c, &item);
    cases[1] = GO_SEND(c, &item);
    cases[2] = GO_READABLE(0);
    cases[3] = GO_WRITABLE(1);
    cases[4] = GO_AFTER(GO_SEC);
    cases[5] = GO_JOIN(t);
    cases[6] = GO_WAIT(e);
    cases[7] = GO_LOCK(m);
    rc = go_select(cases, 8);
    {
        go_case now[] = {GO_RECV(c, &item), GO_DEFAULT};
        return rc + go_select(now, 2);
    }
}
END
cp "$tmp/blocks.c" "$tmp/blocks.cc"
sed 's/go_scope s = go_scope();/go_scope s = {0};/' "$tmp/blocks.cc" >"$tmp/blocks.c"
# shellcheck disable=SC2086
for cc in $c_compilers; do
    try "the block forms, $cc, C11" $cc -std=c11 -D_GNU_SOURCE $strict "$tmp/blocks.c"
done
# shellcheck disable=SC2086
for cxx in $cxx_compilers; do
    try "the block forms, $cxx, C++17" $cxx -std=c++17 $strict "$tmp/blocks.cc"
done

arch=$(sh tools/targets.sh arch "$($CC -dumpmachine)")
: "${arch:=generic}"
for h in arch/arch.h core/*.h sync/*.h net/*.h shim/*.h; do
    [ -e "$h" ] || continue
    printf '#include "%s"\ntypedef int not_empty;\n' "$h" >"$tmp/one.c"
    try "$h" "$CC" -std=gnu11 -D_GNU_SOURCE -Wall -Wextra -Werror -I. -Iinclude "-Iarch/$arch" \
        "-I${O:-build}" -fsyntax-only "$tmp/one.c"
done

exit $bad
