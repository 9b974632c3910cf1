"""The progress stream: server-sent events with gapless ids, replay and heartbeat, the same on every replica.

Subscribe to the hub first, read history then: an update saved between the two would otherwise reach nobody.

A story that has ended may begin again at its client's command. So no event ends the stream by itself: it ends when the
story's row says that the story is over, and all updates up to that row's seq have been sent.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson
import structlog
from aiohttp import web

from services.status import repository
from services.status.forecasts import Forecasts
from services.status.hub import Hub, Reader, SlowReaderError
from services.status.open_streams import KeyEndedError, OpenStreams
from services.status.queue_positions import EVENT as QUEUE_EVENT
from services.status.queue_positions import QueuePositions, queue_data
from services.status.story_heads import StoryHeads
from storyloom.db.errors import is_connection_error
from storyloom.db.pool import Pool
from storyloom.runtime.metrics import READERS
from storyloom.web.authentication import Authenticator
from storyloom.web.event_streams import RETRY_LINE, WRITE_SECONDS, ReaderGoneError, StreamWriter, spread
from storyloom.web.keys import Caller
from storyloom.web.problems import not_found
from storyloom.web.stream_tokens import authenticate_reader

log = structlog.get_logger()

STREAM_PATH = "/api/v1/stories/{id}/events"
UNKNOWN_ID = 1 << 40
"""Greater than any story's seq: its reader gets a fresh snapshot."""
HEARTBEAT_BYTES = b": still here\n\n"


@dataclass(frozen=True, slots=True)
class SseEvent:
    """One event on the wire; ``seq`` 0 marks progress, which has no id and no place in history."""

    seq: int
    event: str
    data: Any

    def bytes(self) -> bytes:
        head = f"id: {self.seq}\n" if self.seq else ""
        return f"{head}event: {self.event}\ndata: ".encode() + orjson.dumps(self.data) + b"\n\n"


END_EVENT = SseEvent(0, "end", {})
DELETED_EVENT = SseEvent(0, "deleted", {})


class HistoryUnavailableError(Exception):
    """Postgres is unreachable in the middle of a stream."""


class DrainingError(Exception):
    """The replica stops."""


