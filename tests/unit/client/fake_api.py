"""A server that answers as it is told: with a refusal, half a stream, too little, or nothing at all."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from aiohttp import web
from aiohttp.test_utils import TestServer

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]
STORY = "00000000-0000-0000-0000-000000000007"
RETRY_AT_ONCE = "retry: 1\n\n"


class FakeApi:
    """Answers with what stands in ``answers``, one after the other; keeps the requests."""

    def __init__(self) -> None:
        self.answers: list[Answer] = []
        self.requests: list[web.Request] = []
        self.over = asyncio.Event()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request)
        await request.read()
        return await self.answers.pop(0)(request)

    def streams(self, text: str) -> None:
        """Next: this much of a stream, then the connection ends."""

        async def answer(_request: web.Request) -> web.StreamResponse:
            return web.Response(text=text, content_type="text/event-stream")

        self.answers.append(answer)

    def says(self, status: int, body: object = None, **headers: str) -> None:
        """Next: a JSON answer."""

        async def answer(_request: web.Request) -> web.StreamResponse:
            return web.json_response(body, status=status, headers=headers)

        self.answers.append(answer)

    def hangs_up(self) -> None:
        """Next: the connection is closed without a word."""

        async def answer(request: web.Request) -> web.StreamResponse:
            assert request.transport is not None
            request.transport.close()
            return web.Response()

        self.answers.append(answer)

    def hangs(self) -> None:
        """Next: an event stream begins, and nothing comes until the test is over."""

        async def answer(request: web.Request) -> web.StreamResponse:
            response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
            await response.prepare(request)
            await self.over.wait()
            return response

        self.answers.append(answer)

    @property
    def idempotency_keys(self) -> list[str | None]:
        return [request.headers.get("Idempotency-Key") for request in self.requests]


@asynccontextmanager
async def serving(api: FakeApi) -> AsyncIterator[str]:
    """The API's origin."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", api.handle)
    async with TestServer(app) as server:
        yield str(server.make_url("")).rstrip("/")
        api.over.set()
