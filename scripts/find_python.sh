#!/usr/bin/env bash
# Prints the path of a CPython 3.13 that runs. A name on PATH is not enough: a version manager's
# shim may stand there with no 3.13 behind it, and `sam build` wants the real binary.
set -euo pipefail

uv() {
  for program in uv "$HOME/.local/bin/uv"; do
    if type -P "$program" >/dev/null; then
      UV_PYTHON_DOWNLOADS=never command "$program" "$@"
      return
    fi
  done
}

candidates() {
  [ -z "${PYTHON:-}" ] || echo "$PYTHON"
  echo python3.13
  echo python3
  echo python
  ls -1d "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.13*/bin/python3.13 2>/dev/null | sort -rV || true
  uv python find --no-project 3.13 2>/dev/null || true
}

without_pip=""
others=""
while IFS= read -r candidate; do
  found=$("$candidate" -c '
import os, sys
print("%d.%d" % sys.version_info[:2], os.path.join(sys.base_prefix, "bin", "python3.13"))
assert sys.implementation.name == "cpython"
import pip
' 2>/dev/null) && complete=yes || complete=no
  version=${found%% *}
  binary=${found#* }
  if [ "$version" = 3.13 ] && [ -x "$binary" ]; then
    if [ $complete = yes ]; then
      echo "$binary"
      exit 0
    fi
    without_pip=$binary
  elif [ -n "$version" ]; then
    others="$others${others:+, }$candidate is $version"
  fi
done < <(candidates)

say() { printf '%s\n' "$@" >&2; }

packages() { type -P apt-get >/dev/null && apt-cache show python3.13 >/dev/null 2>&1; }

if [ -n "$without_pip" ]; then
  say "$without_pip has no pip, which this project starts from."
else
  say "Python 3.13 is needed, the version that AWS Lambda runs, and was not found${others:+ ($others)}."
fi
if [ "$(uname -s)" = Darwin ]; then
  say "Install it:  brew install python@3.13"
elif packages; then
  say "Install it:  sudo apt-get install python3.13 python3-pip"
elif type -P dnf >/dev/null; then
  say "Install it:  sudo dnf install python3.13 python3.13-pip"
else
  say "This system's packages do not have it (after 'sudo apt-get update' they may, on Debian 13)." \
    "Install it for yourself alone, beside what is there:" \
    "  curl -LsSf https://astral.sh/uv/install.sh | sh" \
    "  ~/.local/bin/uv python install 3.13"
fi
say "Then type the same command again. One in another place:  make PYTHON=/path/to/python3.13 run"
exit 1
