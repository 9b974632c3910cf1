"""The reader: what it takes down is what was sent, and it comes back where it was."""

from collections.abc import AsyncIterator

import aiohttp
from aiohttp import web

from tests.chaos.stream_reader import Watcher, events

STORY = "11111111-1111-4111-8111-111111111111"


async def lines(text: str) -> AsyncIterator[bytes]:
    for line in text.encode().splitlines(keepends=True):
        yield line


async def read(text: str) -> list[tuple[str, int | None, object]]:
    return [event async for event in events(lines(text))]


async def test_events_are_read_with_and_without_ids() -> None:
    text = 'retry: 2000\n\nid: 1\nevent: snapshot\ndata: {"a":1}\n\n: still here\n\nevent: end\ndata: {}\n\n'
    assert await read(text) == [("snapshot", 1, {"a": 1}), ("end", None, {})]


async def test_an_event_that_was_cut_short_is_not_read() -> None:
    whole = 'id: 1\nevent: asset\ndata: {"asset":"cover"}\n'
    assert await read(whole) == []
    assert await read(whole + "\nid: 2\nevent: as") == [("asset", 1, {"asset": "cover"})]


async def test_a_reader_comes_back_where_it_was_and_ends_when_there_is_no_more() -> None:
    """The first answer breaks off after two events, the second is refused, the third goes on, the fourth is a 204."""
    asked: list[str | None] = []

    async def serve_lines(request: web.Request) -> web.StreamResponse:
        asked.append(request.headers.get("Last-Event-ID"))
        if len(asked) == 2:
            return web.Response(status=503)
        if len(asked) == 4:
            return web.Response(status=204)
        answer = web.StreamResponse()
        await answer.prepare(request)
        first = 1 if len(asked) == 1 else 3
        for id_ in (first, first + 1):
            await answer.write(f"id: {id_}\nevent: text\ndata: {{}}\n\n".encode())
        return answer

    app = web.Application()
    app.router.add_get("/api/v1/stories/{id}/events", serve_lines)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        async with aiohttp.ClientSession() as http:
            watcher = Watcher(http, site_url(runner), STORY, "1.1")
            await watcher.finish(within=20)
    finally:
        await runner.cleanup()
    assert asked == [None, "2", "2", "4"]
    assert [line.id for line in watcher.transcript.lines] == [1, 2, 3, 4]
    assert [line.connection for line in watcher.transcript.lines] == [1, 1, 3, 3]
    assert watcher.transcript.closing == "204"


def site_url(runner: web.AppRunner) -> str:
    host, port = runner.addresses[0][:2]
    return f"http://{host}:{port}"
