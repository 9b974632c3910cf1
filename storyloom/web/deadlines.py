"""No request waits for ever: where Postgres is frozen or slow, it ends in a 503 that may be sent again."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog
from aiohttp import web

from storyloom.web.bodies import BODY_SECONDS
from storyloom.web.problems import Problem

ANSWER_SECONDS = 4.0
"""Seconds from the end of a request's body until its answer begins; clients are promised five."""
_BEGUN: web.RequestKey[asyncio.Event] = web.RequestKey("begun", asyncio.Event)
_MORE: web.RequestKey[float] = web.RequestKey("more_seconds", float)

log = structlog.get_logger()


def limit_answers(app: web.Application, *, seconds: float = ANSWER_SECONDS) -> None:
    """Have every request of an application answered in time. Call it before the application starts.

    An answer that has begun, such as a progress stream, takes as long as it likes. What a request had under way is
    cancelled, and not waited for: a statement on a frozen server does not end by being cancelled. Whether it was
    carried out is unknown to the client, as after a lost connection; an Idempotency-Key makes it safe to repeat.
    """

    @web.middleware
    async def deadline(
        request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        begun, received = asyncio.Event(), asyncio.Event()
        request[_BEGUN] = begun
        request.content.on_eof(received.set)
        answer = asyncio.ensure_future(handler(request))
        beginning, receiving = (asyncio.create_task(event.wait()) for event in (begun, received))
        try:
            waited_for = {answer, beginning, receiving}
            await asyncio.wait(waited_for, timeout=BODY_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            clock, body_at = asyncio.get_running_loop().time, asyncio.get_running_loop().time()
            # More time may be asked for meanwhile.
            while (
                not (answer.done() or begun.is_set())
                and (left := body_at + seconds + request.get(_MORE, 0.0) - clock()) > 0
            ):
                await asyncio.wait({answer, beginning}, timeout=left, return_when=asyncio.FIRST_COMPLETED)
            if not (answer.done() or begun.is_set()):
                raise _too_late(request)
            return await answer
        finally:
            beginning.cancel()
            receiving.cancel()
            if not answer.done():
                answer.add_done_callback(_forget)
                answer.cancel()

    async def begin(request: web.BaseRequest, _response: web.StreamResponse) -> None:
        if isinstance(request, web.Request) and (begun := request.get(_BEGUN)) is not None:
            begun.set()

    app.middlewares.append(deadline)
    app.on_response_prepare.append(begin)


def extend_deadline(request: web.Request, seconds: float) -> None:
    """Give a request's answer so many seconds more: its client has asked to wait."""
    request[_MORE] = request.get(_MORE, 0.0) + seconds


def _too_late(request: web.Request) -> Problem:
    log.warning("http.unavailable", method=request.method, code="too_slow")
    return Problem(503, "too_slow", "It takes too long just now; try again.", headers={"Retry-After": "1"})


def _forget(answer: "asyncio.Future[web.StreamResponse]") -> None:
    """Take note of how it ended, or asyncio would complain that nobody did."""
    if not answer.cancelled():
        answer.exception()
