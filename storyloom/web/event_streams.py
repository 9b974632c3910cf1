"""Server-sent events on a real network: readers that take nothing, servers that stop, and EventSources that give up.

A browser's EventSource reconnects after an answer of 200 that ends, and gives up for good after any other. So what is
only unavailable for a while is a stream that ends at once and says when to come again (``retry:``).
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress

import structlog
from aiohttp import web
from aiohttp.http import StreamWriter as HttpWriter

log = structlog.get_logger()

HEADERS: Mapping[str, str] = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",
}
RETRY_LINE = b"retry: 2000\n"
"""Milliseconds until a reader whose connection breaks comes again."""
WRITE_SECONDS = 30.0
"""For a reader to take what is ready for it. One that does not loses its place, and resumes by its last id."""
BUFFER_BYTES = 64 * 1024
"""Written and not yet taken: more is kept for no reader."""
ENDING_SECONDS = 1.0
"""For a reader to take the rest of a stream that ends before its story does."""
RECONNECTS_PER_SECOND = 200
"""So many readers come again in a second, at most, after their server has stopped."""
LONGEST_SPREAD = 60.0

STOPPING: web.AppKey[asyncio.Event] = web.AppKey("stopping", asyncio.Event)
"""Set when the application's server stops: streams end."""


class ReaderGoneError(Exception):
    """The reader hung up, or does not take what is sent."""


class StreamWriter:
    """Writes to one reader. No more than the server's buffer is ever kept for it."""

    def __init__(self, request: web.Request, *, seconds: float = WRITE_SECONDS) -> None:
        self._request = request
        self._response = web.StreamResponse(headers=HEADERS)
        self._writer: HttpWriter | None = None
        self._first = b""
        self.has_begun = False
        """Whether anything was written."""
        self._seconds = seconds
        self._tail = b"\n\n"

    async def open(self, headers: Mapping[str, str] | None = None, *, first: bytes = b"") -> web.StreamResponse:
        """Send the head at once: a reader that has everything may wait for long until there is something to say.

        ``first`` goes out with what is written first: what comes before it a proxy may keep to itself.
        """
        self._response.headers.update(headers or {})
        self._first = first
        writer = await self._response.prepare(self._request)
        if isinstance(writer, HttpWriter):
            self._writer = writer
            writer.send_headers()
        return self._response

    async def write(self, data: bytes) -> None:
        """Write some bytes, and wait until there is room for more. Raises ReaderGoneError."""
        data, self._first = self._first + data, b""
        self.has_begun = True
        self._tail = (self._tail + data)[-2:]
        await self._wait(data)

    async def drain(self) -> None:
        """Wait until there is room for more. Raises ReaderGoneError."""
        transport = self._request.transport
        if transport is None or transport.is_closing():
            raise ReaderGoneError
        await self._wait(b"")

    async def _wait(self, data: bytes) -> None:
        try:
            async with asyncio.timeout(self._seconds):
                await self._response.write(data)
                await self._request.writer.drain()
        except TimeoutError:
            log.info("stream.reader_too_slow")
            self.abort()
            raise ReaderGoneError from None
        except ConnectionError:
            raise ReaderGoneError from None

    def write_now(self, event: bytes) -> bool:
        """Write a whole event without waiting, after others were written.

        False where it is time to ``drain``: the reader has not taken what was written before, or is gone.
        """
        transport = self._request.transport
        if self._writer is None or transport is None or transport.is_closing():
            return False
        with suppress(StopIteration):  # without ``drain`` there is nothing that it could wait for
            self._writer.write(event, drain=False).send(None)
        return transport.get_write_buffer_size() <= BUFFER_BYTES

    async def say_when_to_come_again(self, milliseconds: int) -> None:
        """The last words of a stream that breaks off, unless it broke in the midst of an event."""
        if self._tail == b"\n\n":
            await self.write(b"retry: %d\n\n" % milliseconds)

    async def end(self) -> None:
        """End the stream in good order; without a word where the reader does not take the rest at once."""
        try:
            async with asyncio.timeout(ENDING_SECONDS):
                await self._response.write_eof()
        except (TimeoutError, ConnectionError):
            self.abort()

    def abort(self) -> None:
        """End the connection without a word: an end in good order would wait for the reader."""
        if self._request.transport is not None:
            self._request.transport.abort()


def spread(readers: int) -> int:
    """Milliseconds until one of so many readers should come again, so that they do not come all at once."""
    longest = min(max(2.0, readers / RECONNECTS_PER_SECOND), LONGEST_SPREAD)
    return int(1000 * random.uniform(0.5, longest))


def is_stopping(request: web.Request) -> bool:
    """Whether the server stops."""
    stopping = request.app.get(STOPPING)
    return stopping is not None and stopping.is_set()


def polite_streams(*templates: str) -> Callable[..., Awaitable[web.StreamResponse]]:
    """A middleware: a 503 of the routes with these templates becomes a stream that ends, and is come to again."""

    @web.middleware
    async def polite(
        request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        response = await handler(request)
        resource = request.match_info.route.resource
        if response.status != 503 or response.prepared or resource is None or resource.canonical not in templates:
            return response
        log.info("stream.unavailable")
        text = f"retry: {random.randint(1000, 4000)}\n: not available just now\n\n"
        return web.Response(
            text=text,
            headers={k: v for k, v in HEADERS.items() if k != "Content-Type"},
            content_type="text/event-stream",
            charset="utf-8",
        )

    return polite
