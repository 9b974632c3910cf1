"""What runs containers: Docker where an engine answers, else a podman with a state of its own in one folder.

The images of our services are built either way. With Docker those of others are pulled; podman, which is for machines
that reach no image registry, gets a base image from Debian's packages, and stand-ins.
"""

import json
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

ROOT = Path(__file__).parents[2]
PROJECT = "storyloom-test"
SERVICES = ("api", "status", "webhooks", "content", "images", "audio", "documents")
BUILT = (*SERVICES, "studio")
MAX_MB_OVER_BASE = 250
"""What an image of a service may be larger than its base."""
BUILDS_AT_ONCE = 2

Say = Callable[[str], None]


class StackError(Exception):
    """The stack could not be built, started, used or removed; the message says why."""


class Engine(Protocol):
    """What builds, runs and removes the stack."""

    name: str

    def prepare(self, say: Say) -> None:
        """Build every image. Raises StackError."""

    def compose(self, *arguments: str, within: float = 300) -> str:
        """What ``docker compose …`` writes on stdout. Raises StackError when it fails, or takes longer."""

    def run(self, *arguments: str, within: float = 60) -> str:
        """What ``docker …`` or ``podman …`` writes. Raises StackError."""

    def close(self) -> list[str]:
        """End and remove everything; what could not be. Safe to call twice."""


def execute(
    command: Sequence[str], *, within: float, environment: Mapping[str, str] | None = None, log: Path | None = None
) -> str:
    """Run a program in the checkout; its stdout. What it writes is kept in ``log``. Raises StackError."""
    try:
        ended = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=within, check=False,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise StackError(f"{' '.join(command[:4])} … took longer than {within:.0f} s") from error
    if log is not None:
        log.write_text(ended.stdout + ended.stderr)
    if ended.returncode:
        said = (ended.stderr.strip() or ended.stdout.strip()).splitlines()[-8:]
        raise StackError(f"{' '.join(command[:6])} … failed:\n  " + "\n  ".join(said))
    return ended.stdout


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
    if service in SERVICES and over > MAX_MB_OVER_BASE:
        raise StackError(f"the image of {service} is too large: {said}; {MAX_MB_OVER_BASE} are allowed")
    return said


class Docker:
    """A Docker engine that answers, with Compose v2."""

    name = "docker"

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._environment = {**os.environ, **variables}
        self._files = ("docker-compose.yml", "deploy/compose/proxy.yml")

    def prepare(self, say: Say) -> None:
        """Let Compose build."""
        self.compose("build", within=1800)
        base = self._environment.get("PYTHON_IMAGE", "python:3.12-slim-bookworm")
        self.run("pull", "--quiet", base, within=300)
        for service in BUILT:
            size = check_size(service, self._size(f"{PROJECT}-{service}"), self._size(base))
            say(f"built {service}: {size}")

    def compose(self, *arguments: str, within: float = 300) -> str:
        """See Engine."""
        return execute(
            ("docker", "compose", "--project-name", PROJECT, *_files(self._files), *arguments),
            within=within,
            environment=self._environment,
        )

    def run(self, *arguments: str, within: float = 60) -> str:
        """See Engine."""
        return execute(("docker", *arguments), within=within)

    def close(self) -> list[str]:
        """Remove containers, networks, volumes and our images."""
        with suppress(StackError):
            self.compose("down", "--volumes", "--timeout", "20", "--rmi", "local", within=120)
        return leftovers(self)

    def _size(self, image: str) -> int:
        return int(self.run("image", "inspect", "--format", "{{.Size}}", image))


CONTAINERS_CONF = """\
[containers]
default_ulimits = ["nofile=16384:16384", "nproc=4096:4096"]

[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
lock_type = "file"
tmp_dir = "{folder}/run/libpod"
compat_api_enforce_docker_hub = false

[network]
network_backend = "netavark"
network_config_dir = "{folder}/networks"
"""
STORAGE_CONF = """\
[storage]
driver = "overlay"
graphroot = "{folder}/storage"
runroot = "{folder}/run"
"""
BASE_IMAGE = "localhost/storyloom-base:bookworm"
STAND_INS = "localhost/storyloom-stand-ins"


