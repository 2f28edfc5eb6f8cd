#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# gosling run and gosling check: unmodified programs say under the shim what they say without it, and
# end with the same status; what cannot be wrapped is refused with its reason.

gosling=$BUILD/gosling
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tests=0

if [ -n "${EMULATOR:-}${SAN:-}" ]; then
    echo '1..0 # SKIP the programs of this system are not those of an emulator, or a sanitizer'
    exit 0
fi

if "$gosling" check true 2>&1 | grep -q 'Exec format error'; then
    echo '1..0 # SKIP the programs of this system are of another architecture'
    exit 0
fi

ok() # condition's status, description, more
{
    tests=$((tests + 1))
    if [ "$1" = 0 ]; then
        echo "ok $tests - $2"
    else
        echo "not ok $tests - $2"
        printf '%s\n' "${3:-}" | sed 's/^/# /'
    fi
}

same() # command line: output and status are the same natively and wrapped
{
    local native wrapped
    native=$("$@" 2>&1 </dev/null; echo "status $?")
    wrapped=$("$gosling" run -- "$@" 2>&1 </dev/null; echo "status $?")
    [ "$native" == "$wrapped" ] && return 0
    printf '# natively: %s\n# wrapped:  %s\n' "$native" "$wrapped"
    return 1
}

all=0

printf 'b\na\nc\n' >"$work/lines"
try() { same "$@" || all=1; }
try true
try false
try echo hello
try cat "$work/lines"
try cat "$work/none"
try sort "$work/lines"
try env
try sh -c 'exit 7'
try sh -c 'kill -TERM $$'
try sh -c 'for i in 1 2 3; do echo $i; done | sort -r; x=$(echo inner); echo $x; sleep 0.05; cat <&0'
try bash -c 'exec 3>"$0"; echo three >&3; cat "$0"; cat <(echo substituted); wait; echo $?' "$work/three"
try bash -c 'trap "echo caught; exit 5" TERM; kill -TERM $$; echo no'
try bash -c 'sleep 0.05 & wait $!; echo waited $?; ( exit 3 ); echo $?'
# shellcheck disable=SC2016
try perl -e 'print `echo from perl`;
    my $p = fork;
    if (!$p) { sleep 1; exit 2 }
    wait; print $? >> 8, "\n"; print -s STDIN ? 1 : 0'
try perl -MIO::Socket::INET -e '
    my $l = IO::Socket::INET->new(Listen => 1, LocalAddr => "127.0.0.1");
    if (!fork) {
        my $c = IO::Socket::INET->new(PeerAddr => "127.0.0.1", PeerPort => $l->sockport);
        print $c "over tcp\n";
        exit
    }
    my $c = $l->accept; print scalar <$c>; wait'
ok $all 'S11.50 unmodified programs: the same output and exit status under gosling run'

out=$("$gosling" run --timeout 0.1 -- \
    perl -e 'pipe(R, W); my $n = sysread(R, $b, 1); print defined $n ? $n : "$!"' 2>&1)
[ "$out" == 'Connection timed out' ]
ok $? 'S11.51 --timeout: a call that waits too long fails with ETIMEDOUT' "$out"

out=$("$gosling" run -- no-such-program 2>&1)
[ $? = 127 ] && [[ $out == *'not found'* ]]
ok $? 'S11.52 a program that is not there: 127' "$out"

: >"$work/empty"
chmod +x "$work/empty"
out=$("$gosling" run -- "$work/empty" 2>&1)
[ $? = 126 ]
ok $? 'S11.52 what is no program: 126' "$out"

out=$("$gosling" run --timeout soon -- true 2>&1)
[ $? = 125 ]
ok $? 'S11.52 a wrong option: 125' "$out"

if echo 'int main(void) { return 3; }' | ${CC:-cc} -static -x c -o "$work/static" - 2>/dev/null; then
    out=$("$gosling" run -- "$work/static" 2>&1)
    [ $? = 126 ] && [[ $out == *'linked statically'* ]]
    ok $? 'S11.53 a static program is refused with the reason' "$out"
    "$gosling" run --or-native -- "$work/static"
    [ $? = 3 ]
    ok $? 'S11.53 --or-native runs it as it is'
    out=$("$gosling" check "$work/static")
    [ $? = 1 ] && [[ $out == *'cannot be wrapped'* ]]
    ok $? 'S11.53 gosling check says so, too' "$out"
fi

out=$("$gosling" check "$(command -v bash)")
[ $? = 0 ] && [[ $out == *'by name'*'read'* ]]
ok $? 'S11.53 gosling check lists the calls that a program makes' "$out"

