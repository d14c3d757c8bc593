#!/usr/bin/env bash
# Fuzzes each decoder of the store for FUZZ_SECONDS (60), or those named as arguments. The corpus starts with the parts
# of a real store and is kept in .build/fuzz/corpus; what is found is kept in .build/fuzz/findings.
set -euo pipefail
cd "$(dirname "$0")/.."

program=.build/fuzz/release/store-fuzz
corpus=.build/fuzz/corpus
findings=.build/fuzz/findings
seconds=${FUZZ_SECONDS:-60}

CHAT_TOOLS=fuzz swift build -c release --scratch-path .build/fuzz --sanitize fuzzer -Xswiftc -enable-testing \
    --product store-fuzz
mkdir -p "$corpus" "$findings"
CHAT_FUZZ=seeds $program "$corpus" >/dev/null
if [ $# -gt 0 ]; then targets=("$@"); else mapfile -t targets < <(CHAT_FUZZ=targets $program); fi

failed=0
# libFuzzer keeps the input that trapped only if the signal reaches it.
export SWIFT_BACKTRACE=enable=no
for target in "${targets[@]}"; do
    log="$findings/$target.log"
    verdict=clean
    # A forged log is a whole store in every run: short ones try more.
    length=65536
    if [ "$target" = log ]; then length=1024; fi
    if ! CHAT_FUZZ=$target $program -max_total_time="$seconds" -max_len=$length -timeout=10 -rss_limit_mb=2048 \
        -print_final_stats=1 -dict=Tests/Fuzz/numbers.dict -artifact_prefix="$findings/$target-" "$corpus/$target" \
        >"$log" 2>&1; then
        verdict="FOUND SOMETHING, see $log"
        failed=1
    fi
    executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
    coverage=$(grep -oE 'cov: [0-9]+' "$log" | tail -n 1 || true)
    echo "$target: ${executions:-no} executions, ${coverage:-cov: none}, $verdict"
done
exit $failed
