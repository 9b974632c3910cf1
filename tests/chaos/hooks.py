"""A tenant's own system: it verifies every webhook by the library, and is as unreliable as such systems are."""

import asyncio
import random
from typing import Self

import aiohttp
from aiohttp import web
from standardwebhooks import Webhook, WebhookVerificationError

from tests.chaos.evidence import Hook

REGISTRATION_TIMEOUT_SECONDS = 60.0
TAKES, FAILS, HANGS, CUTS, FORGETS = "takes", "fails", "hangs", "cuts", "forgets"
MOODS = {TAKES: 78, FAILS: 10, HANGS: 2, CUTS: 5, FORGETS: 5}
"""How it answers, in a hundred. ``cuts``: the connection, at once; ``forgets``: it took it, and the answer is lost."""


class HookReceiver:
    """A server on loopback, outside of what breaks. Use it as a context, then ``register`` it."""

    def __init__(self, seed: int) -> None:
        self.hooks: list[Hook] = []
        self._rng = random.Random(f"{seed} receiver")
        self._secret = ""
        self._runner: web.AppRunner | None = None
        self._url = ""

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_post("/hooks", self._receive)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self._url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/hooks"
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def register(self, http: aiohttp.ClientSession, api: str) -> None:
        """Become an endpoint, before anything happens. Raises what aiohttp raises."""
        async with asyncio.timeout(REGISTRATION_TIMEOUT_SECONDS):
            async with http.post(f"{api}/api/v1/webhooks", json={"url": self._url}) as answer:
                answer.raise_for_status()
                self._secret = (await answer.json())["secret"]

    async def _receive(self, request: web.Request) -> web.Response:
        body = await request.text()
        try:
            Webhook(self._secret).verify(body, dict(request.headers))
            verified = True
        except WebhookVerificationError:
            verified = False
        (mood,) = self._rng.choices(tuple(MOODS), tuple(MOODS.values()))
        taken = mood in (TAKES, FORGETS)
        self.hooks.append(Hook(request.headers.get("webhook-id", ""), body, verified=verified, taken=taken))
        match mood:
            case "hangs":
                await asyncio.Event().wait()
            case "cuts" | "forgets":
                assert request.transport is not None
                request.transport.abort()
        return web.Response(status=500 if mood == FAILS else 204)
