#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# tools/check-wrap.sh [NAME…]: real programs with threads under `gosling run`: what they answer, how
# many threads the kernel sees, and that they stop on SIGTERM as they do natively. Servers are
# started on the loopback, in a temporary folder, on free ports, and stopped by their pids. $BUILD has
# gosling; what is not installed is skipped, and said so.
set -u

gosling=$BUILD/gosling
STOP_BY=KILL # what they do on SIGTERM is tried, not relied on
# shellcheck source=tools/servers.sh
. "$(dirname "$0")/servers.sh"
failed=0

ok() # condition's status, description, more
{
    if [ "$1" = 0 ]; then
        echo "ok - S11.87 $2"
    else
        echo "not ok - S11.87 $2"
        printf '%s\n' "${3:-}" | tail -n 20 | sed 's/^/#   /'
        failed=1
    fi
}

have() # program
{
    command -v "$1" >/dev/null || { echo "skipped: no $1"; return 1; }
}

threads_of() # pid
{
    sed -n 's/^Threads:[ \t]*//p' "/proc/$1/status" 2>/dev/null
}

# The library's pool may have some for files and names; the program's own would be dozens.
few_threads() # pid, description
{
    local n
    n=$(threads_of "$1")
    [ "${n:-99}" -le 5 ]
    ok $? "$2: ${n:-no} thread(s) in the kernel"
}

stops() # pid, description: on SIGTERM, within some seconds
{
    kill -TERM "$1"
    for _ in $(seq 100); do
        kill -0 "$1" 2>/dev/null || break
        sleep 0.1
    done
    ! kill -0 "$1" 2>/dev/null
    ok $? "$2: stops on SIGTERM"
}

same() # description, command…: the same output and status
{
    local what=$1 native wrapped
    shift
    native=$(timeout 60 "$@" 2>&1 </dev/null; echo "status $?")
    wrapped=$(timeout 60 "$gosling" run -- "$@" 2>&1 </dev/null; echo "status $?")
    [ "$native" == "$wrapped" ]
    ok $? "$what" "$(diff <(echo "$native") <(echo "$wrapped"))"
}

