"""The ledger as its readers see it, and health."""

from __future__ import annotations

import asyncio
import base64
import dataclasses
import hashlib
import time
from collections.abc import Callable, Mapping
from typing import Any

import aiohttp
import openai
from elevenlabs.client import AsyncElevenLabs

from studio.app import serve
from studio.request_context import STATE
from studio.settings import StudioSettings
from tests.contract.studio.conftest import FAKES

PNG_OF_ONE_PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
)


SCENE = {
    "type": "object",
    "properties": {"paragraphs": {"type": "array", "items": {"type": "string"}}, "alt_text": {"type": "string"}},
    "required": ["paragraphs", "alt_text"],
    "additionalProperties": False,
}
QUESTION = {
    "model": "gpt-5-mini",
    "input": "x",
    "text": {"format": {"type": "json_schema", "name": "scene_text", "strict": True, "schema": SCENE}},
}


async def until(holds: Callable[[], bool]) -> None:
    while not holds():  # noqa: ASYNC110 - the studio tells nobody of it
        await asyncio.sleep(0.005)


async def rows(http: aiohttp.ClientSession, since: int = 0) -> list[dict[str, Any]]:
    async with http.get("/studio/ledger", params={"since": since}) as response:
        found: list[dict[str, Any]] = await response.json()
        return found


async def test_every_paid_call_is_written_down_once(
    http: aiohttp.ClientSession, openai_client: openai.AsyncOpenAI, elevenlabs_client: AsyncElevenLabs
) -> None:
    words = await openai_client.responses.create(model="gpt-5-mini", input="Mira")
    async for _ in await openai_client.responses.create(model="gpt-5-mini", input="Mira", stream=True):
        pass
    picture = await openai_client.images.generate(model="gpt-image-1.5", prompt="a fox", quality="high")
    await openai_client.moderations.create(input="a fox")
    await elevenlabs_client.text_to_speech.convert_with_timestamps("mira", text="x" * 100, model_id="eleven_v3")
    said, streamed, drawn, judged, spoken = await rows(http)
    assert [row["endpoint"] for row in (said, streamed, drawn, judged, spoken)] == [
        "responses", "responses", "images.generate", "moderations", "text_to_speech"
    ]  # fmt: skip
    assert said["request_id"] == words._request_id
    assert said["seed"] == streamed["seed"]
    assert said["prompt_sha256"] == hashlib.sha256(b"Mira").hexdigest()
    assert "Mira" not in str((said, streamed))
    assert drawn["request_id"] == picture._request_id
    assert 0.13 < drawn["cost_usd"] < 0.14  # 4160 output tokens at 32 dollars a million
    assert spoken["cost_usd"] == 0.03
    assert judged["cost_usd"] == 0
    assert all(row["bytes"] > 0 and row["status"] == 200 for row in (said, streamed, drawn, judged, spoken))
    assert await rows(http, since=judged["seq"]) == [spoken]


async def test_the_clients_own_name_for_a_call_stands_in_its_row(
    http: aiohttp.ClientSession, openai_client: openai.AsyncOpenAI, elevenlabs_client: AsyncElevenLabs
) -> None:
    before = time.time()
    names = [f"0123456789abcdef-{number}" for number in range(6)]
    named = [{"X-Client-Request-Id": name} for name in names]
    model = "gpt-5-mini"
    await openai_client.responses.create(model=model, input="x", extra_headers=named[0])
    async for _ in await openai_client.responses.create(model=model, input="x", stream=True, extra_headers=named[1]):
        pass
    await openai_client.images.generate(model="gpt-image-1.5", prompt="x", extra_headers=named[2])
    page = PNG_OF_ONE_PIXEL
    await openai_client.images.edit(
        model="gpt-image-1.5", prompt="x", image=("a.png", page, "image/png"), extra_headers=named[3]
    )
    await openai_client.moderations.create(input="x", extra_headers=named[4])
    await elevenlabs_client.text_to_speech.convert_with_timestamps(
        "mira", text="x", model_id="eleven_v3", request_options={"additional_headers": named[5]}
    )
    await openai_client.moderations.create(input="x")
    written = await rows(http)
    assert [row["clientRequestId"] for row in written] == [*names, None]
    for row in written:
        assert before - 0.01 <= row["started_at"] <= row["ended_at"] <= time.time() + 0.01
        assert row["client_there"] is True


async def test_an_answer_that_nobody_waited_for_is_paid_and_says_so() -> None:
    asked, left = asyncio.Event(), asyncio.Event()

    async def ponder(schema_name: str, prompt: str, seed: int) -> Mapping[str, Any] | None:
        asked.set()
        await left.wait()
        return {"paragraphs": ["x"], "alt_text": "x"}

    studio = await serve(StudioSettings(), dataclasses.replace(FAKES, answer_prompt=ponder))
    try:
        async with aiohttp.ClientSession(studio.url, headers={"Authorization": "Bearer local"}) as http:
            call = asyncio.create_task(http.post("/v1/responses", json=QUESTION))
            await asked.wait()
            call.cancel()
            await asyncio.gather(call, return_exceptions=True)
        assert studio._runner.server is not None
        (connection,) = studio._runner.server.connections
        await until(lambda: connection.transport is None)
        left.set()
        ledger = studio.app[STATE].ledger
        await until(lambda: bool(ledger.since()))
        assert [row["client_there"] for row in ledger.since()] == [False]
    finally:
        await studio.stop()


async def test_totals_add_up_and_can_be_cleared(http: aiohttp.ClientSession, openai_client: openai.AsyncOpenAI) -> None:
    for _ in range(3):
        await openai_client.moderations.create(input="x")
    async with http.get("/studio/ledger/totals") as response:
        totals = await response.json()
    assert (totals["calls"], totals["by_endpoint"]) == (3, {"moderations": 3})
    assert totals["bytes"] == sum(row["bytes"] for row in await rows(http))
    async with http.delete("/studio/ledger") as response:
        assert await response.json() == {"cleared": 3}
    assert await rows(http) == []


async def test_a_since_that_is_no_number_is_refused(http: aiohttp.ClientSession) -> None:
    async with http.get("/studio/ledger", params={"since": "yesterday"}) as response:
        assert response.status == 400


async def test_health_says_what_the_studio_is(http: aiohttp.ClientSession) -> None:
    async with http.get("/studio/health") as response:
        health = await response.json()
    assert (health["status"], health["voice"], health["latency"]) == ("ok", "espeak", "instant")
