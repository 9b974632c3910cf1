"""A request whose database does not answer ends in a 503 in time; an answer that has begun may last."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from storyloom.web.deadlines import limit_answers
from storyloom.web.errors import problem_middleware
from tests.unit.api.site import Client, problem

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def client_of(handler: Handler, seconds: float) -> AsyncIterator[Client]:
    app = web.Application(middlewares=[problem_middleware])
    limit_answers(app, seconds=seconds)
    app.add_routes([web.post("/", handler), web.get("/", handler)])
    async with TestClient(TestServer(app)) as client:
        yield client


async def test_what_does_not_even_end_by_being_cancelled_is_a_503_that_may_be_sent_again() -> None:
    let = asyncio.Event()

    async def frozen(_: web.Request) -> web.Response:
        try:
            await let.wait()
        except asyncio.CancelledError:
            await let.wait()  # as a statement whose cancellation the server does not take
        return web.Response()

    async with client_of(frozen, 0.1) as client:
        async with asyncio.timeout(5), client.get("/") as answer:
            body = await problem(answer)
            assert (answer.status, body["code"], body["retryable"]) == (503, "too_slow", True)
            assert answer.headers["Retry-After"] == "1"
        let.set()


async def test_an_answer_that_has_begun_takes_as_long_as_it_likes() -> None:
    async def stream(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await asyncio.sleep(0.3)
        await response.write(b"late")
        return response

    async with client_of(stream, 0.05) as client, client.get("/") as answer:
        assert (answer.status, await answer.text()) == (200, "late")


async def test_a_slow_sender_is_not_taken_for_a_slow_database() -> None:
    async def read(request: web.Request) -> web.Response:
        return web.Response(body=await request.read())

    async def slowly() -> AsyncIterator[bytes]:
        yield b"once "
        await asyncio.sleep(0.3)
        yield b"upon"

    async with client_of(read, 0.1) as client, client.post("/", data=slowly()) as answer:
        assert (answer.status, await answer.text()) == (200, "once upon")


async def test_errors_and_quick_answers_pass_unchanged() -> None:
    async def fails(request: web.Request) -> web.Response:
        if request.method == "POST":
            return web.Response(status=202)
        raise TimeoutError

    async with client_of(fails, 2) as client:
        async with client.post("/") as answer:
            assert answer.status == 202
        async with client.get("/") as answer:
            assert (await problem(answer))["code"] == "database_away"
