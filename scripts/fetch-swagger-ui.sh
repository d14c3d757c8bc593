#!/usr/bin/env bash
# Fetches the assets of Swagger UI that the binary embeds: one file of PyPI, pinned by version and hash, nothing of it is
# run. They go to .assets/, which git ignores. Without a network the build goes on, and /docs is a page without scripts.
set -euo pipefail
cd "$(dirname "$0")/.."

version="2026.10.1"
hash="fe1d005d8ac9b5d0472f2fe5deeb2e7d6dcffaa24118044f22578b4b8c4b31f2"
url="https://files.pythonhosted.org/packages/55/09/13509939a12e953759fa2f281b28dc14813c8c331addf3838fccdc71b364"
wheel="drf_spectacular_sidecar-$version-py3-none-any.whl"
directory=".assets/swagger-ui"
stamp="$directory/$hash"

[[ -e "$stamp" ]] && exit 0
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

if ! curl --fail --silent --show-error --location --max-time 60 --output "$work/$wheel" "$url/$wheel"; then
    echo "Swagger UI could not be fetched from PyPI: /docs of this build will be a page without scripts." >&2
    exit 0
fi
if ! echo "$hash  $work/$wheel" | sha256sum --check --status; then
    echo "$wheel is not the file that this project was tested with (SHA-256)." >&2
    exit 1
fi
rm -rf "$directory"
mkdir -p "$directory"
for file in swagger-ui-bundle.js swagger-ui.css favicon-32x32.png LICENSE; do
    unzip -p "$work/$wheel" "drf_spectacular_sidecar/static/drf_spectacular_sidecar/swagger-ui-dist/$file" >"$work/$file"
    gzip -9 --no-name --stdout "$work/$file" >"$directory/$file.gz"
done
touch "$stamp"
# The compiler does not know that the object depends on what it embeds.
touch Sources/CSwaggerUI/assets.S
