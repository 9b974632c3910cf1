"""deploy/sbom/sbom.py believes an image and nobody else: what was tampered with is refused, with the reason."""

import hashlib
import io
import json
import subprocess
import sys
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).parents[3] / "deploy" / "sbom" / "sbom.py"
SITE = "venv/lib/python3.12/site-packages"
DEBIAN = """\
Package: tini
Status: install ok installed
Version: 1:0.19.0-1

Package: gone
Status: deinstall ok
Version: 1
"""
LAYERS: list[dict[str, str]] = [
    {
        "var/lib/dpkg/status": DEBIAN,
        "usr/lib/python3/dist-packages/pip-23.0.dist-info/METADATA": "Name: pip\nVersion: 23.0\n",
    },
    {
        "./usr/lib/python3/dist-packages/.wh.pip-23.0.dist-info": "",
        f"{SITE}/typing_extensions-4.16.0.dist-info/METADATA": "Name: typing_extensions\nVersion: 4.16.0\n",
        f"{SITE}/av-18.0.dist-info/METADATA": "Name: av\nVersion: 18.0\nLicense-Expression: LGPL-3.0-or-later\n",
    },
]
"""An image whose second layer removes pip, which the first one had."""
URLS = ["pkg:deb/debian/tini@1%3A0.19.0-1?arch=amd64", "pkg:pypi/typing-extensions@4.16.0", "pkg:pypi/av@18.0"]


def layer(files: Mapping[str, str]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content.encode())
            archive.addfile(entry, io.BytesIO(content.encode()))
    return out.getvalue()


def save(path: Path, layers: list[dict[str, str]], *, hashed: list[dict[str, str]] | None = None) -> Path:
    """An archive as ``docker save`` writes it; ``hashed``: the layers that its configuration tells of."""
    wanted = [f"sha256:{hashlib.sha256(layer(one)).hexdigest()}" for one in hashed or layers]
    config = json.dumps({"rootfs": {"type": "layers", "diff_ids": wanted}})
    names = [f"{number}/layer.tar" for number in range(len(layers))]
    manifest = json.dumps([{"Config": "config.json", "Layers": names}])
    with tarfile.open(path, "w") as archive:
        contents = {name: layer(one) for name, one in zip(names, layers, strict=True)}
        for name, content in {"manifest.json": manifest.encode(), "config.json": config.encode(), **contents}.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return path


def sbom(urls: list[str]) -> dict[str, Any]:
    return {
        "spdxVersion": "SPDX-2.3",
        "packages": [{"externalRefs": [{"referenceType": "purl", "referenceLocator": url}]} for url in urls],
    }


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, SCRIPT, *arguments], capture_output=True, text=True, check=False)


class Release:
    """An image with its SBOM and its provenance, in a folder."""

    def __init__(self, folder: Path, layers: list[dict[str, str]], urls: list[str]) -> None:
        self.image = save(folder / "image.tar", layers)
        self.sbom, self.provenance = folder / "sbom.json", folder / "provenance.json"
        self.sbom.write_text(json.dumps(sbom(urls)))
        self.provenance.write_text(self.describe())

    def describe(self) -> str:
        facts = ("--name", "storyloom-api", "--commit", "c0ffee", "--base", "sha256:ba5e", "--service", "api")
        return run("describe", self.image, self.sbom, *facts).stdout

    def verify(self, *options: str) -> tuple[int, str]:
        ended = run("verify", self.image, self.sbom, self.provenance, *options)
        return ended.returncode, ended.stdout + ended.stderr


def test_an_image_is_verified_by_what_is_in_its_layers(tmp_path: Path) -> None:
    code, said = Release(tmp_path, LAYERS, URLS).verify()
    assert (code, said.startswith("verified: sha256:"), "3 packages" in said) == (0, True, True), said


def test_the_provenance_is_a_slsa_statement_of_the_images_digest(tmp_path: Path) -> None:
    statement = json.loads(Release(tmp_path, LAYERS, URLS).provenance.read_text())
    assert statement["predicateType"] == "https://slsa.dev/provenance/v1"
    with tarfile.open(tmp_path / "image.tar") as archive:
        config = archive.extractfile("config.json")
        assert config is not None
        assert statement["subject"][0]["digest"]["sha256"] == hashlib.sha256(config.read()).hexdigest()


def another_version(release: Release) -> None:
    release.sbom.write_text(release.sbom.read_text().replace("4.16.0", "4.15.0"))


def one_hidden(release: Release) -> None:
    """With a provenance that fits it: only the image can tell."""
    release.sbom.write_text(json.dumps(sbom(URLS[:-1])))
    release.provenance.write_text(release.describe())


def one_invented(release: Release) -> None:
    release.sbom.write_text(json.dumps(sbom([*URLS, "pkg:pypi/boto3@1.0"])))
    release.provenance.write_text(release.describe())


def another_image(release: Release) -> None:
    save(release.image, [*LAYERS, {"etc/motd": "other"}])


def another_layer(release: Release) -> None:
    """The configuration, and so the id, is the old one."""
    save(release.image, [LAYERS[0], {**LAYERS[1], "app/backdoor.py": "import os"}], hashed=LAYERS)


def no_statement(release: Release) -> None:
    release.provenance.write_text("{}")


@pytest.mark.parametrize(
    ("tamper", "why"),
    [
        (another_version, "the SBOM is not the one that was made with the image"),
        (one_hidden, "the SBOM does not tell of av 18.0"),
        (one_invented, "the SBOM tells of what the image has not: boto3 1.0"),
        (another_image, "the provenance is of another image"),
        (another_layer, "the layer 1/layer.tar is not the image's"),
        (no_statement, "the provenance is no SLSA statement"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_what_was_tampered_with_is_refused(tmp_path: Path, tamper: Callable[[Release], None], why: str) -> None:
    release = Release(tmp_path, LAYERS, URLS)
    tamper(release)
    code, said = release.verify()
    assert (code, why in said) == (1, True), said


def test_gpl_is_refused_unless_it_is_the_studios(tmp_path: Path) -> None:
    voice = (
        "Name: piper-tts\nVersion: 1.3\nClassifier: License :: OSI Approved :: GNU General Public License v3 (GPLv3)\n"
    )
    layers = [*LAYERS, {f"{SITE}/piper_tts-1.3.dist-info/METADATA": voice}]
    release = Release(tmp_path, layers, [*URLS, "pkg:pypi/piper-tts@1.3"])
    assert release.verify() == (1, "not verified: the licence is the GPL of piper-tts\n")
    assert release.verify("--allow-gpl")[0] == 0


def test_a_package_that_offers_the_gpl_among_others_is_taken_under_another(tmp_path: Path) -> None:
    offered = "".join(
        f"Classifier: License :: OSI Approved :: GNU {name} License v2 or later\n"
        for name in ("General Public", "Lesser General Public")
    )
    layers = [*LAYERS, {f"{SITE}/pyphen-0.18.dist-info/METADATA": f"Name: pyphen\nVersion: 0.18\n{offered}"}]
    assert Release(tmp_path, layers, [*URLS, "pkg:pypi/pyphen@0.18"]).verify()[0] == 0
