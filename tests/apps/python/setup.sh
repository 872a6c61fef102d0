#!/usr/bin/env bash
# Makes the virtual environment of the Python test apps when it is missing or requirements.txt changed.
# Prints the path of its python. Safe to run twice at once.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
venv=${ORIEL_CACHE:-$HOME/.cache/oriel}/venv-apps
mkdir -p "$(dirname "$venv")"
exec 9>"$venv.lock"
flock 9
stamp=$(python3 --version; cat "$here/requirements.txt")
if [ ! -f "$venv/.stamp" ] || [ "$(cat "$venv/.stamp")" != "$stamp" ]; then
  if ! python3 -c 'import ensurepip, venv' 2>/dev/null; then
    { apt-get update -qq && apt-get install -y -qq python3-venv; } >&2
  fi
  rm -rf "$venv"
  python3 -m venv "$venv" >&2
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check -r "$here/requirements.txt" >&2
  printf '%s' "$stamp" >"$venv/.stamp"
fi
echo "$venv/bin/python"
