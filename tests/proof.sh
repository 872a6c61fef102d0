#!/bin/sh
# What the store claims, in numbers: runs the tests that try to make it lose or lie, and prints one
# table of how often each was tried and survived. Slow: `make proof`; with far larger numbers:
# `make soak`. ORIEL_MODEL_SEEDS, ORIEL_FLIPS, ORIEL_CRASH_ROUNDS, ORIEL_SOAK_ROUNDS,
# ORIEL_REPLAY_ROUNDS, ORIEL_OVERLOAD_SECONDS and
# ORIEL_FUZZ_CASES say how often. Exit code: that of the tests.
set -u
cd "$(dirname "$0")/.." || exit 2
log=$(mktemp)
trap 'rm -f "$log"' EXIT
cargo test --profile ci --workspace --no-fail-fast --lib --bin oriel --test it -- --nocapture \
    tests::model tests::flips tests::tails crash:: overload:: fuzz:: any_file_is_read_or_refused >"$log" 2>&1
outcome=$?
printf '%-58s %10s %10s\n' what tried survived
grep -o 'PROOF | .*' "$log" | awk -F ' *[|] *' '
    { tried[$2] += $3; survived[$2] += $4 }
    END { for (what in tried) printf "%-58s %10d %10d\n", what, tried[what], survived[what] }' | sort
grep -o 'PROOF | .*' "$log" | awk -F ' *[|] *' '
    { tried += $3; survived += $4 }
    END { printf "%-58s %10d %10d\n", "all", tried, survived }'
if [ "$outcome" -ne 0 ]; then
    grep -E '^test .*FAILED|panicked at|^ *ORIEL_|^error' "$log" | sort -u
    cp "$log" "${TMPDIR:-/tmp}/oriel-proof.log"
    echo "not everything was survived: all of the output is in ${TMPDIR:-/tmp}/oriel-proof.log"
fi
exit "$outcome"
