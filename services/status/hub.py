"""The hub: hands the updates that the projector publishes to whoever reads that story in this process.

One subscription a story that is being read: work grows with the events of stories that somebody watches, and with their
own readers, never with all stories or all readers.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
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
from storyloom.story.journey import PARTS

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
    done: dict[str, int] = field(default_factory=dict)
    """By public asset, how much of it is done, in per cent, as its status has it."""
    moving: dict[str, int] = field(default_factory=dict)
    """By asset, how far what is under way is, in per cent: the most that was said since the status changed."""

    def apply(self, update: dict[str, Any]) -> None:
        """Note how an asset stands; what was said of an earlier attempt is over."""
        if update["event"] == "asset":
            self.note(update["data"]["asset"], update["data"])
        elif update["event"] == "snapshot":
            self.note_all(update["data"]["assetGenerationStatus"])

    def note_all(self, document: dict[str, Any]) -> None:
        """Note how all assets stand."""
        for name, status in document.get("assets", {}).items():
            self.note(name, status)

    def note(self, name: str, status: dict[str, Any]) -> None:
        """Note how an asset stands."""
        self.done[name] = status.get("progress", 0)
        self.moving.pop(name, None)

    def percent(self, asset: Asset, percent: int) -> int:
        """How far the asset that shows this one is, when this one is so far: never less than a moment ago.

        Of several parts that are made at once the one that is furthest counts: a part that is done counts for as much
        as its status will say then. Nothing is all done before its status says so.
        """
        name = _shown(asset)
        here = self.moving[name] = max(self.moving.get(name, 0), percent)
        return min(99, self.done.get(name, 0) + here * _step(asset) // 100)


class Hub:
    """Readers by story. One to a process."""

    def __init__(self, bus: Bus, *, queue_size: int = 256) -> None:
        self._bus = bus
        self._queue_size = queue_size
        self.on_update: Callable[[UUID], None] | None = None
        """Called with each story of which an update came."""
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

    def note(self, story_id: UUID, document: dict[str, Any]) -> None:
        """How a story's assets stand (its ``assetGenerationStatus``), as a reader that joins finds it in the row."""
        topic = self._topics.get(story_id)
        if topic is not None and not topic.done:
            topic.note_all(document)

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
            updates: Updates = orjson.loads(message.data)
            for update in updates:
                topic.apply(update)
            self._broadcast(topic, updates)
            if self.on_update is not None:
                self.on_update(story_id)

        async def progressed(message: Msg) -> None:
            try:
                progress = AssetProgressed.model_validate_json(message.data)
            except ValidationError:
                log.warning("hub.unreadable_progress")
                return
            shown = topic.percent(progress.asset, progress.progress)
            self._broadcast(topic, [{"seq": 0, "event": "progress", "data": _progress_data(progress, shown)}])

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


def _shown(asset: Asset) -> str:
    """The asset by whose name clients know this one."""
    return (GRAPH[asset].shown_as or asset).value


def _step(asset: Asset) -> int:
    """What the whole of an asset is of the public one that shows it, in per cent."""
    return 100 // (len(PARTS.get(GRAPH[asset].shown_as or asset, ())) + 1)


def _progress_data(progress: AssetProgressed, percent: int) -> dict[str, Any]:
    """Progress as the reader sees it: of the public asset that shows it, which is so far."""
    shown: dict[str, Any] = {"asset": _shown(progress.asset), "progress": percent}
    if GRAPH[progress.asset].shown_as is not None or progress.asset in (Asset.OUTLINE, Asset.PORTRAIT):
        shown["part"] = progress.asset.value
    if progress.asset.scene:
        shown["scene"] = progress.asset.scene
    if progress.text is not None:
        shown["text"] = progress.text
    return shown
