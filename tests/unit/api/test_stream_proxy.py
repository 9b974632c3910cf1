"""The stream through the api, between a status that is made up and readers on real sockets."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from aiohttp import ClientSession, web

from services.api.stream_proxy import StreamProxy
from storyloom.runtime.settings import HttpSettings
from storyloom.web.errors import problem_middleware
from storyloom.web.event_streams import LONGEST_SPREAD, RECONNECTS_PER_SECOND, polite_streams, spread
from storyloom.web.public import listen_public
from storyloom.web.server import ServerLimits, listen

BLOCK = b"id: 1\nevent: asset\ndata: " + b"x" * 65_000 + b"\n\n"


@dataclass
class Status:
    """Streams what its test asks for."""

    texts: tuple[bytes, ...] = ()
    endless: bool = False
    code: int = 200
    breaks: bool = False
    sent: int = 0
    gone: asyncio.Event = field(default_factory=asyncio.Event)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        if self.code != 200:
            return web.json_response({"status": self.code}, status=self.code)
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        try:
            for text in self.texts:
                await response.write(text)
            while self.endless:
                await response.write(BLOCK)
                await request.writer.drain()
                self.sent += len(BLOCK)
        except ConnectionError:
            self.gone.set()
        if self.breaks:
            assert request.transport is not None
            request.transport.abort()
        return response


@asynccontextmanager
async def proxied(status: Status, *, write_seconds: float = 30) -> AsyncIterator[tuple[str, StreamProxy]]:
    """The URL of the stream through an api."""
    upstream = web.Application()
    upstream.router.add_get("/events", status.handle)
    behind, origin = await listen(upstream, "127.0.0.1", 0)
    proxy = StreamProxy(connect_seconds=0.2)

    async def forward(request: web.Request) -> web.StreamResponse:
        return await proxy.forward(request, f"{origin}/events")

    app = web.Application(middlewares=[polite_streams("/events"), problem_middleware])
    app.router.add_get("/events", forward)
    bounds = ServerLimits(write_seconds=write_seconds)
    runner, url = await listen_public(app, HttpSettings(), direct=True, bounds=bounds)
    try:
        yield f"{url}/events", proxy
    finally:
        await runner.cleanup()
        await proxy.close()
        await behind.cleanup()


async def read(url: str) -> tuple[int, str, str]:
    async with ClientSession() as http, http.get(url) as answer:
        return answer.status, answer.content_type, await answer.text()


async def test_a_reader_that_takes_nothing_loses_its_place_and_little_is_kept_for_it() -> None:
    """Status is held up all the way: what no reader takes is not made ready for it."""
    status = Status(endless=True)
    async with proxied(status, write_seconds=0.3) as (url, proxy):
        host, port = url.removeprefix("http://").removesuffix("/events").split(":")
        _, writer = await asyncio.open_connection(host, int(port))
        writer.transport.pause_reading()  # type: ignore[attr-defined] # it reads, too
        writer.write(b"GET /events HTTP/1.1\r\nHost: x\r\n\r\n")
        await asyncio.wait_for(status.gone.wait(), 10)
        assert not proxy._open
        writer.close()
    assert status.sent < 30_000_000  # the system's own buffers on this way; ours are a hundredth of that


@pytest.mark.parametrize("code", [500, 502, 503])
async def test_a_status_that_is_ill_is_a_stream_to_come_again_to(code: int) -> None:
    async with proxied(Status(code=code)) as (url, _):
        found = await read(url)
    assert found[:2] == (200, "text/event-stream")
    assert re.fullmatch(r"retry: \d+\n: .*\n\n", found[2])


@pytest.mark.parametrize("code", [204, 401, 404])
async def test_what_ends_an_event_source_for_good_is_passed_on(code: int) -> None:
    async with proxied(Status(code=code)) as (url, _):
        assert (await read(url))[0] == code


async def test_a_stream_that_breaks_between_two_events_says_when_to_come_again() -> None:
    event = "id: 1\nevent: asset\ndata: {}\n\n"
    async with proxied(Status(texts=(event.encode(),), breaks=True)) as (url, _):
        text = (await read(url))[2]
    assert re.fullmatch(re.escape(event) + r"retry: \d+\n\n", text)


async def test_a_stream_that_breaks_in_an_event_ends_without_another_word() -> None:
    """A blank line would complete the event, and half of its data would be taken for all of it."""
    half = "id: 1\nevent: asset\ndata: {"
    async with proxied(Status(texts=(half.encode(),), breaks=True)) as (url, _):
        assert (await read(url))[2] == half


def test_the_more_readers_the_longer_they_take_to_come_again() -> None:
    few, many = ([spread(readers) for _ in range(500)] for readers in (10, 10 * RECONNECTS_PER_SECOND))
    assert max(few) <= 2000 < max(many) <= 10_000
    assert min(few + many) >= 500
    assert max(spread(10**9) for _ in range(100)) <= LONGEST_SPREAD * 1000
