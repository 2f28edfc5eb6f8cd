#!/bin/sh
# SPDX-License-Identifier: MIT
#
# The shared library exports exactly what the headers declare, all of it named go_…, under the
# version of its map; and a program that takes the address of every function compiles and links, as
# C and as C++.
set -u
cd "$(dirname "$0")/../.." || exit 2
O=${O:-build}
tmp=$(mktemp -d) || exit 2
trap 'rm -rf "$tmp"' EXIT
bad=0

if [ ! -e "$O/libgosling.so" ]; then
    echo "no $O/libgosling.so: build first"
    exit 1
fi

cat include/gosling.h include/gosling/*.h | perl -0777 -ne '
    s{/\*.*?\*/}{}gs;
    print "$1\n" while /\bGO_API\b[^;{}()]*?\b(go_\w+)\s*\(/g' | sort -u >"$tmp/declared"
nm -D --defined-only --with-symbol-versions "$O/libgosling.so" |
    awk '$2 != "A" { print $3 }' >"$tmp/all"
sed 's/@.*//' "$tmp/all" | sort -u >"$tmp/exported"

if grep -v '^go_' "$tmp/exported"; then
    echo "are exported, and not named go_"
    bad=1
fi
if grep -v '@@GOSLING_[0-9.]*$' "$tmp/all"; then
    echo "are exported without a version of libgosling.map"
    bad=1
fi
if comm -13 "$tmp/declared" "$tmp/exported" | grep .; then
    echo "are exported, but no header declares them"
    bad=1
fi
if comm -23 "$tmp/declared" "$tmp/exported" | grep .; then
    echo "are declared, but do not exist"
    bad=1
fi

{
    echo '#include <gosling.h>'
    echo 'typedef void any(void);'
    echo 'any *volatile all[] = {'
    sed 's/.*/    (any *)&,/' "$tmp/declared"
    echo '};'
    echo 'int main(void)'
    echo '{'
    echo '    for (unsigned i = 0; i < sizeof all / sizeof *all; i++)'
    echo '        if (!all[i]) return 1;'
    echo '    return 0;'
    echo '}'
} >"$tmp/touch.c"
cp "$tmp/touch.c" "$tmp/touch.cc"
run() # language, compiler, source
{
    $2 -Iinclude -o "$tmp/touch" "$3" -L"$O" -lgosling && LD_LIBRARY_PATH=$O "$tmp/touch" && return
    echo "the program that touches everything fails as $1"
    bad=1
}

if [ "$bad" = 0 ]; then
    run C "${CC:-gcc} -std=c11 -D_GNU_SOURCE" "$tmp/touch.c"
    run C++ "${CXX:-g++} -std=c++17" "$tmp/touch.cc"
    echo "$(grep -c . "$tmp/declared") functions"
fi
exit $bad
