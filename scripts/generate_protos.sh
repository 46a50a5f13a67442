#!/usr/bin/env bash
# Generates the protobuf and gRPC stubs into oran/_generated (or the folder given as first argument).
# Debian's protoc 3.21 and grpc plug-in: their stubs run on protobuf 3.20 (which ricxappframe pins) and newer.
set -euo pipefail
cd "$(dirname "$0")/.."
out=${1:-oran/_generated}
mkdir -p "$out"
protoc -Iproto --python_out="$out" --grpc_out="$out" --plugin=protoc-gen-grpc="$(command -v grpc_python_plugin)" proto/*.proto
# protoc writes absolute imports of its own files; the stubs live in a package.
sed -i -E 's/^import ([a-z0-9_]+_pb2) as/from oran._generated import \1 as/' "$out"/*_pb2_grpc.py
# A service-free file has an empty gRPC stub; leave it out.
grep -L 'class .*Stub' "$out"/*_pb2_grpc.py | xargs -r rm
