#!/bin/bash
# Shows that `cp -r` of the data directory of a running server is a backup.
#
#   scripts/demo-backup.sh PROGRAM
#
# 1. Starts the server and four clients that write to it as fast as they are answered, each remembering in a journal
#    what was acknowledged.
# 2. Keeps the journal of this moment and copies the directory with `cp -r` while the clients go on writing.
# 3. Kills the server with SIGKILL, checks the copy with `verify` and serves it.
# 4. Reads every message of the kept journal back from the copy.
# Fails if one is missing, out of place or different. Needs python3 with its standard library.
set -euo pipefail

program=${1:?usage: scripts/demo-backup.sh PROGRAM}
seconds=${DEMO_SECONDS:-5}
work=$(mktemp -d)
server=
load=
cleanup() {
    for pid in $load $server; do
        # Without the shell's word about a killed job.
        { kill -9 "$pid" && wait "$pid"; } 2>/dev/null || true
    done
    rm -rf "$work"
}
trap cleanup EXIT

cat >"$work/client.py" <<'PYTHON'
import http.client, json, sys, threading


def call(connection, method, path, body=None):
    data = json.dumps(body) if body is not None else None
    connection.request(method, path, data, {"Content-Type": "application/json"} if data else {})
    reply = connection.getresponse()
    return reply.status, json.loads(reply.read())


def write(port, journal, lock, number):
    """Writes to one session until the server is gone; a line of the journal is an acknowledged message."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        status, made = call(connection, "POST", "/api/sessions/create", {"userId": f"client-{number}"})
        session = made["sessionId"]
        count = 0
        while True:
            content = f"client {number} message {count} " + "x" * (count * 37 % 2000)
            status, saved = call(
                connection, "POST", "/api/sessions/save-message",
                {"sessionId": session, "role": "user", "content": content})
            if status != 201:
                return
            with lock:
                journal.write(json.dumps([session, count, saved["id"], content]) + "\n")
                journal.flush()
            count += 1
    except (OSError, http.client.HTTPException):
        return


def load(port, path):
    with open(path, "w") as journal:
        lock = threading.Lock()
        threads = [threading.Thread(target=write, args=(port, journal, lock, n)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


def check(port, path):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    sessions = {}
    for line in open(path):
        session, place, message, content = json.loads(line)
        sessions.setdefault(session, []).append((place, message, content))
    checked = further = 0
    for session, expected in sessions.items():
        status, body = call(connection, "GET", f"/api/sessions/messages?sessionId={session}")
        if status != 200:
            sys.exit(f"session {session}: status {status}")
        found = body["messages"]
        for place, message, content in expected:
            if place >= len(found) or (found[place]["id"], found[place]["content"]) != (message, content):
                sys.exit(f"session {session}: message {place} was acknowledged and is not there")
            checked += 1
        further += len(found) - len(expected)
    print(f"{checked} messages were acknowledged before the copy began: all of them are in it, and {further} later ones")


{"load": load, "check": check}[sys.argv[1]](int(sys.argv[2]), sys.argv[3])
PYTHON

# Starts a server on a directory; sets `server` and `port`.
serve() {
    "$program" serve --data-dir "$1" --listen 127.0.0.1:0 --set orion.rate-limit=0 --set log.format=json \
        --set store.head-bytes=1MiB --set store.log-file-bytes=1MiB 2>"$2" &
    server=$!
    port=
    for _ in $(seq 200); do
        port=$(sed -n 's/.*"message":"listening".*"port":\([0-9]*\).*/\1/p' "$2" | head -1)
        [[ -n $port ]] && return
        sleep 0.05
    done
    echo "the server did not start:" >&2
    cat "$2" >&2
    exit 1
}

serve "$work/data" "$work/first.log"
echo "writing with 4 clients for $seconds s"
python3 "$work/client.py" load "$port" "$work/journal" &
load=$!
sleep "$seconds"

cp "$work/journal" "$work/journal-before"
# The copy of the journal may end within a line; a whole line is an acknowledged message.
sed -i '$ { /\]$/! d }' "$work/journal-before"
cp -r "$work/data" "$work/copy"
after=$(wc -l <"$work/journal")
sleep 1
kill -9 "$server"
{ wait "$server"; } 2>/dev/null || true
server=
wait "$load"
load=
echo "copied $(du -sh "$work/copy" | cut -f1) with cp -r: $(wc -l <"$work/journal-before") messages acknowledged when it" \
    "began, $after when it ended, $(wc -l <"$work/journal") when the server was killed"

"$program" verify "$work/copy" | sed 's/^/verify: /'
serve "$work/copy" "$work/second.log"
grep -h -e 'is a copy' -e 'was cut' "$work/second.log" | sed 's/.*"message":"\([^"]*\)".*/the server says: \1/' || true
python3 "$work/client.py" check "$port" "$work/journal-before"
