"""The hub: hands the updates that the projector publishes to whoever reads that story in this process.

One subscription a story that is being read: work grows with the events of stories that somebody watches, and with their
own readers, never with all stories or all readers.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
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
from storyloom.messaging.spans import TRACEPARENT
from storyloom.story.assets import GRAPH, Asset
from storyloom.story.events import AssetProgressed
from storyloom.story.journey import PARTS

log = structlog.get_logger()

Updates = list[dict[str, Any]]
"""Events of the progress stream, each {seq, event, data}; seq 0 for progress, which has no place in history. Those that
belong to a trace have its ``trace`` (W3C traceparent)."""

STORY, DELETED = "story", "deleted"
"""Events after which a story's row is to be read: it may have ended."""
AT_ONCE = 250
"""Readers that are written to before the process does something else."""
MAX_PENDING = 256
"""Messages that may wait for the readers of one story."""


class SseEvent:
    """One event of the progress stream; ``seq`` 0 marks what has no id and no place in history.

    It is encoded once, however many readers it is sent to. ``trace``: the traceparent of what it tells of, where that
    happened while the reader listened.
    """

    __slots__ = ("_bytes", "data", "event", "seq", "trace")

    def __init__(self, seq: int, event: str, data: Any, trace: str = "") -> None:
        self.seq = seq
        self.event = event
        self.data = data
        self.trace = trace
        self._bytes: bytes | None = None

    def bytes(self) -> bytes:
        """The event on the wire."""
        if self._bytes is None:
            head = f"id: {self.seq}\n" if self.seq else ""
            self._bytes = f"{head}event: {self.event}\ndata: ".encode() + orjson.dumps(self.data) + b"\n\n"
        return self._bytes


class Reader:
    """One reader. While it is *live* it is sent what comes, at once; at other times that is kept for it.

    What is kept is bounded. Where there is more, or an update is missing, or the reader does not take what it is sent,
    it stops being live and is to be brought up to date from history: no reader waits for another, and none makes the
    process keep anything for it.
    """

    __slots__ = ("_kept", "_limit", "_stale", "_waiting", "_write", "seen", "sent_at", "silence")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._kept: list[SseEvent] = []
        self._stale = False
        self._write: Callable[[SseEvent], bool] | None = None
        self._waiting: asyncio.Future[None] | None = None
        self.seen = 0
        """The seq of the last update that it was sent."""
        self.sent_at = 0.0
        """When it was sent anything, as the loop counts time."""
        self.silence = 0.0
        """Seconds without an event after which it is sent a heartbeat."""

    @property
    def is_live(self) -> bool:
        """Whether what comes is sent to it."""
        return self._write is not None

    async def live(self, seen: int, write: Callable[[SseEvent], bool]) -> None:
        """Send it all updates after ``seen`` that follow one another, until its story is to be read again.

        ``write`` says whether the reader takes more. Raises what ``end`` was called with.
        """
        kept, self._kept = self._kept, []
        if self._stale:
            self._stale = False
            return
        self.seen = seen
        self._waiting = asyncio.get_running_loop().create_future()
        self._write = write
        try:
            self.offer(kept)
            await self._waiting
        finally:
            self._write = self._waiting = None

    def offer(self, events: Sequence[SseEvent]) -> None:
        """Hand it what comes for its story."""
        if self._write is None:
            self._kept += events
            if len(self._kept) > self._limit:
                self._kept, self._stale = [], True
            return
        for number, event in enumerate(events):
            if event.seq > self.seen + 1 or event.event == DELETED:
                self.stop()
            elif event.seq in (0, self.seen + 1):
                self.seen = event.seq or self.seen
                if not self.send(event) or event.event == STORY:
                    self.stop()
            if not self.is_live:
                self.offer(events[number + 1 :])
                return

    def send(self, event: SseEvent) -> bool:
        """Send it an event now; False where it is not live, or does not take more."""
        if self._write is None:
            return False
        self.sent_at = asyncio.get_running_loop().time()
        return self._write(event)

    def stop(self) -> None:
        """Its story is to be read again: an update was missed, or was the end, or the reader is slow or gone."""
        self._stale = self._write is None  # one that is just being brought up to date begins again
        self._write = None
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    def end(self, error: Exception) -> None:
        """It cannot be served any longer."""
        self._write = None
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(error)


@dataclass
class _Topic:
    """One story: its readers here, and the subscriptions that serve them."""

    readers: set[Reader] = field(default_factory=set)
    subscriptions: list[Subscription] = field(default_factory=list)
    pending: deque[list[SseEvent]] = field(default_factory=deque)
    """What is to be handed to the readers, while there are too many to do so at once."""
    passing: asyncio.Task[None] | None = None
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
        for topic in self._topics.values():
            for reader in topic.readers:
                reader.stop()

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
            trace = (message.headers or {}).get(TRACEPARENT, "")
            for update in updates:
                topic.apply(update)
                if trace:
                    update["trace"] = trace
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

    def _broadcast(self, topic: _Topic, updates: Updates) -> None:
        events = [SseEvent(one["seq"], one["event"], one["data"], one.get("trace", "")) for one in updates]
        if topic.passing is None and len(topic.readers) <= AT_ONCE:
            for reader in topic.readers:
                reader.offer(events)
            return
        topic.pending.append(events)
        if topic.passing is None:
            topic.passing = asyncio.create_task(_pass_on(topic))


async def _pass_on(topic: _Topic) -> None:
    """Hand a story's readers what waits for them, in the order in which it came."""
    try:
        while topic.pending:
            if len(topic.pending) > MAX_PENDING:
                topic.pending.clear()
                for reader in topic.readers:
                    reader.stop()
                return
            events = topic.pending.popleft()
            readers = list(topic.readers)
            for start in range(0, len(readers), AT_ONCE):
                for reader in readers[start : start + AT_ONCE]:
                    reader.offer(events)
                await asyncio.sleep(0)
    finally:
        topic.passing = None


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
