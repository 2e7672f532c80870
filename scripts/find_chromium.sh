#!/usr/bin/env bash
# Prints the path of a Chromium or Chrome: $CHROMIUM, or one that is installed. CHROMIUM=install lets
# root install Debian's.
set -euo pipefail

if [ -n "${CHROMIUM:-}" ] && [ "$CHROMIUM" != install ]; then
  command -v "$CHROMIUM" && exit 0
  echo "CHROMIUM=$CHROMIUM is no program." >&2
  exit 1
fi

find_it() {
  local name
  for name in chromium chromium-browser google-chrome google-chrome-stable \
    "/Applications/Chromium.app/Contents/MacOS/Chromium" \
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"; do
    command -v "$name" && return 0
  done
  return 1
}

find_it && exit 0
if [ "${CHROMIUM:-}" = install ] && [ "$(id -u)" = 0 ] && type -P apt-get >/dev/null; then
  apt-get update -qq >&2
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
    chromium fonts-dejavu-core fonts-noto-color-emoji >/dev/null
  find_it && exit 0
fi
cat >&2 <<'END'
The browser tests need Chromium or Chrome, and none was found.
  Debian, Ubuntu:    sudo apt-get install chromium fonts-noto-color-emoji
  in a container:    make test CHROMIUM=install (as root)
  anywhere else:     install one, and name its program in CHROMIUM
  to do without:     make test CHROMIUM=none
END
exit 1
