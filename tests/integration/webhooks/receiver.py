"""An endpoint on loopback that verifies what it receives with the library's own verifier, and answers as it is told."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Self

from aiohttp import web
from standardwebhooks import Webhook

from storyloom.runtime.settings import Settings

LOCAL = {"webhook_allow_http": True, "webhook_allowed_networks": ["127.0.0.0/8", "::1/128"]}
"""Settings of a developer's machine."""
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


def local(settings: Settings, **changes: Any) -> Settings:
    """A test's settings, with loopback allowed, and short delays."""
    short = {"webhook_retry_delays": (0.05,) * 6, "webhook_timeout": 2.0}
    return Settings.model_validate({**settings.model_dump(), **LOCAL, **short, **changes})


@dataclass(frozen=True, slots=True)
class Received:
    """One request whose signature is right."""

    path: str
    id: str
    timestamp: str
    signatures: tuple[str, ...]
    event: dict[str, Any]


async def take(_request: web.Request) -> web.Response:
    """204."""
    return web.Response(status=204)


async def hang(_request: web.Request) -> web.Response:
    """No answer."""
    await asyncio.Event().wait()
    raise AssertionError


def answer(status: int, **headers: str) -> Answer:
    """A status, with headers by their names in snake case."""

    async def respond(_request: web.Request) -> web.Response:
        return web.Response(status=status, headers={name.replace("_", "-"): value for name, value in headers.items()})

    return respond


class Receiver:
    """A server; use it as a context. ``answers`` are given in turn, the last of them for ever."""

    def __init__(
        self,
        *answers: Answer,
        secret: str = SECRET,
        tls: ssl.SSLContext | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        self.received: list[Received] = []
        self.requests = 0
        self.began = asyncio.Event()
        self._answers = list(answers) or [take]
        self.secret = secret
        self._tls = tls
        self._changed = asyncio.Condition()
        self._runner: web.AppRunner | None = None
        self._host = host
        self.port = port

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://{self._host}:{self.port}/hooks"

    def then(self, *answers: Answer) -> None:
        """Answer so from now on."""
        self._answers = list(answers)

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._host, self.port, ssl_context=self._tls, backlog=4096)
        await site.start()
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._runner is not None
        await self._runner.cleanup()

    async def wait_for(self, count: int, *, within: float = 10) -> list[Received]:
        """Wait until so many were received."""
        async with asyncio.timeout(within), self._changed:
            await self._changed.wait_for(lambda: len(self.received) >= count)
        return self.received

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        event = Webhook(self.secret).verify(body, dict(request.headers))
        self.requests += 1
        self.began.set()
        headers = request.headers
        signatures = tuple(headers["webhook-signature"].split(" "))
        found = Received(request.path_qs, headers["webhook-id"], headers["webhook-timestamp"], signatures, event)
        respond = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        async with self._changed:
            self.received.append(found)
            self._changed.notify_all()
        return await respond(request)