class Podman:
    """A podman whose images, containers, networks and volumes are in ``folder``, which it never shares with another."""

    name = "podman"

    def __init__(self, folder: Path, variables: Mapping[str, str]) -> None:
        self._folder = folder
        self._compose = str(folder / "docker-compose")
        self._files = ("docker-compose.yml", "deploy/compose/stand-ins.yml", "deploy/compose/proxy.yml")
        for name, text in (("containers.conf", CONTAINERS_CONF), ("storage.conf", STORAGE_CONF)):
            (folder / name).write_text(text.format(folder=folder))
        (folder / "tmp").mkdir(exist_ok=True)
        self._environment = {
            **os.environ,
            "CONTAINERS_CONF": str(folder / "containers.conf"),
            "CONTAINERS_STORAGE_CONF": str(folder / "storage.conf"),
            "TMPDIR": str(folder / "tmp"),
        }
        socket = folder / "podman.sock"
        self._for_compose = {
            **self._environment,
            "DOCKER_HOST": f"unix://{socket}",
            "PYTHON_IMAGE": BASE_IMAGE,
            "PROXY_IMAGE": STAND_INS,
            **variables,
        }
        self._stop_looking = threading.Event()
        self._looking = threading.Thread(target=self._look_after_health, name="health", daemon=True)
        self._log = (folder / "podman.log").open("w")
        self._service = subprocess.Popen(
            ("podman", "system", "service", "--time", "0", f"unix://{socket}"),
            env=self._environment,
            stdout=self._log,
            stderr=self._log,
            stdin=subprocess.DEVNULL,
        )

    def prepare(self, say: Say) -> None:
        """Make the base image, unless the folder has it, and build on it."""
        if not self._has(BASE_IMAGE):
            execute(("sh", "deploy/images/base.sh", BASE_IMAGE), within=600, environment=self._environment)
        base = self._size(BASE_IMAGE)
        say(f"the base image is made of Debian's packages: {base / 1e6:.0f} MB")

        def build(one: Build) -> None:
            first, *others = one.images
            self._build(first, one.file, one.arguments)
            for image in others:
                self.run("tag", first, image)
            service = one.arguments.get("SERVICE", "")
            size = check_size(service, self._size(first), base)
            say(f"built {service or 'what stands in for the images of others'}: {size}")

        builds = read_builds(json.loads(self.compose("--profile", "*", "config", "--format", "json")))
        ours = next(one for one in builds if one.arguments.get("SERVICE"))
        with ThreadPoolExecutor(BUILDS_AT_ONCE) as pool:
            shared = pool.submit(build, ours)
            begun = [shared, *(pool.submit(build, one) for one in builds if not one.arguments.get("SERVICE"))]
            try:
                shared.result()  # with the layers that all of ours share
                begun += [pool.submit(build, one) for one in builds if one.arguments.get("SERVICE") and one is not ours]
                for one in begun:
                    one.result()
            except BaseException:
                pool.shutdown(wait=True, cancel_futures=True)
                raise
        self._looking.start()

    def compose(self, *arguments: str, within: float = 300) -> str:
        """See Engine."""
        return execute(
            (self._compose, "--project-name", PROJECT, *_files(self._files), *arguments),
            within=within,
            environment=self._for_compose,
        )

    def run(self, *arguments: str, within: float = 60) -> str:
        """See Engine."""
        return execute(("podman", *arguments), within=within, environment=self._environment)

    def close(self) -> list[str]:
        """Remove containers, networks and volumes, and end the service. The folder and its images stay."""
        if self._log.closed:
            return []
        with suppress(StackError):
            self.compose("down", "--volumes", "--timeout", "20", within=120)
        self._stop_looking.set()
        if self._looking.ident is not None:
            self._looking.join(timeout=30)
        left = leftovers(self)
        with suppress(StackError):  # whatever is left, it is not left running
            self.run("rm", "--all", "--force", "--time", "2")
            self.run("volume", "prune", "--force")
        self._service.terminate()
        try:
            self._service.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self._service.kill()
            self._service.wait()
            left.append("the service of podman had to be killed")
        self._log.close()
        for number, words in self._processes().items():
            # The monitor of an `exec` stays for five minutes after it, for whoever asks how it ended.
            if "conmon" in words.partition(" ")[0]:
                with suppress(ProcessLookupError):
                    os.kill(number, signal.SIGKILL)
        until = time.monotonic() + 10
        while self._processes() and time.monotonic() < until:
            time.sleep(0.1)  # they are ending
        return left + [f"a process: {words}" for words in self._processes().values()]

    def _build(self, image: str, file: str, arguments: Mapping[str, str]) -> None:
        # The way to package registries is this machine's: its certificates, its pip's settings, its network.
        mounts = [path for path in ("/etc/ssl/certs", "/etc/pip.conf") if Path(path).exists()]
        execute(
            (
                *("buildah", "bud", "--isolation", "chroot", "--layers", "--format", "docker", "--network", "host"),
                *("--timestamp", "0"),  # so that the same content has the same digest
                *(word for path in mounts for word in ("--volume", f"{path}:{path}:ro")),
                *(word for name, value in arguments.items() for word in ("--build-arg", f"{name}={value}")),
                *("--file", file, "--tag", image, "."),
            ),
            within=900,
            environment=self._environment,
            log=self._folder / f"build-{image.rpartition('/')[2]}.log",
        )

    def _has(self, image: str) -> bool:
        try:
            self.run("image", "inspect", image)
        except StackError:
            return False
        return True

    def _size(self, image: str) -> int:
        return int(self.run("image", "inspect", "--format", "{{.Size}}", image))

    def _look_after_health(self) -> None:
        """Have the health of containers checked: podman leaves that to systemd, which a container host may lack."""
        while not self._stop_looking.wait(2):  # as often as the file says: it counts how often they fail
            waiting: list[str] = []
            for state in ("starting", "unhealthy"):
                with suppress(StackError):
                    waiting += self.run("ps", "--filter", f"health={state}", "--format", "{{.ID}}").split()
            for container in waiting:
                if self._stop_looking.is_set():
                    return
                with suppress(StackError):  # not healthy yet
                    self.run("healthcheck", "run", container)

    def _processes(self) -> dict[int, str]:
        """What still runs from the folder: programs name files in it, who started this test at most the folder."""
        found: dict[int, str] = {}
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            with suppress(OSError):
                words = path.read_bytes().decode(errors="replace").split("\0")
                if any(f"{self._folder}/" in word for word in words) and int(path.parent.name) != os.getpid():
                    found[int(path.parent.name)] = " ".join(words)[:100]
        return found


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


def find_engine(folder: Path, variables: Mapping[str, str]) -> Engine:
    """Docker where it answers, else podman. Raises StackError where it is not to be had."""
    if shutil.which("docker") and _answers(("docker", "info")) and _answers(("docker", "compose", "version")):
        return Docker(variables)
    return Podman(folder, variables)


def state(engine: Engine, service: str) -> dict[str, str]:
    """How the container of a service stands: ``Status``, and ``Health`` where it has a check."""
    found = json.loads(engine.run("inspect", "--format", "{{json .State}}", f"{PROJECT}-{service}-1"))
    health = found.get("Health") or found.get("Healthcheck") or {}
    return {"Status": found["Status"], "Health": health.get("Status", "")}


def _answers(command: Sequence[str]) -> bool:
    try:
        execute(command, within=20)
    except (StackError, OSError):
        return False
    return True


def _files(names: Sequence[str]) -> list[str]:
    return [word for name in names for word in ("--file", name)]
