"""What runs containers: Docker where an engine answers, else a podman with a state of its own in one folder.

The images of our services are built either way. With Docker those of others are pulled; podman (podman.py beside this),
which is for machines that reach no image registry, gets a base image from Debian's packages, and stand-ins.
"""

import json
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Protocol

from tests.compose.images import BUILT, PROJECT, check_contents, check_size, search_arguments
from tests.compose.processes import StackError, execute

DEFAULT_BASE = "python:3.12-slim-bookworm"
"""What deploy/Dockerfile takes where PYTHON_IMAGE names no other."""

Say = Callable[[str], None]


class Engine(Protocol):
    """What builds, runs and removes the stack."""

    name: str

    def prepare(self, say: Say) -> None:
        """Build every image. Raises StackError, and UnsupportedError where this machine cannot run containers."""

    def compose(self, *arguments: str, within: float = 300) -> str:
        """What ``docker compose …`` writes on stdout. Raises StackError when it fails, or takes longer."""

    def run(self, *arguments: str, within: float = 60) -> str:
        """What ``docker …`` or ``podman …`` writes. Raises StackError."""

    def close(self) -> list[str]:
        """End and remove everything; what could not be. Safe to call twice."""


class Docker:
    """A Docker engine that answers, with Compose v2."""

    name = "docker"

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._environment = {**os.environ, **variables}
        self._files = files("docker-compose.yml", "deploy/compose/proxy.yml")

    def prepare(self, say: Say) -> None:
        """Let Compose build."""
        self.compose("build", within=1800)
        base = size(self, base_image())
        for service in BUILT:
            image = f"{PROJECT}-{service}"
            say(f"built {service}: {check_size(service, size(self, image), base)}")
            check_contents(service, search(self, image))

    def compose(self, *arguments: str, within: float = 300) -> str:
        """See Engine."""
        return execute(
            ("docker", "compose", "--project-name", PROJECT, *self._files, *arguments),
            within=within,
            environment=self._environment,
        )

    def run(self, *arguments: str, within: float = 60) -> str:
        """See Engine."""
        return execute(("docker", *arguments), within=within)

    def close(self) -> list[str]:
        """Remove containers, networks, volumes and our images."""
        with suppress(StackError):
            self.compose("--profile", "*", "down", "--volumes", "--timeout", "20", "--rmi", "local", within=120)
        return leftovers(self)


def size(engine: Engine, image: str) -> int:
    """Bytes of an image, its base's among them. Raises StackError."""
    return int(engine.run("image", "inspect", "--format", "{{.Size}}", image))


def search(engine: Engine, image: str) -> str:
    """What is in an image that should not be, a path a line. Raises StackError."""
    # As root: find reads folders that the image's own user may not.
    return engine.run(
        "run", "--rm", "--network", "none", "--user", "0", "--entrypoint", "find", image, *search_arguments()
    )


def leftovers(engine: Engine) -> list[str]:
    """Containers, networks and volumes of the project that are still there, a line each."""
    found = []
    for what, listing, name in (
        ("container", ("ps", "--all"), "Names"),
        ("network", ("network", "ls"), "Name"),
        ("volume", ("volume", "ls"), "Name"),
    ):
        ours = ("--filter", f"label=com.docker.compose.project={PROJECT}")
        written = engine.run(*listing, *ours, "--format", f"{{{{.{name}}}}}")
        found += [f"a {what}: {line}" for line in written.split()]
    return found


def docker_serves() -> bool:
    """Whether a Docker engine with Compose v2 answers, and pulls the base image."""
    asked = (("docker", "info"), ("docker", "compose", "version"), ("docker", "pull", "--quiet", base_image()))
    return shutil.which("docker") is not None and all(_answers(command) for command in asked)


def base_image() -> str:
    """What our images are built on where images are pulled."""
    return os.environ.get("PYTHON_IMAGE") or DEFAULT_BASE


def state(engine: Engine, service: str) -> dict[str, str]:
    """How the container of a service stands: ``Status``, and ``Health`` where it has a check."""
    found = json.loads(engine.run("inspect", "--format", "{{json .State}}", f"{PROJECT}-{service}-1"))
    health = found.get("Health") or found.get("Healthcheck") or {}
    return {"Status": found["Status"], "Health": health.get("Status", "")}


def _answers(command: Sequence[str]) -> bool:
    try:
        execute(command, within=300)
    except (StackError, OSError):
        return False
    return True


def files(*names: str) -> list[str]:
    """Arguments of Compose."""
    return [word for name in names for word in ("--file", name)]
