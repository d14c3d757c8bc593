#!/usr/bin/env bash
# Installs exactly the Debian packages that are missing for `make build` and `make test`, and says so.
# Nothing missing: silent, and neither apt nor root is needed. No apt: names what is missing and stops.
set -euo pipefail

# Package, a file of it, and what it is for. A library counts as there when its file is found, wherever it comes from.
requirements=(
    "libc6-dev|crt1.o|the C library"
    "libstdc++-12-dev|libstdc++.so|the C++ runtime that Swift links"
    "binutils|ld|the linker"
    "liblz4-dev|liblz4.a|lz4, static: compression of segments"
    "libxxhash-dev|xxhash.h|xxHash: checksums"
    "libmicrohttpd-dev|libmicrohttpd.a|GNU libmicrohttpd, static: HTTP"
    "libgnutls28-dev|gnutls/gnutls.h|GnuTLS: TLS and cryptography"
    "zlib1g-dev|zlib.h|zlib: compressed request bodies"
    "libcurl4-gnutls-dev|libcurl-gnutls.so|libcurl: outgoing HTTP"
    "librdkafka-dev|librdkafka/rdkafka.h|librdkafka: events to Kafka"
    "libwslay-dev|wslay/wslay.h|wslay: WebSocket framing"
    "curl|curl|fetching the assets of /docs"
    "unzip|unzip|unpacking them"
    "libsqlite3-dev|sqlite3.h|SQLite: the peer of the model tests"
)

triple="$(uname -m)-linux-gnu"
shopt -s nullglob
directories=(
    /usr/include "/usr/include/$triple" /usr/local/include
    /usr/lib "/usr/lib/$triple" /usr/lib64 /usr/local/lib
    /usr/lib/gcc/*/*
    /usr/bin /usr/local/bin
)
shopt -u nullglob

is_there() {
    local directory
    for directory in "${directories[@]}"; do
        [[ -e "$directory/$1" ]] && return 0
    done
    return 1
}

if ! command -v swift >/dev/null; then
    echo "Swift is missing: install the toolchain, 6.2 or later, from https://www.swift.org/install and put its bin" \
        "directory on PATH." >&2
    exit 1
fi

packages=()
descriptions=()
for requirement in "${requirements[@]}"; do
    IFS='|' read -r package file description <<<"$requirement"
    if ! is_there "$file"; then
        # Only Debian 12 has the C++ runtime of GCC 12 as its own; elsewhere g++ brings the right one.
        if [[ "$package" == "libstdc++-12-dev" ]] && ! grep -qs '^VERSION_CODENAME=bookworm' /etc/os-release; then
            package="g++"
        fi
        packages+=("$package")
        descriptions+=("  $package ($description; looked for $file)")
    fi
done

((${#packages[@]} == 0)) && exit 0

if ! command -v apt-get >/dev/null; then
    {
        echo "These libraries are missing, and there is no apt-get to install them with. Install them, with their header"
        echo "files, by this system's own package manager; the names are Debian's:"
        printf '%s\n' "${descriptions[@]}"
    } >&2
    exit 1
fi

as_root=()
if ((EUID != 0)); then
    if ! command -v sudo >/dev/null; then
        echo "Run this as root: apt-get install --no-install-recommends ${packages[*]}" >&2
        exit 1
    fi
    as_root=(sudo)
fi

echo "Installing the missing packages: ${packages[*]}"
export DEBIAN_FRONTEND=noninteractive
install=("${as_root[@]}" apt-get install --yes --no-install-recommends "${packages[@]}")
# The package lists of a fresh machine are empty or old: then fetch them and try once more.
"${install[@]}" </dev/null || {
    "${as_root[@]}" apt-get update </dev/null
    "${install[@]}" </dev/null
}
