"""A podman for machines that reach no image registry: its state is in one folder, its base image made of packages."""

import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from tests.compose import disk
from tests.compose.engine import Say, files, leftovers, search, size
from tests.compose.images import PROJECT, Build, check_contents, check_size, read_builds
from tests.compose.processes import StackError, UnsupportedError, end_all, execute

BUILDS_AT_ONCE = 2
DISK_GB = 12
"""What images, layers and stores may take."""
NO_DEBIAN = 3
"""The exit code of deploy/images/base.sh where this machine cannot make one."""
CONTAINERS_CONF = """\
[containers]
default_ulimits = ["nofile=16384:16384", "nproc=4096:4096"]

[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
lock_type = "file"
tmp_dir = "{state}/run/libpod"
compat_api_enforce_docker_hub = false

[network]
network_backend = "netavark"
network_config_dir = "{state}/networks"
"""
STORAGE_CONF = """\
[storage]
driver = "overlay"
graphroot = "{state}/storage"
runroot = "{state}/run"
"""
BASE_IMAGE = "localhost/storyloom-base:bookworm"
AS_OURS = (
    *("--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"),
    *("--user", "10001:10001", "--publish", "127.0.0.1::8080"),
)
"""What docker-compose.yml asks of an engine, and a machine may refuse."""
STAND_INS = "localhost/storyloom-stand-ins"


class Podman:
    """A podman whose images, containers, networks and volumes are in ``folder``, which it never shares with another."""

    name = "podman"

    def __init__(self, folder: Path, variables: Mapping[str, str]) -> None:
        self._folder = folder
        self._compose = str(folder / "docker-compose")
        self._files = files("docker-compose.yml", "deploy/compose/stand-ins.yml", "deploy/compose/proxy.yml")
        state = disk.mount(folder, DISK_GB)
        for name, text in (("containers.conf", CONTAINERS_CONF), ("storage.conf", STORAGE_CONF)):
            (folder / name).write_text(text.format(folder=folder, state=state))
        (state / "tmp").mkdir(exist_ok=True)
        self._environment = {
            **os.environ,
            "CONTAINERS_CONF": str(folder / "containers.conf"),
            "CONTAINERS_STORAGE_CONF": str(folder / "storage.conf"),
            "TMPDIR": str(state / "tmp"),
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
            start_new_session=True,  # Ctrl-C is not for it: containers are removed by it
        )

    def prepare(self, say: Say) -> None:
        """Make the base image, unless the folder has it, and build on it."""
        self._must_serve()
        base = size(self, BASE_IMAGE)
        say(f"the base image is made of Debian's packages: {base / 1e6:.0f} MB")

        def build(one: Build) -> None:
            first, *others = one.images
            self._build(first, one.file, one.arguments)
            for image in others:
                self.run("tag", first, image)
            service = one.arguments.get("SERVICE", "")
            said = check_size(service, size(self, first), base)
            if service:
                check_contents(service, search(self, first))
            say(f"built {service or 'what stands in for the images of others'}: {said}")

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
                end_all()
                pool.shutdown(wait=True, cancel_futures=True)
                raise
        self._looking.start()

    def compose(self, *arguments: str, within: float = 300) -> str:
        """See Engine."""
        return execute(
            (self._compose, "--project-name", PROJECT, *self._files, *arguments),
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
            self.compose("--profile", "*", "down", "--volumes", "--timeout", "20", within=120)
        self._stop_looking.set()
        if self._looking.ident is not None:
            self._looking.join(timeout=30)
        left = leftovers(self)
        with suppress(StackError):  # whatever is left, it is not left running
            self.run("rm", "--all", "--force", "--time", "2")
            self.run("network", "prune", "--force")
            self.run("volume", "prune", "--force")
        self._service.terminate()
        try:
            self._service.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self._service.kill()
            self._service.wait()
            left.append("the service of podman had to be killed")
        with suppress(ProcessLookupError):  # in a user namespace of its own it is a second process
            os.killpg(self._service.pid, signal.SIGKILL)
        self._log.close()
        for number, words in self._processes().items():
            # The monitor of an `exec` stays for five minutes after it, for whoever asks how it ended; who holds a user
            # namespace open stays for ever.
            if any(name in words.partition(" ")[0] for name in ("conmon", "catatonit", "podman")):
                with suppress(ProcessLookupError):
                    os.kill(number, signal.SIGKILL)
        until = time.monotonic() + 10
        while self._processes() and time.monotonic() < until:
            time.sleep(0.1)  # they are ending
        disk.unmount(self._folder)
        return left + [f"a process: {words}" for words in self._processes().values()]

    def _must_serve(self) -> None:
        """Make the base image, unless the folder has it, and run a container of it as ours will run. Raises
        UnsupportedError where this machine refuses that: nothing of ours is in it yet.
        """
        try:
            self.run("info")
        except StackError as error:
            raise UnsupportedError(f"podman does not work here: {_last_line(error)}") from error
        if not self._has(BASE_IMAGE):
            try:
                execute(("sh", "deploy/images/base.sh", BASE_IMAGE), within=900, environment=self._environment)
            except StackError as error:
                if error.code != NO_DEBIAN:
                    raise
                raise UnsupportedError(f"no Debian can be made here to build on: {_last_line(error)}") from error
        try:
            self.run("run", "--rm", *AS_OURS, BASE_IMAGE, "true")
        except StackError as error:
            raise UnsupportedError(f"containers are refused here: {_last_line(error)}") from error

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

    def _look_after_health(self) -> None:
        """Have the health of containers checked: podman leaves that to systemd, which a container host may lack."""
        looked: dict[str, float] = {}
        while not self._stop_looking.wait(1):
            waiting: list[str] = []
            for state in ("starting", "unhealthy"):
                with suppress(StackError):
                    waiting += self.run("ps", "--filter", f"health={state}", "--format", "{{.ID}}").split()
            for container in waiting:
                if self._stop_looking.is_set():
                    return
                with suppress(StackError):  # it has gone, or is not healthy yet
                    # No more often than it asks for: after so many failures it counts as unhealthy.
                    if time.monotonic() >= looked.get(container, 0) + self._interval(container):
                        looked[container] = time.monotonic()
                        self.run("healthcheck", "run", container)

    def _interval(self, container: str) -> float:
        """Seconds from one look at a container's health to the next. Raises StackError."""
        told = json.loads(self.run("inspect", "--format", "{{json .Config.Healthcheck}}", container)) or {}
        return float(told.get("Interval", 0)) / 1e9

    def _processes(self) -> dict[int, str]:
        """What still runs from the folder: programs name files in it, or were told so by their environment; who
        started this test names at most the folder.
        """
        found: dict[int, str] = {}
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            with suppress(OSError):
                words = path.read_bytes().decode(errors="replace").split("\0")
                told = path.with_name("environ").read_bytes().decode(errors="replace").split("\0")
                ours = f"CONTAINERS_CONF={self._folder}/containers.conf" in told
                if (ours or any(f"{self._folder}/" in word for word in words)) and int(path.parent.name) != os.getpid():
                    found[int(path.parent.name)] = " ".join(words)[:100]
        return found


def _last_line(error: StackError) -> str:
    return str(error).splitlines()[-1].strip()
