"""Server-sent events (WHATWG HTML, section 9.2.6): httpx-sse reads them, within bounds that it does not set itself."""

from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator
from contextlib import aclosing

import httpx
from httpx_sse import EventSource, ServerSentEvent

MAX_EVENT_BYTES = 1 << 20
"""Bytes of an event, give or take a piece."""
_PIECE_BYTES = 1 << 12
# The standard's encoding, whatever a server says; a byte order mark is no part of the text.
_HEADERS = {"Content-Type": "text/event-stream; charset=utf-8-sig"}


class BadStream(Exception):  # noqa: N818 - what it is
    """The stream breaks its bounds."""


class _Bounded(httpx.AsyncByteStream):
    def __init__(self, chunks: AsyncIterable[bytes]) -> None:
        self._chunks = chunks
        self.unread = 0
        """Bytes that no event has come of yet."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._chunks:
            # In pieces, since a compressed chunk may hold any number of events: each has its own bound.
            for start in range(0, len(chunk), _PIECE_BYTES):
                piece = chunk[start : start + _PIECE_BYTES]
                self.unread += len(piece)
                if self.unread > MAX_EVENT_BYTES:
                    raise BadStream(f"an event is longer than {MAX_EVENT_BYTES} bytes")
                yield piece


async def read_events(chunks: AsyncIterable[bytes]) -> AsyncGenerator[ServerSentEvent, None]:
    """The events in chunks that are cut anywhere, each as soon as it is complete. Raises BadStream.

    ``id`` is the last one so far, "" before the first. Unlike a browser's, an event may be without ``data``: one that
    only names the seconds before reconnecting (``retry``, in milliseconds), or a heartbeat.
    """
    bounded = _Bounded(chunks)
    source = EventSource(httpx.Response(httpx.codes.OK, headers=_HEADERS, stream=bounded))
    async with aclosing(source.aiter_sse()) as events:
        async for event in events:
            bounded.unread = 0
            yield event
