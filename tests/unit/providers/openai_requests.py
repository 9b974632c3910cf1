"""What is asked through the door to OpenAI, and what may come back."""

import asyncio
import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jsonschema
from aiohttp import web

from storyloom.providers.openai.client import OpenAI
from storyloom.providers.usage import PROVIDER_USAGE, ProviderUsage
from storyloom.story.assets import Priority
from storyloom.story.model_text import ModelAnswer
from tests.unit.providers.provider import reply_body, say_stream

# The vendor's oneOf are unions discriminated by a property; taken at their word some of their own examples fit twice.
SPEC = json.loads(
    (Path(__file__).parents[2] / "contract/specs/openai.json").read_text("utf-8").replace("oneOf", "anyOf")
)
PNG = b"\x89PNG\r\n\x1a\n" + b"picture"
JPEG = b"\xff\xd8\xff" + b"picture"


class Scene(ModelAnswer):
    paragraphs: tuple[str, ...]
    alt_text: str


SCENE = Scene(paragraphs=("The fox ran.", "It stopped."), alt_text="A fox.")
TEXT = SCENE.model_dump_json()


@contextmanager
def billed(priority: Priority = Priority.NORMAL) -> Iterator[ProviderUsage]:
    """A job runs: the calls in here stand on its bill."""
    bill = ProviderUsage("0123456789abcdef", priority=priority)
    token = PROVIDER_USAGE.set(bill)
    try:
        yield bill
    finally:
        PROVIDER_USAGE.reset(token)


async def ask(door: OpenAI, premise: str = "foxes", **more: Any) -> Any:
    return await door.parse(
        Scene, name="scene_text", prompt="Write.", blocks={"brief": {"premise": premise}}, purpose="text_1", **more
    )


def check_against_spec(body: dict[str, Any], schema: str) -> None:
    # jsonschema.validate would first check the vendor's whole file against the metaschema, every time.
    jsonschema.Draft202012Validator({"$ref": f"#/components/schemas/{schema}", **SPEC}).validate(body)


def picture_body(data: bytes) -> dict[str, Any]:
    return {
        "created": 1_780_000_000,
        "data": [{"b64_json": base64.b64encode(data).decode()}],
        "usage": {
            "input_tokens": 300,
            "input_tokens_details": {"text_tokens": 200, "image_tokens": 100},
            "output_tokens": 4000,
            "total_tokens": 4300,
        },
    }


def stream_of(text: str, *, pieces: int = 7, end: str = "response.completed", **changes: Any) -> list[dict[str, Any]]:
    step = len(text) // pieces + 1
    place = {"item_id": "msg_1", "output_index": 0, "content_index": 0, "logprobs": []}
    deltas = [text[at : at + step] for at in range(0, len(text), step)]
    events: list[dict[str, Any]] = [{"type": "response.output_text.delta", "delta": delta, **place} for delta in deltas]
    return [*events, {"type": end, "response": reply_body(text, **changes)}]


async def deaf(text: str) -> None:
    """Listen to nothing."""


def moderation(*judged: dict[str, bool]) -> dict[str, Any]:
    results = [{"flagged": any(found.values()), "categories": found, "category_scores": {}} for found in judged]
    return {"id": "modr_1", "model": "omni-moderation-latest", "results": results}


async def stall(request: web.Request) -> web.StreamResponse:
    """Say nothing until the client leaves."""
    await asyncio.Event().wait()
    raise AssertionError


async def stall_in_mid_stream(request: web.Request) -> web.StreamResponse:
    response = await say_stream(stream_of(TEXT)[0])(request)
    await asyncio.Event().wait()
    return response


async def cut(request: web.Request) -> web.StreamResponse:
    """Break off in the middle of the body."""
    response = web.StreamResponse(headers={"content-type": "application/json", "content-length": "5000"})
    await response.prepare(request)
    await response.write(b'{"id": "resp_1", ')
    assert request.transport is not None
    request.transport.abort()
    return response
