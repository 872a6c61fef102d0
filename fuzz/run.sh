#!/bin/sh
# Lets libFuzzer look for inputs that break a decoder: `make fuzz [TARGET=…] [SECONDS_EACH=…]`.
# Needs the nightly toolchain and cargo-fuzz; says so where they are missing.
set -eu
cd "$(dirname "$0")/.."
seconds=${SECONDS_EACH:-60}
light="otlp_traces otlp_logs otlp_metrics otlp_json inflate wal_frames"
texts="filter attributes settings"
if ! cargo +nightly fuzz --version >/dev/null 2>&1; then
    echo "make fuzz needs nightly and cargo-fuzz: rustup toolchain install nightly; cargo install cargo-fuzz" >&2
    echo "without them, ORIEL_FUZZ_CASES=100000 cargo test --profile ci --workspace --test it -- fuzz:: tries random changes" >&2
    exit 2
fi
for target in ${TARGET:-$light $texts}; do
    features=
    case " $texts " in *" $target "*) features="--features texts" ;; esac
    mkdir -p "fuzz/found/$target"
    # shellcheck disable=SC2086
    cargo +nightly fuzz run ${FUZZ_FLAGS:-} $features "$target" "fuzz/found/$target" "fuzz/corpus/$target" -- \
        -max_total_time="$seconds" -max_len=65536 -rss_limit_mb=2048 -malloc_limit_mb=512
done
