#!/bin/sh
# Brings what no Python package brings along: Python's own venv, to make .venv, and Pango, to print books.
# Where nothing is missing it says nothing; else in one line what it installs. It asks for no password: apt-get as root
# or by `sudo -n`, brew on macOS. NO_SYSTEM=1 leaves the system alone. Exit code 1 where something is still missing.
set -u

python() {  # the first one that can make a virtual environment
  for python in ${PYTHON3:+"$PYTHON3"} python3.13 python3.12 python3.11 python3; do
    if "$python" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      command -v "$python"
      return
    fi
  done
  return 1
}

pango() {  # any Python can say whether the system loads a library
  for python in ${PYTHON3:+"$PYTHON3"} python3.13 python3.12 python3.11 python3; do
    if command -v "$python" >/dev/null 2>&1; then
      "$python" -c '
import ctypes, sys
folders = ("", "/opt/homebrew/lib/", "/usr/local/lib/") if sys.platform == "darwin" else ("",)
for library in ("libpango-1.0", "libpangoft2-1.0"):
    for folder in folders:
        try:
            ctypes.CDLL(folder + library + (".dylib" if sys.platform == "darwin" else ".so.0"))
            break
        except OSError:
            pass
    else:
        sys.exit(1)' 2>/dev/null && return
    fi
  done
  return 1
}

missing() {  # the packages to install, named as apt-get or brew ($1) names them
  if ! python >/dev/null; then
    if [ "$1" = brew ]; then echo python@3.13
    # Ubuntu 22.04: an older Python is the usual one, and a newer one there too.
    elif /usr/bin/python3 -c 'import sys; sys.exit(sys.version_info >= (3, 11))' 2>/dev/null; then echo python3.11-venv
    else echo python3-venv
    fi
  fi
  if ! pango; then
    if [ "$1" = brew ]; then echo pango; else echo libpango-1.0-0 libpangoft2-1.0-0; fi
  fi
}

if [ "$(uname -s)" = Darwin ]; then manager=brew; else manager=apt-get; fi
# shellcheck disable=SC2046 # one word a package
set -- $(missing $manager)
[ $# -gt 0 ] || exit 0
case ${NO_SYSTEM:-0} in 0) ;; *) exit 1 ;; esac
command -v $manager >/dev/null 2>&1 || exit 1

if [ $manager = brew ]; then
  echo "Installing with brew: $*"
  brew install --quiet "$@" >/dev/null
else
  if [ "$(id -u)" = 0 ]; then root=
  elif sudo -n true 2>/dev/null; then root='sudo -n'
  else exit 1
  fi
  echo "Installing with apt-get: $*"
  apt() { $root env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=120 -qq "$@" 2>&1; }
  # Lists that are there already save the seconds that a download of them takes. Only a failure has more to say.
  apt install -y --no-install-recommends "$@" >/dev/null || {
    said=$(apt update && apt install -y --no-install-recommends "$@") || echo "$said" >&2
  }
fi
[ -z "$(missing $manager)" ]
