#!/usr/bin/env bash
# Drives the UI in a real browser against the ci build of the server (or ORIEL_BIN).
# Arguments go to vitest, e.g. `ui/web/e2e/run.sh keyboard`.
set -euo pipefail
root=$(cd "$(dirname "$0")/../../.." && pwd)
bin=${ORIEL_BIN:-${CARGO_TARGET_DIR:-$root/target}/ci/oriel}
if [ ! -x "$bin" ]; then
    echo "$bin is missing: build it first (make ui test), or name a binary in ORIEL_BIN" >&2
    exit 1
fi
"$root/ui/web/e2e/setup.sh"
cd "$root/ui/web"
[ -d node_modules ] || npm ci --no-audit --no-fund
ORIEL_BIN=$bin exec npx vitest run --config e2e/vitest.config.ts "$@"
