#!/usr/bin/env bash
# Prints the path of a CPython 3.13 that runs. A name on PATH is not enough: a version manager's
# shim may stand there with no 3.13 behind it, and `sam build` wants the real binary.
set -euo pipefail

candidates() {
  [ -z "${PYTHON:-}" ] || echo "$PYTHON"
  echo python3.13
  echo python3
  echo python
  ls -1d "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.13*/bin/python3.13 2>/dev/null | sort -rV || true
  if command -v uv >/dev/null; then
    UV_PYTHON_DOWNLOADS=never uv python find --no-project 3.13 2>/dev/null || true
  fi
}

while IFS= read -r candidate; do
  if binary=$("$candidate" -c '
import os, sys
assert sys.version_info[:2] == (3, 13) and sys.implementation.name == "cpython"
import pip
folder = os.path.join(sys.base_prefix, "bin")
print(os.path.join(folder, "python3.13"))
' 2>/dev/null) && [ -x "$binary" ]; then
    echo "$binary"
    exit 0
  fi
done < <(candidates)

cat >&2 <<'MESSAGE'
No CPython 3.13 with pip was found (looked at $PYTHON, python3.13, python3, python, pyenv and uv).
Install it with one of
    apt-get install python3.13 python3-pip      brew install python@3.13
    pyenv install 3.13                          uv python install 3.13
or name it: make PYTHON=/path/to/python3.13
MESSAGE
exit 1
