#!/usr/bin/env bash
# Builds every image with docker, podman or buildah, whichever is there, and tells their sizes.
# Arguments: images to build (default: ric e2sim rapp and every xApp of helm/xapps.yaml).
# Environment: BUILDER, VERSION (default 0.1.0), RMR_URL and RMR_SHA256 (of librmr's Debian package) or RMR=stand-in,
# TORCH_INDEX, BUILD_OPTIONS (further options of the builder).
set -euo pipefail
cd "$(dirname "$0")/.."

version=${VERSION:-0.1.0}
revision=$(git rev-parse --short HEAD 2>/dev/null || echo unknown)
works() { case $1 in docker) docker info >/dev/null 2>&1 ;; *) command -v "$1" >/dev/null ;; esac; }
builder=${BUILDER:-}
for each in docker podman buildah; do [ -n "$builder" ] || ! works "$each" || builder=$each; done
[ -n "$builder" ] || { echo "images: no docker (with a daemon), podman or buildah here" >&2; exit 1; }

xapps=$(sed -nE 's/^ *- name: *([a-z0-9-]+) *$/\1/p' helm/xapps.yaml)
# shellcheck disable=SC2086
[ $# -gt 0 ] || set -- ric e2sim rapp $xapps

for image in "$@"; do
  arguments=(--build-arg "VERSION=$version" --build-arg "REVISION=$revision" -t "oran-slicing/$image:$version")
  kind=$image
  if grep -qx "$image" <<<"$xapps"; then
    kind=xapp
    arguments+=(--build-arg "XAPP=${image//-/_}" --build-arg "RMR=${RMR:-librmr}" --build-arg "RMR_SHA256=${RMR_SHA256:-}"
      --build-arg "RMR_URL=${RMR_URL:-}")
  fi
  [ -z "${TORCH_INDEX:-}" ] || arguments+=(--build-arg "TORCH_INDEX=$TORCH_INDEX")
  [ "$builder" != docker ] || export DOCKER_BUILDKIT=1
  # the health check is no part of the OCI format
  [ "$builder" = docker ] || arguments+=(--format docker)
  echo "images: building oran-slicing/$image:$version with $builder"
  # shellcheck disable=SC2086
  "$builder" build ${BUILD_OPTIONS:-} "${arguments[@]}" -f "docker/$kind.Dockerfile" .
done
"$builder" images --filter 'reference=*oran-slicing/*' 2>/dev/null || "$builder" images
