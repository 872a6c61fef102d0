#!/usr/bin/env bash
# Installs the packages of the Node test app when they are missing or changed. Prints the folder to run it in
# (a copy outside of the work tree, so that node_modules never lies in it). Safe to run twice at once.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
copy=${ORIEL_CACHE:-$HOME/.cache/oriel}/node-apps
mkdir -p "$copy"
exec 9>"$copy.lock"
flock 9
stamp=$(node --version; cat "$here/package.json" "$here/package-lock.json")
if [ ! -f "$copy/.stamp" ] || [ "$(cat "$copy/.stamp")" != "$stamp" ]; then
  rm -f "$copy/.stamp"
  cp "$here/package.json" "$here/package-lock.json" "$copy/"
  (cd "$copy" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error) >&2
  printf '%s' "$stamp" >"$copy/.stamp"
fi
cmp -s "$here/app.mjs" "$copy/app.mjs" || { cp "$here/app.mjs" "$copy/app.mjs.new" && mv "$copy/app.mjs.new" "$copy/app.mjs"; }
echo "$copy"
