#!/usr/bin/env bash
# Runs every fuzz target for SECONDS each (120), JOBS of them at a time (2), and closes with a table.
# Needs nightly Rust and cargo-fuzz. A crash leaves its input under fuzz/artifacts and makes the run fail.
set -u
cd "$(dirname "$0")"
seconds=${1:-120} jobs=${JOBS:-2}
export SECONDS_EACH=$seconds
mkdir -p artifacts corpus logs
cargo +nightly fuzz build || exit 1
targets=$(cargo +nightly fuzz list)
# Files that our own writers made, so that the fuzzer starts from what a parser accepts.
cargo +nightly run --quiet --release --example seeds -- corpus || exit 1

one() {
    mkdir -p "corpus/$1"
    nice -n 10 cargo +nightly fuzz run "$1" "corpus/$1" -- -max_total_time="$SECONDS_EACH" -rss_limit_mb=2048 \
        -malloc_limit_mb=1024 -max_len=16384 -timeout=10 -print_final_stats=1 >"logs/$1.log" 2>&1
    echo $? >"logs/$1.rc"
}
export -f one
printf '%s\n' $targets | xargs -P "$jobs" -I{} bash -c 'one {}'

failed=0
printf '%-16s %12s %8s %8s %9s  %s\n' target execs seconds corpus "peak MB" outcome
for target in $targets; do
    log="logs/$target.log"
    stat() { grep -o "stat::$1: *[0-9]*" "$log" | grep -o '[0-9]*$' || echo '?'; }
    if [ "$(cat "logs/$target.rc")" = 0 ]; then outcome=ok; else outcome="FAILED, see fuzz/$log" failed=1; fi
    corpus=$(find "corpus/$target" -type f | wc -l)
    printf '%-16s %12s %8s %8s %9s  %s\n' "$target" "$(stat number_of_executed_units)" "$seconds" "$corpus" "$(stat peak_rss_mb)" "$outcome"
done
exit $failed
