"""A provider on localhost for these tests: it reads with espeak, true to ElevenLabs' answers, or misbehaves."""

import asyncio
import base64
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from studio.backends import Speech
from studio.voice.synthesis import synthesise

Behave = Callable[[web.Request], Awaitable[web.StreamResponse]]
REQUEST_ID = "req-42"


@dataclass
class Provider:
    """Answers as it is set: ``behave`` first, an honest reading once that is None. Remembers what it was asked."""

    url: str = ""
    behave: Behave | None = None
    asked: list[dict[str, Any]] = field(default_factory=list)
    voices: list[str] = field(default_factory=list)
    names: list[str | None] = field(default_factory=list)
    """What the client called each request."""
    stalled: asyncio.Event = field(default_factory=asyncio.Event)
    closing: asyncio.Event = field(default_factory=asyncio.Event)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        assert request.headers["xi-api-key"] == "key"
        assert request.query["output_format"] == "mp3_44100_128"
        self.asked.append(await request.json())
        self.voices.append(request.match_info["voice"])
        self.names.append(request.headers.get("X-Client-Request-Id"))
        if self.behave:
            return await self.behave(request)
        spoken = await asyncio.to_thread(
            synthesise, self.asked[-1]["text"], voice_id="narrator", settings={}, engine="espeak"
        )
        return say(body(spoken))

    async def stall(self, request: web.Request) -> web.StreamResponse:
        """Take the request and say nothing until the provider closes."""
        self.stalled.set()
        await self.closing.wait()
        return say(None)


def body(spoken: Speech, **changes: Any) -> dict[str, Any]:
    """ElevenLabs' answer for a reading."""
    return {
        "audio_base64": base64.b64encode(spoken.mp3).decode(),
        "alignment": {
            "characters": spoken.characters,
            "character_start_times_seconds": spoken.starts,
            "character_end_times_seconds": spoken.ends,
        },
        **changes,
    }


def say(data: Any, status: int = 200, **headers: str) -> web.Response:
    """A JSON answer with a request id."""
    return web.json_response(data, status=status, headers={"request-id": REQUEST_ID, **headers})


@asynccontextmanager
async def open_provider() -> AsyncIterator[Provider]:
    provider = Provider()
    app = web.Application()
    app.router.add_post("/v1/text-to-speech/{voice}/with-timestamps", provider.answer)
    runner = web.AppRunner(app, shutdown_timeout=1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    provider.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield provider
    finally:
        provider.closing.set()
        await runner.cleanup()
