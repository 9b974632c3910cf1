"""The HTTP server: aiohttp's, with what it leaves open closed.

A client that sends slowly, reads slowly, sends too much or is half gone holds nothing for longer than it may, and what
is no HTTP is answered with a problem (RFC 9457) that quotes nothing of it.
"""

import asyncio
import ipaddress
import os
import resource
import socket
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, TypeAlias
from uuid import uuid4

import orjson
import structlog
from aiohttp import http_exceptions, web

from storyloom.runtime.metrics import HTTP_REFUSED
from storyloom.runtime.settings import HttpSettings, InvalidSettingError
from storyloom.web.exchange import note_hung_up
from storyloom.web.problems import MEDIA_TYPE, Problem

log = structlog.get_logger()

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network
Handler: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]
Wrap: TypeAlias = Callable[[Any], Handler]
SERVER = "storyloom"
"""The header Server: no version of anything."""
LINGER_SECONDS = 1.0
"""For a client to take an answer that ends its request, and to stop sending."""


@dataclass(frozen=True, slots=True)
class ServerLimits:
    """What one client may hold of a server, in seconds, bytes and numbers."""

    head_seconds: float = 10
    """From the first byte of a request's head to its last."""
    idle_seconds: float = 75
    """Without a request, on a connection that is kept alive. Load balancers close theirs sooner, after 60."""
    write_seconds: float = 30
    """For the client to take what is ready for it."""
    linger_seconds: float = 2
    """In which the rest of a refused body is read and dropped, so that the client gets to read why."""
    head_bytes: int = 32 * 1024
    headers: int = 64
    field_bytes: int = 8190
    buffer_bytes: int = 16 * 1024
    """Of an answer, waiting for its client; a full buffer holds up whoever writes."""
    client_connections: int = 0
    """At once, of one address; 0 for any number."""
    trusted: tuple[Network, ...] = ()
    """Addresses of our own proxies, whose connections are their clients'."""


LIMITS = ServerLimits()


def limits(settings: HttpSettings, *, direct: bool) -> ServerLimits:
    """The limits of a public port. ``direct``: clients connect to it themselves, and not through api or an ingress.

    Raises InvalidSettingError for what is no network.
    """
    try:
        trusted = tuple(ipaddress.ip_network(text, strict=False) for text in settings.trusted_proxies)
    except ValueError:
        raise InvalidSettingError("TRUSTED_PROXIES is wrong: a list of networks, such as 10.0.0.0/8.") from None
    return ServerLimits(client_connections=settings.http_client_connections if direct else 0, trusted=trusted)


async def listen(
    app: web.Application, host: str, port: int, *, limits: ServerLimits = LIMITS, wrap: Wrap | None = None
) -> tuple[web.AppRunner, str]:
    """Serve an application; returns its runner and its origin. Port 0 is any free one. Raises OSError.

    ``wrap`` puts a handler around the application's, which sees every request, also one that has no route.
    """
    runner = _Runner(app, limits, wrap)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port, backlog=1024)
        await site.start()
    except OSError as error:
        await runner.cleanup()
        raise OSError(error.errno, f"cannot listen on {host}:{port}: {os.strerror(error.errno or 0)}") from error
    bound = runner.addresses[0]
    return runner, f"http://{host}:{bound[1]}"


