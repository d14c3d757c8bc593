#!/usr/bin/env bash
# Runs real clients and public suites against the conformance server (Tests/Conformance/README.md).
set -euo pipefail

cd "$(dirname "$0")/.."
tests=Tests/Conformance
work="$PWD/.build/conformance"
python="$work/venv/bin/python"
failed=()
skipped=()
mkdir -p "$work"

skip() {
    echo "skipped: $1"
    skipped+=("$1")
}

# The server on any free port, which goes into `port`.
start() {
    rm -f "$work/input" "$work/output"
    mkfifo "$work/input"
    "$binaries/conformance-server" 0 <"$work/input" >"$work/output" &
    server=$!
    exec 9>"$work/input"
    for _ in {1..100}; do
        [[ -s "$work/output" ]] && break
        sleep 0.1
    done
    port="$(head -n 1 "$work/output")"
}

stop() {
    exec 9>&-
    wait "$server" || failed+=("the server ended with an error")
}

# The product with its demo data on any free port, which goes into `port`.
start_product() {
    rm -rf "$work/data"
    : >"$work/product.log"
    "$binaries/chat-server" init --data-dir "$work/data" --demo >/dev/null
    CHAT_LOG_FORMAT=json "$binaries/chat-server" serve --data-dir "$work/data" --listen 127.0.0.1:0=poc \
        2>"$work/product.log" &
    server=$!
    for _ in {1..100}; do
        port="$(sed -n 's/.*"listening".*"port":\([0-9]*\).*/\1/p' "$work/product.log")"
        [[ -n "$port" ]] && break
        sleep 0.1
    done
}

stop_product() {
    kill "$server"
    wait "$server" || failed+=("the product ended with an error")
}

# part NAME COMMAND…
part() {
    echo "== $1"
    "${@:2}" || failed+=("$1")
}

export CHAT_TOOLS=conformance
build=(swift build -c release --scratch-path .build/tools)
"${build[@]}" --product conformance-server
"${build[@]}" --product event-source
"${build[@]}" --product chat-server
"${build[@]}" --product agents-client
binaries="$("${build[@]}" --show-bin-path)"

if [[ ! -x "$python" ]]; then python3 -m venv "$work/venv"; fi
if "$python" -m pip install --quiet --requirement "$tests/requirements.txt"; then
    start
    part "cases after the public suites" "$python" "$tests/protocol_suite.py" "$port"
    part "python-socketio" "$python" "$tests/python_client.py" "$port"
    stop
    start_product
    part "python-socketio and poc" "$python" "$tests/poc_client.py" "$port"
    stop_product
else
    skip "the public suites and python-socketio: the packages could not be installed"
fi

if "$python" -m pip install --quiet --requirement "$tests/kafka-requirements.txt"; then
    part "events read back from Kafka" "$python" "$tests/kafka_events.py" \
        "$binaries/chat-server" "$binaries/event-source" "$work"
else
    skip "events read back from Kafka: confluent-kafka could not be installed"
fi

# The agents against a server of the official SDK: replies as JSON and as event streams, with sessions and without.
# The SDK has an environment of its own.
if [[ ! -x "$work/mcp/bin/python" ]]; then python3 -m venv "$work/mcp"; fi
if "$work/mcp/bin/python" -m pip install --quiet --requirement "$tests/mcp-requirements.txt"; then
    for form in "json sessions" "stream sessions" "json stateless" "stream stateless"; do
        read -r replies kind <<<"$form"
        rm -f "$work/mcp.port"
        "$work/mcp/bin/python" "$tests/mcp_server.py" "$replies" "$kind" >"$work/mcp.port" 2>"$work/mcp.log" &
        mcp=$!
        for _ in {1..200}; do
            [[ -s "$work/mcp.port" ]] && break
            sleep 0.1
        done
        part "MCP SDK, $form" "$binaries/agents-client" "http://127.0.0.1:$(head -n 1 "$work/mcp.port")/mcp"
        kill "$mcp"
        wait "$mcp" || true
    done
else
    skip "the Model Context Protocol SDK: the package could not be installed"
fi

script="$work/nicegui/nicegui/static/socket.io.min.js"
if [[ ! -f "$script" ]]; then
    if "$python" -m pip download --quiet --no-deps --dest "$work" nicegui==3.18.0; then
        "$python" -m zipfile -e "$work"/nicegui-*.whl "$work/nicegui"
    fi
fi
browser="$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)"
if [[ -z "$browser" ]]; then
    skip "the browser: no Chromium"
elif [[ ! -f "$script" ]]; then
    skip "the browser: socket.io.min.js could not be had"
else
    start
    part "socket.io.min.js in Chromium" "$python" "$tests/browser.py" "$port" "$script" "$browser"
    stop
    start_product
    part "docs/examples/poc.html in Chromium" "$python" "$tests/poc_browser.py" "$port" "$script" "$browser"
    stop_product
fi

python2=""
for candidate in python2.7 "${PYENV_ROOT:-$HOME/.pyenv}"/versions/2.7.*/bin/python; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info[0] != 2)' 2>/dev/null; then
        python2="$candidate"
        break
    fi
done
suite="$work/autobahn"
if [[ -n "$python2" && ! -d "$suite/autobahntestsuite" ]]; then
    install=("$python2" -m pip install --quiet --target "$suite")
    if "${install[@]}" --requirement "$tests/autobahn-requirements.txt" 2>"$work/pip.log"; then
        "${install[@]}" --no-deps autobahntestsuite==25.10.1 2>>"$work/pip.log" || rm -rf "$suite/autobahntestsuite"
    fi
fi
if [[ -z "$python2" ]]; then
    skip "Autobahn: no CPython 2.7"
elif [[ ! -d "$suite/autobahntestsuite" ]]; then
    skip "Autobahn: the packages could not be installed, see $work/pip.log"
else
    start
    cat >"$work/autobahn.json" <<JSON
{
    "outdir": "$work/report", "servers": [{"agent": "chat-server", "url": "ws://127.0.0.1:$port"}],
    "cases": ["1.*", "2.*", "3.*", "4.*", "5.*", "6.*", "7.*", "10.*"], "exclude-cases": [], "exclude-agent-cases": {}
}
JSON
    rm -rf "$work/report"
    (cd "$work" && "$python2" - >"$work/autobahn.log" 2>&1) <<PYTHON || true
import site, sys
site.addsitedir("$suite")
sys.argv = ["wstest", "-m", "fuzzingclient", "-s", "$work/autobahn.json"]
from autobahntestsuite.wstest import run
run()
PYTHON
    part "Autobahn" "$python" "$tests/autobahn_report.py" "$work/report"
    stop
fi

echo
((${#skipped[@]} == 0)) || printf 'skipped: %s\n' "${skipped[@]}"
if ((${#failed[@]} > 0)); then
    printf 'FAILED: %s\n' "${failed[@]}"
    exit 1
fi
if ((${#skipped[@]} > 0)) && [[ -n "${CONFORMANCE_STRICT:-}" ]]; then exit 1; fi
echo "conformance: everything that could be run has passed"