out=$("$gosling" check true)
[[ $out == *'entry B, libc'*call\ sites* ]]
ok $? 'S11.53 and by which entries the shim is reached here' "$out"

out=$("$gosling" run --trace "$work/trace" -- perl -e '
    pipe(R, W); if (!fork) { select(undef, undef, undef, 0.1); syswrite(W, "x"); exit }
    sysread(R, $b, 1); print $b; sleep 1 if 0; wait' 2>&1; cat "$work/trace")
[[ $out == x*' read('*', pipe:'*') = 1, waited 0.'* ]]
ok $? 'S11.54 --trace: a line for each call that waited, on what, and how long' "$out"

out=$("$gosling" run --trace "$work/none/trace" -- true 2>&1)
[ $? = 125 ]
ok $? 'S11.54 a trace that cannot be written: 125' "$out"

cat >"$work/blocks.c" <<'END'
#include <signal.h>
#include <unistd.h>
extern int __sigpause(int mask, int is_sig);
static void nothing(int sig) { (void)sig; }
int main(void) { signal(SIGALRM, nothing); alarm(1); __sigpause(0, 0); return 4; }
END
if ${CC:-cc} -o "$work/blocks" "$work/blocks.c" 2>/dev/null; then
    out=$("$gosling" run --native-threads --strict -- "$work/blocks" 2>&1)
    [ $? = 126 ] && [[ $out == *__sigpause* ]]
    ok $? 'S11.55 --strict refuses what would block the OS thread' "$out"
    out=$("$gosling" run --native-threads -- "$work/blocks" 2>&1)
    [ $? = 4 ] && [ "$(grep -c 'calls __sigpause' <<<"$out")" = 1 ]
    ok $? 'S11.55 without it, it is named once' "$out"
fi

# A plug-in with a libev of its own, so to speak, and a program that is linked with the real one.
cat >"$work/plugin.c" <<'END'
int ev_version_major(void) { return 99; }
const char *ares_version(int *v) { return *v = 98, "98"; }
int asks(void) { int v; ares_version(&v); return ev_version_major() + v; }
END
cat >"$work/loads.c" <<'END'
#include <dlfcn.h>
#include <stdio.h>
int main(int argc, char **argv) {
    void *p = dlopen(argv[1], RTLD_NOW | RTLD_GLOBAL);
    int (*asks)(void);
    if (argc < 2 || !p) return 1;
    *(void **)&asks = dlsym(p, "asks");
    printf("%d %d\n", asks(), dlsym(RTLD_DEFAULT, "ev_run") != NULL);
    return 0;
}
END
cat >"$work/events.c" <<'END'
#include <ev.h>
#include <stdio.h>
static void comes(struct ev_loop *l, ev_timer *t, int events)
{
    (void)t;
    printf("%d\n", events == EV_TIMER);
    ev_break(l, EVBREAK_ALL);
}
int main(void) {
    ev_timer t;
    ev_timer_init(&t, comes, 0.01, 0);
    ev_timer_start(EV_DEFAULT, &t);
    ev_run(EV_DEFAULT, 0);
    return 0;
}
END
if ${CC:-cc} -shared -fPIC -o "$work/plugin.so" "$work/plugin.c" 2>/dev/null &&
    ${CC:-cc} -o "$work/loads" "$work/loads.c" && ${CC:-cc} -o "$work/events" "$work/events.c" -lev; then
    out=$("$gosling" run -- "$work/loads" "$work/plugin.so" 2>&1; "$gosling" run -- "$work/events" 2>&1)
    [ "$out" == $'197 0\n1' ]
    ok $? "S11.58 the shim's libev and c-ares are its own: those of the program and its plug-ins are theirs" "$out"
fi

completes() # words of a command line, the last to be completed
{
    COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
    _gosling
    printf "%s\n" "${COMPREPLY[@]}" | sort | xargs
}
# shellcheck source=/dev/null
. "$TOP/tools/gosling.bash"
[ "$(completes gosling r)" == run ] && [ "$(completes gosling run --resolver a)" == 'ares auto' ] &&
    [ "$(completes gosling run --tr)" == --trace ] && [[ " $(completes gosling run tru) " == *' true '* ]] &&
    [ "$(completes gosling run -- cat "$work/bloc")" == "$work/blocks $work/blocks.c" ]
ok $? 'S11.56 completion in bash: commands, options, programs and their arguments'

echo "1..$tests"
