"""The ledger as its readers see it, and health."""

from __future__ import annotations

import hashlib
from typing import Any

import aiohttp
import openai
from elevenlabs.client import AsyncElevenLabs


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