def raise_file_limit() -> None:
    """Let the process have as many sockets as the system allows it; the usual limit is 1,024."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


class _Runner(web.AppRunner):
    __slots__ = ("_limits", "_wrap")

    def __init__(self, app: web.Application, limits: ServerLimits, wrap: Wrap | None) -> None:
        # Requests in flight are finished; together with what follows it fits into any grace.
        super().__init__(app, access_log=None, shutdown_timeout=3)
        self._limits, self._wrap = limits, wrap

    async def _make_server(self) -> web.Server:
        made = await super()._make_server()
        handler: Any = self._wrap(made.request_handler) if self._wrap else made.request_handler
        return _Server(handler, made.request_factory, self._limits)


class _Server(web.Server):
    """An application's server, with our connections instead of aiohttp's."""

    def __init__(self, handler: Any, factory: Any, limits: ServerLimits) -> None:
        super().__init__(
            handler,
            request_factory=factory,
            access_log=None,
            keepalive_timeout=limits.idle_seconds,
            lingering_time=limits.linger_seconds,
            max_headers=limits.headers,
            max_line_size=limits.field_bytes,
            max_field_size=limits.field_bytes,
            # Nothing that a client sent is inflated here: see bodies.py.
            auto_decompress=False,
        )
        self.limits = limits
        self.clients: Counter[str] = Counter()

    def __call__(self) -> web.RequestHandler:
        return _Connection(self, self._loop, **self._kwargs)

    def admit(self, address: str) -> bool:
        """Count a connection; False where its client has as many as it may."""
        most = self.limits.client_connections
        if most and self.clients[address] >= most and not is_trusted(address, self.limits.trusted):
            return False
        self.clients[address] += 1
        return True

    def release(self, address: str) -> None:
        self.clients[address] -= 1
        if not self.clients[address]:
            del self.clients[address]


class _Connection(web.RequestHandler):
    """One connection."""

    def __init__(self, server: _Server, loop: asyncio.AbstractEventLoop, **options: Any) -> None:
        super().__init__(server, loop=loop, **options)
        self._server, self._limits = server, server.limits
        self._address: str | None = None
        self._head_bytes = 0
        self._head_timer: asyncio.TimerHandle | None = None
        self._write_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        peer = transport.get_extra_info("peername")
        address = str(peer[0]) if peer else ""
        assert isinstance(transport, asyncio.Transport) or hasattr(transport, "write")
        if not self._server.admit(address):
            self._force_close = True
            _refuse(transport, Problem(429, "too_many_connections", "Too many connections from one address."))
            return
        self._address = address
        _end_half_open(transport, self._limits.write_seconds)
        transport.set_write_buffer_limits(high=self._limits.buffer_bytes)  # type: ignore[attr-defined] # it writes, too
        super().connection_made(transport)

    def connection_lost(self, exc: BaseException | None) -> None:
        if self._address is not None:
            self._server.release(self._address)
            self._address = None
        self._stop_timers()
        request = self._current_request
        if isinstance(request, web.Request):
            note_hung_up(request)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        before = self._request_count
        # Not while a body is read, or the rest of one dropped.
        between = not self._messages and (before == 0 or self._waiter is not None)
        super().data_received(data)
        if self._request_count != before:
            self._head_bytes = 0
            if self._head_timer is not None:
                self._head_timer.cancel()
                self._head_timer = None
        elif between and data and self.transport is not None:
            self._head_bytes += len(data)
            if self._head_bytes > self._limits.head_bytes:
                self._end(Problem(431, "head_too_large", "The request's head is too large."))
            elif self._head_timer is None:
                late = Problem(408, "too_slow_request", "The request's head did not come in time.")
                self._head_timer = self._loop.call_later(self._limits.head_seconds, self._end, late)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._write_timer = self._loop.call_later(self._limits.write_seconds, self._abort)

    def resume_writing(self) -> None:
        if self._write_timer is not None:
            self._write_timer.cancel()
            self._write_timer = None
        super().resume_writing()

    def handle_error(
        self, request: web.BaseRequest, status: int = 500, exc: BaseException | None = None, message: str | None = None
    ) -> web.StreamResponse:
        """Answer what is no HTTP, or a bug that reached the server.

        Raises ConnectionError once an answer has begun, and where the client is gone: that is nobody's bug.
        """
        if isinstance(exc, ConnectionError) and (self.transport is None or self.transport.is_closing()):
            raise exc
        problem = _problem_of(status, exc, message or "")
        if problem.status >= 500 and not isinstance(exc, http_exceptions.HttpProcessingError):
            log.error("http.bug", error=type(exc).__name__)
        HTTP_REFUSED.labels(code=problem.code).inc()
        log.info("http.refused", status=problem.status, code=problem.code)
        if request.writer.output_size > 0:
            raise ConnectionError("an answer has begun")
        response = problem.response(None)
        response.headers.update({**protective_headers(), "X-Request-Id": uuid4().hex})
        response.force_close()
        return response

    def _end(self, problem: Problem) -> None:
        self._stop_timers()
        transport, self.transport = self.transport, None
        if transport is not None:
            _refuse(transport, problem, linger=LINGER_SECONDS)
        self.force_close()

    def _abort(self) -> None:
        log.info("http.client_too_slow")
        if self.transport is not None:
            # An end in good order would wait for the client to take what it does not take.
            self.transport.abort()

    def _stop_timers(self) -> None:
        for timer in (self._head_timer, self._write_timer):
            if timer is not None:
                timer.cancel()
        self._head_timer = self._write_timer = None


def protective_headers() -> Mapping[str, str]:
    """What every answer has: nothing in it is a page, a script or a referrer, or to be kept by anybody."""
    return {
        "Server": SERVER,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
        "Cache-Control": "no-store",
    }


def is_trusted(address: str, networks: Sequence[Network]) -> bool:
    """Whether an address is one of our proxies'."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(parsed, "ipv4_mapped", None) or parsed
    return any(mapped in network for network in networks)


