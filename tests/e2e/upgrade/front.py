"""What stands before the services in production: it sends requests to replicas that say they are ready, and retries
nothing. What a client would have seen fail is noted.
"""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field

import aiohttp
from aiohttp import web

POLL_SECONDS = 0.2
_HOP = frozenset({"connection", "transfer-encoding", "content-length", "keep-alive", "host"})


@dataclass(frozen=True, slots=True)
class Backend:
    """A replica, by its public and its internal origin."""

    url: str
    internal_url: str


@dataclass
class Front:
    """A reverse proxy. Progress streams go to ``status``, everything else to ``api``, as by the ingress' routes."""

    http: aiohttp.ClientSession
    backends: dict[str, list[Backend]] = field(default_factory=lambda: {"api": [], "status": []})
    ready: dict[str, list[Backend]] = field(default_factory=lambda: {"api": [], "status": []})
    failures: list[str] = field(default_factory=list)
    answered: int = 0
    _turn: int = 0

    async def poll(self) -> None:
        """Ask all replicas for their readiness, for ever."""
        while True:
            for name, backends in self.backends.items():
                found = [backend for backend in backends if await self._is_ready(backend)]
                self.ready[name] = found
            await asyncio.sleep(POLL_SECONDS)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Pass a request on to one replica, and its answer back."""
        streams = request.path.endswith("/events")
        name = "status" if streams else "api"
        what = f"{request.method} {request.path.rsplit('/', 1)[-1] if streams else name}"
        ready = self.ready[name]
        if not ready:
            self.failures.append(f"{what}: no {name} is ready")
            raise web.HTTPBadGateway
        self._turn += 1
        backend = ready[self._turn % len(ready)]
        headers = {key: value for key, value in request.headers.items() if key.lower() not in _HOP}
        body = await request.read()
        out: web.StreamResponse | None = None
        try:
            async with self.http.request(
                request.method, f"{backend.url}{request.path_qs}", headers=headers, data=body, allow_redirects=False
            ) as answer:
                if answer.status >= 500:
                    self.failures.append(f"{what}: {answer.status} {(await answer.text())[:200]}")
                out = web.StreamResponse(
                    status=answer.status,
                    headers={key: value for key, value in answer.headers.items() if key.lower() not in _HOP},
                )
                await self._pass_on(request, answer, out)
        except aiohttp.ClientError as error:
            self.failures.append(f"{what}: {type(error).__name__} {error}")
            if out is None:
                raise web.HTTPBadGateway from error
        self.answered += 1
        return out

    async def _pass_on(self, request: web.Request, answer: aiohttp.ClientResponse, out: web.StreamResponse) -> None:
        """Copy an answer. Raises ClientError where the replica cuts it short; a client that hangs up is no failure."""
        chunks = answer.content.iter_any()
        try:
            await out.prepare(request)
        except ConnectionError:
            return
        while (chunk := await anext(chunks, None)) is not None:
            try:
                await out.write(chunk)
            except ConnectionError:
                return
        with suppress(ConnectionError):
            await out.write_eof()

    async def _is_ready(self, backend: Backend) -> bool:
        try:
            async with self.http.get(f"{backend.internal_url}/health/ready") as answer:
                return answer.status == 200
        except aiohttp.ClientError:
            return False