class Stream:
    """Serves GET /api/v1/stories/{id}/events."""

    def __init__(
        self,
        pool: Pool,
        hub: Hub,
        keys: Authenticator,
        open_streams: OpenStreams,
        positions: QueuePositions,
        *,
        forecasts: Forecasts | None = None,
        heartbeat: float = 15.0,
        write_timeout: float = WRITE_SECONDS,
    ) -> None:
        self._pool = pool
        self._hub = hub
        self._keys = keys
        self._open_streams = open_streams
        self._positions = positions
        self._heads = StoryHeads(pool)
        self._forecasts = forecasts
        self._heartbeat = heartbeat
        self._write_timeout = write_timeout
        self._readers: set[Reader] = set()
        self._draining = False

    async def drain(self, _app: web.Application | None = None) -> None:
        """Have every stream end with the time at which its reader is to come again: to another replica, and not all
        at once.
        """
        self._draining = True
        for reader in self._readers:
            reader.offer([])

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Stream a story's progress until it ends or the reader goes."""
        who = await authenticate_reader(self._keys, request)
        story_id = _story_id(request.match_info["id"])
        after = _last_event_id(request)
        async with self._hub.subscribe(story_id) as reader:
            story = await repository.queries().story_for_reader(self._pool, id=story_id, tenant_id=who.tenant_id)
            if story is None:
                raise not_found("story")
            if _has_ended(story) and after == story["seq"]:
                return web.Response(status=204)
            self._hub.note(story_id, story["asset_generation_status"])
            writer = StreamWriter(request, seconds=self._write_timeout)
            response = await writer.open()
            self._readers.add(reader)
            try:
                with READERS.track_inprogress():
                    async with self._open_streams.while_valid(who.key_id):
                        with (
                            self._positions.watched(story_id, story["queue_position"]),
                            self._forecasts.watched(story_id) if self._forecasts else nullcontext(),
                        ):
                            await self._send(writer, self._events(who, story_id, story, after, reader))
            except KeyEndedError:
                log.info("stream.key_ended")
                await writer.end()  # without an ``end``: whoever reconnects is told why, by a 401
            finally:
                self._readers.discard(reader)
        return response

    async def _send(self, writer: StreamWriter, events: AsyncIterator[SseEvent | None]) -> None:
        retry = RETRY_LINE  # in the first block: what comes before it a proxy may keep to itself
        try:
            async for event in events:
                await writer.write(retry + (HEARTBEAT_BYTES if event is None else event.bytes()))
                retry = b""
        except ReaderGoneError:
            log.debug("stream.reader_disconnected")
        except SlowReaderError:
            log.info("stream.reader_too_slow")  # it reconnects, and resumes by its last id
            writer.abort()
        # No second answer can follow one that has begun: it ends, and the reader comes back by its last id.
        except DrainingError:
            with suppress(ReaderGoneError):
                await writer.say_when_to_come_again(spread(len(self._readers)))
        except HistoryUnavailableError as error:
            log.warning("stream.database_unreachable", error=type(error.__cause__).__name__)
        except Exception:
            log.exception("stream.broken")

    async def _events(
        self, who: Caller, story_id: UUID, story: Any, after: int | None, reader: Reader
    ) -> AsyncIterator[SseEvent | None]:
        """All that this reader is sent, to the end: history, then live updates. None is a heartbeat."""
        seen = after or 0
        if seen > story["seq"]:
            seen = story["seq"]
            yield SseEvent(seen, "snapshot", _snapshot(story))
        if story["queue_position"] is not None:
            yield SseEvent(0, QUEUE_EVENT, queue_data(story["queue_position"]))
        known = None if self._forecasts is None else self._forecasts.known(story_id)
        while story is not None:
            for row in await self._updates_after(who, story_id, seen):
                seen = row["seq"]
                yield SseEvent(seen, row["event"], row["data"])
            if known and not _has_ended(story):
                for update in known:
                    yield SseEvent(0, update["event"], update["data"])
            known = None
            if seen == story["seq"] and _has_ended(story):
                yield END_EVENT
                return
            # History that is ahead of the row may hold the end, which comes live to nobody again: read the row at once.
            if seen <= story["seq"]:
                async for event in self._live_updates(story_id, reader, seen):
                    seen = (event and event.seq) or seen
                    yield event
            story = await self._read_story(who, story_id)
        yield DELETED_EVENT
        yield END_EVENT

    async def _live_updates(self, story_id: UUID, reader: Reader, seen: int) -> AsyncIterator[SseEvent | None]:
        """Live updates, until row and history must be read: one was missed, or was the end, or may have been lost."""
        async for event in self._hub_events(reader):
            if event is None:
                yield None
                if await self._is_all(story_id, seen):
                    continue
                return  # updates were lost on the way, or may have been
            if event.seq > seen + 1 or event.event == DELETED_EVENT.event:
                return
            if event.seq in (0, seen + 1):
                seen = event.seq or seen
                yield event
            if event.event == "story":
                return

    async def _is_all(self, story_id: UUID, seen: int) -> bool:
        """Whether a story that is being made has had no update but those. Raises HistoryUnavailableError."""
        try:
            head = await self._heads.read(story_id)
        except Exception as error:
            if not is_connection_error(error):
                raise
            raise HistoryUnavailableError from error
        return head is not None and head.generating and head.seq == seen

    async def _read_story(self, who: Caller, story_id: UUID) -> Any:
        """The story's row, None once it was deleted. Raises HistoryUnavailableError."""
        try:
            return await repository.queries().story_for_reader(self._pool, id=story_id, tenant_id=who.tenant_id)
        except Exception as error:
            if not is_connection_error(error):
                raise
            raise HistoryUnavailableError from error

    async def _updates_after(self, who: Caller, story_id: UUID, after: int) -> list[Any]:
        """History after an id, read at once: a slow reader holds no connection. Raises HistoryUnavailableError."""
        try:
            rows = repository.queries().updates_after(self._pool, id=story_id, tenant_id=who.tenant_id, after=after)
            return [row async for row in rows]
        except Exception as error:
            if not is_connection_error(error):
                raise
            raise HistoryUnavailableError from error

    async def _hub_events(self, reader: Reader) -> AsyncIterator[SseEvent | None]:
        while True:
            if self._draining:
                raise DrainingError
            try:
                async with asyncio.timeout(self._heartbeat):
                    updates = await reader.next()
            except TimeoutError:
                yield None
                continue
            if not updates and self._draining:
                raise DrainingError
            for update in updates:
                yield SseEvent(update["seq"], update["event"], update["data"])


def routes(stream: Stream) -> list[web.RouteDef]:
    """The stream's one route."""
    handler: Callable[[web.Request], Awaitable[web.StreamResponse]] = stream.handle
    # Without a body there is nothing to stream: HEAD is a 405.
    return [web.get(STREAM_PATH, handler, allow_head=False)]


def _has_ended(story: Any) -> bool:
    """Whether the story is over, and no accepted command is on its way that may begin it again."""
    return bool(story["status"] != "generating" and not story["pending"])


def _snapshot(story: Any) -> dict[str, Any]:
    status, document = story["status"], story["asset_generation_status"]
    return {"seq": story["seq"], "status": status, "assetGenerationStatus": document}


def _story_id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise not_found("story") from None


def _last_event_id(request: web.Request) -> int | None:
    """The last event that the reader has seen; one that no story has where it is no number of ours."""
    text = request.headers.get("Last-Event-ID") or request.query.get("after")
    if text is None:
        return None
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 9 else UNKNOWN_ID
