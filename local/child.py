"""A server that runs as our child: started, asked whether it is ready, restarted when it crashes, stopped in time."""

import asyncio
import json
import os
import signal
import subprocess
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import structlog

from local.errors import UserError
from local.watchdog import Watchdog

log = structlog.get_logger(__name__)

Ready = Callable[[], Awaitable[bool]]

POLL_INTERVAL_SECONDS = 0.02
"""Seconds between two questions whether it is ready."""
FIRST_BACKOFF_SECONDS = 0.05
STABLE_AFTER_SECONDS = 10.0
"""Seconds of life after which a crash counts as the first one again."""


class StartError(UserError):
    """The program ended before it was ready. ``tail`` is the end of what it wrote."""

    def __init__(self, name: str, tail: str) -> None:
        last = tail.strip().splitlines()[-1:] or ["it wrote nothing"]
        super().__init__(f"{name} did not start: {_said(last[0].strip())}")
        self.tail = tail


@dataclass(frozen=True, slots=True)
class Program:
    """What to run. It gets a session of its own, so that Ctrl-C in the terminal reaches only the launcher."""

    name: str
    command: tuple[str, ...]
    log: Path
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    folder: Path = Path("/")
    user: tuple[int, int] | None = None
    """(uid, gid) to run as; only root can."""
    stop_signal: signal.Signals = signal.SIGTERM
    grace: float = 5.0
    """Seconds between the stop signal and SIGKILL for the whole group."""


