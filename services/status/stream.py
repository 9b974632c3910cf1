"""The progress stream: server-sent events with gapless ids, replay and heartbeat, the same on every replica.

Subscribe to the hub first, read history then: an update saved between the two would otherwise reach nobody.

A story that has ended may begin again at its client's command. So no event ends the stream by itself: it ends when the
story's row says that the story is over, and all updates up to that row's seq have been sent.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson
import structlog
from aiohttp import web

from services.status import repository
from services.status.hub import Hub, Reader, SlowReaderError
from storyloom.db.errors import is_connection_error
from storyloom.db.pool import Pool
from storyloom.runtime.metrics import READERS
from storyloom.web.keys import authenticate
from storyloom.web.problems import Problem, not_found

log = structlog.get_logger()

HEADERS = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",
}
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


class Stream:
    """Serves GET /api/v1/stories/{id}/events."""

    def __init__(self, pool: Pool, hub: Hub, *, heartbeat: float = 15.0, write_timeout: float = 30.0) -> None:
        self._pool = pool
        self._hub = hub
        self._heartbeat = heartbeat
        self._write_timeout = write_timeout

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Stream a story's progress until it ends or the reader goes."""
        who = await authenticate(self._pool, request.headers.get("Authorization"), scope="stories:read")
        story_id = _story_id(request.match_info["id"])
        after = _last_event_id(request)
        async with self._hub.subscribe(story_id) as reader:
            story = await repository.queries().story_for_reader(self._pool, id=story_id)
            if story is None or story["tenant_id"] != who.tenant_id:
                raise not_found("story")
            if _has_ended(story) and after is not None and after >= story["seq"]:
                return web.Response(status=204)
            response = web.StreamResponse(headers=HEADERS)
            await response.prepare(request)
            await response.write(b"retry: 2000\n\n")
            with READERS.track_inprogress():
                await self._send(request, response, self._events(story_id, story, after, reader))
        return response

    async def _send(
        self, request: web.Request, response: web.StreamResponse, events: AsyncIterator[SseEvent | None]
    ) -> None:
        try:
            async for event in events:
                async with asyncio.timeout(self._write_timeout):
                    await response.write(HEARTBEAT_BYTES if event is None else event.bytes())
        except (SlowReaderError, TimeoutError):
            log.info("stream.reader_too_slow")  # it reconnects, and resumes by its last id
            if request.transport is not None:
                # An end in good order would wait for the reader to take what it does not take.
                request.transport.abort()
        except ConnectionError:
            log.debug("stream.reader_disconnected")
        # No second answer can follow one that has begun: it ends, and the reader comes back by its last id.
        except HistoryUnavailableError as error:
            log.warning("stream.database_unreachable", error=type(error.__cause__).__name__)
        except Exception:
            log.exception("stream.broken")

    async def _events(
        self, story_id: UUID, story: Any, after: int | None, reader: Reader
    ) -> AsyncIterator[SseEvent | None]:
        """All that this reader is sent, to the end: history, then live updates. None is a heartbeat."""
        seen = after or 0
        if seen > story["seq"]:
            seen = story["seq"]
            yield SseEvent(seen, "snapshot", _snapshot(story))
        while story is not None:
            for row in await self._updates_after(story_id, seen):
                seen = row["seq"]
                yield SseEvent(seen, row["event"], row["data"])
            if seen == story["seq"] and _has_ended(story):
                yield END_EVENT
                return
            # History that is ahead of the row may hold the end, which comes live to nobody again: read the row at once.
            if seen <= story["seq"]:
                async for event in self._live_updates(reader, seen):
                    seen = (event and event.seq) or seen
                    yield event
            story = await self._read_story(story_id)
        yield DELETED_EVENT
        yield END_EVENT

    async def _live_updates(self, reader: Reader, seen: int) -> AsyncIterator[SseEvent | None]:
        """Live updates, until row and history must be read: one was missed, or was the end, or may have been lost."""
        async for event in self._hub_events(reader):
            if event is None:
                yield None
                return  # updates may be lost on the way
            if event.seq > seen + 1 or event.event == DELETED_EVENT.event:
                return
            if event.seq in (0, seen + 1):
                seen = event.seq or seen
                yield event
            if event.event == "story":
                return

    async def _read_story(self, story_id: UUID) -> Any:
        """The story's row, None once it was deleted. Raises HistoryUnavailableError."""
        try:
            return await repository.queries().story_for_reader(self._pool, id=story_id)
        except Exception as error:
            if not is_connection_error(error):
                raise
            raise HistoryUnavailableError from error

    async def _updates_after(self, story_id: UUID, after: int) -> list[Any]:
        """History after an id, read at once: a slow reader holds no connection. Raises HistoryUnavailableError."""
        try:
            return [row async for row in repository.queries().updates_after(self._pool, id=story_id, after=after)]
        except Exception as error:
            if not is_connection_error(error):
                raise
            raise HistoryUnavailableError from error

    async def _hub_events(self, reader: Reader) -> AsyncIterator[SseEvent | None]:
        while True:
            try:
                updates = await asyncio.wait_for(reader.next(), self._heartbeat)
            except TimeoutError:
                yield None
                continue
            for update in updates:
                yield SseEvent(update["seq"], update["event"], update["data"])


def routes(stream: Stream) -> list[web.RouteDef]:
    """The stream's one route."""
    handler: Callable[[web.Request], Awaitable[web.StreamResponse]] = stream.handle
    # Without a body there is nothing to stream: HEAD is a 405.
    return [web.get("/api/v1/stories/{id}/events", handler, allow_head=False)]


def _has_ended(story: Any) -> bool:
    return bool(story["status"] != "generating")


def _snapshot(story: Any) -> dict[str, Any]:
    status, document = story["status"], story["asset_generation_status"]
    return {"seq": story["seq"], "status": status, "assetGenerationStatus": document}


def _story_id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise not_found("story") from None


def _last_event_id(request: web.Request) -> int | None:
    text = request.headers.get("Last-Event-ID") or request.query.get("after")
    if text is None:
        return None
    if not text.isdecimal() or len(text) > 9:
        raise Problem(400, "bad_event_id", "Last-Event-ID (or ?after=) is the number of the last event you saw.")
    return int(text)
