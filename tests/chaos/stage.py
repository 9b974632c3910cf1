"""The product on its stage: a process a service and some more, over real servers, in a folder of its own."""

import asyncio
import json
import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from uuid import uuid4

import psutil

from local.child import Child
from local.settings import LocalSettings
from local.stack import Stack
from local.state import Addresses
from tests.chaos.schedule import ACK_WAIT, REPLICAS

OTHER_STACK_VARIABLES = (
    "DATABASE_URL", "NATS_URL", "NATS_MONITOR_URL", "S3_ENDPOINT_URL", "S3_BUCKET", "OPENAI_API_KEY", "OPENAI_BASE_URL",
    "ELEVENLABS_API_KEY", "ELEVENLABS_BASE_URL", "HTTP_PORT", "HTTP_PROXY", "NATS_SUBJECT_PREFIX", "STORYLOOM_HOME",
    "WEBHOOK_ALLOW_HTTP", "WEBHOOK_ALLOWED_NETWORKS",
)  # fmt: skip
"""What a shell may have set for another stack."""
SHORT_TIMEOUTS = {
    "ACK_WAIT": f"{ACK_WAIT:g}",
    "RETRY_DELAYS": "[0.3, 0.6, 1, 2, 3]",
    # Whatever is broken on purpose is repaired again: no job may fail over it.
    "MAX_ATTEMPTS": "50",
    "MAX_CRASHES": "50",
    "JOB_TIMEOUT": "90",
    "BREAKER_PROBE_DELAYS": "[0.5, 1, 2]",
    "TEXT_TIMEOUT": "10",
    "IMAGE_TIMEOUT": "19",
    "VOICE_TIMEOUT": "40",
    "DRAIN_SECONDS": "3",
    "ERASURE_SWEEPS": "[1, 5, 12]",
    "WEBHOOK_TIMEOUT": "3",
    "WEBHOOK_RETRY_DELAYS": str([0.3, 0.6, 1, *[2] * 40]),
    "SLOTS_NORMAL": "4",
    "SLOTS_HIGH": "2",
    "SLOTS_URGENT": "2",
}
"""A user's settings, but with shorter timeouts."""
MAX_IDLE_CPU = 0.5
"""Seconds of a processor a second that are too many when all is quiet."""
IDLE_CPU_SAMPLES = 12
MARK_VARIABLE = "STORYLOOM_CHAOS"
"""The environment variable by which everything that was started is found again."""


class Stage:
    """``start`` and ``stop``; between them every process can be found by its name."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.mark = uuid4().hex
        self._stack: Stack | None = None
        self._addresses: Addresses | None = None
        self._pids: set[int] = set()
        self._surroundings = ExitStack()

    @property
    def addresses(self) -> Addresses:
        assert self._addresses is not None
        return self._addresses

    @property
    def urls(self) -> dict[str, str]:
        """The API and both status services."""
        ports = json.loads((self.home / "ports.json").read_text())
        return {name: f"http://127.0.0.1:{ports[name]}" for name in ("api", "status", "status-2")}

    async def start(self) -> None:
        """Start everything. Raises UserError."""
        # For as long as it plays: a child that is born again gets it too.
        self._surroundings.enter_context(_environment(SHORT_TIMEOUTS | {MARK_VARIABLE: self.mark}))
        settings = LocalSettings(storyloom_home=self.home, processes=True, studio_voice="espeak")
        self._stack = Stack(settings, replicas=REPLICAS)
        self._addresses = await self._stack.start()
        self.note_pids()

    async def stop(self) -> None:
        """Stop everything."""
        if self._stack is not None:
            self.thaw()
            self.note_pids()
            await self._stack.stop()
        self._surroundings.close()

    def child(self, name: str) -> Child:
        assert self._stack is not None
        return self._stack.children[name]

    def send(self, name: str, what: signal.Signals) -> int:
        """Send a signal to a process; its pid, 0 if it is not running now."""
        pid = self.child(name).pid
        if pid is None:
            return 0
        self._pids.add(pid)
        with suppress(ProcessLookupError):
            os.kill(pid, what)
        return pid

    def thaw(self) -> None:
        """Let go on whatever is frozen."""
        if self._stack is not None:
            for name in self._stack.children:
                self.send(name, signal.SIGCONT)

    @property
    def _data(self) -> Path:
        return (self.home / "postgres" / "data").resolve()

    def note_pids(self) -> None:
        """Remember who runs now: nobody of them may be left at the end."""
        if self._stack is not None:
            self._pids |= {child.pid for child in self._stack.children.values() if child.pid is not None}

    async def spinning(self) -> list[str]:
        """Processes that take most of a processor though nothing is to be done; what they are at may end first."""
        assert self._stack is not None
        found = {name: 0.0 for name, child in self._stack.children.items() if child.pid is not None}
        for _ in range(IDLE_CPU_SAMPLES):
            before = {name: self._spent(name) for name in found}
            await asyncio.sleep(1)
            now = {name: self._spent(name) - before[name] for name in found}
            found = {name: seconds for name, seconds in now.items() if seconds > MAX_IDLE_CPU}
            if not found:
                return []
        return [f"{name} took {seconds:.1f} s of a processor in a second of quiet" for name, seconds in found.items()]

    def _spent(self, name: str) -> float:
        pid = self.child(name).pid
        try:
            times = psutil.Process(pid).cpu_times() if pid else None
        except psutil.Error:
            return 0.0
        return times.user + times.system if times else 0.0

    def left(self) -> list[str]:
        """Processes that are still there, each in a few words. Call it when all is stopped."""
        return [
            f"{process.pid} {' '.join(process.cmdline())[:120]}"
            for process in psutil.process_iter()
            if process.pid != os.getpid() and self._is_ours(process)
        ]

    def _is_ours(self, process: psutil.Process) -> bool:
        try:
            if process.status() == psutil.STATUS_ZOMBIE:
                return False
            # Postgres gives its helpers sessions and an environment of their own, but they live in its data.
            at_home = Path(process.cwd()).is_relative_to(self._data)
            return at_home or os.getsid(process.pid) in self._pids or process.environ().get(MARK_VARIABLE) == self.mark
        except (psutil.Error, OSError):
            return False


@contextmanager
def _environment(changes: dict[str, str]) -> Iterator[None]:
    """The environment that children are born with; ours is as before afterwards."""
    before = dict(os.environ)
    try:
        for name in OTHER_STACK_VARIABLES:
            os.environ.pop(name, None)
        os.environ.update(changes)
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
