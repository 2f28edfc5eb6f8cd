#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# tools/check-shim.sh: blocking C libraries in fibers against real servers, which are started on the
# loopback, in a temporary folder, on free ports, and stopped by their pids. $BUILD has the programs;
# a library or server that is not there is skipped, and said so.
set -u

# shellcheck source=tools/servers.sh
. "$(dirname "$0")/servers.sh"
failed=0

run() # program, arguments
{
    local program=$1
    shift
    echo "== $program =="
    if [ ! -x "$BUILD/tests/real/$program" ]; then
        echo "skipped: its library is not installed (make deps-full)"
        return
    fi
    "$BUILD/tests/real/$program" "$@" || failed=1
}

# ---- redis ----

if command -v redis-server >/dev/null; then
    port=$(free_port)
    redis-server --port "$port" --bind 127.0.0.1 --dir "$work" --save '' --appendonly no >"$work/redis.log" 2>&1 &
    pids+=($!)
    wait_for_port "$port" || { echo "redis-server did not start:"; tail "$work/redis.log"; failed=1; }
    redis_port=$port
    run redis "$port"
else
    echo 'redis: skipped, no redis-server'
fi

# ---- PostgreSQL, which does not run as root ----

bin=$(find /usr/lib/postgresql -maxdepth 2 -name bin 2>/dev/null | sort | tail -n 1)
if [ -n "$bin" ]; then
    port=$(free_port)
    mkdir "$work/pg"
    as=()
    if [ "$(id -u)" = 0 ]; then
        chmod 711 "$work"
        chown postgres "$work/pg"
        as=(setpriv --reuid postgres --regid postgres --clear-groups)
    fi
    if "${as[@]}" "$bin/initdb" -D "$work/pg/data" -A trust -U gosling -N >"$work/initdb.log" 2>&1; then
        "${as[@]}" "$bin/postgres" -D "$work/pg/data" -p "$port" -k "$work/pg" -c listen_addresses=127.0.0.1 \
            -c max_connections=120 -c fsync=off >"$work/pg.log" 2>&1 &
        pids+=($!)
        wait_for_port "$port" || { echo "postgres did not start:"; tail "$work/pg.log"; failed=1; }
        pg_port=$port
        run postgres "host=127.0.0.1 port=$port user=gosling dbname=postgres"
    else
        echo 'postgres: initdb failed'
        tail "$work/initdb.log"
        failed=1
    fi
else
    echo 'postgres: skipped, no PostgreSQL'
fi

# ---- MariaDB ----

if command -v mariadbd >/dev/null && command -v mariadb-install-db >/dev/null; then
    port=$(free_port)
    if mariadb-install-db --no-defaults --auth-root-authentication-method=normal --skip-test-db \
        --user="$(id -un)" --datadir="$work/maria" >"$work/install-db.log" 2>&1; then
        mariadbd --no-defaults --user="$(id -un)" --datadir="$work/maria" --port="$port" \
            --bind-address=127.0.0.1 --socket="$work/maria.sock" --skip-name-resolve \
            --innodb-buffer-pool-size=16M >"$work/maria.log" 2>&1 &
        pids+=($!)
        wait_for_port "$port" || { echo "mariadbd did not start:"; tail "$work/maria.log"; failed=1; }
        run mariadb "$port" root
    else
        echo 'mariadb: mariadb-install-db failed'
        tail "$work/install-db.log"
        failed=1
    fi
else
    echo 'mariadb: skipped, no MariaDB'
fi

# ---- a certificate, OpenSSL, nginx and libcurl ----

certificate || failed=1
run tls "$work/cert.pem" "$work/key.pem"

if command -v nginx >/dev/null; then
    port=$(free_port)
    sport=$(free_port)
    mkdir "$work/www"
    head -c 20000 /dev/zero | tr '\0' x >"$work/www/page"
    chmod 755 "$work" "$work/www"
    cat >"$work/nginx.conf" <<EOF
daemon off;
pid $work/nginx.pid;
error_log $work/nginx-error.log;
worker_processes 1;
events { worker_connections 2000; }
http {
    access_log off;
    client_body_temp_path $work/t1; proxy_temp_path $work/t2; fastcgi_temp_path $work/t3;
    uwsgi_temp_path $work/t4; scgi_temp_path $work/t5;
    server {
        listen 127.0.0.1:$port;
        listen 127.0.0.1:$sport ssl;
        ssl_certificate $work/cert.pem;
        ssl_certificate_key $work/key.pem;
        root $work/www;
    }
}
EOF
    nginx -c "$work/nginx.conf" >"$work/nginx.log" 2>&1 &
    pids+=($!)
    wait_for_port "$port" || { echo "nginx did not start:"; tail "$work"/nginx*.log; failed=1; }
    http_port=$port
    https_port=$sport
    run curl "http://127.0.0.1:$port" "https://localhost:$sport" "$work/cert.pem"
else
    echo 'curl: skipped, no nginx'
fi

# ---- unmodified programs ----

