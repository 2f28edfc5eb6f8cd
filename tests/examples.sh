#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# The examples do what they say: each is run, talked to, and stopped by SIGTERM.

bin=${O:-build}/examples
# A shell's background jobs ignore SIGINT.
default='env --default-signal=INT'
$default true 2>/dev/null || default=
work=$(mktemp -d)
declare -A pids

cleanup()
{
    for p in "${pids[@]}"; do
        kill -KILL "$p" 2>/dev/null
    done
    rm -rf "$work"
}
trap cleanup EXIT

tests=0
ok() # description, and what must succeed
{
    local what=$1

    shift
    tests=$((tests + 1))
    if "$@"; then
        echo "ok $tests - $what"
    else
        echo "not ok $tests - $what"
        echo "#   failed: $*"
    fi
}

same() { [ "$1" == "$2" ] || { printf '#   got:    %q\n#   wanted: %q\n' "$1" "$2"; false; }; }
below() { [ "$1" -lt "$2" ] || { echo "#   $1 is not below $2"; false; }; }

start() # name program arguments…: runs it in the background, and sets port once it has said which
{
    local name=$1

    shift
    # shellcheck disable=SC2086 # an emulator may have options
    $default $EMULATOR "$bin/$1" "${@:2}" >"$work/$name.out" 2>"$work/$name.err" &
    pids[$name]=$!
    for _ in $(seq 1000); do
        port=$(sed -n 's/.* port \([0-9]*\)$/\1/p' "$work/$name.out" 2>/dev/null)
        [ -z "$port" ] || return 0
        kill -0 "${pids[$name]}" 2>/dev/null || break
        sleep 0.01
    done
    echo "#   $name did not start: $(cat "$work/$name.err")"
    return 1
}

stop() # name [signal]: its exit status
{
    local p=${pids[$1]} began=$SECONDS status

    kill -"${2:-TERM}" "$p" || return 99
    wait "$p"
    status=$?
    unset "pids[$1]"
    [ $((SECONDS - began)) -le 5 ] || echo "#   $1 took $((SECONDS - began)) s to stop"
    return $status
}

line() # fd: one line from it into $REPLY, and no more than ten seconds of waiting
{
    REPLY=
    IFS= read -r -t 10 -u "$1" REPLY
}

wait_for() # command…: until it succeeds
{
    for _ in $(seq 1000); do
        "$@" && return 0
        sleep 0.01
    done
    return 1
}

# ---- hello, which takes two seconds: meanwhile the others ----

# shellcheck disable=SC2086
$EMULATOR "$bin/hello" >"$work/hello.out" 2>"$work/hello.err" &
hello=$!
pids[hello]=$hello

# ---- echo ----

ok 'echo starts on a free port, and says which' start echo echo 0
exec {a}<>"/dev/tcp/127.0.0.1/$port" {b}<>"/dev/tcp/127.0.0.1/$port"
echo 'from b' >&"$b"
line "$b"
ok 'echo: one who says nothing does not hold up another' same "$REPLY" 'from b'
echo 'from a' >&"$a"
line "$a"
ok 'echo: and is answered himself' same "$REPLY" 'from a'
kill -USR1 "${pids[echo]}"
ok 'echo: SIGUSR1 prints the tree of fibers' wait_for grep -q echo "$work/echo.err"
exec {a}>&- {b}>&-
head -c 300000 /dev/urandom >"$work/blob"
exec {a}<>"/dev/tcp/127.0.0.1/$port"
cat "$work/blob" >&"$a" &
head -c 300000 <&"$a" >"$work/blob.back"
ok 'echo: 300,000 bytes come back as they went' cmp "$work/blob" "$work/blob.back"
exec {a}>&-
ok 'echo: stops on SIGTERM' stop echo

ok 'echo: somebody stays connected' start echo echo 0
exec {a}<>"/dev/tcp/127.0.0.1/$port"
echo here >&"$a"
line "$a"
ok 'echo: stops on SIGTERM all the same' stop echo
exec {a}>&-

# ---- chat ----

