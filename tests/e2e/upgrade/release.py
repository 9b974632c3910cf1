"""Two releases on one set of servers: the code of the previous one out of the history, and processes of either."""

import asyncio
import os
import signal
import subprocess
import sys
import tarfile
import tomllib
from asyncio.subprocess import Process
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import aiohttp

from tests.e2e.upgrade.front import Backend

ROOT = Path(__file__).parents[3]
REPOSITORY = "STORYLOOM_REPOSITORY"
"""The variable that names a checkout with history, for a copy of the files that has none."""
READY_WITHIN_SECONDS = 300.0
STOPPED_WITHIN_SECONDS = 60.0


class NoHistoryError(Exception):
    """The previous release cannot be had here; the message says why."""


def previous_release() -> str:
    """The tag or commit that pyproject.toml names."""
    found: str = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["storyloom"]["previous-release"]
    return found


def unpack_previous(folder: Path) -> Path:
    """Put the previous release's code into a folder. Raises NoHistoryError."""
    repository, release = Path(os.environ.get(REPOSITORY, ROOT)), previous_release()
    if not (repository / ".git").exists():
        raise NoHistoryError(f"no history at {repository.name}: set {REPOSITORY} to a checkout that has one")
    done = subprocess.run(
        ["git", "-C", str(repository), "archive", release, "storyloom", "services", "docs/guide"],
        capture_output=True,
        check=False,
    )
    if done.returncode != 0:
        raise NoHistoryError(f"the history lacks {release}: fetch it, or all tags")
    with tarfile.open(fileobj=BytesIO(done.stdout)) as archive:
        archive.extractall(folder, filter="data")
    return folder


@dataclass
class Running:
    """One process of a release."""

    name: str
    process: Process
    backend: Backend
    log: Path

    async def ready(self, http: aiohttp.ClientSession) -> None:
        """Wait until it is ready. Raises AssertionError with its log where it ends first."""
        await self._says(http, lambda status, _wrong: status == 200)

    async def waits_for(self, http: aiohttp.ClientSession, need: str) -> None:
        """Wait until it answers that it waits for that. Raises as ``ready``."""
        await self._says(http, lambda status, wrong: status == 503 and need in wrong)

    async def _says(self, http: aiohttp.ClientSession, wanted: Callable[[int, Mapping[str, str]], bool]) -> None:
        async with asyncio.timeout(READY_WITHIN_SECONDS):
            while True:
                assert self.process.returncode is None, self.log.read_text()[-3000:]
                with suppress(aiohttp.ClientError):
                    async with http.get(f"{self.backend.internal_url}/health/ready") as answer:
                        if wanted(answer.status, (await answer.json()).get("wrong", {})):
                            return
                await asyncio.sleep(0.1)

    async def stop(self) -> int:
        """SIGTERM; its exit code once it has drained."""
        self.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(STOPPED_WITHIN_SECONDS):
            return await self.process.wait()


@dataclass(frozen=True)
class Release:
    """The code in a folder, and the environment that its processes get."""

    code: Path
    environment: Mapping[str, str]
    logs: Path

    def run(self, *words: str) -> str:
        """Run a module to its end; what it wrote. Raises AssertionError where it fails."""
        done = subprocess.run(
            [sys.executable, "-m", *words],
            cwd=self.code,
            env=self._environment(),
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    async def start(self, name: str, *words: str, ports: tuple[int, int]) -> Running:
        """Start a process; it need not be ready yet. ``ports``: its public and its internal one."""
        log = self.logs / f"{self.code.name}-{name}.log"
        own = {"HTTP_PORT": str(ports[0]), "INTERNAL_PORT": str(ports[1])}
        with log.open("wb") as out:
            process = await asyncio.create_subprocess_exec(
                sys.executable, *words, cwd=self.code, env=self._environment() | own, stdout=out, stderr=out
            )
        backend = Backend(f"http://127.0.0.1:{ports[0]}", f"http://127.0.0.1:{ports[1]}")
        return Running(name, process, backend, log)

    def _environment(self) -> dict[str, str]:
        return {**os.environ, **self.environment, "PYTHONPATH": str(self.code)}
