"""The bus in memory: a server that may be unreachable or lose everything, and what a process sees of it."""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

from nats.aio.msg import Msg

from storyloom.messaging.connection import (
    NO_PARENTS,
    Bus,
    BusUnavailableError,
    OutboundMessage,
    Parents,
    PublishOutcome,
)
from storyloom.messaging.consumer import PullConsumer
from storyloom.messaging.lanes import Lane
from storyloom.messaging.topology import Names
from storyloom.runtime.spans import OFF
from storyloom.story.assets import Priority, Service
from storyloom.story.events import Event
from storyloom.story.fingerprint import Fingerprint
from storyloom.story.jobs import AssetRequested, StopWork
from tests.unit.status.simulation.streams import Jobs, QueuedJob, StoredEvent, Story
from tests.unit.status.simulation.world import Process, World

_ALL = 1 << 62


@dataclass(eq=False)
class Server:
    """One NATS. ``jobs`` and ``story`` are None while the streams are missing."""

    world: World
    on_free: Callable[[QueuedJob], None] = lambda _: None
    on_stop: Callable[[StopWork], None] = lambda _: None
    away_until: float = 0.0
    put_back_carries_id: bool = False
    """As it must not be: to see that something breaks then."""
    repairs: Counter[str] = field(default_factory=Counter)
    """What reconcilers did: jobs and events that they requeued, jobs that they purged; and jobs published too late."""
    stopped: set[Fingerprint] = field(default_factory=set)
    jobs: Jobs = field(init=False)
    story: Story = field(init=False)
    wiped: bool = False
    events: dict[str, Event] = field(default_factory=dict)
    """Every event that was ever stored, by its id."""

    def __post_init__(self) -> None:
        self.jobs, self.story = Jobs(self.world, self._free), Story(self.world)

    def _free(self, message: QueuedJob) -> None:
        self.on_free(message)

    def wipe(self) -> None:
        """Everything is lost, and numbers begin anew."""
        self.world.log("the bus lost everything")
        old = self.story
        self.wiped = True
        self.jobs, self.story = Jobs(self.world, self._free), Story(self.world)
        old.wake_all()

    def ensure_topology(self) -> list[str]:
        wiped, self.wiped = self.wiped, False
        if wiped:
            self.story.wake_all()
        return ["a stream or consumer is missing"] if wiped else []


