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
class Floor:
    """What a test may touch. ``told`` is what was said on STORY, ``whispered`` the subjects heard on ``live``."""

    settings: Settings
    bus: Bus
    objects: Objects
    stack: AsyncExitStack = field(repr=False)
    makers: QuickMakers = field(default_factory=QuickMakers)
    told: list[AnyEvent] = field(default_factory=list)
    whispered: list[str] = field(default_factory=list)

    async def work(
        self, *, makers: QuickMakers | None = None, objects: Objects | None = None, **changes: Any
    ) -> worker.RunningWorker:
        """Start an images worker."""
        settings = self.settings.model_copy(update=changes)
        found = await worker.serve((makers or self.makers).compose(Service.IMAGES), settings, objects=objects)
        self.stack.push_async_callback(found.stop)
        return found

    async def order(
        self, asset: Asset = Asset.COVER, *, story_id: UUID | None = None, **changes: Any
    ) -> AssetRequested:
        """Put a job on the bus."""
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

    async def heard(self, kind: type[E], job: AssetRequested, *, count: int = 1, within: float = 20) -> list[E]:
        """Wait for events of a kind about a job's story; all of them."""

        async def there() -> bool:
            return len(self._of(kind, job)) >= count

        await until(there, within=within)
        return self._of(kind, job)

    def _of(self, kind: type[E], job: AssetRequested) -> list[E]:
        return [event for event in self.told if isinstance(event, kind) and event.story_id == job.story_id]

    async def kept(self, event: type[AnyEvent], job: AssetRequested) -> None:
        """Wait until an event of a kind about a job's story stands on STORY: it was not only said."""
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
        """Whisper that nobody wants a job any more, or nothing of its story."""
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

    async def letters(self) -> list[DeadLetter]:
        """What stands on DEAD."""
        names = self.bus.names
        info = await self.bus.js.stream_info(names.dead, subjects_filter=names.subject("dead.>"))
        found = []
        for subject in info.state.subjects or {}:
            message = await self.bus.js.get_last_msg(names.dead, subject)
            found.append(DeadLetter.read(subject, message.data or b"", datetime.now(UTC)))
        return found


@asynccontextmanager
async def floor(settings: Settings) -> AsyncIterator[Floor]:
    """A laid bus with nobody on it."""
    async with AsyncExitStack() as stack:
        bus = await connect(settings, "tests")
        stack.push_async_callback(bus.close)
        await provision(bus.js, settings)
        objects = Objects(settings)
        stack.push_async_callback(objects.close)
        found = Floor(settings, bus, objects, stack)

        async def tell(message: Msg) -> None:
            found.told.append(EVENT.validate_json(message.data))

        async def whisper(message: Msg) -> None:
            found.whispered.append(message.subject)

        await bus.client.subscribe(bus.names.subject("story.evt.>"), cb=tell)
        await bus.client.subscribe(bus.names.subject("live.>"), cb=whisper)
        yield found


async def forever() -> None:
    await asyncio.Event().wait()


async def kill(running: worker.RunningWorker) -> None:
    """As a lost machine: the connection is gone, nothing is handed back, no heart beats."""
    for subscriber in running.broker.subscribers:
        if isinstance(subscriber, SlotsSubscriber) and subscriber._take_task is not None:
            subscriber._take_task.cancel()
    await running.broker.bus.client.close()
