#!/bin/sh
# Makes a base image for deploy/Dockerfile from Debian's packages alone, where no image registry is at hand:
#   sh deploy/images/base.sh localhost/storyloom-base:bookworm
#   podman build -f deploy/Dockerfile --build-arg PYTHON_IMAGE=localhost/storyloom-base:bookworm --build-arg SERVICE=api .
# Needs root, debootstrap, and podman or docker. DEBIAN_MIRROR and DEBIAN_SUITE name another mirror than this machine's, or
# another release. Exit code 3 where no Debian can be made on this machine: no mirror, or debootstrap does not get through.
set -eu

image=${1:?the name of the image to make, such as localhost/storyloom-base:bookworm}
suite=${DEBIAN_SUITE:-bookworm}
# shellcheck disable=SC2016 # the format is apt's, not the shell's
mirror=${DEBIAN_MIRROR:-$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' 'Label: Debian' | head -1)}
[ -n "$mirror" ] || { echo "apt-get names no mirror of Debian's: set DEBIAN_MIRROR" >&2; exit 3; }
if command -v podman >/dev/null 2>&1; then engine=podman; else engine=docker; fi

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
debootstrap --variant=minbase --include=ca-certificates,python3 "$suite" "$folder" "$mirror" >"$folder.log" 2>&1 || {
  tail -n 20 "$folder.log" >&2
  rm -f "$folder.log"
  exit 3
}
rm -f "$folder.log"
ln -s python3 "$folder/usr/bin/python"
rm -rf "$folder"/var/cache/apt/* "$folder"/var/lib/apt/lists/* "$folder"/var/log/*.log "$folder"/var/log/apt \
  "$folder"/usr/share/doc/* "$folder"/usr/share/man/* "$folder"/usr/share/locale/* "$folder"/debootstrap
tar -C "$folder" --numeric-owner --exclude ./proc/\* --exclude ./sys/\* --exclude ./dev/\* -cf - . |
  "$engine" import --change 'CMD ["python"]' - "$image" >/dev/null
echo "$image"
