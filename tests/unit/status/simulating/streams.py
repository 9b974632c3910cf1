"""JetStream in memory: JOBS with one live message a subject, STORY with one durable; as nats-server 2.15 does."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from storyloom.messaging.connection import PublishOutcome
from storyloom.messaging.topology import EVENTS_FOR_STATUS
from storyloom.story.events import Event
from storyloom.story.jobs import AssetRequested
from tests.unit.status.simulating.world import World

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
class Standing:
    """A message on JOBS. ``free`` says that a worker may have it now."""

    sequence: int
    job: AssetRequested
    free: bool = True
    delivered: int = 0


class Jobs:
    """The work queue. A message goes when it is acknowledged or purged, and never comes back then."""

    def __init__(self, world: World, on_free: Callable[[Standing], None]) -> None:
        self._world = world
        self._on_free = on_free
        self._last = 0
        self._window = Window()
        self.standing: dict[str, Standing] = {}

    def store(self, job: AssetRequested, key: str | None) -> PublishOutcome:
        if self._window.knows(key):
            return PublishOutcome.REPEATED
        if job.subject in self.standing:
            return PublishOutcome.REFUSED
        self._window.note(key)
        self._last += 1
        message = self.standing[job.subject] = Standing(self._last, job)
        self._on_free(message)
        return PublishOutcome.STORED

    def take(self, message: Standing) -> bool:
        """Deliver a message, if it may be."""
        if not message.free or self.standing.get(message.job.subject) is not message:
            return False
        message.free = False
        message.delivered += 1
        return True

    def ack(self, message: Standing) -> None:
        """An ack names a sequence: one from before a wipe may hit another message of that number."""
        for subject, other in self.standing.items():
            if other.sequence == message.sequence and not other.free:
                del self.standing[subject]
                return

    def free_again(self, message: Standing, after: float) -> None:
        """It was handed back, or nobody beats for it any more."""
        number = message.delivered
        self._world.loop.call_later(after, lambda: self._free(message, number))

    def _free(self, message: Standing, number: int) -> None:
        still = self.standing.get(message.job.subject) is message
        if still and not message.free and message.delivered == number:
            message.free = True
            self._on_free(message)

    def lose(self) -> None:
        """Somebody purged it all by hand: the ids stay known."""
        self.standing.clear()

    def purge(self, subject: str, up_to: int | None) -> None:
        message = self.standing.get(subject)
        if message is not None and (up_to is None or message.sequence <= up_to):
            del self.standing[subject]


@dataclass(eq=False)
class Told:
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
        self.waiting: list[Told] = []
        self.unacked: dict[int, Told] = {}
        self._sleepers: list[asyncio.Future[None]] = []

    def store(self, event: Event, key: str | None) -> PublishOutcome:
        if self._window.knows(key):
            return PublishOutcome.REPEATED
        self._window.note(key)
        self.last += 1
        if type(event).__name__ in EVENTS_FOR_STATUS:
            self._wait(Told(self.last, event))
        return PublishOutcome.STORED

    def deliver(self, most: int) -> list[Told]:
        """Some that wait, in an order of chance: redeliveries and slow replicas bring about any."""
        count = min(most, len(self.waiting))
        if count > 1 and self._world.happens(0.5):
            self._world.chance.shuffle(self.waiting)
            count = self._world.chance.randint(1, count)
        taken, self.waiting = self.waiting[:count], self.waiting[count:]
        for told in taken:
            told.deliveries += 1
            self.unacked[told.sequence] = told
            self._later(told, ACK_WAIT)
            if self._world.happens(self._world.faults.twice):
                self._later(told, self._world.chance.random())
        return taken

    async def something(self) -> None:
        """Wait until something may be taken."""
        sleeper = self._world.loop.create_future()
        self._sleepers.append(sleeper)
        await sleeper

    def ack(self, told: Told) -> None:
        """By its number, whatever message that is by now."""
        self.unacked.pop(told.sequence, None)

    def nak(self, told: Told, after: float) -> None:
        self._later(told, after)

    @property
    def floor(self) -> int | None:
        """Up to which sequence all is acknowledged; None: nothing is left."""
        left = [*(told.sequence for told in self.waiting), *self.unacked]
        return min(left) - 1 if left else None

    def wake(self) -> None:
        """Wake whoever waits: there is something, or the stream is gone."""
        for sleeper in self._sleepers:
            if not sleeper.done():
                sleeper.set_result(None)
        self._sleepers.clear()

    def _later(self, told: Told, after: float) -> None:
        number = told.deliveries
        self._world.loop.call_later(after, lambda: self._again(told, number))

    def _again(self, told: Told, number: int) -> None:
        if self.unacked.get(told.sequence) is told and told.deliveries == number:
            del self.unacked[told.sequence]
            self._wait(told)

    def _wait(self, told: Told) -> None:
        self.waiting.append(told)
        self.wake()