def forwarded_client(peer: str, forwarded: str, networks: Sequence[Network]) -> str | None:
    """The client that a proxy of ours forwards for: the last address of X-Forwarded-For that is not ours.

    None where the peer is no proxy of ours, or does not say.
    """
    if not forwarded or not is_trusted(peer, networks):
        return None
    for text in reversed(forwarded.split(",")):
        try:
            address = str(ipaddress.ip_address(text.strip()))
        except ValueError:
            return None
        if not is_trusted(address, networks):
            return address
    return None


def _problem_of(status: int, error: BaseException | None, message: str) -> Problem:
    """In our words what the parser says in its own, which quote the client."""
    match error:
        case http_exceptions.BadHttpMethod():
            found = Problem(501, "unknown_method", "This server does not know the method.")
        case http_exceptions.LineTooLong():
            found = Problem(431, "head_too_large", "The request's head is too large.")
        case http_exceptions.BadHttpMessage() if "Too many headers" in message:
            found = Problem(431, "head_too_large", "The request has too many headers.")
        case http_exceptions.BadStatusLine() if "version" in message:
            found = Problem(505, "http_version", "This server speaks HTTP/1.1.")
        case http_exceptions.HttpProcessingError():
            found = Problem(400, "bad_http", "The request is not HTTP/1.1 as RFC 9112 has it.")
        case _ if status >= 500:
            found = Problem(500, "bug", "Something broke on our side. It is logged.")
        case _:
            found = Problem(400, "bad_http", "The request cannot be read.")
    return found


def _refuse(transport: asyncio.BaseTransport, problem: Problem, *, linger: float = 0.0) -> None:
    """Answer without a request, and close. ``linger``: seconds in which what the client still sends is dropped.

    A connection that is closed with bytes unread is reset (RFC 9112, section 9.6), and its client loses the answer.
    """
    HTTP_REFUSED.labels(code=problem.code).inc()
    log.info("http.refused", status=problem.status, code=problem.code)
    body = orjson.dumps(problem.body(None))
    lines = [
        f"HTTP/1.1 {problem.status} {HTTPStatus(problem.status).phrase}",
        f"Content-Type: {MEDIA_TYPE}",
        f"Content-Length: {len(body)}",
        "Connection: close",
        f"X-Request-Id: {uuid4().hex}",
        *(f"{name}: {value}" for name, value in protective_headers().items()),
    ]
    transport.write("\r\n".join((*lines, "", "")).encode() + body)  # type: ignore[attr-defined] # it writes, too
    if linger and transport.can_write_eof():  # type: ignore[attr-defined] # as above
        transport.write_eof()  # type: ignore[attr-defined] # as above
        asyncio.get_running_loop().call_later(linger, transport.close)
    else:
        transport.close()


def _end_half_open(transport: asyncio.BaseTransport, seconds: float) -> None:
    """Have the system end a connection whose other side takes nothing, or is gone without a word (RFC 5482)."""
    found = transport.get_extra_info("socket")
    if found is not None and found.family in (socket.AF_INET, socket.AF_INET6) and hasattr(socket, "TCP_USER_TIMEOUT"):
        found.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(seconds * 1000))
