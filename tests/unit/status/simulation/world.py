"""The world that everything happens in: one clock, one source of chance, who lives, and what goes wrong when."""

import asyncio
from collections import Counter
from collections.abc import Coroutine
from dataclasses import dataclass, field, replace
from datetime import datetime
from random import Random
from typing import Any

from storyloom.story.fingerprint import Fingerprint
from tests.unit.status.simulation.clock import VirtualLoop


@dataclass(frozen=True, slots=True)
class Faults:
    """How often what goes wrong; all nought in a healthy world. Chances are of each single step."""

    slow: float = 0.0
    """A step takes seconds."""
    postgres: float = 0.0
    """A statement raises, before it took effect or after."""
    unpublished: float = 0.0
    """A publication raises, stored or not."""
    lost: float = 0.0
    """A core NATS message, an answer or an acknowledgement is lost."""
    duplicated: float = 0.0
    """A delivery comes again while its first is being handled."""
    incidents: float = 0.0
    """Seconds between two incidents: a crash, a freeze, an outage, a wipe. Nought: none."""
    hangs: float = 0.0
    """A job hangs for ever."""


CALM = Faults()


class DeadProcessError(asyncio.CancelledError):
    """The process is dead: nothing of it goes on."""


@dataclass(eq=False)
class Process:
    """What a process is to the world. It may be dead, or stand still for a while (SIGSTOP)."""

    name: str
    alive: bool = True
    frozen_until: float = 0.0
    queried_at: float = 0.0
    """When it last got answers about what is in flight."""
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def kill(self) -> None:
        self.alive = False
        for task in self.tasks:
            task.cancel()


class World:
    """Everything that is shared."""

    def __init__(self, seed: int, faults: Faults = CALM) -> None:
        self.seed = seed
        self.chance = Random(seed)
        self.loop = VirtualLoop()
        self.faults = faults
        self.far = self.chance.choice((0.04, 0.04, 0.04, 0.3))
        """Seconds that a step may take in good order."""
        self.behind = self.chance.choice((0, 0, 0.1, 1))
        """Seconds that events may wait for a busy projector."""
        self.broken: list[str] = []
        """What must never be, and was."""
        self.entries: list[tuple[float, str, tuple[object, ...]]] = []
        self.paid: Counter[Fingerprint] = Counter()
        self.excused: Counter[Fingerprint] = Counter()
        """How often it was possible that the same was paid again: its worker died, or was cut off."""
        self.manifests: set[Fingerprint] = set()

    @property
    def at(self) -> datetime:
        return self.loop.at

    def log(self, what: str, *about: object) -> None:
        """Keep for the history that a failure prints."""
        self.entries.append((self.loop.time(), what, about))

    def breaks(self, what: str, *about: object) -> None:
        """What must never be has happened."""
        self.log(f"BROKEN {what}", *about)
        self.broken.append(" ".join(map(str, (what, *about))))

    def happens(self, share: float) -> bool:
        return share > 0 and self.chance.random() < share

    def heal(self) -> None:
        """From now on nothing more goes wrong."""
        self.log("healed")
        self.faults = replace(CALM)

    async def pass_time(self, process: Process) -> None:
        """One step of a process: often at once, sometimes after a while, never once it is dead."""
        if not process.alive:
            raise DeadProcessError
        luck = self.chance.random()
        if luck < self.faults.slow:
            await asyncio.sleep(self.chance.uniform(0.5, 6))
        elif luck > 0.85:
            await asyncio.sleep(((luck - 0.85) / 0.15) ** 2 * self.far)
        elif luck > 0.8:
            await asyncio.sleep(0)
        while process.frozen_until > self.loop.time():  # noqa: ASYNC110 - time is what it waits for
            await asyncio.sleep(process.frozen_until - self.loop.time())
        if not process.alive:
            raise DeadProcessError

    def start(self, process: Process, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run something as part of a process. It must not end by an error of its own."""
        task = self.loop.create_task(work)
        process.tasks.add(task)
        task.add_done_callback(lambda task: self._ended(process, task))
        return task

    def _ended(self, process: Process, task: asyncio.Task[None]) -> None:
        process.tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.breaks(f"{process.name} ended by itself", repr(error))

    @property
    def history(self) -> str:
        """All that was logged, a line each."""
        return "\n".join(f"{at:9.3f} {what} {' '.join(map(str, about))}" for at, what, about in self.entries)
