"""One worker service on a real bus and a real store, and nobody else: the test is its status service."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID, uuid4

from nats.aio.msg import Msg
from nats.js.errors import NotFoundError

from storyloom.jobs import worker
from storyloom.jobs.dead_letters import DeadLetter
from storyloom.messaging.connection import Bus, connect
from storyloom.messaging.faststream_pull import SlotsSubscriber
from storyloom.messaging.topology import CANCEL_JOBS, provision
from storyloom.runtime.settings import Settings
from storyloom.storage.objects import Objects
from storyloom.story.assets import Asset, Service
from storyloom.story.brief import Brief
from storyloom.story.events import EVENT, AnyEvent
from storyloom.story.fingerprint import fingerprint
from storyloom.story.jobs import AssetRequested, StopWork
from tests.integration.core.system import BRIEF, until
from tests.makers import QuickMakers

E = TypeVar("E", bound=AnyEvent)


@dataclass
class WorkerHarness:
    """What a test may touch. ``events`` are those on STORY, ``core_subjects`` those under ``live``."""

    settings: Settings
    bus: Bus
    objects: Objects
    stack: AsyncExitStack = field(repr=False)
    makers: QuickMakers = field(default_factory=QuickMakers)
    events: list[AnyEvent] = field(default_factory=list)
    core_subjects: list[str] = field(default_factory=list)

    async def start_worker(
        self, *, makers: QuickMakers | None = None, objects: Objects | None = None, **changes: Any
    ) -> worker.RunningWorker:
        """Start an images worker."""
        settings = self.settings.model_copy(update=changes)
        found = await worker.serve((makers or self.makers).compose(Service.IMAGES), settings, objects=objects)
        self.stack.push_async_callback(found.stop)
        return found

    async def enqueue(
        self, asset: Asset = Asset.COVER, *, story_id: UUID | None = None, **changes: Any
    ) -> AssetRequested:
        """Publish a job."""
        story_id = story_id or uuid4()
        job = AssetRequested(
            id=f"{story_id}.{asset.value}",
            story_id=story_id,
            tenant_id="tests",
            trace="",
            at=datetime.now(UTC),
            asset=asset,
            fingerprint=fingerprint(str(story_id), asset.value),
            brief=Brief.asked(BRIEF),
        ).model_copy(update=changes)
        await self.bus.enqueue([job])
        return job

    async def wait_for(self, kind: type[E], job: AssetRequested, *, count: int = 1, within: float = 20) -> list[E]:
        """Wait for events of a kind about a job's story; all of them."""

        async def there() -> bool:
            return len(self._of(kind, job)) >= count

        await until(there, within=within)
        return self._of(kind, job)

    def _of(self, kind: type[E], job: AssetRequested) -> list[E]:
        return [event for event in self.events if isinstance(event, kind) and event.story_id == job.story_id]

    async def wait_stored(self, event: type[AnyEvent], job: AssetRequested) -> None:
        """Wait until an event of a kind about a job's story stands on STORY: it was not only published."""
        names = self.bus.names
        subject = names.subject(f"story.evt.{event.__name__}.{job.story_id}")

        async def there() -> bool:
            info = await self.bus.js.stream_info(names.story, subjects_filter=subject)
            return bool(info.state.subjects)

        await until(there)

    async def began(self, count: int = 1) -> None:
        """Wait until so many jobs are being made."""

        async def there() -> bool:
            return self.makers.running >= count

        await until(there)

    async def stop_work(self, job: AssetRequested, *, whole: bool = False) -> None:
        """Publish StopWork for a job, or for its whole story."""
        stop = StopWork(story_id=job.story_id, jobs=None if whole else ((job.asset, job.fingerprint),))
        await self.bus.client.publish(self.bus.names.subject(CANCEL_JOBS), stop.model_dump_json().encode())

    async def settled(self) -> None:
        """Wait until no job is on the bus."""

        async def empty() -> bool:
            try:
                return (await self.bus.js.stream_info(self.bus.names.jobs)).state.messages == 0
            except NotFoundError:
                return False

        await until(empty)

    async def dead_letters(self) -> list[DeadLetter]:
        """What is stored on DEAD."""
        names = self.bus.names
        info = await self.bus.js.stream_info(names.dead, subjects_filter=names.subject("dead.>"))
        found = []
        for subject in info.state.subjects or {}:
            message = await self.bus.js.get_last_msg(names.dead, subject)
            found.append(DeadLetter.read(subject, message.data or b"", datetime.now(UTC)))
        return found


@asynccontextmanager
async def worker_harness(settings: Settings) -> AsyncIterator[WorkerHarness]:
    """A bus with its streams and consumers, and no worker."""
    async with AsyncExitStack() as stack:
        bus = await connect(settings, "tests")
        stack.push_async_callback(bus.close)
        await provision(bus.js, settings)
        objects = Objects(settings)
        stack.push_async_callback(objects.close)
        found = WorkerHarness(settings, bus, objects, stack)

        async def on_event(message: Msg) -> None:
            found.events.append(EVENT.validate_json(message.data))

        async def on_core_message(message: Msg) -> None:
            found.core_subjects.append(message.subject)

        await bus.client.subscribe(bus.names.subject("story.evt.>"), cb=on_event)
        await bus.client.subscribe(bus.names.subject("live.>"), cb=on_core_message)
        yield found


async def forever() -> None:
    await asyncio.Event().wait()


async def kill(running: worker.RunningWorker) -> None:
    """As a lost machine: the connection is lost, nothing is nacked, no heartbeat is sent."""
    for subscriber in running.broker.subscribers:
        if isinstance(subscriber, SlotsSubscriber) and subscriber._take_task is not None:
            subscriber._take_task.cancel()
    await running.broker.bus.client.close()
