"""The studio's package metadata against what the rest of the repository says of it."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

import studio

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "studio"


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    metadata: dict[str, Any] = tomllib.loads((FOLDER / "pyproject.toml").read_text())["project"]
    return metadata


def test_the_dependencies_are_those_that_the_lock_file_is_made_of(project: dict[str, Any]) -> None:
    lines = (ROOT / "requirements" / "studio.in").read_text().splitlines()
    locked = [Requirement(line) for line in lines if line and not line.startswith(("#", "-r"))]
    assert {str(Requirement(each)) for each in project["dependencies"]} == {str(each) for each in locked}


def test_the_whole_project_needs_the_same_python(project: dict[str, Any]) -> None:
    whole = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert project["requires-python"] == whole["project"]["requires-python"]


def test_the_distribution_carries_the_projects_licence(project: dict[str, Any]) -> None:
    """A wheel holds no file from above its own folder, so the licence stands there a second time."""
    assert project["license-files"] == ["LICENSE"]
    assert (FOLDER / "LICENSE").read_text() == (ROOT / "LICENSE").read_text()


def test_the_readme_names_the_licence_of_every_copyleft_dependency() -> None:
    licences = (FOLDER / "README.md").read_text().partition("## Licences")[2]
    for name, licence in (("piper-tts", "GPL"), ("espeakng-loader", "GPL"), ("lameenc", "LGPL")):
        (row,) = [line for line in licences.splitlines() if f"`{name}`" in line]
        assert licence in row


def test_the_version_is_one_that_installers_understand() -> None:
    assert Requirement(f"storyloom-studio=={studio.__version__}").name == "storyloom-studio"


def test_the_readme_names_files_that_are_there() -> None:
    named = re.findall(r"`(?:studio/)?([\w/]+(?:\.py|/))`", (FOLDER / "README.md").read_text())
    assert len(named) > 15
    assert [name for name in named if not (FOLDER / name).exists()] == []