echo '== programs =='
same() # what of the law, command line: the same output and exit status natively and wrapped
{
    local what=$1 native wrapped
    shift
    native=$("$@" 2>&1 </dev/null; echo "status $?")
    wrapped=$("$BUILD/gosling" run -- "$@" 2>&1 </dev/null; echo "status $?")
    if [ "$native" == "$wrapped" ]; then
        echo "ok - S11.57 $what: ${#native} bytes, status ${native##*status }"
    else
        echo "not ok - S11.57 $what"
        printf 'natively: %s\nwrapped:  %s\n' "${native:0:500}" "${wrapped:0:500}"
        failed=1
    fi
}

if [ -n "${redis_port:-}" ] && command -v redis-cli >/dev/null; then
    same redis-cli redis-cli -p "$redis_port" set key value
    same 'redis-cli, a script' redis-cli -p "$redis_port" eval 'return redis.call("get", "key")' 0
    same 'redis-cli, refused' redis-cli -p 1 ping
fi
if [ -n "${pg_port:-}" ] && command -v psql >/dev/null; then
    pg="host=127.0.0.1 port=$pg_port user=gosling dbname=postgres"
    same psql psql "$pg" -c 'select i, i * i from generate_series(1, 500) i'
    same 'psql, an error' psql "$pg" -c 'select 1/0'
    same 'psql, a script' psql "$pg" -f /dev/null
fi
if [ -n "${http_port:-}" ]; then
    same curl curl -s -i -H 'Date:' "http://127.0.0.1:$http_port/page"
    same 'curl, HTTPS' curl -s --cacert "$work/cert.pem" "https://localhost:$https_port/page"
    same 'curl, not found' curl -s -f "http://127.0.0.1:$http_port/none"
    same 'curl, five at once' curl -s -Z --no-progress-meter "http://127.0.0.1:$http_port/page?[1-5]"
    command -v wget >/dev/null && same wget wget -q -O - "http://localhost:$http_port/page"
    # shellcheck disable=SC2016
    command -v nc >/dev/null &&
        same nc sh -c 'printf "GET /page HTTP/1.0\r\n\r\n" | nc -N 127.0.0.1 "$0" | tail -c 100' "$http_port"
fi
if command -v nc >/dev/null; then
    port=$(free_port)
    (sleep 0.3; echo over | nc -N 127.0.0.1 "$port"; sleep 0.5; echo over | nc -N 127.0.0.1 "$port") &
    pids+=($!)
    same 'nc, listening' nc -l 127.0.0.1 "$port"
fi
if command -v git >/dev/null && command -v python3 >/dev/null; then
    git init -q "$work/origin"
    (cd "$work/origin" && seq 2000 >numbers && git add . &&
        git -c user.name=x -c user.email=x@x commit -qm numbers && git update-server-info)
    port=$(free_port)
    python3 -m http.server "$port" --bind 127.0.0.1 --directory "$work" >"$work/http.log" 2>&1 &
    pids+=($!)
    wait_for_port "$port"
    # shellcheck disable=SC2016
    for url in "http://127.0.0.1:$port/origin/.git" "file://$work/origin"; do
        same "git clone ${url%%:*}" sh -c 'rm -rf "$1/clone"
            git clone -q "$0" "$1/clone" && git -C "$1/clone" log --oneline | cat
            cksum <"$1/clone/numbers"' "$url" "$work"
        rm -rf "$work/clone"
        "$BUILD/gosling" run -- git clone -q "$url" "$work/clone" && [ "$(wc -l <"$work/clone/numbers")" = 2000 ] ||
            { echo "not ok - S11.57 git clone $url"; failed=1; }
    done
fi

# ---- the examples: pages of 2 s each, all at once ----

echo '== examples =='
cat >"$work/slow.pl" <<'END'
use IO::Socket::INET;
my $l = IO::Socket::INET->new(Listen => 64, LocalAddr => '127.0.0.1');
$SIG{CHLD} = 'IGNORE';
$| = 1;
print $l->sockport, "\n";
while (1) {
    my $c = $l->accept or next;
    next if fork;
    while (<$c>) { last if /^\r?\n$/ }
    sleep 2;
    print $c "HTTP/1.0 200 OK\r\n\r\na slow page\n";
    exit;
}
END
perl "$work/slow.pl" >"$work/slow.port" &
pids+=($!)
for _ in $(seq 100); do
    [ -s "$work/slow.port" ] && break
    sleep 0.05
done
urls=()
for i in $(seq 20); do
    urls+=("http://127.0.0.1:$(cat "$work/slow.port")/$i")
done
began=$(date +%s%N)
pages=$("$BUILD/examples/shim/scrape" "${urls[@]}" | grep -c ': 12 bytes')
took=$((($(date +%s%N) - began) / 1000000))
if [ "$pages" = 20 ] && [ "$took" -lt 20000 ]; then
    echo "ok - S11.45 scrape: 20 pages of 2 s each, in turn 40 s: $took ms"
else
    echo "not ok - S11.45 scrape: $pages pages of 20 in $took ms"
    failed=1
fi
if "$BUILD/examples/shim/mixed" >"$work/mixed"; then
    echo "ok - S11.45 mixed: $(tail -n 1 "$work/mixed")"
else
    echo 'not ok - S11.45 mixed'
    cat "$work/mixed"
    failed=1
fi

[ "$failed" = 0 ] && echo 'check-shim ok'
exit "$failed"
