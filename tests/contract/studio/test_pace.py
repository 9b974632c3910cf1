"""Realistic latencies as a client meets them. Bounds are from below alone: a slow machine is no failure."""

from __future__ import annotations

import time

import aiohttp
import openai
import pytest

from studio.api_call import ApiCall
from studio.latency import Latency
from studio.settings import StudioSettings

PACE = Latency("realistic", 0.05)


@pytest.fixture(scope="module")
def studio_settings() -> StudioSettings:
    return StudioSettings(latency=PACE.profile, latency_scale=PACE.scale)


async def planned(http: aiohttp.ClientSession) -> list[float]:
    """How long each paid call should have taken, from what the ledger says of it."""
    async with http.get("/studio/ledger") as response:
        return [
            PACE.seconds(ApiCall(row["endpoint"], row["model"], "", row["seed"], row["request_id"], row["schema"]))
            for row in await response.json()
        ]


async def test_an_answer_takes_the_time_that_was_drawn_for_it(
    openai_client: openai.AsyncOpenAI, http: aiohttp.ClientSession
) -> None:
    started = time.monotonic()
    await openai_client.responses.create(model="gpt-4.1", input="x")
    taken = time.monotonic() - started
    (wanted,) = await planned(http)
    assert 0.15 <= wanted <= 0.3
    assert taken >= wanted


async def test_a_stream_comes_word_by_word_over_its_time(
    openai_client: openai.AsyncOpenAI, http: aiohttp.ClientSession
) -> None:
    started = time.monotonic()
    heard = [
        time.monotonic() - started
        async for event in await openai_client.responses.create(model="gpt-4.1", input="x", stream=True)
        if event.type == "response.output_text.delta"
    ]
    (wanted,) = await planned(http)
    assert len(heard) > 5
    assert heard[0] >= wanted * 0.3
    assert heard[-1] >= wanted * 0.9  # not the time between both: a busy reader has them late, and all at once
