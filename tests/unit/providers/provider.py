"""A vendor that speaks OpenAI's protocol and answers as it is set."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import BodyPartReader, web
from pydantic import SecretStr

from storyloom.providers.openai.client import OpenAI
from storyloom.providers.resilience.gate import Gate
from storyloom.runtime.settings import OpenAISettings

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]
HEADERS = {"x-request-id": "req_42"}


@dataclass
class Vendor:
    """Answers each call with the next of ``answers``, the last one again and again; keeps what it was sent."""

    url: str = ""
    answers: list[Answer] = field(default_factory=list)
    bodies: list[dict[str, Any]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    names: list[str | None] = field(default_factory=list)
    """What the client called each request."""

    def say(self, *answers: Answer) -> None:
        self.answers += answers

    def door(self, gate: Gate | None = None, **settings: Any) -> OpenAI:
        return OpenAI(OpenAISettings(openai_api_key=SecretStr("sk-test"), openai_base_url=self.url, **settings), gate)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.paths.append(request.path)
        self.names.append(request.headers.get("x-client-request-id"))
        self.bodies.append(await (_form(request) if request.content_type.startswith("multipart") else request.json()))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return await answer(request)


async def _form(request: web.Request) -> dict[str, Any]:
    """A multipart body: text fields as text, files as (file name, content type, bytes)."""
    fields: dict[str, Any] = {}
    async for part in await request.multipart():
        assert isinstance(part, BodyPartReader)
        name = part.name or ""
        data = bytes(await part.read())
        fields[name] = (part.filename, part.headers["content-type"], data) if part.filename else data.decode()
    return fields


@asynccontextmanager
async def open_vendor() -> AsyncIterator[Vendor]:
    """A vendor that answers on a free port."""
    vendor = Vendor()
    app = web.Application(client_max_size=1 << 26)
    app.router.add_post("/v1/{tail:.*}", vendor.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    vendor.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    try:
        yield vendor
    finally:
        await runner.cleanup()


def reply_body(text: str, **changes: Any) -> dict[str, Any]:
    """A Response as the vendor's API describes it, with one message."""
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": 1_780_000_000,
        "model": "gpt-5.1",
        "status": "completed",
        "output": [
            {
                "type": "message",
                "id": "msg_1",
                "role": "assistant",
                "status": "completed",
                "content": [{"type": "output_text", "text": text, "annotations": []}],
            }
        ],
        "usage": {
            "input_tokens": 1000,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": 200,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": 1200,
        },
        **changes,
    }


def say_json(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> Answer:
    async def answer(request: web.Request) -> web.Response:
        return web.json_response(body, status=status, headers=HEADERS | (headers or {}))

    return answer


def say_raw(body: bytes, content_type: str = "application/json") -> Answer:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(body=body, headers=HEADERS | {"content-type": content_type})

    return answer


def say_error(status: int, code: str | None = None, headers: dict[str, str] | None = None) -> Answer:
    message = "There is something about Mirabel in this prompt."
    return say_json({"error": {"message": message, "type": "some_error", "param": None, "code": code}}, status, headers)


def say_stream(*events: dict[str, Any], cut: bool = False) -> Answer:
    """Server-sent events; ``cut`` drops the connection after them."""

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers=HEADERS | {"content-type": "text/event-stream"})
        await response.prepare(request)
        for number, event in enumerate(events):
            data = json.dumps({"sequence_number": number, **event})
            await response.write(f"event: {event['type']}\ndata: {data}\n\n".encode())
        if cut:
            assert request.transport is not None
            request.transport.abort()
        return response

    return answer
