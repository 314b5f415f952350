#!/usr/bin/env bash
# Checks for what pip cannot bring, and installs it with apt-get where it may: system_packages.sh run|test
#
# Silent and quick when nothing is missing. $PYTHON is the Python that is checked.
set -euo pipefail

python=${PYTHON:-python3}
purpose=${1:-run}
case $purpose in
  run | test) ;;
  *)
    echo "usage: system_packages.sh run|test" >&2
    exit 2
    ;;
esac

# Prints the name of each missing thing. opencv-python links against libGL and GLib on Linux.
missing_from_python() {
  "$python" - <<'PY'
import ctypes
import importlib
import sys

for name, modules in {"python3-venv": ("venv", "ensurepip"), "python3-tk": ("tkinter",)}.items():
    try:
        for module in modules:
            importlib.import_module(module)
    except ImportError:
        print(name)
if sys.platform == "linux":
    for name, library in {"libgl1": "libGL.so.1", "libglib2.0-0": "libgthread-2.0.so.0"}.items():
        try:
            ctypes.CDLL(library)
        except OSError:
            print(name)
PY
}

missing_programs() {
  [ "$purpose" = test ] && [ "$(uname -s)" = Linux ] || return 0
  command -v Xvfb >/dev/null || echo xvfb
  command -v openbox >/dev/null || echo openbox
  command -v xdotool >/dev/null || echo xdotool
}

find_missing() { # one line: Debian's package names
  { missing_from_python && missing_programs; } | tr '\n' ' ' | sed 's/ *$//'
}

names_python_package() { [[ " $1 " == *" python3-"* ]]; }

if ! command -v "$python" >/dev/null; then
  echo "$python was not found: install Python 3.10 or newer, or name yours with make PYTHON=/path/to/python3." >&2
  exit 1
fi
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))'; then
  echo "VAE Studio needs Python 3.10 or newer, but $python is $("$python" --version 2>&1): name a newer one with make PYTHON=/path/to/python3." >&2
  exit 1
fi

missing=$(find_missing)
[ -n "$missing" ] || exit 0

# apt-get's python3-tk and python3-venv serve the system's Python alone, not one from pyenv or conda.
prefix=$("$python" -c 'import sys; print(sys.base_prefix)')
if names_python_package "$missing" && [ "$(uname -s)" = Linux ] && [ "$prefix" != /usr ]; then
  remedy="make PYTHON=/usr/bin/python3"
  [[ $python != .venv/* ]] || remedy="rm -r .venv && $remedy"
  echo "$python (from $prefix) lacks ${missing// /, }, and system packages do not reach a Python of pyenv or conda: use the system's Python instead with '$remedy'." >&2
  exit 1
fi

if command -v apt-get >/dev/null; then
  as_root=()
  if [ "$(id -u)" -ne 0 ]; then as_root=(sudo -n); fi
  # Expanded this way because macOS's bash 3.2 calls an empty array unset.
  if ${as_root[@]+"${as_root[@]}"} true 2>/dev/null; then
    echo "Installing with apt-get: $missing"
    apt() { ${as_root[@]+"${as_root[@]}"} env DEBIAN_FRONTEND=noninteractive apt-get -q -y "$@"; }
    apt update || echo "apt-get update failed; trying with the lists at hand." >&2
    # shellcheck disable=SC2086  # one word a package
    apt install --no-install-recommends $missing || true
    missing=$(find_missing)
    [ -n "$missing" ] || exit 0
  fi
fi

dnf=$missing
for pair in python3-venv:python3-libs python3-tk:python3-tkinter libgl1:mesa-libGL \
  libglib2.0-0:glib2 xvfb:xorg-x11-server-Xvfb; do
  dnf=${dnf/${pair%%:*}/${pair#*:}}
done
echo "Missing on this system: ${missing// /, } (checked with $python). Install with 'sudo apt-get install $missing' on Debian and Ubuntu, 'sudo dnf install $dnf' on Fedora, 'brew install python-tk' on macOS, or on Windows by running Python's installer again with 'tcl/tk and IDLE' ticked." >&2
exit 1
