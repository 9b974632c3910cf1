"""The progress stream: server-sent events with gapless ids, replay and heartbeat, the same on every replica.

Subscribe to the hub first, read history then: an update saved between the two would otherwise reach nobody.

A story that has ended may begin again at its client's command. So no event ends the stream by itself: it ends when the
story's row says that the story is over, and all updates up to that row's seq have been sent.
"""

from collections.abc import Awaitable, Callable
from contextlib import nullcontext, suppress
from typing import Any
from uuid import UUID

import structlog
from aiohttp import web

from services.status import repository
from services.status.forecasts import Forecasts
from services.status.heartbeats import HEARTBEAT_BYTES, Heartbeats, HistoryUnavailableError
from services.status.hub import DELETED, Hub, Reader, SseEvent
from services.status.open_streams import KeyEndedError, OpenStreams
from services.status.queue_positions import EVENT as QUEUE_EVENT
from services.status.queue_positions import QueuePositions, queue_data
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

END_EVENT = SseEvent(0, "end", {})
DELETED_EVENT = SseEvent(0, DELETED, {})


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
        self._heartbeats = Heartbeats(pool, seconds=heartbeat)
        self._forecasts = forecasts
        self._write_timeout = write_timeout
        self._readers: set[Reader] = set()
        self._draining = False

    async def drain(self, _app: web.Application | None = None) -> None:
        """Have every stream end with the time at which its reader is to come again: to another replica, and not all
        at once.
        """
        self._draining = True
        for reader in self._readers:
            reader.end(DrainingError())

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
            response = await writer.open(first=RETRY_LINE)
            self._readers.add(reader)
            try:
                with READERS.track_inprogress():
                    async with self._open_streams.while_valid(who.key_id):
                        with (
                            self._positions.watched(story_id, story["queue_position"]),
                            self._forecasts.watched(story_id) if self._forecasts else nullcontext(),
                        ):
                            await self._send(writer, who, story, after, reader)
            except KeyEndedError:
                log.info("stream.key_ended")
                await writer.end()  # without an ``end``: whoever reconnects is told why, by a 401
            finally:
                self._readers.discard(reader)
        return response

    async def _send(self, writer: StreamWriter, who: Caller, story: Any, after: int | None, reader: Reader) -> None:
        try:
            await self._follow(writer, who, story, after, reader)
        except ReaderGoneError:
            log.debug("stream.reader_disconnected")
        # No second answer can follow one that has begun: it ends, and the reader comes back by its last id.
        except DrainingError:
            with suppress(ReaderGoneError):
                await writer.say_when_to_come_again(spread(len(self._readers)))
        except HistoryUnavailableError as error:
            log.warning("stream.database_unreachable", error=type(error.__cause__).__name__)
        except Exception:
            log.exception("stream.broken")

    async def _follow(self, writer: StreamWriter, who: Caller, story: Any, after: int | None, reader: Reader) -> None:
        """Send this reader all of it, to the end: history, then live updates, and history again where it must be."""
        story_id: UUID = story["id"]
        seen = after or 0
        first = []
        if seen > story["seq"]:
            seen = story["seq"]
            first.append(SseEvent(seen, "snapshot", _snapshot(story)))
        if story["queue_position"] is not None:
            first.append(SseEvent(0, QUEUE_EVENT, queue_data(story["queue_position"])))
        known = [] if self._forecasts is None else self._forecasts.known(story_id)
        for event in first:
            await writer.write(event.bytes())
        while story is not None:
            for row in await self._updates_after(who, story_id, seen):
                seen = row["seq"]
                await writer.write(SseEvent(seen, row["event"], row["data"]).bytes())
            if seen == story["seq"] and _has_ended(story):
                await writer.write(END_EVENT.bytes())
                return
            for update in known:
                await writer.write(SseEvent(0, update["event"], update["data"]).bytes())
            known = []
            if not writer.has_begun:
                await writer.write(HEARTBEAT_BYTES)
            # History that is ahead of the row may hold the end, which comes live to nobody again: read the row at once.
            if seen <= story["seq"]:
                seen = await self._live(writer, story_id, seen, reader)
            story = await self._read_story(who, story_id)
        await writer.write(DELETED_EVENT.bytes() + END_EVENT.bytes())

    async def _live(self, writer: StreamWriter, story_id: UUID, seen: int, reader: Reader) -> int:
        """Live updates, until row and history must be read; the last that was sent. Raises ReaderGoneError."""
        if self._draining:
            raise DrainingError
        self._heartbeats.add(story_id, reader)
        await reader.live(seen, writer.write_now)
        await writer.drain()
        return max(seen, reader.seen)

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
