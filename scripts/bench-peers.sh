#!/usr/bin/env bash
# Installs what `make bench` compares with and measures by, from Debian and PyPI, and says what. Nothing that is there is
# touched; what Debian would install over another Node is unpacked below .build instead.
#
# A peer that cannot be had is no error: the benchmark skips it and says so.
set -euo pipefail
cd "$(dirname "$0")/.."

work="$PWD/.build/bench"
mkdir -p "$work"

as_root=()
if ((EUID != 0)); then
    command -v sudo >/dev/null && as_root=(sudo)
fi

apt() { "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get "$@" </dev/null; }

# Package and a file or program of it.
wanted=(
    "postgresql-15|/usr/lib/postgresql/15/bin/initdb" "nginx-light|/usr/sbin/nginx" "wrk|/usr/bin/wrk"
    "valgrind|/usr/bin/valgrind" "librocksdb-dev|/usr/include/rocksdb/c.h" "liblmdb-dev|/usr/include/lmdb.h"
    "libsqlite3-dev|/usr/include/sqlite3.h" "python3|/usr/bin/python3"
)
missing=()
for entry in "${wanted[@]}"; do
    [[ -e "${entry#*|}" ]] || missing+=("${entry%|*}")
done
[[ -e /usr/share/python-wheels ]] || python3 -m ensurepip --version >/dev/null 2>&1 || missing+=(python3-venv)
command -v node >/dev/null || missing+=(nodejs)
if ((${#missing[@]})); then
    echo "Installing what the benchmarks need: ${missing[*]}"
    # A new cluster is not wanted: the benchmark makes its own and stops it again.
    if [[ " ${missing[*]} " == *" postgresql-15 "* && ! -e /etc/postgresql-common/createcluster.conf ]]; then
        "${as_root[@]}" mkdir -p /etc/postgresql-common
        echo "create_main_cluster = false" | "${as_root[@]}" tee /etc/postgresql-common/createcluster.conf >/dev/null
    fi
    apt install --yes --no-install-recommends "${missing[@]}" || {
        apt update
        apt install --yes --no-install-recommends "${missing[@]}"
    }
fi

# Express and pg: Debian's packages, unpacked. Their dependencies are found by asking Node what is missing.
modules="$work/node"
node_path="$modules/usr/share/nodejs:$modules/usr/lib/$(uname -m)-linux-gnu/nodejs"
unpack() {
    (cd "$work" && rm -f -- *.deb && apt-get -o APT::Sandbox::User=root download "$1" >/dev/null 2>&1) || return 1
    dpkg -x "$work"/*.deb "$modules"
    rm -f "$work"/*.deb
}
if command -v node >/dev/null && [[ ! -e "$modules/complete" ]]; then
    echo "Unpacking node-express and node-pg below .build/bench"
    mkdir -p "$modules"
    # The package lists of a fresh machine are empty.
    if ! unpack node-express; then
        apt update >/dev/null
        unpack node-express || echo "node-express cannot be had"
    fi
    unpack node-pg || echo "node-pg cannot be had"
    for _ in {1..120}; do
        if found="$(NODE_PATH="$node_path" node -e 'require("express")().handle; require("pg").Pool' 2>&1)"; then
            touch "$modules/complete"
            break
        fi
        name="$(sed -n "s/.*Cannot find module '\([^']*\)'.*/\1/p" <<<"$found" | head -n 1)"
        [[ -n "$name" ]] || break
        name="${name#@}"
        package="node-${name//\//-}"
        unpack "$package" || {
            # A part of another package.
            provider="$(apt-cache showpkg "$package" | sed -n '/^Reverse Provides/,$p' | awk 'NR == 2 { print $1 }')"
            if [[ -z "$provider" ]] || ! unpack "$provider"; then break; fi
        }
    done
    [[ -e "$modules/complete" ]] || echo "node-express and node-pg are not complete: $name is missing"
fi

# FastAPI and python-socketio: PyPI, in a directory of their own.
python="$work/venv/bin/python"
if [[ ! -e "$work/venv/complete" ]]; then
    echo "Installing Benchmarks/peers/requirements.txt below .build/bench"
    /usr/bin/python3 -m venv "$work/venv" || python3 -m venv "$work/venv"
    if "$python" -m pip install --quiet --disable-pip-version-check --requirement Benchmarks/peers/requirements.txt; then
        touch "$work/venv/complete"
    else
        echo "the packages of FastAPI and python-socketio cannot be had"
    fi
fi
