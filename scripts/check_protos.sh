#!/usr/bin/env bash
# Fails if oran/_generated differs from what proto/ gives with Debian's protoc.
set -euo pipefail
cd "$(dirname "$0")/.."
if ! command -v protoc >/dev/null || ! command -v grpc_python_plugin >/dev/null; then
  echo "proto-check: install protobuf-compiler and protobuf-compiler-grpc" >&2
  exit 1
fi
fresh=$(mktemp -d)
trap 'rm -rf "$fresh"' EXIT
scripts/generate_protos.sh "$fresh"
cp oran/_generated/__init__.py "$fresh/"
diff -r -x __pycache__ "$fresh" oran/_generated && echo "proto-check: stubs are up to date"
