"""The chart, rendered once with each value file."""

import os
from pathlib import Path

import pytest

from tools.deploy.manifests import VALUE_FILES, Manifest, read_manifests, render
from tools.deploy.programs import REQUIRED, ProgramMissing, program

Rendered = dict[str, list[Manifest]]


@pytest.fixture(scope="session")
def helm() -> Path:
    """The program; without it tests that need it are skipped."""
    try:
        return program("helm")
    except ProgramMissing as missing:
        if REQUIRED in os.environ:
            raise
        pytest.skip(str(missing))


@pytest.fixture(scope="session")
def rendered(helm: Path) -> Rendered:
    """By the value file's name."""
    return {name: read_manifests(render(path)) for name, path in VALUE_FILES.items()}