ok 'chat starts' start chat chat 0
exec {a}<>"/dev/tcp/127.0.0.1/$port"
echo ann >&"$a"
exec {b}<>"/dev/tcp/127.0.0.1/$port"
echo bob >&"$b"
line "$a"
ok 'chat: a newcomer is announced' same "$REPLY" 'bob: (has joined)'
exec {c}<>"/dev/tcp/127.0.0.1/$port"
echo 'cy' >&"$c"
line "$a"
line "$b"
ok 'chat: to everybody' same "$REPLY" 'cy: (has joined)'
printf 'one\ntw' >&"$c"
line "$a"
first=$REPLY
printf 'o\n' >&"$c"
line "$a"
ok 'chat: a line goes to the others' same "$first" 'cy: one'
ok 'chat: whole, however it comes' same "$REPLY" 'cy: two'
line "$b"
line "$b"
ok 'chat: to all the others' same "$REPLY" 'cy: two'
# cy does not read, and ann says more than all buffers on the way to cy hold. (bob might miss
# something, too, if this machine is very busy: hence more than one end.)
text=$(printf 'x%.0s' {1..450})
{
    for ((i = 0; i < 20000; i++)); do echo "$text"; done
    for ((i = 0; i < 100; i++)); do
        echo end
        sleep 0.1
    done
} 1>&"$a" 2>/dev/null &
flood=$!
ok 'chat: a slow reader holds up nobody' timeout 20 grep -q '^ann: end$' <&"$b"
kill "$flood" && wait "$flood" 2>/dev/null
exec {b}>&-
echo 'bye' >&"$c"
line "$a"
ok 'chat: somebody has left, the others go on' same "$REPLY" 'cy: bye'
ok 'chat: stops on SIGTERM, with the slow reader connected' stop chat
exec {a}>&- {c}>&-

# ---- portforward ----

ok 'portforward: a target' start echo echo 0
target=$port
ok 'portforward starts' start forward portforward 0 127.0.0.1 "$target"
exec {a}<>"/dev/tcp/127.0.0.1/$port"
echo 'through' >&"$a"
line "$a"
ok 'portforward: there and back' same "$REPLY" 'through'
exec {a}>&-
# A client that half-closes after its request: the shell cannot, a line of perl can.
half_close()
{
    perl -MIO::Socket::INET -e '
        my $s = IO::Socket::INET->new(PeerAddr => "127.0.0.1", PeerPort => $ARGV[0]) or die;
        print $s "the whole request\n"; $s->flush; shutdown $s, 1;
        alarm 10; local $/; print scalar <$s>' "$1"
}
ok 'portforward: who has said all still hears the answer' same "$(half_close "$port")" 'the whole request'
ok 'portforward: its target goes' stop echo
exec {a}<>"/dev/tcp/127.0.0.1/$port"
line "$a"
ok 'portforward: nobody there: the connection is closed' same "$REPLY" ''
exec {a}>&-
ok 'portforward: and it says why' wait_for grep -q 'refused' "$work/forward.err"
ok 'portforward: stops on SIGTERM' stop forward

# ---- fetch, crawl, eyeballs: a local site, on 127.0.0.1 alone ----

