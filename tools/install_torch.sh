#!/usr/bin/env bash
# Chooses the build of torch and torchvision before the ordinary install: install_torch.sh PYTHON
#
# TORCH_INDEX_URL set: both come from that index, in place of any that are installed.
# Linux without an NVIDIA GPU: both come as '+cpu' builds (5 GB smaller) if the index has both,
# because a CPU torch beside a CUDA torchvision does not import.
# Otherwise nothing happens here, and requirements.txt brings the ordinary builds.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
python=$1
chosen_index=.venv/torch-index

newest_cpu_build() { # PACKAGE -> its newest version that ends in +cpu, or nothing
  { "$python" -m pip index versions "$1" 2>/dev/null || true; } |
    awk -F': *' '/^Available versions/ {
      count = split($2, versions, /, */)
      for (i = 1; i <= count; i++) if (versions[i] ~ /\+cpu$/) { print versions[i]; break }
    }'
}

has_torch() {
  "$python" -c 'from importlib.metadata import version; version("torch"), version("torchvision")' \
    2>/dev/null
}

if [ -n "${TORCH_INDEX_URL:-}" ]; then
  if [ -f "$chosen_index" ] && [ "$(cat "$chosen_index")" = "$TORCH_INDEX_URL" ] && has_torch; then
    exit 0
  fi
  # Versions that differ only in their build count as satisfied, so the old ones must go first.
  "$python" -m pip uninstall --quiet --yes torch torchvision
  "$python" -m pip install --index-url "$TORCH_INDEX_URL" -c requirements.txt torch torchvision
  printf '%s\n' "$TORCH_INDEX_URL" >"$chosen_index"
  exit 0
fi

if [ "$(uname -s)" != Linux ] || nvidia-smi >/dev/null 2>&1 || has_torch; then
  exit 0
fi
torch=$(newest_cpu_build torch)
torchvision=$(newest_cpu_build torchvision)
if [ -n "$torch" ] && [ -n "$torchvision" ]; then
  "$python" -m pip install -c requirements.txt "torch==$torch" "torchvision==$torchvision" ||
    echo "The CPU builds torch $torch and torchvision $torchvision do not fit; installing the ordinary builds."
else
  echo "No NVIDIA GPU found, but the package index has no matching CPU builds: installing the ordinary (large) torch."
fi
