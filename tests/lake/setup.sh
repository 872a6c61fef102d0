#!/bin/sh
# Makes the Python environment of check_lake.py once and prints its interpreter.
#
# DuckDB and its extensions are pinned: the extension files come with the packages and are loaded
# by path, so no test reaches for the network after this.
set -eu

venv="${ORIEL_VENV_LAKE:-${XDG_CACHE_HOME:-$HOME/.cache}/oriel/venv-lake}"
pins="duckdb==1.5.5 duckdb-extension-ducklake==1.5.5 duckdb-extension-sqlite-scanner==1.5.5 polars==2.1.0 pyarrow==26.0.1 pytz"

if [ "$(cat "$venv/pins" 2>/dev/null || true)" != "$pins" ]; then
    rm -rf "$venv"
    python3 -m venv "$venv" >&2
    # Word splitting is wanted: one argument a pin.
    # shellcheck disable=SC2086
    "$venv/bin/pip" install --quiet --disable-pip-version-check $pins >&2
    printf '%s\n' "$pins" >"$venv/pins"
fi
printf '%s\n' "$venv/bin/python"