class SimBus(Bus):
    """A process's connection."""

    def __init__(self, server: Server, process: Process) -> None:
        self.server = server
        self.names = Names()
        self._world = server.world
        self.process = process
        self.spans = OFF

    async def reach(self, *, streams: bool = True) -> Server:
        """A request on its way to the server. Raises BusUnavailableError when it does not get there."""
        await self._world.pass_time(self.process)
        if self.server.away_until > self._world.loop.time() or (streams and self.server.wiped):
            raise BusUnavailableError("the bus is unreachable")
        return self.server

    async def _publish(self, message: Event | AssetRequested, key: str | None) -> PublishOutcome:
        await self.reach()
        if not self._world.happens(self._world.faults.unpublished):
            return self._store(message, key)
        if self._world.happens(0.5):
            self._store(message, key)
        raise BusUnavailableError("no acknowledgement")

    def _store(self, message: Event | AssetRequested, key: str | None) -> PublishOutcome:
        return self._store_event(message, key) if isinstance(message, Event) else self._store_job(message, key)

    async def lanes(self, *, ages: bool = False) -> list[Lane]:
        """All well: the simulated server forgets no job that it has."""
        return []

    async def lane(self, service: Service, priority: Priority) -> Lane:
        server = await self.reach()
        prefix = Lane(service, priority).subject_prefix
        mine = [one for subject, one in server.jobs.queued.items() if subject.startswith(prefix)]
        queued = sum(not one.delivered for one in mine)
        return Lane(service, priority, queued=queued, in_flight=len(mine) - queued)

    async def publish_events(self, *events: Event, parents: Parents = NO_PARENTS) -> None:
        for event in events:
            await self._publish(event, event.id)

    async def republish(self, event: Event) -> None:
        self.server.repairs["events"] += 1
        await self._publish(event, None)

    def _store_event(self, event: Event, key: str | None) -> PublishOutcome:
        sent = self.server.story.store(event, key)
        self.server.events.setdefault(event.id, event)
        self._world.log("published", self.process.name, event.id, sent.value)
        return sent

    async def enqueue(self, jobs: Sequence[AssetRequested], *, parents: Parents = NO_PARENTS) -> list[PublishOutcome]:
        """All are published before any answer is waited for: one that fails leaves the others."""
        sent, failure = [], None
        for job in jobs:
            try:
                keyed = self.server.put_back_carries_id or not job.put_back
                sent.append(await self._publish(job, job.id if keyed else None))
            except BusUnavailableError as error:
                failure = error
        if failure is not None:
            raise failure
        return sent

    def _store_job(self, job: AssetRequested, key: str | None) -> PublishOutcome:
        if self._may_be_in_flight(job):
            self._world.excused[job.fingerprint] += 1
        if job.put_back:
            job = job.model_copy(update={"at": self._world.at})  # it was dated by the real clock
        sent = self.server.jobs.store(job, key)
        self._world.log("published", self.process.name, job.id, "requeued" if job.put_back else "", sent.value)
        self.server.repairs["published after their cancellation"] += job.fingerprint in self.server.stopped
        self.server.repairs["jobs"] += job.put_back and sent is PublishOutcome.STORED
        return sent

    def _may_be_in_flight(self, job: AssetRequested) -> bool:
        """Whether somebody may work on it that the publisher could not know of: a wipe lets both have it then."""
        if job.put_back:  # somebody may have begun since it asked
            return self._world.loop.time() - self.process.queried_at > 0.5
        late = (self._world.at - job.at).total_seconds() > 1
        return late and job.fingerprint not in self._world.manifests

    async def publish(
        self, stream: str, messages: Sequence[OutboundMessage], *, parents: Sequence[str] = ()
    ) -> list[PublishOutcome]:
        self._world.breaks("a dead letter", [message.subject for message in messages])
        return [PublishOutcome.STORED for _ in messages]

    async def publish_core(self, subject: str, body: bytes, *, traceparent: str = "") -> None:
        await self._world.pass_time(self.process)

    async def cancel_jobs(self, stop: StopWork) -> None:
        await self._world.pass_time(self.process)
        if self.server.away_until <= self._world.loop.time():
            self._world.log("stop", self.process.name, [(asset.value, key[:8]) for asset, key in stop.jobs or ()])
            self.server.stopped.update(fingerprint for _, fingerprint in stop.jobs or ())
            self.server.on_stop(stop)

    async def purge(self, subject: str, *, up_to: int | None = None) -> None:
        server = await self.reach()
        self._world.log("purged", self.process.name, subject, subject in server.jobs.queued)
        self.server.repairs["purged"] += up_to is not None
        server.jobs.purge(subject, up_to)
        await self._world.pass_time(self.process)

    async def live_jobs(self) -> set[str]:
        found = set((await self.reach()).jobs.queued)
        await self._world.pass_time(self.process)
        return found

    async def queued_job(self, subject: str) -> tuple[int, bytes] | None:
        message = (await self.reach()).jobs.queued.get(subject)
        return None if message is None else (message.sequence, message.job.body)

    async def last_event(self) -> int:
        return (await self.reach()).story.last

    async def projector_ack_floor(self) -> int:
        floor = (await self.reach()).story.floor
        return _ALL if floor is None else floor

    async def ensure_topology(self, *, full_check: bool) -> list[str]:
        return (await self.reach(streams=False)).ensure_topology()


class SimMsg(Msg):
    """An event as it is delivered to one process."""

    def __init__(self, bus: SimBus, stored: StoredEvent) -> None:
        super().__init__(_client=cast("Any", None), subject="story.evt", data=stored.event.body)
        self._bus = bus
        self._stored = stored
        self._number = stored.deliveries

    @property
    def metadata(self) -> Any:
        return SimpleNamespace(num_delivered=self._number)

    async def ack(self) -> None:
        server, world = self._bus.server, self._bus._world
        await world.pass_time(self._bus.process)
        if server.away_until <= world.loop.time() and not world.happens(world.faults.lost):
            server.story.ack(self._stored)

    async def nak(self, delay: float | None = None) -> None:
        server, world = self._bus.server, self._bus._world
        await world.pass_time(self._bus.process)
        if server.away_until <= world.loop.time() and not world.happens(world.faults.lost):
            server.story.nak(self._stored, delay or 0)

    async def term(self) -> None:
        raise AssertionError("nothing is dead-lettered here")


class SimPullConsumer(PullConsumer):
    """The projectors' pull."""

    def __init__(self, bus: SimBus) -> None:
        self._sim = bus

    async def open(self) -> None:
        """There is nothing to subscribe to."""

    async def close(self) -> None:
        """There is nothing to end."""

    async def take(self, most: int) -> list[Msg]:
        bus = self._sim
        while True:
            await bus._world.pass_time(bus.process)
            server = bus.server
            if bus._world.behind and server.story.waiting:
                await asyncio.sleep(bus._world.chance.random() * bus._world.behind)
            if server.away_until > bus._world.loop.time():
                delay = server.away_until - bus._world.loop.time()
                bus._world.loop.call_later(delay, server.story.wake_all)
            elif taken := server.story.deliver(most):
                return [SimMsg(bus, stored) for stored in taken]
            await server.story.something()

    async def done(self, count: int) -> None:
        """There is always a free slot."""
