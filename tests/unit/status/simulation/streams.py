"""JetStream in memory: JOBS with one live message a subject, STORY with one durable; as nats-server 2.15 does."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from storyloom.messaging.connection import PublishOutcome
from storyloom.messaging.topology import EVENTS_FOR_STATUS
from storyloom.story.events import Event
from storyloom.story.jobs import AssetRequested
from tests.unit.status.simulation.world import World

ACK_WAIT = 12.0


class Window:
    """The Msg-Ids that a stream has seen. Nothing may depend on their being forgotten: here they never are."""

    def __init__(self) -> None:
        self._seen: set[str] = set()

    def knows(self, key: str | None) -> bool:
        return key in self._seen

    def note(self, key: str | None) -> None:
        if key is not None:
            self._seen.add(key)


@dataclass(eq=False)
class QueuedJob:
    """A message on JOBS. ``free`` says that a worker may have it now."""

    sequence: int
    job: AssetRequested
    free: bool = True
    delivered: int = 0


class Jobs:
    """The work queue. A message goes when it is acknowledged or purged, and never comes back then."""

    def __init__(self, world: World, on_free: Callable[[QueuedJob], None]) -> None:
        self._world = world
        self._on_free = on_free
        self._last = 0
        self._window = Window()
        self.queued: dict[str, QueuedJob] = {}

    def store(self, job: AssetRequested, key: str | None) -> PublishOutcome:
        if self._window.knows(key):
            return PublishOutcome.REPEATED
        if job.subject in self.queued:
            return PublishOutcome.REFUSED
        self._window.note(key)
        self._last += 1
        message = self.queued[job.subject] = QueuedJob(self._last, job)
        self._on_free(message)
        return PublishOutcome.STORED

    def take(self, message: QueuedJob) -> bool:
        """Deliver a message, if it may be."""
        if not message.free or self.queued.get(message.job.subject) is not message:
            return False
        message.free = False
        message.delivered += 1
        return True

    def ack(self, message: QueuedJob) -> None:
        """An ack names a sequence: one from before a wipe may hit another message of that number."""
        for subject, other in self.queued.items():
            if other.sequence == message.sequence and not other.free:
                del self.queued[subject]
                return

    def free_again(self, message: QueuedJob, after: float) -> None:
        """It was nacked, or there are no heartbeats for it any more."""
        number = message.delivered
        self._world.loop.call_later(after, lambda: self._free(message, number))

    def _free(self, message: QueuedJob, number: int) -> None:
        still = self.queued.get(message.job.subject) is message
        if still and not message.free and message.delivered == number:
            message.free = True
            self._on_free(message)

    def lose(self) -> None:
        """Somebody purged it all by hand: the ids stay known."""
        self.queued.clear()

    def purge(self, subject: str, up_to: int | None) -> None:
        message = self.queued.get(subject)
        if message is not None and (up_to is None or message.sequence <= up_to):
            del self.queued[subject]


@dataclass(eq=False)
class StoredEvent:
    """An event on STORY, as the projectors' durable sees it."""

    sequence: int
    event: Event
    deliveries: int = 0


class Story:
    """The events, and the durable that all projectors share."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._window = Window()
        self.last = 0
        self.waiting: list[StoredEvent] = []
        self.unacked: dict[int, StoredEvent] = {}
        self._sleepers: list[asyncio.Future[None]] = []

    def store(self, event: Event, key: str | None) -> PublishOutcome:
        if self._window.knows(key):
            return PublishOutcome.REPEATED
        self._window.note(key)
        self.last += 1
        if type(event).__name__ in EVENTS_FOR_STATUS:
            self._wait(StoredEvent(self.last, event))
        return PublishOutcome.STORED

    def deliver(self, most: int) -> list[StoredEvent]:
        """Some that wait, in an order of chance: redeliveries and slow replicas bring about any."""
        count = min(most, len(self.waiting))
        if count > 1 and self._world.happens(0.5):
            self._world.chance.shuffle(self.waiting)
            count = self._world.chance.randint(1, count)
        taken, self.waiting = self.waiting[:count], self.waiting[count:]
        for stored in taken:
            stored.deliveries += 1
            self.unacked[stored.sequence] = stored
            self._later(stored, ACK_WAIT)
            if self._world.happens(self._world.faults.duplicated):
                self._later(stored, self._world.chance.random())
        return taken

    async def something(self) -> None:
        """Wait until something may be taken."""
        sleeper = self._world.loop.create_future()
        self._sleepers.append(sleeper)
        await sleeper

    def ack(self, stored: StoredEvent) -> None:
        """By its number, whatever message that is by now."""
        self.unacked.pop(stored.sequence, None)

    def nak(self, stored: StoredEvent, after: float) -> None:
        self._later(stored, after)

    @property
    def floor(self) -> int | None:
        """Up to which sequence all is acknowledged; None: nothing is left."""
        left = [*(stored.sequence for stored in self.waiting), *self.unacked]
        return min(left) - 1 if left else None

    def wake_all(self) -> None:
        """Wake whoever waits: there is something, or the stream is deleted."""
        for sleeper in self._sleepers:
            if not sleeper.done():
                sleeper.set_result(None)
        self._sleepers.clear()

    def _later(self, stored: StoredEvent, after: float) -> None:
        number = stored.deliveries
        self._world.loop.call_later(after, lambda: self._again(stored, number))

    def _again(self, stored: StoredEvent, number: int) -> None:
        if self.unacked.get(stored.sequence) is stored and stored.deliveries == number:
            del self.unacked[stored.sequence]
            self._wait(stored)

    def _wait(self, stored: StoredEvent) -> None:
        self.waiting.append(stored)
        self.wake_all()
