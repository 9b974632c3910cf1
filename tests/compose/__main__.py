"""``make test-compose``: build, bring up, use, disturb, remove. Progress on stdout, a line each."""

import argparse
import asyncio
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from types import FrameType

import httpx

from client import StoryloomError
from tests.compose.engine import Docker, Engine, docker_serves
from tests.compose.podman import Podman
from tests.compose.processes import ROOT, StackError, UnsupportedError
from tests.compose.scenario import scenario

LIMIT_SECONDS = 1500
"""For all of it: a machine that is busy otherwise takes five times as long as an idle one."""
MIN_FREE_GB = 12
"""Of disk: packages, ten images with their layers, and what the stores hold."""
PASSED, FAILED = 0, 1
STOPPED_BY = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
TROUBLE = (StackError, StoryloomError, httpx.HTTPError, OSError, TimeoutError, KeyboardInterrupt)
"""What is told in a line instead of a traceback."""
PLACES = {"api": "HTTP_PORT", "proxy": "PROXY_PORT", "studio": "STUDIO_HTTP_PORT", "store": "STORE_PORT"}
"""The ports on this machine, and the variables of docker-compose.yml that say which."""


class Progress:
    """Says what happened, and after how many seconds."""

    def __init__(self) -> None:
        self._since = time.monotonic()

    def __call__(self, what: str) -> None:
        sys.stdout.write(f"[{time.monotonic() - self._since:6.1f} s] {what}\n")
        sys.stdout.flush()


def main() -> int:
    """0: it passed, or this machine cannot run it, which a line says; 1: it failed."""
    options = _options()
    say = Progress()
    # By name: a shell has what it starts with `&` ignore SIGINT.
    for number in STOPPED_BY:
        signal.signal(number, _interrupt)
    signal.signal(signal.SIGALRM, _run_out)
    signal.alarm(options.limit)
    try:
        with ExitStack() as last:
            # What is below /tmp may be memory, and too small.
            folder = Path(options.keep or tempfile.mkdtemp(prefix="storyloom-compose-", dir="/var/tmp")).absolute()
            folder.mkdir(parents=True, exist_ok=True)
            if not options.keep:
                last.callback(_remove, folder)
            return _run(folder, say, last)
    except UnsupportedError as error:
        sys.stdout.write(f"test-compose: skipped, {error}\n")
        return PASSED
    except (*TROUBLE, BaseExceptionGroup) as error:
        say(f"FAILED: {_words(error)}")
        return FAILED


def _run(folder: Path, say: Progress, last: ExitStack) -> int:
    ports = _free_ports()
    engine = _engine(folder, _variables(ports))
    last.callback(engine.close)
    say(f"{engine.name} and Docker Compose are there")
    try:
        engine.prepare(say)
        _try(engine, ports, say)
    except (*TROUBLE, BaseExceptionGroup) as error:
        _settle()
        say(f"FAILED: {_words(error)}")
        _tell_logs(engine)
        engine.close()
        return FAILED
    _settle()
    if left := engine.close():
        say("FAILED: left behind: " + "; ".join(left))
        return FAILED
    say("everything is removed: no container, network, volume or process is left")
    say("passed")
    return PASSED


def _engine(folder: Path, variables: dict[str, str]) -> Engine:
    """Docker where it serves, else podman. Raises UnsupportedError where neither can be had on this machine."""
    free = shutil.disk_usage(folder).free / 1e9
    if free < MIN_FREE_GB:
        raise UnsupportedError(f"{folder.parent} has {free:.0f} GB of disk left, and it takes up to {MIN_FREE_GB}")
    if docker_serves():
        return Docker(variables)
    # An installation is not torn apart: who interrupts waits for its end.
    with subprocess.Popen(
        ["sh", "tests/compose/system.sh", folder], cwd=ROOT, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as ready:
        said, _ = ready.communicate()
    if ready.returncode:
        raise UnsupportedError(said.strip() or "podman could not be installed")
    return Podman(folder, variables)


def _try(engine: Engine, ports: dict[str, int], say: Progress) -> None:
    engine.compose("up", "--detach", "--no-build", "--wait", "--wait-timeout", "300", within=320)
    say("docker compose up --wait: everything is healthy")
    # Operators' commands have a container of their own where the file has one.
    operators = "ops" in engine.compose("--profile", "*", "config", "--services").split()
    run = ("run", "--rm", "-T", "ops") if operators else ("exec", "-T", "status", "python", "-m", "ops")
    key = engine.compose(*run, "key", "create", "--tenant", "family", "--name", "first key").strip()

    async def play() -> None:
        async with scenario(engine, ports, key, say) as acted:
            await acted.play()

    asyncio.run(play())


def _variables(ports: dict[str, int]) -> dict[str, str]:
    """What the compose file is given: free ports, and the voice that is quickly made."""
    return {PLACES[name]: str(port) for name, port in ports.items()} | {"STUDIO_VOICE": "espeak"}


def _free_ports() -> dict[str, int]:
    with ExitStack() as held:
        found = {}
        for name in PLACES:
            taken = held.enter_context(socket.socket())
            taken.bind(("127.0.0.1", 0))
            found[name] = taken.getsockname()[1]
        return found


def _tell_logs(engine: Engine) -> None:
    """The last lines of every container, for whoever asks why."""
    try:
        sys.stdout.write(engine.compose("ps", "--all", within=30))
        sys.stdout.write(engine.compose("logs", "--tail", "15", "--no-color", within=60))
    except StackError as error:
        sys.stdout.write(f"{error}\n")


def _words(error: BaseException) -> str:
    if isinstance(error, BaseExceptionGroup):
        return "; ".join(_words(one) for one in error.exceptions)
    return str(error) or type(error).__name__


def _remove(folder: Path) -> None:
    # Layers are mounted while something runs, and nothing does any more.
    shutil.rmtree(folder, ignore_errors=True)
    if folder.exists():
        sys.stdout.write(f"could not be removed: {folder}\n")


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    _settle()
    raise KeyboardInterrupt("it was asked to stop")


def _run_out(_number: int, _frame: FrameType | None) -> None:
    raise TimeoutError("it took too long")


def _settle() -> None:
    """From here on everything is removed, whoever asks again to stop."""
    signal.alarm(0)
    for number in STOPPED_BY:
        signal.signal(number, signal.SIG_IGN)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make test-compose", description=__doc__)
    parser.add_argument("--limit", type=int, default=LIMIT_SECONDS, help="seconds for all of it")
    parser.add_argument("--keep", help="a folder for images and tools, kept for the next time")
    return parser.parse_args()


if __name__ == "__main__":
    os.chdir(ROOT)
    sys.exit(main())
