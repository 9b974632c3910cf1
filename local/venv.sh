#!/bin/sh
# Makes the virtual environment $1, with uv in it, by any Python from 3.11 on and whatever can make one.
set -u
venv=$1

# shellcheck disable=SC2329 # called by its name, at the end
with_pip() { "$python" -m venv "$venv" && "$venv/bin/python" -m pip install --quiet --disable-pip-version-check uv; }

# A Python without ensurepip (Debian's, until python3-venv is there) that has pip all the same.
# shellcheck disable=SC2329 # called by its name, at the end
by_pip() {
  "$python" -m venv --without-pip "$venv" &&
    "$python" -m pip --python "$venv/bin/python" install --quiet --disable-pip-version-check uv
}

# shellcheck disable=SC2329 # called by its name, at the end
by_uv() {
  UV_PYTHON_DOWNLOADS=never uv venv --quiet --allow-existing --python "$python" "$venv" &&
    uv pip install --quiet --python "$venv/bin/python" uv
}

has() { "$python" -c "import sys, $1; sys.exit(sys.version_info < (3, 11))" 2>/dev/null; }

for way in 'with_pip venv,ensurepip' 'by_pip venv,pip' 'by_uv sys'; do
  for python in ${PYTHON3:+"$PYTHON3"} python3.13 python3.12 python3.11 python3; do
    if has "${way#* }" && { [ "${way% *}" != by_uv ] || command -v uv >/dev/null 2>&1; }; then
      echo "Making $venv with $("$python" --version)"
      ${way% *}
      exit
    fi
  done
done
echo "No Python 3.11 or later with venv was found: install one (Debian, Ubuntu: apt-get install python3-venv; macOS:" \
  "brew install python@3.13), or name one with PYTHON3=path." >&2
exit 1
