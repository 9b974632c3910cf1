"""The hub: hands what is told on the bus to whoever reads that story here.

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

Message = list[dict[str, Any]]
"""Things told, each {seq, event, data}; seq 0 for what is passing."""


class TooSlowError(Exception):
    """The reader does not keep up: it is dropped, and resumes by its last id."""


class Reader:
    """One reader's queue, bounded."""

    def __init__(self, room: int) -> None:
        self._queue: asyncio.Queue[Message] = asyncio.Queue(room)
        self._too_slow = False

    async def next(self) -> Message:
        """The next message. Raises TooSlowError once one had to be dropped."""
        if self._too_slow:
            raise TooSlowError
        return await self._queue.get()

    def put(self, message: Message) -> None:
        try:
            self._queue.put_nowait(message)
        except asyncio.QueueFull:
            self._too_slow = True


@dataclass
class _Story:
    readers: set[Reader] = field(default_factory=set)
    subscriptions: list[Subscription] = field(default_factory=list)
    known: bool = False
    """Whether the server has heard of the subscriptions."""


class Hub:
    """Readers by story. One to a process."""

    def __init__(self, bus: Bus, *, room: int = 256) -> None:
        self._bus = bus
        self._room = room
        self._stories: dict[UUID, _Story] = {}
        self._lock = asyncio.Lock()

    @asynccontextmanager
    async def reading(self, story_id: UUID) -> AsyncIterator[Reader]:
        """A reader of one story, registered until the block ends. What is told from then on reaches it, or history."""
        reader = Reader(self._room)
        try:
            story = await self._join(story_id, reader)
            # Outside the lock: while the bus is away, readers of other stories must not wait behind this one.
            if not story.known:
                story.known = await self._flush()
            yield reader
        finally:
            await asyncio.shield(self._leave(story_id, reader))

    async def wake(self) -> None:
        """After an outage of the bus: what was told meanwhile is in history, and every reader must look there."""
        # First the server must know of the subscriptions again, or an event could slip between the look and them.
        await self._flush()
        nudge: Message = [{"seq": 1 << 30, "event": "", "data": None}]
        for story in self._stories.values():
            for reader in story.readers:
                reader.put(nudge)

    async def _join(self, story_id: UUID, reader: Reader) -> _Story:
        async with self._lock:
            story = self._stories.setdefault(story_id, _Story())
            story.readers.add(reader)
            if not story.subscriptions:
                await self._subscribe(story_id, story)
        return story

    async def _flush(self) -> bool:
        """Wait until the server knows of every subscription; False while the bus is away, when history must do."""
        if not self._bus.client.is_connected:
            return False
        try:
            await self._bus.client.flush(2)
        except (NatsError, TimeoutError):
            log.info("hub.bus_away")
            return False
        return True

    async def _subscribe(self, story_id: UUID, story: _Story) -> None:
        async def told(message: Msg) -> None:
            self._deal(story, orjson.loads(message.data))

        async def progressed(message: Msg) -> None:
            try:
                said = AssetProgressed.model_validate_json(message.data)
            except ValidationError:
                log.warning("hub.unreadable")
                return
            self._deal(story, [{"seq": 0, "event": "progress", "data": _passing(said)}])

        client, names = self._bus.client, self._bus.names
        story.subscriptions = [
            await client.subscribe(names.subject(f"status.{story_id}"), cb=told),
            await client.subscribe(names.subject(f"live.{story_id}.progressed"), cb=progressed),
        ]

    async def _leave(self, story_id: UUID, reader: Reader) -> None:
        async with self._lock:
            story = self._stories.get(story_id)
            if story is None:
                return
            story.readers.discard(reader)
            if story.readers:
                return
            del self._stories[story_id]
            for subscription in story.subscriptions:
                try:
                    await subscription.unsubscribe()
                except NatsError:
                    log.debug("hub.unsubscribe_lost")

    @staticmethod
    def _deal(story: _Story, message: Message) -> None:
        for reader in story.readers:
            reader.put(message)


def _passing(said: AssetProgressed) -> dict[str, Any]:
    """Progress as the reader sees it: of the public asset that shows it."""
    shown: dict[str, Any] = {"asset": (GRAPH[said.asset].shown_as or said.asset).value, "progress": said.progress}
    if GRAPH[said.asset].shown_as is not None or said.asset in (Asset.OUTLINE, Asset.PORTRAIT):
        shown["part"] = said.asset.value
    if said.asset.scene:
        shown["scene"] = said.asset.scene
    if said.text is not None:
        shown["text"] = said.text
    return shown
