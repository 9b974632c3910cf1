"""A story's event stream that survives broken connections: it resumes by id and never waits for ever."""

import asyncio
import json
import random
from collections.abc import AsyncGenerator
from contextlib import aclosing

import httpx
from httpx_sse import ServerSentEvent

from client.problem import Problem, problem_in, unreachable
from client.sse import BadStream, read_events
from client.wire import StoryEvent

IDLE_TIMEOUT_SECONDS = 45.0
"""Seconds without a byte until a connection counts as dead: three of the server's heartbeats."""
RECONNECT_TIMEOUT_SECONDS = 120.0
"""Seconds without any event or heartbeat, over all attempts, until the stream gives up."""
WITHOUT_ID = frozenset({"progress", "deleted"})
"""Events that have no place in history: the id that a parser gives them is the last one's (HTML, 9.2.6)."""
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 15.0


class _Broken(Exception):  # noqa: N818 - what the connection is
    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.detail)
        self.problem = problem


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
        self._idle_timeout = idle_timeout
        self._reconnect_timeout = reconnect_timeout
        self._first_pause = FIRST_PAUSE
        self._last_received = 0.0
        self._ended = False

    async def events(self) -> AsyncGenerator[StoryEvent, None]:
        """Every event once, in order, until the story has ended. Raises Problem."""
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
                pause = self._pause(failures, broken.problem)
                if clock() + pause - self._last_received > self._reconnect_timeout:
                    raise broken.problem from broken
                await asyncio.sleep(pause)

    async def _connection(self) -> AsyncGenerator[StoryEvent, None]:
        headers = {"Accept": "text/event-stream", "Cache-Control": "no-store"}
        if self._last is not None:
            headers["Last-Event-ID"] = str(self._last)
        timeout = httpx.Timeout(self._idle_timeout, connect=10)
        try:
            async with self._http.stream("GET", self._path, headers=headers, timeout=timeout) as response:
                if response.status_code == httpx.codes.NO_CONTENT:
                    self._ended = True
                    return
                await _check(response)
                async for event in self._read(response):
                    yield event
        except (httpx.HTTPError, BadStream) as error:
            raise _Broken(unreachable(error)) from error
        if not self._ended:
            raise _Broken(unreachable(ConnectionError("the stream broke off")))

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
        try:
            data = json.loads(raw.data)
        except ValueError:
            return None
        if not isinstance(data, dict):
            return None
        if raw.event in WITHOUT_ID:
            return StoryEvent(raw.event, data)
        if not (raw.id.isascii() and raw.id.isdigit()):
            return StoryEvent(raw.event, data)
        seq = int(raw.id)
        if raw.event != "snapshot" and self._last is not None and seq <= self._last:
            return None
        self._last = seq
        return StoryEvent(raw.event, data, seq)

    def _pause(self, failures: int, problem: Problem) -> float:
        """Seconds before the next attempt: the server's word first, then longer and longer, never in step."""
        if problem.retry_after is not None:
            return problem.retry_after
        longest = min(self._first_pause * 2**failures, LONGEST_PAUSE)
        return random.uniform(longest / 2, longest)


async def _check(response: httpx.Response) -> None:
    if response.status_code == httpx.codes.OK:
        return
    await response.aread()
    problem = problem_in(response)
    if response.status_code >= 500 or response.status_code == httpx.codes.TOO_MANY_REQUESTS:
        raise _Broken(problem)
    raise problem
