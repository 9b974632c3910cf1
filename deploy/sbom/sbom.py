#!/usr/bin/env python3
"""Verify what an image holds: its SBOM (SPDX) and its provenance (in-toto, SLSA) against the image itself, offline.

    python3 deploy/sbom/sbom.py verify IMAGE.tar SBOM.spdx.json PROVENANCE.json
    python3 deploy/sbom/sbom.py describe IMAGE.tar SBOM.spdx.json --name … --commit … --base …   > PROVENANCE.json

IMAGE.tar is what ``docker save`` or ``podman save`` writes. Nothing in it is believed: its layers are hashed, its id
is computed, and its packages are read from its layers, not from the SBOM. Python's own library is enough.
"""

import argparse
import hashlib
import json
import re
import sys
import tarfile
from collections.abc import Iterator
from email.parser import HeaderParser
from pathlib import Path
from typing import IO, Any
from urllib.parse import unquote

STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "https://slsa.dev/provenance/v1"
BUILD_TYPE = "urn:storyloom:deploy/Dockerfile"
SBOM = "sbom.spdx.json"
_GPL = re.compile(r"(?<!L)GPL|GNU (Affero )?General Public", re.IGNORECASE)
CHOSEN = {"pyphen": "LGPL-2.1-or-later"}
"""Which licence we take of packages that offer several: classifiers do not tell a choice from a sum. Source: Pyphen's
LICENSE, a choice of GPL 2.0+, LGPL 2.1+ and MPL 1.1.
"""

Package = tuple[str, str, str]
"""Kind (``pypi`` or ``deb``), name, version."""


class NotVerifiedError(Exception):
    """Something is not what is said of it; the message says what."""


class Image:
    """An image's archive, read once: its id, its packages, and the licences of those for Python.

    Raises NotVerifiedError where the archive's own hashes do not fit, OSError and tarfile.TarError where it cannot be
    read.
    """

    def __init__(self, path: Path) -> None:
        self._files: dict[str, bytes] = {}
        with tarfile.open(path) as archive:
            (manifest,) = json.loads(_read(archive, "manifest.json"))
            config = _read(archive, manifest["Config"])
            self.id = hashlib.sha256(config).hexdigest()
            layers = json.loads(config)["rootfs"]["diff_ids"]
            if len(layers) != len(manifest["Layers"]):
                raise NotVerifiedError("the archive has not as many layers as the image")
            for name, wanted in zip(manifest["Layers"], layers, strict=True):
                if _digest(_open(archive, name)) != wanted.removeprefix("sha256:"):
                    raise NotVerifiedError(f"the layer {name} is not the image's {wanted}")
                self._apply(_open(archive, name))

    @property
    def packages(self) -> set[Package]:
        """Every package that Debian's or Python's records in the image tell of."""
        return {*self._debian(), *(("pypi", _normal(one["Name"]), one["Version"]) for one in self._python())}

    @property
    def gpl(self) -> list[str]:
        """Names of Python packages whose licence is the GPL, which a service must not have."""
        return sorted(one["Name"] for one in self._python() if _GPL.search(_licence(one)))

    def _python(self) -> Iterator[Any]:
        for path, content in self._files.items():
            if path.endswith(".dist-info/METADATA"):
                yield HeaderParser().parsestr(content.decode())

    def _debian(self) -> Iterator[Package]:
        for record in self._files.get("var/lib/dpkg/status", b"").decode().split("\n\n"):
            fields = HeaderParser().parsestr(record)
            if fields["Package"] and fields["Status"] == "install ok installed":
                yield "deb", fields["Package"], fields["Version"]

    def _apply(self, layer: IO[bytes]) -> None:
        """Lay a layer over those before it; ``.wh.`` marks what it removes (OCI image specification, layers)."""
        with tarfile.open(fileobj=layer) as entries:
            for entry in entries:
                path = entry.name.removeprefix("./")
                folder, _, name = path.rpartition("/")
                if name == ".wh..wh..opq":
                    self._forget(folder)
                elif name.startswith(".wh."):
                    self._forget(f"{folder}/{name.removeprefix('.wh.')}".lstrip("/"))
                elif path.endswith(".dist-info/METADATA") or path == "var/lib/dpkg/status":
                    found = entries.extractfile(entry)
                    self._files[path] = found.read() if found else b""

    def _forget(self, path: str) -> None:
        self._files = {
            name: kept for name, kept in self._files.items() if name != path and not name.startswith(path + "/")
        }


def listed(sbom: dict[str, Any]) -> set[Package]:
    """The packages that an SPDX document tells of, by their package URLs."""
    found = set()
    for package in sbom.get("packages", ()):
        for reference in package.get("externalRefs", ()):
            url = reference.get("referenceLocator", "")
            if reference.get("referenceType") == "purl" and (
                parts := re.match(r"pkg:(pypi|deb)/([^@]+)@([^?#]+)", url)
            ):
                kind, name, version = parts.groups()
                name = unquote(name.rpartition("/")[2])
                found.add((kind, _normal(name) if kind == "pypi" else name, unquote(version)))
    return found


