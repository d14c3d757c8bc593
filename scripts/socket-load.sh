#!/usr/bin/env bash
# Measures sockets of the poc surface against a server of its own: memory of idle ones, latency in rooms, slow readers.
#
#   scripts/socket-load.sh BINARY SOCKET-LOAD
set -euo pipefail

binary="$1"
load="$2"
ulimit -n 24000 2>/dev/null || ulimit -n "$(ulimit -Hn)"
work="$(mktemp -d)"
server=""
trap '[[ -n "$server" ]] && kill "$server" 2>/dev/null; wait 2>/dev/null; rm -rf "$work"' EXIT

# A server on a free port, which goes into `port`.
start() {
    : >"$work/log"
    CHAT_LOG_FORMAT=json "$binary" serve --data-dir "$work/$1" --listen 127.0.0.1:0=poc \
        --set http.max-connections=16000 --set poc.insecure-tokens=on --set poc.rate-limit=0 \
        --set poc.auth-rate-limit=0 --set poc.message-rate-limit=0 --set poc.max-sessions-per-user=0 \
        2>"$work/log" &
    server=$!
    for _ in {1..100}; do
        port="$(sed -n 's/.*"listening".*"port":\([0-9]*\).*/\1/p' "$work/log")"
        [[ -n "$port" ]] && return
        sleep 0.1
    done
    echo "the server did not start" >&2
    exit 1
}

stop() {
    kill "$server"
    wait "$server"
    server=""
}

start idle
"$load" --port "$port" --pid "$server" idle --sockets 10000
stop
start rooms
"$load" --port "$port" --pid "$server" rooms --active 1 --turns 2000
"$load" --port "$port" --pid "$server" rooms --active 10
"$load" --port "$port" --pid "$server" rooms --active 100
"$load" --port "$port" --pid "$server" rooms --active 10 --slow 20
stop
