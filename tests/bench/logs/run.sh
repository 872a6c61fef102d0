#!/bin/sh
# `make bench-logs`: makes the Python environment of compare.py once, then runs it.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
venv="${ORIEL_VENV_BENCH:-${XDG_CACHE_HOME:-$HOME/.cache}/oriel/venv-bench}"
pins="chdb==4.4.0 duckdb==1.5.5"

if [ "$(cat "$venv/pins" 2>/dev/null || true)" != "$pins" ]; then
    rm -rf "$venv"
    python3 -m venv "$venv" >&2
    # Word splitting is wanted: one argument a pin.
    # shellcheck disable=SC2086
    "$venv/bin/pip" install --quiet --disable-pip-version-check $pins >&2
    printf '%s\n' "$pins" >"$venv/pins"
fi
exec "$venv/bin/python" "$here/compare.py" "$@"
