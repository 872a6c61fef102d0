#!/usr/bin/env bash
# What the browser tests need beside npm's packages: Debian's Chromium.
set -euo pipefail
if command -v "${CHROMIUM:-/usr/bin/chromium}" >/dev/null; then exit 0; fi
root=()
[ "$(id -u)" -eq 0 ] || root=(sudo -n)
"${root[@]}" apt-get update -qq
"${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium
