"""A story's event stream that survives broken connections: it resumes by id and never waits for ever."""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import httpx
from httpx_sse import ServerSentEvent

from .errors import StoryloomError, bad_answer, refusal, unanswered
from .sse import BadStream, read_events
from .transport import CONNECT_SECONDS, pause_before

IDLE_TIMEOUT_SECONDS = 45.0
"""Seconds without a byte until a connection counts as dead: three of the server's heartbeats."""
RECONNECT_TIMEOUT_SECONDS = 120.0
"""Seconds without any event or heartbeat, over all attempts, until the stream gives up."""
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 15.0
_PASSING = frozenset({408, 429, 500, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class StoryEvent:
    """One event of a story's stream. ``seq`` is None for what has no place in its history, and no replay repeats."""

    name: str
    data: dict[str, Any]
    seq: int | None = None


class _Broken(Exception):  # noqa: N818 - what the connection is
    def __init__(self, error: StoryloomError) -> None:
        super().__init__(error.detail)
        self.error = error


class Stream:
    """One story's events. Use once."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        path: str,
        after: int | None,
        *,
        idle_timeout: float = IDLE_TIMEOUT_SECONDS,
        reconnect_timeout: float = RECONNECT_TIMEOUT_SECONDS,
    ) -> None:
        self._http = http
        self._path = path
        self._last = after
        self._id_here = ""
        """The last id on this connection: an event that has none of its own is given it by the parser (HTML, 9.2.6)."""
        self._idle_timeout = idle_timeout
        self._reconnect_timeout = reconnect_timeout
        self._first_pause = FIRST_PAUSE
        self._last_received = 0.0
        self._ended = False

    async def events(self, *, within: float | None = None) -> AsyncGenerator[StoryEvent, None]:
        """Every event once, in order, until the story has ended. Raises StoryloomError.

        ``within``: seconds for all of it, those that the reader takes included; the next event after that is
        ``timed_out``.
        """
        deadline = None if within is None else asyncio.get_running_loop().time() + within
        async with aclosing(self._events()) as events:
            while True:
                try:
                    # Around each event, not around the loop: a time-out must not cancel what the reader does.
                    async with asyncio.timeout_at(deadline):
                        event = await anext(events, None)
                except TimeoutError:
                    detail = f"The story has not ended after {within:g} seconds"
                    raise StoryloomError(0, "timed_out", detail, retryable=True) from None
                if event is None:
                    return
                yield event

    async def _events(self) -> AsyncGenerator[StoryEvent, None]:
        clock, failures = asyncio.get_running_loop().time, 0
        self._last_received = clock()
        while not self._ended:
            before = self._last_received
            try:
                async with aclosing(self._connection()) as connection:
                    async for event in connection:
                        yield event
            except _Broken as broken:
                failures = 0 if self._last_received > before else failures + 1
                pause = self._pause(failures, broken.error)
                if clock() + pause - self._last_received > self._reconnect_timeout:
                    raise broken.error from broken
                await asyncio.sleep(pause)

    async def _connection(self) -> AsyncGenerator[StoryEvent, None]:
        headers = {"Accept": "text/event-stream", "Cache-Control": "no-store"}
        if self._last is not None:
            headers["Last-Event-ID"] = str(self._last)
        self._id_here = ""
        timeout = httpx.Timeout(self._idle_timeout, connect=CONNECT_SECONDS)
        try:
            async with self._http.stream("GET", self._path, headers=headers, timeout=timeout) as response:
                if response.status_code == httpx.codes.NO_CONTENT:
                    self._ended = True
                    return
                await _check(response)
                async for event in self._read(response):
                    yield event
        except (httpx.HTTPError, BadStream) as error:
            raise _Broken(unanswered(error)) from error
        if not self._ended:
            raise _Broken(unanswered(ConnectionError("the stream broke off")))

    async def _read(self, response: httpx.Response) -> AsyncGenerator[StoryEvent, None]:
        async with aclosing(read_events(self._chunks(response))) as events:
            async for raw in events:
                if raw.retry is not None and raw.retry > 0:
                    self._first_pause = min(raw.retry, 1000 * LONGEST_PAUSE) / 1000
                if raw.event == "end" and raw.data:
                    self._ended = True
                    return
                event = self._understood(raw)
                if event is not None:
                    yield event

    async def _chunks(self, response: httpx.Response) -> AsyncGenerator[bytes, None]:
        async for chunk in response.aiter_bytes():
            self._last_received = asyncio.get_running_loop().time()  # a heartbeat counts, too
            yield chunk

    def _understood(self, raw: ServerSentEvent) -> StoryEvent | None:
        """The event, None for one already seen or one that says nothing to us."""
        passing, self._id_here = raw.id == self._id_here, raw.id
        try:
            data = json.loads(raw.data)
        except ValueError:
            return None
        if not isinstance(data, dict):
            return None
        if passing or not (raw.id.isascii() and raw.id.isdigit()):
            return StoryEvent(raw.event, data)
        seq = int(raw.id)
        if raw.event != "snapshot" and self._last is not None and seq <= self._last:
            return None
        self._last = seq
        return StoryEvent(raw.event, data, seq)

    def _pause(self, failures: int, error: StoryloomError) -> float:
        return pause_before(failures, error.retry_after, first=self._first_pause, longest=LONGEST_PAUSE)


async def _check(response: httpx.Response) -> None:
    if response.status_code == httpx.codes.OK:
        if response.headers.get("Content-Type", "").partition(";")[0].strip().lower() != "text/event-stream":
            raise bad_answer(response, "what is no event stream")
        return
    await response.aread()
    error = refusal(response)
    if response.status_code in _PASSING:
        raise _Broken(error)
    raise error
