"""A real server on a real socket, and clients that write bytes as no library would."""

import asyncio
import json
import logging
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any

import structlog
from aiohttp import web

from storyloom.runtime.settings import HttpSettings
from storyloom.web.bodies import read_json
from storyloom.web.deadlines import limit_answers
from storyloom.web.errors import problem_middleware
from storyloom.web.public import listen_public
from storyloom.web.server import ServerLimits


@contextmanager
def heard(name: str) -> Iterator[asyncio.Event]:
    """Set once an event of this name is logged."""
    event = asyncio.Event()

    def listen(_logger: Any, _method: str, entry: Any) -> Any:
        if entry["event"] == name:
            event.set()
        raise structlog.DropEvent

    config = structlog.get_config()
    processors = config["processors"]
    before = processors.copy()
    processors[:] = [listen]
    # Whatever an earlier test left: by its level nothing is to be dropped.
    structlog.configure(processors=processors, wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG))
    try:
        yield event
    finally:
        processors[:] = before
        structlog.configure(**config)


WORD = "Quillabelle"
QUICK = ServerLimits(head_seconds=0.3, idle_seconds=0.4, write_seconds=0.3, linger_seconds=0.2)


@dataclass
class Answer:
    """What came back on a connection."""

    status: int
    headers: dict[str, str]
    body: bytes
    raw: bytes

    @property
    def problem(self) -> dict[str, Any]:
        """Its problem, the form of which is checked."""
        assert self.headers["content-type"] == "application/problem+json"
        found: dict[str, Any] = json.loads(self.body)
        assert found["status"] == self.status
        assert {"type", "title", "detail", "code", "retryable"} <= found.keys()
        return found


class Site:
    """The server's address, and what its handlers have seen."""

    def __init__(self, port: int) -> None:
        self.port = port

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.port)

    async def send(self, data: bytes, *, within: float = 5) -> list[Answer]:
        """All answers to some bytes, until the server closes the connection or has no more to say."""
        reader, writer = await self.connect()
        try:
            writer.write(data)
            await writer.drain()
            async with asyncio.timeout(within):
                return parse(await reader.read())
        finally:
            writer.close()


def parse(data: bytes) -> list[Answer]:
    """The answers in what a server sent."""
    found = []
    while data:
        head, _, rest = data.partition(b"\r\n\r\n")
        status, *lines = head.decode("ascii").split("\r\n")
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        size = int(headers.get("content-length", len(rest)))
        found.append(Answer(int(status.split()[1]), headers, rest[:size], data))
        data = rest[size:]
    return found


async def _body(request: web.Request) -> web.Response:
    return web.json_response(await read_json(request, seconds=0.3))


async def _hello(_request: web.Request) -> web.Response:
    return web.json_response({"hello": "there"})


async def _large(_request: web.Request) -> web.Response:
    return web.Response(body=b"x" * 32_000_000)


async def _socket(request: web.Request) -> web.Response:
    assert request.transport is not None
    found = request.transport.get_extra_info("socket")
    return web.json_response(found.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT))


async def _stream(request: web.Request) -> web.StreamResponse:
    """Writes on and on, as to somebody who listens: whoever has gone is noticed by a write alone."""
    response = web.StreamResponse()
    await response.prepare(request)
    while True:
        await response.write(b"x" * 1000)
        await asyncio.sleep(0)


@asynccontextmanager
async def site(bounds: ServerLimits = QUICK, **settings: Any) -> AsyncIterator[Site]:
    """The server: POST /body, GET /hello/{name}, GET /large, GET /stream, GET /socket."""
    app = web.Application(middlewares=[problem_middleware])
    limit_answers(app)
    app.add_routes(
        [
            web.post("/body", _body),
            web.get("/hello/{name}", _hello),
            web.get("/large", _large),
            web.get("/stream", _stream),
            web.get("/", _hello),
            web.get("/socket", _socket),
        ]
    )
    runner, url = await listen_public(app, HttpSettings(**settings), direct=True, bounds=bounds)
    try:
        yield Site(int(url.rpartition(":")[2]))
    finally:
        await runner.cleanup()