cat >"$work/site.pl" <<'END'
use strict;
use warnings;
use IO::Socket::INET;
my %page = (
    '/'  => '<a href="/a">a</a> <a href="/b#x">b</a> <a href="http://elsewhere.example/">no</a>',
    '/a' => '<a href="/b"> <a href="/c">',
    '/b' => '<a href="/"> <a href="/missing">',
    '/c' => '<a href="/d"> <a href="/e"> <a href="/f"> <a href="/g">',
    map { $_ => 'no links' } qw(/d /e /f /g),
);
$SIG{CHLD} = 'IGNORE';
$| = 1;
my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => 0, Listen => 64) or die;
print 'site: listening on port ', $listener->sockport, "\n";
while (my $c = $listener->accept) {
    next if fork;
    my ($path) = (<$c> // '') =~ /^GET (\S+)/ or exit;
    while (<$c>) { last if /^\r?\n$/ }
    syswrite STDERR, "+\n";
    select undef, undef, undef, $path eq '/slow' ? 20 : 0.05;
    syswrite STDERR, "-\n";
    print $c exists $page{$path} ? "HTTP/1.0 200 OK\r\n\r\n$page{$path}" : "HTTP/1.0 404 No\r\n\r\n";
    exit;
}
END
perl "$work/site.pl" >"$work/site.out" 2>"$work/site.log" &
pids[site]=$!
wait_for grep -q port "$work/site.out"
site=$(sed 's/.* //' "$work/site.out")
most() { awk '{ n += /\+/ ? 1 : -1; if (n > most) most = n } END { print most }' "$work/site.log"; }

run() # program arguments…: its output in $out and $err, its exit status in $status, its time in $took
{
    local began=$SECONDS

    # shellcheck disable=SC2086
    $EMULATOR "$bin/$1" "${@:2}" >"$work/run.out" 2>"$work/run.err"
    status=$?
    out=$(cat "$work/run.out")
    err=$(cat "$work/run.err")
    took=$((SECONDS - began))
}

run crawl "http://127.0.0.1:$site" 2
ok 'crawl: every page once, and the one that is not there' same "$(sort <<<"$out")" '200 /
200 /a
200 /b
200 /c
200 /d
200 /e
200 /f
200 /g
404 /missing'
ok 'crawl: a dead link is exit status 1' same $status 1
ok 'crawl: at most as many at a time as it was told' same "$(most)" 2

run fetch "http://127.0.0.1:$site/a" http://127.0.0.1:1/ "http://localhost:$site" ftp://no
ok 'fetch: what can be had is had' same "$(sort <<<"$out")" "200       27 http://127.0.0.1:$site/a
200       82 http://localhost:$site"
ok 'fetch: what cannot is said' same "$(sort <<<"$err")" 'fetch: connect to 127.0.0.1 port 1: Connection refused
fetch: ftp://no: not a plain http:// address'
ok 'fetch: and is exit status 1' same $status 1
run fetch "http://127.0.0.1:$site/a" "http://127.0.0.1:$site/b"
ok 'fetch: all is well' same $status 0
run fetch -a "http://127.0.0.1:$site/slow" "http://127.0.0.1:$site/missing"
ok 'fetch -a: the first failure cancels the rest' below $took 10
ok 'fetch -a: and is what is reported' same "$err" "fetch: http://127.0.0.1:$site/missing: status 404"
run fetch -t 0.5 "http://127.0.0.1:$site/slow" "http://127.0.0.1:$site/a"
ok 'fetch -t: what was in time is there' same "$out" "200       27 http://127.0.0.1:$site/a"
ok 'fetch -t: the time is up' same "$err" 'fetch: the time is up'
ok 'fetch -t: in time' below $took 10

run eyeballs localhost "$site"
ok 'eyeballs: shows which address answered' grep -q '^ *[0-9.]* ms  127.0.0.1  *connected$' "$work/run.out"
ok 'eyeballs: exit status 0' same $status 0
run eyeballs 127.0.0.1 1
ok 'eyeballs: shows a refusal' grep -q ' ms  127.0.0.1  *Connection refused$' "$work/run.out"
ok 'eyeballs: and says why in the end' same "$err" 'eyeballs: connect to 127.0.0.1:1: Connection refused'
ok 'eyeballs: exit status 1' same $status 1
run ratelimit 10 "http://127.0.0.1:$site/a" "http://127.0.0.1:$site/b" "http://127.0.0.1:$site/c"
# A slow machine is late with the first two as well.
ok 'ratelimit: the burst, and then the others in their time' same \
    "$(awk '{ last = $1 } END { print NR, last >= 0.1 ? "later" : "at once" }' <<<"$out")" '3 later'
ok 'ratelimit: exit status 0' same $status 0
run ratelimit 1000 http://127.0.0.1:1/
ok 'ratelimit: three attempts, and why' same "$(wc -l <<<"$out") $err" \
    '3 ratelimit: connect to 127.0.0.1 port 1: Connection refused'
kill "${pids[site]}"
unset 'pids[site]'

# ---- what fibers wait on ----

run producer 30
ok 'producer: goes as fast as its consumer' grep -Eq \
    '^30 of 30 items in [0-9.]* s; never more than 1[12] were under way$' "$work/run.out"
run philosophers -p
ok 'philosophers: the polite ones all eat' same "$(grep -c eats <<<"$out")" 5
run philosophers
ok 'philosophers: the others wait for each other, and it is said' grep -Eq \
    'these wait for each other: (Aristotle|Buddha|Confucius|Descartes|Epicurus) ->' "$work/run.err"
ok 'philosophers: who holds what' grep -Eq 'Buddha .* waits .* for mutex .*, held by Confucius' \
    "$work/run.err"
ok 'philosophers: exit status 3' same $status 3
run overload 200
ok 'overload: some are served, the others are told at once' grep -Eq \
    '^[0-9]+ served by 5 connections, [0-9]+ refused at once' "$work/run.out"
run as_completed 3 1 4 2 5
ok 'as_completed: three workers: in the order in which they are done' same "$(xargs <<<"$out")" \
    '1 3 2 4 5'


# ---- bad luck ----

ok 'a port in use' start echo echo 0
$EMULATOR "$bin/chat" "$port" >"$work/busy.out" 2>"$work/busy.err"
ok 'a port in use: exit status 1' same $? 1
ok 'a port in use: a sentence' grep -q "port $port: Address already in use" "$work/busy.err"
ok 'Ctrl-C ends it in order' stop echo INT

# ---- hello again ----

wait "$hello"
ok 'hello: exit status 0' same $? 0
unset 'pids[hello]'
ok 'hello: prints what it must' same "$(cat "$work/hello.out")" 'main: starting nursery
main: spawning child1
main: spawning child2
  child 1 started
  child 2 started
  child 1 finished
  child 2 finished
main: nursery finished'
ok 'hello: and no more' same "$(cat "$work/hello.err")" ''

# ---- for the reader ----

for f in "${TOP:-.}"/examples/*.c; do
    ok "${f##*/} has fewer than 100 lines" below "$(wc -l <"$f")" 100
done

echo "1..$tests"
