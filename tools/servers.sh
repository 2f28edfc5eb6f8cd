# shellcheck shell=bash
# SPDX-License-Identifier: MIT
#
# For scripts that try real servers: sourced. Whatever is started in the background is put into
# `pids`, and stopped when the script ends; `work` is a folder that is gone then.

work=$(mktemp -d /tmp/gosling-servers-XXXXXX)
chmod 755 "$work" # a server may run as another user
pids=()

stop_all()
{
    for p in "${pids[@]}"; do
        kill -"${STOP_BY:-TERM}" "$p" 2>/dev/null
    done
    for p in "${pids[@]}"; do
        wait "$p" 2>/dev/null
    done
    rm -rf "$work"
}
trap stop_all EXIT

free_port()
{
    perl -MIO::Socket::INET -e 'print IO::Socket::INET->new(Listen => 1, LocalAddr => "127.0.0.1")->sockport'
}

wait_for_port() # port
{
    for _ in $(seq 200); do
        (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null && return 0
        sleep 0.05
    done
    return 1
}

# key.pem and cert.pem in $work, made once.
certificate()
{
    [ -e "$work/cert.pem" ] ||
        openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost \
            -addext 'subjectAltName=DNS:localhost,IP:127.0.0.1' \
            -keyout "$work/key.pem" -out "$work/cert.pem" 2>"$work/openssl.log" ||
        { cat "$work/openssl.log"; return 1; }
}
