#!/bin/sh
# Builds the image of one service twice, from nothing, and compares them: whether the same commit on the same base, with the
# same packages of Debian, gives the same image, to the bit.
#   sh deploy/images/twice.sh SERVICE [arguments of `podman build`, such as --build-arg PYTHON_IMAGE=…]
set -eu

service=${1:?a service, such as api}
shift
cd "$(dirname "$0")/../.."
build() {
  podman build --no-cache --format docker --timestamp 0 --quiet --build-arg "SERVICE=$service" "$@" \
    --file deploy/Dockerfile . | tail -n 1
}
first=$(build "$@")
second=$(build "$@")
if [ "$first" = "$second" ]; then
  echo "the same twice: $first"
else
  echo "not the same: $first, $second; their layers:" >&2
  podman image inspect --format '{{.RootFS.Layers}}' "$first" "$second" >&2
  exit 1
fi