check_python()
{
    local py=/usr/bin/python3 pid port
    have $py || return
    cat >"$work/many.py" <<'END'
import queue, socket, subprocess, threading, time
from concurrent.futures import ThreadPoolExecutor
q, done = queue.Queue(), []
def work():
    while (x := q.get()) is not None:
        time.sleep(0.001)
        done.append(x * x)
ts = [threading.Thread(target=work) for _ in range(200)]
for t in ts: t.start()
for i in range(1000): q.put(i)
for t in ts: q.put(None)
for t in ts: t.join()
print(sum(done))
with ThreadPoolExecutor(20) as e: print(sum(e.map(lambda i: i * 2, range(1000))))
with ThreadPoolExecutor(8) as e:
    print(*e.map(lambda i: subprocess.run(["expr", str(i), "+", "1"], capture_output=True).stdout, range(16)))
a, b = socket.socketpair()
t = threading.Thread(target=lambda: b.sendall(b.recv(100)[::-1]))
t.start(); a.sendall(b"backwards"); print(a.recv(100)); t.join()
c = threading.Condition()
print(c.acquire(), c.wait(0.01), threading.Event().wait(0.01))
def burn():
    n = 0
    for i in range(300000): n += i
    return n
with ThreadPoolExecutor(4) as e: print(*e.map(lambda _: burn(), range(4)))
flag = []
t = threading.Thread(target=lambda: (time.sleep(0.05), flag.append(1)))
t.start()
while not flag: pass
print("spun")
END
    same 'python3: threads, queues, pools, subprocesses, sockets, spinning' $py "$work/many.py"
    cat >"$work/serve.py" <<'END'
import http.server, signal, sys, threading
class H(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header('Content-Length', '6')
        self.end_headers()
        self.wfile.write(b'hello\n')
    def log_message(self, *a): pass
s = http.server.ThreadingHTTPServer(('127.0.0.1', int(sys.argv[1])), H)
signal.signal(signal.SIGTERM, lambda *a: threading.Thread(target=s.shutdown).start())
s.serve_forever()
END
    have ab || return
    port=$(free_port)
    "$gosling" run -- $py "$work/serve.py" "$port" >"$work/serve.log" 2>&1 &
    pid=$!
    pids+=("$pid")
    wait_for_port "$port"
    out=$(ab -q -n 2000 -c 64 "http://127.0.0.1:$port/" 2>&1)
    grep -q 'Complete requests: *2000' <<<"$out" && grep -q 'Failed requests: *0' <<<"$out"
    ok $? 'python3: ThreadingHTTPServer under ab, 64 at once' "$out$(cat "$work/serve.log")"
    few_threads "$pid" 'python3'
    stops "$pid" 'python3'
}

check_apache()
{
    local root=$work/apache mods=/usr/lib/apache2/modules port pid child out
    have apache2 && have ab || return
    port=$(free_port)
    mkdir -p "$root/htdocs"
    echo hello >"$root/htdocs/index.html"
    chmod -R a+rX "$root"
    cat >"$root/conf" <<END
ServerRoot "$root"
ServerName localhost
PidFile "$root/pid"
Listen 127.0.0.1:$port
LoadModule mpm_worker_module $mods/mod_mpm_worker.so
LoadModule authz_core_module $mods/mod_authz_core.so
StartServers 1
ServerLimit 1
ThreadLimit 64
ThreadsPerChild 64
MinSpareThreads 1
MaxSpareThreads 64
MaxRequestWorkers 64
User nobody
Group nogroup
DocumentRoot "$root/htdocs"
ErrorLog "$root/error"
END
    "$gosling" run -- apache2 -f "$root/conf" -D FOREGROUND >"$root/out" 2>&1 &
    pid=$!
    pids+=("$pid")
    wait_for_port "$port"
    sleep 0.5
    out=$(ab -q -n 5000 -c 64 "http://127.0.0.1:$port/index.html" 2>&1)
    grep -q 'Complete requests: *5000' <<<"$out" && grep -q 'Failed requests: *0' <<<"$out"
    ok $? 'apache2: mpm_worker with 64 threads, under ab' "$out$(cat "$root/out" "$root/error")"
    child=$(pgrep -P "$pid" | head -n 1)
    few_threads "${child:-0}" 'apache2, the child'
    kill -USR1 "$pid" # reload
    sleep 1
    out=$(ab -q -n 1000 -c 16 "http://127.0.0.1:$port/index.html" 2>&1)
    grep -q 'Failed requests: *0' <<<"$out"
    ok $? 'apache2: serves after a graceful reload' "$out$(cat "$root/out" "$root/error")"
    stops "$pid" 'apache2'
}

check_memcached()
{
    local port pid out user=()
    have memcached || return
    port=$(free_port)
    [ "$(id -u)" = 0 ] && user=(-u nobody)
    "$gosling" run -- memcached -t 4 -l 127.0.0.1 -p "$port" "${user[@]}" >"$work/memcached.log" 2>&1 &
    pid=$!
    pids+=("$pid")
    wait_for_port "$port"
    out=$(for i in $(seq 20); do
        printf 'set k%d 0 0 3\r\nabc\r\nget k%d\r\nquit\r\n' "$i" "$i" | timeout 10 nc -q 2 127.0.0.1 "$port"
    done | tr -d '\r' | sort | uniq -c | tr -s ' ')
    grep -q ' 20 abc' <<<"$out" && grep -q ' 20 STORED' <<<"$out"
    ok $? 'memcached -t 4: sets and gets' "$out$(cat "$work/memcached.log")"
    few_threads "$pid" 'memcached'
    stops "$pid" 'memcached'
}

check_stunnel()
{
    local port back pid out
    have stunnel4 && have openssl || return
    port=$(free_port)
    certificate
    back=$(free_port)
    perl -MIO::Socket::INET -e '$SIG{CHLD} = "IGNORE";
        my $l = IO::Socket::INET->new(Listen => 64, LocalAddr => "127.0.0.1", LocalPort => shift, ReuseAddr => 1);
        while (my $c = $l->accept) { if (!fork) { while (<$c>) { print $c "back: $_"; $c->flush } exit } close $c }' \
        "$back" &
    pids+=($!)
    cat >"$work/stunnel.conf" <<END
foreground = yes
pid =
[echo]
accept = 127.0.0.1:$port
connect = 127.0.0.1:$back
cert = $work/cert.pem
key = $work/key.pem
END
    "$gosling" run -- stunnel4 "$work/stunnel.conf" >"$work/stunnel.log" 2>&1 &
    pid=$!
    pids+=("$pid")
    wait_for_port "$port"
    for i in $(seq 16); do
        (echo "line $i"; sleep 1) | timeout 20 openssl s_client -quiet -connect "127.0.0.1:$port" 2>/dev/null &
    done >"$work/stunnel.out"
    sleep 3
    out=$(sort "$work/stunnel.out" | grep -c '^back: line')
    [ "$out" = 16 ]
    ok $? "stunnel4: 16 connections at once" "$out$(cat "$work/stunnel.log")"
    few_threads "$pid" 'stunnel4'
    stops "$pid" 'stunnel4'
}

check_curl()
{
    local port
    have curl || return
    port=$(free_port)
    mkdir -p "$work/files"
    head -c 3000000 /dev/zero | tr '\0' x >"$work/files/x"
    perl -MIO::Socket::INET -e 'my ($port, $file) = @ARGV; $SIG{CHLD} = "IGNORE";
        my $l = IO::Socket::INET->new(Listen => 64, LocalAddr => "127.0.0.1", LocalPort => $port, ReuseAddr => 1);
        while (my $c = $l->accept) { if (!fork) { while (<$c>) { last if /^\r/ } open my $f, "<", $file; local $/;
            my $t = <$f>; print $c "HTTP/1.0 200 OK\r\nContent-Length: ", length $t, "\r\n\r\n$t"; exit } close $c }' \
        "$port" "$work/files/x" &
    pids+=($!)
    wait_for_port "$port"
    same 'curl: its threaded resolver, and 3 MB' \
        sh -c "curl -s http://localhost:$port/ | cksum; curl -s http://no-such-name.invalid/; echo \$?"
    same 'curl: twenty at once' \
        sh -c "curl -s --no-progress-meter --parallel --parallel-max 20 \
            $(printf "http://localhost:$port/%s " {1..20}) | cksum"
}

check_redis()
{
    local port pid out
    have redis-server && have redis-benchmark || return
    port=$(free_port)
    "$gosling" run -- redis-server --port "$port" --bind 127.0.0.1 --dir "$work" --save '' --appendonly no \
        >"$work/redis.log" 2>&1 &
    pid=$!
    pids+=("$pid")
    wait_for_port "$port"
    out=$(timeout 60 "$gosling" run -- \
        redis-benchmark -p "$port" -n 50000 -c 50 --threads 4 -q -t set,get 2>&1 | tr '\r' '\n')
    grep -q 'GET: .* requests per second' <<<"$out"
    ok $? 'redis-server; redis-benchmark with 4 threads' "$out$(tail "$work/redis.log")"
    few_threads "$pid" 'redis-server'
    stops "$pid" 'redis-server'
}

check_openssl()
{
    local port pid out
    have openssl || return
    port=$(free_port)
    certificate
    "$gosling" run -- openssl s_server -accept "127.0.0.1:$port" -key "$work/key.pem" -cert "$work/cert.pem" -www \
        >"$work/s_server.log" 2>&1 &
    pid=$!
    pids+=("$pid")
    wait_for_port "$port"
    out=$(for _ in $(seq 5); do curl -sk "https://127.0.0.1:$port/" | grep -cm1 's_server'; done | tr '\n' ' ')
    [ "$out" = '1 1 1 1 1 ' ]
    ok $? 'openssl s_server: five pages over TLS' "$out$(tail "$work/s_server.log")"
    stops "$pid" 'openssl s_server'
}

check_xz()
{
    have xz || return
    head -c 6000000 /dev/urandom | base64 -w 0 >"$work/data"
    same 'xz -T4: compresses to the same bytes' sh -c "xz -T4 -1 --block-size=1MiB -c '$work/data' | cksum"
}

check_pgbench()
{
    local bin port out as=()
    bin=$(find /usr/lib/postgresql -maxdepth 2 -name bin 2>/dev/null | sort | tail -n 1)
    [ -n "$bin" ] || { echo 'skipped: no PostgreSQL'; return; }
    port=$(free_port)
    mkdir "$work/pg"
    if [ "$(id -u)" = 0 ]; then
        chown postgres "$work/pg"
        as=(setpriv --reuid postgres --regid postgres --clear-groups)
    fi
    "${as[@]}" "$bin/initdb" -D "$work/pg/data" -A trust -U gosling -N >/dev/null 2>&1
    "${as[@]}" "$bin/postgres" -D "$work/pg/data" -p "$port" -k "$work/pg" -c listen_addresses=127.0.0.1 \
        -c fsync=off >"$work/pg.log" 2>&1 &
    pids+=($!)
    wait_for_port "$port"
    sleep 0.5
    "$bin/pgbench" -h 127.0.0.1 -p "$port" -U gosling -i -q postgres >/dev/null 2>&1
    out=$(timeout 60 "$gosling" run -- "$bin/pgbench" -h 127.0.0.1 -p "$port" -U gosling -j 8 -c 16 -t 50 postgres 2>&1)
    grep -q 'transactions actually processed: 800/800' <<<"$out"
    ok $? 'pgbench -j 8: 800 transactions' "$out"
}

check_mariadb()
{
    local port pid out
    have mariadbd && have mariadb || return
    port=$(free_port)
    mkdir "$work/maria"
    mariadb-install-db --no-defaults --datadir="$work/maria" --auth-root-authentication-method=normal \
        --user="$(id -un)" >"$work/maria.log" 2>&1
    "$gosling" run -- mariadbd --no-defaults --datadir="$work/maria" --port="$port" --bind-address=127.0.0.1 \
        --socket="$work/maria/s" --user="$(id -un)" --skip-log-bin >"$work/maria.log" 2>&1 &
    pid=$!
    pids+=("$pid")
    ask() { timeout 30 mariadb --no-defaults -h 127.0.0.1 -P "$port" -u root "$@"; }
    for _ in $(seq 150); do
        ask -e 'select 1' >/dev/null 2>&1 && break
        sleep 0.2
    done
    out=$(ask -e 'create database d; create table d.t (a int primary key)' 2>&1)
    for i in $(seq 16); do
        ask d -e "insert into t values ($i); select sleep(0.3)" >/dev/null 2>&1 &
    done
    sleep 3
    out+=$(ask d -N -e 'select count(*), sum(a) from t' 2>&1)
    [ "$out" = $'16\t136' ]
    ok $? 'mariadbd: 16 clients at once' "$out $(tail "$work/maria.log")"
    few_threads "$pid" 'mariadbd'
    stops "$pid" 'mariadbd'
}

[ $# -gt 0 ] || set -- python apache memcached stunnel curl redis openssl xz pgbench mariadb
for name in "$@"; do
    echo "== $name =="
    "check_$name"
done
exit $failed
