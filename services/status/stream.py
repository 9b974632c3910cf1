"""The progress stream: server-sent events with gapless ids, replay and heartbeat, the same on every replica.

Register with the hub first, read history then: an update saved between the two would otherwise reach nobody.

A story that has ended may begin again at its client's command. So no event ends the stream by itself: it ends when the
story's row says that the story is over, and all that was told up to that row's seq has been passed on.
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
from services.status.hub import Hub, Reader, TooSlowError
from storyloom.db.pool import AWAY as DATABASE_AWAY
from storyloom.db.pool import Pool, is_away
from storyloom.runtime.metrics import READERS
from storyloom.web.keys import caller
from storyloom.web.problems import Problem, not_found

log = structlog.get_logger()

HEADERS = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",
}
HEARTBEAT = b": still here\n\n"


@dataclass(frozen=True, slots=True)
class SseEvent:
    """One thing that the reader is told; ``seq`` 0 marks what is passing and has no place in history."""

    seq: int
    event: str
    data: Any

    def bytes(self) -> bytes:
        head = f"id: {self.seq}\n" if self.seq else ""
        return f"{head}event: {self.event}\ndata: ".encode() + orjson.dumps(self.data) + b"\n\n"


END = SseEvent(0, "end", {})
DELETED = SseEvent(0, "deleted", {})


class HistoryAwayError(Exception):
    """Postgres is away while a reader is being told."""


class Stream:
    """Serves GET /api/v1/stories/{id}/events."""

    def __init__(self, pool: Pool, hub: Hub, *, heartbeat: float = 15.0, patience: float = 30.0) -> None:
        self._pool = pool
        self._hub = hub
        self._heartbeat = heartbeat
        self._patience = patience

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Stream a story's progress until it ends or the reader goes."""
        who = await caller(self._pool, request.headers.get("Authorization"))
        who.must("stories:read")
        story_id = _story_id(request.match_info["id"])
        after = _last_seen(request)
        async with self._hub.reading(story_id) as reader:
            story = await repository.queries().story_for_reader(self._pool, id=story_id)
            if story is None or story["tenant_id"] != who.tenant_id:
                raise not_found("story")
            if _is_over(story) and after is not None and after >= story["seq"]:
                return web.Response(status=204)
            response = web.StreamResponse(headers=HEADERS)
            await response.prepare(request)
            await response.write(b"retry: 2000\n\n")
            with READERS.track_inprogress():
                await self._send(request, response, self._events(story_id, story, after, reader))
        return response

    async def _send(
        self, request: web.Request, response: web.StreamResponse, told: AsyncIterator[SseEvent | None]
    ) -> None:
        try:
            async for one in told:
                async with asyncio.timeout(self._patience):
                    await response.write(HEARTBEAT if one is None else one.bytes())
        except (TooSlowError, TimeoutError):
            log.info("stream.reader_too_slow")  # it reconnects, and resumes by its last id
            if request.transport is not None:
                # An end in good order would wait for the reader to take what it does not take.
                request.transport.abort()
        except ConnectionError:
            log.debug("stream.reader_gone")
        # No second answer can follow one that has begun: it ends, and the reader comes back by its last id.
        except HistoryAwayError as error:
            log.warning("stream.database_away", error=type(error.__cause__).__name__)
        except Exception:
            log.exception("stream.broken")

    async def _events(
        self, story_id: UUID, story: Any, after: int | None, reader: Reader
    ) -> AsyncIterator[SseEvent | None]:
        """What this reader is to be told, to the end: history, then what comes. None is a heartbeat."""
        seen = after or 0
        if seen > story["seq"]:
            seen = story["seq"]
            yield SseEvent(seen, "snapshot", _snapshot(story))
        while story is not None:
            for row in await self._history(story_id, seen):
                seen = row["seq"]
                yield SseEvent(seen, row["event"], row["data"])
            if seen == story["seq"] and _is_over(story):
                yield END
                return
            # History that is ahead of the row may hold the end, which is then told to nobody again: look at once.
            if seen <= story["seq"]:
                async for one in self._live_updates(reader, seen):
                    seen = (one and one.seq) or seen
                    yield one
            story = await self._row(story_id)
        yield DELETED
        yield END

    async def _live_updates(self, reader: Reader, seen: int) -> AsyncIterator[SseEvent | None]:
        """What comes live, until row and history must be looked at: something was missed, or ended, or may be lost."""
        async for one in self._live(reader):
            if one is None:
                yield None
                return  # what is told may be lost on the way
            if one.seq > seen + 1 or one.event == DELETED.event:
                return
            if one.seq in (0, seen + 1):
                seen = one.seq or seen
                yield one
            if one.event == "story":
                return

    async def _row(self, story_id: UUID) -> Any:
        """The story's row, None once it was deleted. Raises HistoryAwayError."""
        try:
            return await repository.queries().story_for_reader(self._pool, id=story_id)
        except DATABASE_AWAY as error:
            if not is_away(error):
                raise
            raise HistoryAwayError from error

    async def _history(self, story_id: UUID, after: int) -> list[Any]:
        """All that was told after an id, read at once: a slow reader holds no connection. Raises HistoryAwayError."""
        try:
            return [row async for row in repository.queries().told_after(self._pool, id=story_id, after=after)]
        except DATABASE_AWAY as error:
            if not is_away(error):
                raise
            raise HistoryAwayError from error

    async def _live(self, reader: Reader) -> AsyncIterator[SseEvent | None]:
        while True:
            try:
                message = await asyncio.wait_for(reader.next(), self._heartbeat)
            except TimeoutError:
                yield None
                continue
            for one in message:
                yield SseEvent(one["seq"], one["event"], one["data"])


def routes(stream: Stream) -> list[web.RouteDef]:
    handler: Callable[[web.Request], Awaitable[web.StreamResponse]] = stream.handle
    # Without a body there is nothing to stream: HEAD is a 405.
    return [web.get("/api/v1/stories/{id}/events", handler, allow_head=False)]


def _is_over(story: Any) -> bool:
    return bool(story["status"] != "generating")


def _snapshot(story: Any) -> dict[str, Any]:
    status, document = story["status"], story["asset_generation_status"]
    return {"seq": story["seq"], "status": status, "assetGenerationStatus": document}


def _story_id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise not_found("story") from None


def _last_seen(request: web.Request) -> int | None:
    text = request.headers.get("Last-Event-ID") or request.query.get("after")
    if text is None:
        return None
    if not text.isdecimal() or len(text) > 9:
        raise Problem(400, "bad_event_id", "Last-Event-ID (or ?after=) is the number of the last event you saw.")
    return int(text)
