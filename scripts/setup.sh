#!/usr/bin/env bash
# Brings everything the suite needs onto a Debian-like machine: system packages, .venv, pinned Python packages.
# Runs again only when it, pyproject.toml or constraints.txt changed. Environment: PYTHON (default: python3.11, else python3).
set -euo pipefail
cd "$(dirname "$0")/.."

python=${PYTHON:-$(command -v python3.11 || command -v python3 || true)}
stamp=.venv/.installed-$(cat pyproject.toml constraints.txt scripts/setup.sh | sha256sum | cut -c1-16)

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

apt_install() {
  command -v apt-get >/dev/null || { echo "setup: please install: $*" >&2; exit 1; }
  echo "setup: installing $*"
  as_root apt-get update -qq
  DEBIAN_FRONTEND=noninteractive as_root apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

missing=()
[ -n "$python" ] || { missing+=(python3); python=python3; }
command -v redis-server >/dev/null || missing+=(redis-server)
command -v cc >/dev/null || missing+=(gcc libc6-dev)                       # hiredis 2.0.0, which ricsdl pins, has no wheel
[ ${#missing[@]} = 0 ] || apt_install "${missing[@]}"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "setup: Python 3.11 or newer is needed" >&2; exit 1; }
"$python" -c 'import ensurepip' 2>/dev/null || apt_install python3-venv
"$python" - <<'P' || apt_install python3-dev
import os, sys, sysconfig
sys.exit(not os.path.exists(os.path.join(sysconfig.get_paths()["include"], "Python.h")))
P

[ -e "$stamp" ] && exit 0
echo "setup: Python packages into .venv (torch is the large one; one to three minutes)"
[ -x .venv/bin/python ] || "$python" -m venv .venv
.venv/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev,radio,charts]'
rm -f .venv/.installed-*
touch "$stamp"
echo "setup: done"