def verify(image: Image, sbom: bytes, statement: dict[str, Any], *, allow_gpl: bool = False) -> None:
    """Raises NotVerifiedError for the first thing that is not as it is said to be."""
    if statement.get("_type") != STATEMENT or statement.get("predicateType") != PREDICATE:
        raise NotVerifiedError("the provenance is no SLSA statement of version 1")
    if image.id not in [one["digest"].get("sha256") for one in statement["subject"]]:
        raise NotVerifiedError(f"the provenance is of another image than sha256:{image.id}")
    digest = hashlib.sha256(sbom).hexdigest()
    if digest not in [one["digest"].get("sha256") for one in statement["predicate"]["runDetails"]["byproducts"]]:
        raise NotVerifiedError(f"the SBOM is not the one that was made with the image: it is sha256:{digest}")
    told = listed(json.loads(sbom))
    if missing := sorted(image.packages - told):
        raise NotVerifiedError(f"the SBOM does not tell of {_words(missing)}")
    if invented := sorted(told - image.packages):
        raise NotVerifiedError(f"the SBOM tells of what the image has not: {_words(invented)}")
    if image.gpl and not allow_gpl:
        raise NotVerifiedError(f"the licence is the GPL of {', '.join(image.gpl)}")


def describe(image: Image, sbom: bytes, *, name: str, commit: str, base: str, service: str) -> dict[str, Any]:
    """The provenance of an image: an in-toto statement with SLSA's predicate (slsa.dev/spec/v1.0/provenance).

    Signing it is its publisher's.
    """
    definition = {
        "buildType": BUILD_TYPE,
        "externalParameters": {"dockerfile": "deploy/Dockerfile", "arguments": {"SERVICE": service}},
        "resolvedDependencies": [
            {"name": "source", "digest": {"gitCommit": commit}},
            {"name": "base image", "digest": {"sha256": base.removeprefix("sha256:")}},
        ],
    }
    made = {"name": SBOM, "digest": {"sha256": hashlib.sha256(sbom).hexdigest()}}
    return {
        "_type": STATEMENT,
        "subject": [{"name": name, "digest": {"sha256": image.id}}],
        "predicateType": PREDICATE,
        "predicate": {
            "buildDefinition": definition,
            "runDetails": {"builder": {"id": "urn:storyloom:deploy/sbom/make.sh"}, "byproducts": [made]},
        },
    }


def _licence(metadata: Any) -> str:
    """An expression, or what classifiers say; the free text only where there is neither, since it may be a book."""
    if chosen := CHOSEN.get(_normal(metadata["Name"])):
        return chosen
    classifiers = [one for one in metadata.get_all("Classifier", ()) if one.startswith("License ::")]
    return metadata["License-Expression"] or "\n".join(classifiers) or (metadata["License"] or "")[:100]


def _normal(name: str) -> str:
    """As PEP 503 writes names."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _words(packages: list[Package]) -> str:
    said = [f"{name} {version}" for _, name, version in packages[:5]]
    return ", ".join(said) + (f" and {len(packages) - 5} more" if len(packages) > len(said) else "")


def _open(archive: tarfile.TarFile, name: str) -> IO[bytes]:
    found = archive.extractfile(name)
    if found is None:
        raise NotVerifiedError(f"{name} in the archive is no file")
    return found


def _read(archive: tarfile.TarFile, name: str) -> bytes:
    return _open(archive, name).read()


def _digest(file: IO[bytes]) -> str:
    return hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]  # IO[bytes] is enough


def main() -> int:
    """0: everything is as it is said to be; 1: a line on stderr says what is not."""
    parser = argparse.ArgumentParser(
        description="Verify an image's SBOM and provenance, offline, or describe an image."
    )
    parser.add_argument("command", choices=("verify", "describe"))
    parser.add_argument("image", type=Path, help="what docker save or podman save wrote")
    parser.add_argument("sbom", type=Path)
    parser.add_argument("provenance", type=Path, nargs="?", help="to verify")
    parser.add_argument("--allow-gpl", action="store_true", help="the studio's: its voices are GPL")
    for name in ("name", "commit", "base", "service"):
        parser.add_argument(f"--{name}", default="", help="to describe")
    given = parser.parse_args()
    try:
        image, sbom = Image(given.image), given.sbom.read_bytes()
        if given.command == "describe":
            said = describe(image, sbom, name=given.name, commit=given.commit, base=given.base, service=given.service)
            sys.stdout.write(json.dumps(said, indent=2) + "\n")
            return 0
        if given.provenance is None:
            parser.error("name the provenance to verify")
        verify(image, sbom, json.loads(given.provenance.read_bytes()), allow_gpl=given.allow_gpl)
    except (NotVerifiedError, OSError, tarfile.TarError, KeyError, TypeError, ValueError) as error:
        sys.stderr.write(f"not verified: {str(error) or type(error).__name__}\n")
        return 1
    sys.stdout.write(f"verified: sha256:{image.id}, {len(image.packages)} packages\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
