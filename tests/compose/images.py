"""The images that are built: which there are, how large they may be, and what must not be in them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.compose.processes import StackError

PROJECT = "storyloom-test"
SERVICES = ("api", "status", "webhooks", "content", "images", "audio", "documents")
BUILT = (*SERVICES, "studio")
MAX_MB_OVER_BASE = 250
"""What an image of a service may be larger than its base."""
MEASURING_MB = 150
"""What the evaluators of receipts may add to that of documents: NumPy, and PocketSphinx with its model of English."""
UNWANTED = (
    *("-name pip", "-name pip3*", "-name pip-*", "-name ensurepip", "-name setuptools", "-name setuptools-*"),
    *(
        "-path */bin/uv",
        "-path */bin/cc",
        "-path */bin/gcc*",
        "-path */bin/c++",
        "-path */bin/g++*",
        "-path */bin/make",
    ),
)
"""What no image of ours has anywhere, as ``find`` is asked for it: what installs, and what compiles."""


@dataclass(frozen=True)
class Build:
    """An image to build, under every name that it is asked for by."""

    file: str
    arguments: Mapping[str, str]
    images: tuple[str, ...]


def read_builds(config: Mapping[str, Any]) -> list[Build]:
    """What ``docker compose config`` has built, each once: several services may run the same image."""
    found: dict[tuple[str, tuple[tuple[str, str], ...]], list[str]] = {}
    for name, service in config["services"].items():
        if build := service.get("build"):
            image = f"localhost/{service.get('image', f'{PROJECT}-{name}')}"
            images = found.setdefault((build["dockerfile"], tuple(sorted(build.get("args", {}).items()))), [])
            if image not in images:
                images.append(image)
    return [Build(file, dict(arguments), tuple(images)) for (file, arguments), images in found.items()]


def check_size(service: str, size: int, base: int) -> str:
    """How large an image is, in words. Raises StackError for a service's that is too large."""
    over = (size - base) / 1e6
    said = f"{size / 1e6:.0f} MB, {over:.0f} MB over the base"
    allowed = MAX_MB_OVER_BASE + (MEASURING_MB if service == "documents" else 0)
    if service in SERVICES and over > allowed:
        raise StackError(f"the image of {service} is too large: {said}; {allowed} are allowed")
    return said


def search_arguments(root: str = "/") -> tuple[str, ...]:
    """Arguments of ``find`` that list what is unwanted below a folder, a path a line."""
    return (root, "-xdev", "-path", "/proc", "-prune", "-o", "(", *" -o ".join(UNWANTED).split(), ")", "-print")


def check_contents(service: str, found: str) -> None:
    """Raises StackError where ``find`` has found what is unwanted in the image."""
    if paths := found.split():
        raise StackError(f"the image of {service} holds what installs or compiles: {', '.join(paths[:5])}")
