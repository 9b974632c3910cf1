"""The world that everything happens in: one clock, one source of chance, who lives, and what goes wrong when."""

import asyncio
from collections import Counter
from collections.abc import Coroutine
from dataclasses import dataclass, field, replace
from datetime import datetime
from random import Random
from typing import Any

from storyloom.story.fingerprint import Fingerprint
from tests.unit.status.simulating.clock import VirtualLoop


@dataclass(frozen=True, slots=True)
class Faults:
    """How often what goes wrong; all nought in a healthy world. Chances are of each single step."""

    slow: float = 0.0
    """A step takes seconds."""
    postgres: float = 0.0
    """A statement raises, before it took effect or after."""
    unsent: float = 0.0
    """A publication raises, stored or not."""
    unheard: float = 0.0
    """A whisper, an answer or an acknowledgement is lost."""
    twice: float = 0.0
    """A delivery comes again while its first is being handled."""
    blows: float = 0.0
    """Seconds between two blows: a crash, a freeze, an outage, a wipe. Nought: none."""
    hangs: float = 0.0
    """A job hangs for ever."""


CALM = Faults()


class LostError(asyncio.CancelledError):
    """The process is dead: nothing of it goes on."""


@dataclass(eq=False)
class Process:
    """What a process is to the world. It may be dead, or stand still for a while (SIGSTOP)."""

    name: str
    alive: bool = True
    stands_until: float = 0.0
    asked_at: float = 0.0
    """When it last heard who holds what."""
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def kill(self) -> None:
        self.alive = False
        for task in self.tasks:
            task.cancel()


class World:
    """Everything that is shared."""

    def __init__(self, seed: int, faults: Faults = CALM) -> None:
        self.chance = Random(seed)
        self.loop = VirtualLoop()
        self.faults = faults
        self.far = self.chance.choice((0.04, 0.04, 0.04, 0.3))
        """Seconds that a step may take in good order."""
        self.behind = self.chance.choice((0, 0, 0.1, 1))
        """Seconds that events may wait for a busy projector."""
        self.broken: list[str] = []
        """What must never be, and was."""
        self.said: list[tuple[float, str, tuple[object, ...]]] = []
        self.paid: Counter[Fingerprint] = Counter()
        self.excused: Counter[Fingerprint] = Counter()
        """How often it was possible that the same was paid again: its worker died, or was cut off."""
        self.manifests: set[Fingerprint] = set()

    @property
    def at(self) -> datetime:
        return self.loop.at

    def say(self, what: str, *about: object) -> None:
        """Keep for the history that a failure prints."""
        self.said.append((self.loop.time(), what, about))

    def breaks(self, what: str, *about: object) -> None:
        """What must never be has happened."""
        self.say(f"BROKEN {what}", *about)
        self.broken.append(" ".join(map(str, (what, *about))))

    def happens(self, share: float) -> bool:
        return share > 0 and self.chance.random() < share

    def heal(self) -> None:
        """From now on nothing more goes wrong."""
        self.say("healed")
        self.faults = replace(CALM)

    async def pass_time(self, process: Process) -> None:
        """One step of a process: often at once, sometimes after a while, never once it is dead."""
        if not process.alive:
            raise LostError
        luck = self.chance.random()
        if luck < self.faults.slow:
            await asyncio.sleep(self.chance.uniform(0.5, 6))
        elif luck > 0.85:
            await asyncio.sleep(((luck - 0.85) / 0.15) ** 2 * self.far)
        elif luck > 0.8:
            await asyncio.sleep(0)
        while process.stands_until > self.loop.time():  # noqa: ASYNC110 - time is what it waits for
            await asyncio.sleep(process.stands_until - self.loop.time())
        if not process.alive:
            raise LostError

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
        """All that was said, a line each."""
        return "\n".join(f"{at:9.3f} {what} {' '.join(map(str, about))}" for at, what, about in self.said)
