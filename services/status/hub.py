"""The hub: hands the updates that the projector publishes to whoever reads that story in this process.

One subscription a story that is being read: work grows with the events of stories that somebody watches, and with their
own readers, never with all stories or all readers.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import orjson
import structlog
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError
from pydantic import ValidationError

from storyloom.messaging.connection import Bus
from storyloom.story.assets import GRAPH, Asset
from storyloom.story.events import AssetProgressed

log = structlog.get_logger()

Updates = list[dict[str, Any]]
"""Events of the progress stream, each {seq, event, data}; seq 0 for progress, which has no place in history."""


class SlowReaderError(Exception):
    """The reader does not keep up: it is dropped, and resumes by its last id."""


class Reader:
    """One reader's queue, bounded."""

    def __init__(self, queue_size: int) -> None:
        self._queue: asyncio.Queue[Updates] = asyncio.Queue(queue_size)
        self._too_slow = False

    async def next(self) -> Updates:
        """The next updates. Raises SlowReaderError once one had to be dropped."""
        if self._too_slow:
            raise SlowReaderError
        return await self._queue.get()

    def offer(self, updates: Updates) -> None:
        try:
            self._queue.put_nowait(updates)
        except asyncio.QueueFull:
            self._too_slow = True


@dataclass
class _Topic:
    """One story: its readers here, and the subscriptions that serve them."""

    readers: set[Reader] = field(default_factory=set)
    subscriptions: list[Subscription] = field(default_factory=list)
    confirmed: bool = False
    """Whether the server is known to have the subscriptions."""


class Hub:
    """Readers by story. One to a process."""

    def __init__(self, bus: Bus, *, queue_size: int = 256) -> None:
        self._bus = bus
        self._queue_size = queue_size
        self._topics: dict[UUID, _Topic] = {}
        self._lock = asyncio.Lock()

    @asynccontextmanager
    async def subscribe(self, story_id: UUID) -> AsyncIterator[Reader]:
        """A reader of one story, registered until the block ends. Updates from then on reach it, or history."""
        reader = Reader(self._queue_size)
        try:
            topic = await self._join(story_id, reader)
            # Outside the lock: while the bus is unreachable, readers of other stories must not wait behind this one.
            if not topic.confirmed:
                topic.confirmed = await self._flush()
            yield reader
        finally:
            await asyncio.shield(self._leave(story_id, reader))

    async def resync(self) -> None:
        """After an outage of the bus: updates of meanwhile are in history, and every reader must read them there."""
        # First the server must know of the subscriptions again, or an update could slip between the two.
        await self._flush()
        resync: Updates = [{"seq": 1 << 30, "event": "", "data": None}]
        for topic in self._topics.values():
            for reader in topic.readers:
                reader.offer(resync)

    def offer(self, story_id: UUID, updates: Updates) -> None:
        """Hand updates to the readers of a story in this process."""
        if (topic := self._topics.get(story_id)) is not None:
            self._broadcast(topic, updates)

    async def _join(self, story_id: UUID, reader: Reader) -> _Topic:
        async with self._lock:
            topic = self._topics.setdefault(story_id, _Topic())
            topic.readers.add(reader)
            if not topic.subscriptions:
                await self._open(story_id, topic)
        return topic

    async def _flush(self) -> bool:
        """Wait until the server has every subscription; False while the bus is unreachable, when history must do."""
        if not self._bus.client.is_connected:
            return False
        try:
            await self._bus.client.flush(2)
        except (NatsError, TimeoutError):
            log.info("hub.bus_unreachable")
            return False
        return True

    async def _open(self, story_id: UUID, topic: _Topic) -> None:
        async def updated(message: Msg) -> None:
            self._broadcast(topic, orjson.loads(message.data))

        async def progressed(message: Msg) -> None:
            try:
                progress = AssetProgressed.model_validate_json(message.data)
            except ValidationError:
                log.warning("hub.unreadable_progress")
                return
            self._broadcast(topic, [{"seq": 0, "event": "progress", "data": _progress_data(progress)}])

        client, names = self._bus.client, self._bus.names
        topic.subscriptions = [
            await client.subscribe(names.subject(f"status.{story_id}"), cb=updated),
            await client.subscribe(names.subject(f"live.{story_id}.progressed"), cb=progressed),
        ]

    async def _leave(self, story_id: UUID, reader: Reader) -> None:
        async with self._lock:
            topic = self._topics.get(story_id)
            if topic is None:
                return
            topic.readers.discard(reader)
            if topic.readers:
                return
            del self._topics[story_id]
            for subscription in topic.subscriptions:
                try:
                    await subscription.unsubscribe()
                except NatsError:
                    log.debug("hub.unsubscribe_lost")

    @staticmethod
    def _broadcast(topic: _Topic, updates: Updates) -> None:
        for reader in topic.readers:
            reader.offer(updates)


def _progress_data(progress: AssetProgressed) -> dict[str, Any]:
    """Progress as the reader sees it: of the public asset that shows it."""
    shown: dict[str, Any] = {
        "asset": (GRAPH[progress.asset].shown_as or progress.asset).value,
        "progress": progress.progress,
    }
    if GRAPH[progress.asset].shown_as is not None or progress.asset in (Asset.OUTLINE, Asset.PORTRAIT):
        shown["part"] = progress.asset.value
    if progress.asset.scene:
        shown["scene"] = progress.asset.scene
    if progress.text is not None:
        shown["text"] = progress.text
    return shown
