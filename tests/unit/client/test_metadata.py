"""The client's package metadata against its code and what the rest of the repository says of it."""

import ast
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

import client

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "client"
NEEDS_THE_EXTRA = {"screen.py", "cli"}
"""What may import the packages of the extra ``cli``, and is imported by nothing else."""


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    metadata: dict[str, Any] = tomllib.loads((FOLDER / "pyproject.toml").read_text())["project"]
    return metadata


def imported(*, extra: bool) -> Iterator[str]:
    """The packages that the code imports: of the command line, or of the rest."""
    for file in FOLDER.rglob("*.py"):
        if (file.relative_to(FOLDER).parts[0] in NEEDS_THE_EXTRA) != extra:
            continue
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                yield from (each.name.partition(".")[0] for each in node.names)
            elif isinstance(node, ast.ImportFrom) and not node.level:
                yield str(node.module).partition(".")[0]


def distributions(names: Iterator[str]) -> set[str]:
    return {name.replace("_", "-") for name in names if name not in sys.stdlib_module_names}


def test_the_dependencies_are_what_the_code_imports(project: dict[str, Any]) -> None:
    assert distributions(imported(extra=False)) == set(project["dependencies"])
    of_the_extra = set(project["optional-dependencies"]["cli"])
    assert distributions(imported(extra=True)) - set(project["dependencies"]) == of_the_extra
    lines = (ROOT / "requirements" / "client.in").read_text().splitlines()
    assert {line for line in lines if not line.startswith("#")} == {*project["dependencies"], *of_the_extra}


def test_modules_import_one_another_relatively() -> None:
    """…since the package has another name where it is installed."""
    assert not {"client", "storyloom_client"} & {*imported(extra=False), *imported(extra=True)}


def test_the_metadata_are_the_projects(project: dict[str, Any]) -> None:
    whole = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert project["requires-python"] == whole["project"]["requires-python"]
    assert (FOLDER / "LICENSE").read_text() == (ROOT / "LICENSE").read_text()
    assert Requirement(f"storyloom-client=={client.__version__}").name == project["name"]
