"""The public port: what every request passes on its way in, and every answer on its way out.

One line of log and one observation a request, by the route's template: without path, query, headers, body or address.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from typing import Any

import structlog
from aiohttp import HttpVersion10, HttpVersion11, web

from storyloom.runtime.metrics import HTTP_IN_FLIGHT, HTTP_SECONDS
from storyloom.runtime.settings import HttpSettings
from storyloom.runtime.spans import OFF, Spans
from storyloom.web.bodies import LARGER_BODIES, MAX_BODY_BYTES, check_head
from storyloom.web.cors import CrossOrigin
from storyloom.web.errors import http_problem, respond
from storyloom.web.event_streams import STOPPING
from storyloom.web.exchange import EXCHANGE, Exchange, begin
from storyloom.web.problems import Problem
from storyloom.web.server import (
    Handler,
    ServerLimits,
    forwarded_client,
    limits,
    listen,
    protective_headers,
    raise_file_limit,
)

log = structlog.get_logger()

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
CLIENT_CLOSED = 499
"""What is noted where the client went before its answer; nobody gets it."""
_UNCOUNTED = nullcontext()
"""One for all: streams keep theirs as long as they last."""


async def listen_public(
    app: web.Application,
    settings: HttpSettings,
    *,
    direct: bool,
    bounds: ServerLimits | None = None,
    spans: Spans = OFF,
) -> tuple[web.AppRunner, str]:
    """Serve an application to clients; returns its runner and its origin. Raises OSError, or InvalidSettingError.

    ``direct``: clients connect to it themselves, and not through api or an ingress. ``bounds``: other limits than the
    settings'. ``spans``: where each request gets one.
    """
    raise_file_limit()
    door = _Door(bounds or limits(settings, direct=direct), settings, app.get(LARGER_BODIES, {}), spans)
    app.middlewares.insert(0, _note_route)
    app.on_response_prepare.append(door.prepare)
    stopping = app[STOPPING] = asyncio.Event()

    async def stop(_app: web.Application) -> None:
        stopping.set()

    app.on_shutdown.insert(0, stop)
    return await listen(
        app, settings.http_host, settings.http_port, limits=door.limits, wrap=lambda inner: partial(door.handle, inner)
    )


@web.middleware
async def _note_route(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    resource = request.match_info.route.resource
    if resource is not None and (exchange := request.get(EXCHANGE)) is not None:
        exchange.route = resource.canonical
    return await handler(request)


class _Door:
    """Goes around an application's handler."""

    def __init__(
        self, bounds: ServerLimits, settings: HttpSettings, larger_bodies: Mapping[str, int], spans: Spans
    ) -> None:
        self.limits, self._spans = bounds, spans
        self._larger_bodies = larger_bodies
        self._public_url = settings.public_url
        self._cross_origin = CrossOrigin(settings.cors_origins)
        self._in_flight: Counter[str] = Counter()
        hsts = {"Strict-Transport-Security": f"max-age={settings.hsts_seconds}; includeSubDomains"}
        self._headers = {**protective_headers(), **(hsts if settings.hsts_seconds else {})}

    async def handle(self, inner: Handler, request: web.Request) -> web.StreamResponse:
        """Answer a request, and take note of it."""
        exchange, clock = begin(request, self._public_url), asyncio.get_running_loop().time
        came, status = clock(), CLIENT_CLOSED
        method = request.method if request.method in METHODS else "other"
        span = self._spans.start(method, "server", parent=exchange.sent_trace)
        exchange.trace = span.traceparent or exchange.trace
        # The request's task has a context of its own: every line that it logs has them.
        structlog.contextvars.bind_contextvars(request_id=exchange.request_id, trace_id=exchange.trace_id)
        try:
            with HTTP_IN_FLIGHT.track_inprogress(), self._spans.within(span):
                response = await self._answer(inner, request)
            status = response.status
            if not response.prepared:
                self._decorate(request, exchange, response)
            return response
        finally:
            took = (exchange.began or clock()) - came
            HTTP_SECONDS.labels(method=method, route=exchange.route, status=status).observe(took)
            log.info("http.request", method=method, route=exchange.route, status=status, seconds=round(took, 4))
            span.rename(f"{method} {exchange.route}")
            span.set(http__request__method=method, http__route=exchange.route, http__response__status_code=status)
            if status >= 500:
                span.fail(str(status))
            span.end()

    async def _answer(self, inner: Handler, request: web.Request) -> web.StreamResponse:
        try:
            with self._counted(request):
                _check_version(request)
                check_head(request, most=self._larger_bodies.get(request.path, MAX_BODY_BYTES))
                if (preflight := self._cross_origin.preflight(request)) is not None:
                    return preflight
                return await inner(request)
        except Problem as problem:
            return respond(problem, request)
        except web.HTTPException as error:
            if error.status < 400:
                raise
            return respond(http_problem(error), request)
        except ConnectionError:
            raise
        except Exception:
            log.exception("http.bug", method=request.method)
            return respond(Problem(500, "bug", "Something broke on our side. It is logged."), request)

    def _counted(self, request: web.Request) -> AbstractContextManager[None]:
        """Count a request that a proxy of ours forwards by its client. Raises a 429 Problem."""
        client = self._forwarded(request)
        return _UNCOUNTED if client is None else self._counted_for(client)

    @contextmanager
    def _counted_for(self, client: str) -> Iterator[None]:
        most = self.limits.client_connections
        if self._in_flight[client] >= most:
            raise Problem(429, "too_many_connections", "Too many requests in flight from one address.")
        self._in_flight[client] += 1
        try:
            yield
        finally:
            self._in_flight[client] -= 1
            if not self._in_flight[client]:
                del self._in_flight[client]

    async def prepare(self, request: web.BaseRequest, response: web.StreamResponse) -> None:
        """Before an answer's head is written."""
        if isinstance(request, web.Request) and (exchange := request.get(EXCHANGE)) is not None:
            exchange.began = exchange.began or asyncio.get_running_loop().time()
            self._decorate(request, exchange, response)

    def _decorate(self, request: web.Request, exchange: Exchange, response: web.StreamResponse) -> None:
        for name, value in self._headers.items():
            if name == "Server":
                response.headers[name] = value
            else:
                response.headers.setdefault(name, value)
        response.headers["X-Request-Id"] = exchange.request_id
        response.headers["traceparent"] = exchange.trace
        self._cross_origin.decorate(request, response)

    def _forwarded(self, request: web.Request) -> str | None:
        if not (self.limits.client_connections and self.limits.trusted):
            return None
        peer: Any = request.transport.get_extra_info("peername") if request.transport else None
        forwarded = ",".join(request.headers.getall("X-Forwarded-For", ()))
        return forwarded_client(str(peer[0]) if peer else "", forwarded, self.limits.trusted)


def _check_version(request: web.Request) -> None:
    if request.version not in (HttpVersion10, HttpVersion11):
        raise Problem(505, "http_version", "This server speaks HTTP/1.1.")
