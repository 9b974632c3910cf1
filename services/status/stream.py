"""The progress stream: server-sent events with gapless ids, replay and heartbeat, the same on every replica.

Subscribe to the hub first, read history then: an update saved between the two would otherwise reach nobody.

A story that has ended may begin again at its client's command. So no event ends the stream by itself: it ends when the
story's row says that the story is over, and all updates up to that row's seq have been sent.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import nullcontext, suppress
from typing import Any
from uuid import UUID

import structlog
from aiohttp import web

from services.status import repository
from services.status.forecasts import Forecasts
from services.status.heartbeats import HEARTBEAT, Heartbeats, HistoryUnavailableError
from services.status.hub import DELETED, Hub, Reader, SseEvent
from services.status.open_streams import KeyEndedError, OpenStreams
from services.status.queue_positions import EVENT as QUEUE_EVENT
from services.status.queue_positions import QueuePositions, queue_data
from storyloom.db.errors import is_connection_error
from storyloom.db.pool import Pool
from storyloom.runtime.metrics import FIRST_EVENT_SECONDS, READERS, STREAMS, STREAMS_ENDED
from storyloom.runtime.spans import NO_SPAN, SPAN, SPANS, Span
from storyloom.web.authentication import Authenticator
from storyloom.web.event_streams import RETRY_LINE, WRITE_SECONDS, ReaderGoneError, StreamWriter, spread
from storyloom.web.keys import Caller
from storyloom.web.problems import not_found
from storyloom.web.stream_tokens import authenticate_reader

log = structlog.get_logger()

STREAM_PATH = "/api/v1/stories/{id}/events"
PATIENCE_SECONDS = 1.0
"""Within which a new stream's first event is in time: a reader that leaves sooner says nothing about it."""
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
        came, after = asyncio.get_running_loop().time(), _last_event_id(request)
        SPAN.get().set(storyloom__story_id=str(story_id))
        async with self._hub.subscribe(story_id) as reader:
            story = await repository.queries().story_for_reader(self._pool, id=story_id, tenant_id=who.tenant_id)
            if story is None:
                raise not_found("story")
            if _has_ended(story) and after == story["seq"]:
                return web.Response(status=204)
            self._hub.note(story_id, story["asset_generation_status"])
            writer = StreamWriter(request, seconds=self._write_timeout)
            response = await writer.open(first=RETRY_LINE)
            STREAMS.labels(kind="new" if after is None else "resumed").inc()
            sender = Sender(writer, came if after is None else None)
            self._readers.add(reader)
            try:
                with READERS.track_inprogress():
                    async with self._open_streams.while_valid(who.key_id):
                        with (
                            self._positions.watched(story_id, story["queue_position"]),
                            self._forecasts.watched(story_id) if self._forecasts else nullcontext(),
                        ):
                            await self._send(sender, who, story, after, reader)
            except KeyEndedError:
                log.info("stream.key_ended")
                STREAMS_ENDED.labels(why="key_ended").inc()
                await writer.end()  # without an ``end``: whoever reconnects is told why, by a 401
            finally:
                self._readers.discard(reader)
                sender.note_end()
        return response

    async def _send(self, sender: "Sender", who: Caller, story: Any, after: int | None, reader: Reader) -> None:
        why = "ended"
        try:
            await self._follow(sender, who, story, after, reader)
        except ReaderGoneError:
            why = "reader_gone"
            log.debug("stream.reader_disconnected")
        # No second answer can follow one that has begun: it ends, and the reader comes back by its last id.
        except DrainingError:
            why = "draining"
            with suppress(ReaderGoneError):
                await sender.writer.say_when_to_come_again(spread(len(self._readers)))
        except HistoryUnavailableError as error:
            why = "database_unreachable"
            log.warning("stream.database_unreachable", error=type(error.__cause__).__name__)
        except Exception:
            why = "bug"
            log.exception("stream.broken")
        except BaseException:
            why = ""  # cut short by its key, or by its reader's leaving
            raise
        finally:
            if why:
                STREAMS_ENDED.labels(why=why).inc()

    async def _follow(self, sender: "Sender", who: Caller, story: Any, after: int | None, reader: Reader) -> None:
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
            await sender.send(event)
        while story is not None:
            for row in await self._updates_after(who, story_id, seen):
                seen = row["seq"]
                await sender.send(SseEvent(seen, row["event"], row["data"]))
            if seen == story["seq"] and _has_ended(story):
                await sender.send(END_EVENT)
                return
            for update in known:
                await sender.send(SseEvent(0, update["event"], update["data"]))
            known = []
            if not sender.writer.has_begun:
                await sender.send(HEARTBEAT)
            # History that is ahead of the row may hold the end, which comes live to nobody again: read the row at once.
            if seen <= story["seq"]:
                seen = await self._live(sender, story_id, seen, reader)
            story = await self._read_story(who, story_id)
        await sender.send(DELETED_EVENT)
        await sender.send(END_EVENT)

    async def _live(self, sender: "Sender", story_id: UUID, seen: int, reader: Reader) -> int:
        """Live updates, until row and history must be read; the last that was sent. Raises ReaderGoneError."""
        if self._draining:
            raise DrainingError
        self._heartbeats.add(story_id, reader)
        await reader.live(seen, sender.send_now)
        await sender.writer.drain()
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


class Sender:
    """Sends one reader events: each is a span of its story's trace, and a new stream's first one is timed.

    ``asked``: when the reader of a new stream came, by the loop's clock.
    """

    __slots__ = ("_asked", "_links", "_spans", "writer")

    def __init__(self, writer: StreamWriter, asked: float | None) -> None:
        self.writer = writer
        self._asked = asked
        # Live events are sent from the hub's task, which knows nothing of this request.
        self._spans, request = SPANS.get(), SPAN.get().traceparent
        self._links = (request,) if request else ()

    async def send(self, event: SseEvent) -> None:
        """Send it, and wait until there is room for more. Raises ReaderGoneError."""
        span = self._span(event)
        try:
            await self.writer.write(event.bytes())
        finally:
            span.end()
        self._note(event)

    def send_now(self, event: SseEvent) -> bool:
        """Send it without waiting; False where the reader does not take more."""
        span = self._span(event)
        more = self.writer.write_now(event.bytes())
        span.end()
        self._note(event)
        return more

    def note_end(self) -> None:
        """The stream is over. One that ended without an event after all that time was waited for in vain."""
        if self._asked is not None and asyncio.get_running_loop().time() - self._asked >= PATIENCE_SECONDS:
            self._note(None)

    def _note(self, event: SseEvent | None) -> None:
        if self._asked is not None and event is not HEARTBEAT:
            FIRST_EVENT_SECONDS.observe(asyncio.get_running_loop().time() - self._asked)
            self._asked = None

    def _span(self, event: SseEvent) -> Span:
        """The end of its story's trace, and linked to the reader's request."""
        if not event.trace:
            return NO_SPAN
        return self._spans.start(f"sse {event.event}", "producer", parent=event.trace, links=self._links)


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
