"""No request waits for ever: where Postgres is frozen or slow, it ends in a 503 that may be sent again."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog
from aiohttp import web

from storyloom.web.bodies import BODY_SECONDS
from storyloom.web.problems import Problem

ANSWER_SECONDS = 4.0
"""Seconds from the end of a request's body until its answer begins; clients are promised five."""

log = structlog.get_logger()


def limit_answers(app: web.Application, *, seconds: float = ANSWER_SECONDS) -> None:
    """Have every request of an application answered in time. Call it before the application starts.

    An answer that has begun, such as a progress stream, takes as long as it likes. What a request had under way is
    cancelled, and not waited for: a statement on a frozen server does not end by being cancelled. Whether it was
    carried out is unknown to the client, as after a lost connection; an Idempotency-Key makes it safe to repeat.
    """

    @web.middleware
    async def in_time(
        request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        answer = asyncio.ensure_future(handler(request))
        deadline = request[_DEADLINE] = _Deadline(seconds)
        request.content.on_eof(deadline.note_received)
        answer.add_done_callback(deadline.end)
        try:
            await deadline.over
            if not answer.done():
                raise _too_late(request)
            return await answer
        finally:
            deadline.end()
            if not answer.done():
                answer.add_done_callback(_forget)
                answer.cancel()

    async def begin(request: web.BaseRequest, _response: web.StreamResponse) -> None:
        if isinstance(request, web.Request) and (deadline := request.get(_DEADLINE)) is not None:
            deadline.stop()

    app.middlewares.append(in_time)
    app.on_response_prepare.append(begin)


def extend_deadline(request: web.Request, seconds: float) -> None:
    """Give a request's answer so many seconds more: its client has asked to wait."""
    if (deadline := request.get(_DEADLINE)) is not None:
        deadline.extend(seconds)


class _Deadline:
    """When an answer must have begun. ``over`` is done when the answer is there, or when it is too late for it.

    Streams keep it as long as they last: it is one timer and one future, and the timer goes when the answer begins.
    """

    __slots__ = ("_at", "_seconds", "_timer", "over")

    def __init__(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        self.over: asyncio.Future[None] = loop.create_future()
        self._seconds = seconds
        # However long the body takes, it is not waited for longer than that.
        self._at = loop.time() + BODY_SECONDS + seconds
        self._timer: asyncio.TimerHandle | None = loop.call_at(self._at, self._look)

    def note_received(self) -> None:
        """The whole body is there."""
        self._move(asyncio.get_running_loop().time() + self._seconds - self._at)

    def extend(self, seconds: float) -> None:
        """More time is asked for."""
        self._move(seconds)

    def _move(self, seconds: float) -> None:
        self._at += seconds
        if self._timer is not None:
            self._timer.cancel()
            self._timer = asyncio.get_running_loop().call_at(self._at, self._look)

    def stop(self) -> None:
        """The answer has begun: it takes as long as it likes."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def end(self, _answer: object = None) -> None:
        """There is nothing to wait for any more."""
        self.stop()
        if not self.over.done():
            self.over.set_result(None)

    def _look(self) -> None:
        self._timer = None
        self.end()


_DEADLINE: web.RequestKey[_Deadline] = web.RequestKey("deadline", _Deadline)


def _too_late(request: web.Request) -> Problem:
    log.warning("http.unavailable", method=request.method, code="too_slow")
    return Problem(503, "too_slow", "It takes too long just now; try again.", headers={"Retry-After": "1"})


def _forget(answer: "asyncio.Future[web.StreamResponse]") -> None:
    """Take note of how it ended, or asyncio would complain that nobody did."""
    if not answer.cancelled():
        answer.exception()