class Child:
    """Keeps one program alive. ``ready`` asks the program itself; it may raise OSError, which means not yet."""

    def __init__(self, program: Program, ready: Ready, *, timeout: float = 30.0) -> None:
        self.program = program
        self.restarts = 0
        self.on_restart: Callable[[], None] | None = None
        """Called when a crashed program is ready again, under a new pid."""
        self._ready = ready
        self._timeout = timeout
        self._process: subprocess.Popen[bytes] | None = None
        self._watchdog: Watchdog | None = None
        self._ended = asyncio.Event()
        self._supervisor: asyncio.Task[None] | None = None
        self._wanted = False

    @property
    def pid(self) -> int | None:
        """The process now running, None between two lives."""
        return None if self._process is None else self._process.pid

    async def start(self) -> None:
        """Run it until it is ready, then keep it alive. Raises StartError, or UserError when it takes too long."""
        self._spawn(fresh_log=True)
        try:
            await self._until_ready()
        except BaseException:
            await self._end()
            raise
        self._wanted = True
        self._supervise()

    async def stop(self) -> None:
        """Stop for good, by force after the grace. Safe to call twice; afterwards no process of the group is left."""
        self._wanted = False
        await self._stop_supervising()
        await self._end()

    @asynccontextmanager
    async def down(self) -> AsyncIterator[None]:
        """Kill it rudely and keep it down; afterwards it comes back by itself, unless it was stopped meanwhile."""
        await self._stop_supervising()
        self.kill()
        await self._end()
        try:
            yield
        finally:
            if self._wanted:
                self._supervise()

    def kill(self) -> None:
        """Kill the group at once, without waiting: the second Ctrl-C."""
        if self._process is not None:
            _signal_group(self._process.pid, signal.SIGKILL)

    def _supervise(self) -> None:
        self._supervisor = asyncio.create_task(self._restart_whenever_it_ends(), name=f"supervise {self.program.name}")

    async def _stop_supervising(self) -> None:
        if self._supervisor is not None:
            self._supervisor.cancel()
            await asyncio.wait([self._supervisor])
            self._supervisor = None

    async def _restart_whenever_it_ends(self) -> None:
        loop, backoff = asyncio.get_running_loop(), FIRST_BACKOFF_SECONDS
        while True:
            born = loop.time()
            await self._ended.wait()
            log.warning("child.ended", child=self.program.name, code=self._process and self._process.returncode)
            if loop.time() - born > STABLE_AFTER_SECONDS:
                backoff = FIRST_BACKOFF_SECONDS
            while not await self._restarted(backoff):
                backoff = min(backoff * 2, 5.0)

    async def _restarted(self, backoff: float) -> bool:
        await self._end()
        await asyncio.sleep(backoff)
        self.restarts += 1
        try:
            self._spawn(fresh_log=False)
            await self._until_ready()
        except UserError as error:
            log.warning("child.not_ready", child=self.program.name, reason=str(error))
            return False
        except Exception:
            # Whatever it may be, nobody else would ever start the child again.
            log.exception("child.not_ready", child=self.program.name)
            return False
        log.info("child.restarted", child=self.program.name, restarts=self.restarts)
        if self.on_restart is not None:
            self.on_restart()
        return True

    def _spawn(self, *, fresh_log: bool) -> None:
        program = self.program
        user, group = program.user or (None, None)
        self._ended = asyncio.Event()
        try:
            with program.log.open("wb" if fresh_log else "ab") as out:
                self._process = subprocess.Popen(  # noqa: S603 - our own servers
                    program.command,
                    cwd=program.folder,
                    env=dict(program.environment),
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                    user=user,
                    group=group,
                    extra_groups=None if user is None else [],
                )
        except OSError as error:
            raise UserError(f"{program.name} cannot be run: {error}.") from error
        self._watchdog = Watchdog(self._process.pid, program.stop_signal)
        waiting = (self._process, self._ended, asyncio.get_running_loop())
        # A thread a child: every system has it, and the default executor has too few to lend one for good.
        threading.Thread(target=_wait, args=waiting, name=f"wait {program.name}", daemon=True).start()

    async def _until_ready(self) -> None:
        try:
            async with asyncio.timeout(self._timeout):
                # Whoever answers for a program that has ended is somebody else on its port.
                while not (await self._is_ready() and not self._ended.is_set()):
                    if self._ended.is_set():
                        raise StartError(self.program.name, _tail(self.program.log))
                    await asyncio.sleep(POLL_INTERVAL_SECONDS)
        except TimeoutError as error:
            where = self.program.log
            raise UserError(f"{self.program.name} was not ready after {self._timeout:.0f} s: see {where}.") from error

    async def _is_ready(self) -> bool:
        try:
            return await self._ready()
        except OSError:
            return False

    async def _end(self) -> None:
        process, watchdog = self._process, self._watchdog
        if process is None:
            return
        if not self._ended.is_set():
            with suppress(ProcessLookupError):
                process.send_signal(self.program.stop_signal)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._ended.wait(), self.program.grace)
        # Postgres gives each of its processes a group of its own: they are not reached by their head's.
        family = [] if self._ended.is_set() else _family(process.pid)
        _signal_group(process.pid, signal.SIGKILL)
        await self._ended.wait()
        for one in family:
            with suppress(psutil.Error):
                one.kill()
        await _group_gone(process.pid)
        # Not for ever: init may be slow to take note.
        await asyncio.to_thread(psutil.wait_procs, family, 1)
        if watchdog is not None:
            watchdog.release()
        self._process = self._watchdog = None


def _said(line: str) -> str:
    """The sentence in a log's line; the line itself where it is none of ours."""
    try:
        return str(json.loads(line)["error"])
    except (ValueError, TypeError, KeyError):
        return line


def _wait(process: subprocess.Popen[bytes], ended: asyncio.Event, loop: asyncio.AbstractEventLoop) -> None:
    process.wait()
    with suppress(RuntimeError):  # the loop may have closed meanwhile
        loop.call_soon_threadsafe(ended.set)


def _signal_group(group: int, what: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):  # macOS: EPERM when only zombies are left
        os.killpg(group, what)


async def _group_gone(group: int) -> None:
    """Wait until what a dead head had started is dead too; not for ever, since init may be slow to take note."""
    with suppress(ProcessLookupError, PermissionError, TimeoutError):
        async with asyncio.timeout(1):
            while True:
                os.killpg(group, 0)
                await asyncio.sleep(0.01)


def _family(pid: int) -> list[psutil.Process]:
    """What a process has started, and what that has."""
    with suppress(psutil.Error):
        return psutil.Process(pid).children(recursive=True)
    return []


def _tail(path: Path, size: int = 4000) -> str:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - size))
        return file.read().decode(errors="replace")
