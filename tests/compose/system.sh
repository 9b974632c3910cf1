#!/bin/sh
# Brings what tests/compose needs where no Docker engine pulls images: podman with its parts from Debian's packages, and
# Docker Compose in the folder $1. Exit code 1, after one line that says why, where they cannot be had. NO_SYSTEM=1
# leaves the system alone.
set -u
folder=$1

give_up() {
  echo "$1"
  exit 1
}

[ "$(uname -s)" = Linux ] || give_up "no Docker engine pulls images, and podman is brought on Linux alone"
[ "$(id -u)" = 0 ] || give_up "no Docker engine pulls images, and only root can have podman for this"
apt() {
  command -v apt-get >/dev/null 2>&1 || return 1
  case ${NO_SYSTEM:-0} in 0) ;; *) return 1 ;; esac
  DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=120 -qq "$@" >"$folder/apt.log" 2>&1
}

packages='podman buildah runc netavark aardvark-dns iptables debootstrap'
for package in $packages; do
  dpkg-query --show --showformat='${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed && continue
  # shellcheck disable=SC2086 # one word a package
  apt install -y --no-install-recommends $packages || { apt update && apt install -y --no-install-recommends $packages; } ||
    give_up "no Docker engine pulls images, and apt-get does not install $packages: $(tail -n 1 "$folder/apt.log")"
  break
done

[ -x "$folder/docker-compose" ] && exit 0
# Compose v2, which waits for health: Debian 12 has none. The program alone is taken from the package, no installation.
mkdir -p "$folder/apt/lists/partial" "$folder/apt/cache/archives/partial" "$folder/apt/files"
# From the mirror that this machine takes its own packages from.
# shellcheck disable=SC2016 # the format is apt's, not the shell's
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' 'Label: Debian' 2>/dev/null | head -1)
[ -n "$mirror" ] || give_up "no Docker engine pulls images, and apt-get names no mirror for Docker Compose"
echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror trixie main" \
  >"$folder/apt/sources.list"
newer() {
  (cd "$folder/apt/files" && apt -o Dir::Etc::sourcelist="$folder/apt/sources.list" -o Dir::Etc::sourceparts=/nonexistent \
    -o Dir::State::lists="$folder/apt/lists" -o Dir::Cache="$folder/apt/cache" -o Acquire::Languages=none \
    -o APT::Sandbox::User=root -o Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled=false "$@")
}
if newer update && newer download docker-compose && dpkg-deb -x "$folder"/apt/files/docker-compose_*.deb "$folder/apt/files"; then
  cp "$folder/apt/files/usr/libexec/docker/cli-plugins/docker-compose" "$folder/docker-compose"
  rm -rf "$folder/apt"
else
  give_up "no Docker engine pulls images, and Docker Compose is not to be had: $(tail -n 1 "$folder/apt.log")"
fi
