"""A small HTTP server around the request readers: no NATS and no database."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from services.api.routes import read_story_id
from services.api.schemas import EditBody, RetryBody, read_body, read_brief, read_page
from storyloom.web.bodies import MAX_BODY_BYTES
from storyloom.web.errors import problem_middleware
from storyloom.web.exchange import begin, read_trace
from storyloom.web.problems import Problem

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Client = TestClient[web.Request, web.Application]


async def _read(request: web.Request) -> web.Response:
    return web.json_response((await read_brief(request)).wire())


async def _edit(request: web.Request) -> web.Response:
    return web.json_response(asdict((await read_body(request, EditBody)).passage()))


async def _retry(request: web.Request) -> web.Response:
    return web.json_response((await read_body(request, RetryBody)).model_dump())


async def _page(request: web.Request) -> web.Response:
    page = read_page(request)
    at = page.before_at and page.before_at.isoformat()
    return web.json_response({"limit": page.limit, "at": at, "id": page.before_id and str(page.before_id)})


async def _trace(request: web.Request) -> web.Response:
    return web.json_response({"trace": read_trace(request)})


async def _story(request: web.Request) -> web.Response:
    return web.json_response({"id": str(read_story_id(request))})


async def _bug(_request: web.Request) -> web.Response:
    raise RuntimeError("Esmeralda's brief is broken")


async def _busy(_request: web.Request) -> web.Response:
    raise Problem(503, "moderation_away", "Wait a little.", headers={"Retry-After": "7"}, limit=3)


@asynccontextmanager
async def site(
    wrong: Exception | None = None, *, done: asyncio.Event | None = None, public_url: str = ""
) -> AsyncIterator[Client]:
    """A client of the server. GET /wrong raises ``wrong``; ``done`` is set once a request has ended."""

    async def fail(_request: web.Request) -> web.Response:
        assert wrong is not None
        raise wrong

    @web.middleware
    async def signal_end(request: web.Request, handler: Handler) -> web.StreamResponse:
        begin(request, public_url)
        try:
            return await handler(request)
        finally:
            if done is not None:
                done.set()

    app = web.Application(middlewares=[signal_end, problem_middleware], client_max_size=MAX_BODY_BYTES)
    app.add_routes(
        [
            web.post("/brief", _read),
            web.post("/edit", _edit),
            web.post("/retry", _retry),
            web.get("/page", _page),
            web.get("/trace", _trace),
            web.get("/stories/{id}", _story),
            web.get("/bug", _bug),
            web.get("/busy", _busy),
            web.get("/wrong", fail),
        ]
    )
    async with TestClient(TestServer(app)) as client:
        yield client


async def problem(answer: Any) -> dict[str, Any]:
    """The problem in an answer, its form checked."""
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    body: dict[str, Any] = await answer.json(content_type=None)
    assert body["status"] == answer.status
    assert body["type"] == f"/docs/errors/{body['code']}"
    assert {"title", "detail", "instance", "retryable"} <= set(body)
    return body
