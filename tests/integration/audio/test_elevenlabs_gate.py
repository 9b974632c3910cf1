"""The door to ElevenLabs with its gate before it, and the bill of the job, through the real SDK."""

import asyncio
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from aiohttp import web
from pydantic import SecretStr

from storyloom.providers.elevenlabs.client import ElevenLabs
from storyloom.providers.ports import Passage
from storyloom.providers.resilience.gate import Gate
from storyloom.providers.usage import PROVIDER_USAGE, ProviderUsage
from storyloom.runtime.settings import ElevenLabsSettings, ProviderSettings
from storyloom.story.errors import PermanentError, ProviderUnavailable, RetryableError
from studio.backends import Speech
from studio.voice.synthesis import synthesise
from tests.integration.audio.provider import REQUEST_ID, Behave, Provider, body, open_provider, say
from tests.unit.providers.clock import StoppedClock

PASSAGE = Passage(text="Good night, fox.", voice_id="narrator", purpose="narration_1")
PRICE = 0.0003


@pytest.fixture
async def provider() -> AsyncIterator[Provider]:
    async with open_provider() as provider:
        yield provider


def open_door(provider: Provider, gate: Gate | None = None, **changes: Any) -> ElevenLabs:
    settings = {"elevenlabs_api_key": SecretStr("key"), "elevenlabs_base_url": provider.url, "voice_timeout": 30}
    return ElevenLabs(ElevenLabsSettings.model_validate(settings | changes), gate)


@pytest.fixture
async def voice(provider: Provider) -> AsyncIterator[ElevenLabs]:
    voice = open_door(provider)
    yield voice
    await voice.close()


@contextmanager
def billed() -> Iterator[ProviderUsage]:
    bill = ProviderUsage("0123456789abcdef")
    token = PROVIDER_USAGE.set(bill)
    try:
        yield bill
    finally:
        PROVIDER_USAGE.reset(token)


def always(data: Any, status: int = 200, **headers: str) -> Behave:
    async def behave(_request: web.Request) -> web.StreamResponse:
        return say(data, status, **headers)

    return behave


async def cut(request: web.Request) -> web.StreamResponse:
    headers = {"Content-Length": "1000", "request-id": REQUEST_ID, "character-cost": "16"}
    response = web.StreamResponse(headers=headers)
    await response.prepare(request)
    await response.write(b'{"audio_base64": "')
    assert request.transport
    request.transport.close()
    return response


def _spoken() -> Speech:
    return synthesise(PASSAGE.text, voice_id="narrator", settings={}, engine="espeak")


async def test_a_reading_is_named_to_the_provider_and_billed_once(provider: Provider, voice: ElevenLabs) -> None:
    with billed() as bill:
        reading = await voice.read(PASSAGE)
    assert provider.names == ["0123456789abcdef-1"]
    (call,) = bill.calls
    assert (call.provider, call.model, call.request_id, call.purpose, call.error) == (
        "elevenlabs",
        "eleven_v3",
        REQUEST_ID,
        "narration_1",
        None,
    )
    assert call.cost_usd == reading.call.cost_usd == pytest.approx(PRICE * len(PASSAGE.text))


async def test_outside_of_jobs_a_reading_has_no_name(provider: Provider, voice: ElevenLabs) -> None:
    await voice.read(PASSAGE)
    assert provider.names == [None]


@pytest.mark.parametrize(
    ("behave", "error", "cost"),
    [
        (always({"detail": {"status": "too_many_concurrent_requests"}}, 429), "rate_limited", 0),
        (always({"detail": {"status": "quota_exceeded"}}, 401), "out_of_quota", 0),
        (always({"detail": "oops"}, 500), "server_error", 0),
        (always({"detail": {"status": "invalid_api_key"}}, 401), "not_allowed", 0),
        (always({"detail": {"status": "voice_not_found"}}, 404), "rejected", 0),
        (always({"detail": {"status": "content_against_policy"}}, 403), "refused", 0),
        (always({}, 200, **{"character-cost": "16"}), "bad_answer", 16 * PRICE),
        (always({"audio_base64": "", "alignment": None}), "bad_answer", 16 * PRICE),
        (cut, "cut", 16 * PRICE),
    ],
)
async def test_a_failed_reading_is_on_the_bill_with_what_is_known_of_its_cost(
    provider: Provider, voice: ElevenLabs, behave: Behave, error: str, cost: float
) -> None:
    provider.behave = behave
    with billed() as bill, pytest.raises((RetryableError, PermanentError, ProviderUnavailable)):
        await voice.read(PASSAGE)
    (call,) = bill.calls
    assert (call.request_id, call.error) == (REQUEST_ID, error)
    assert call.cost_usd == pytest.approx(cost)


async def test_a_reading_that_does_not_fit_its_text_is_paid_for(provider: Provider, voice: ElevenLabs) -> None:
    provider.behave = always(body(_spoken(), audio_base64="bm90IG1wMw=="))
    with billed() as bill, pytest.raises(RetryableError, match="decoded"):
        await voice.read(PASSAGE)
    (call,) = bill.calls
    assert call.error == "bad_answer"
    assert call.cost_usd == pytest.approx(16 * PRICE)


async def test_a_stalled_reading_and_a_cancelled_one_are_on_the_bill(provider: Provider) -> None:
    provider.behave = provider.stall
    short, long = open_door(provider, voice_timeout=0.2), open_door(provider)
    with billed() as bill:
        with pytest.raises(RetryableError):
            await short.read(PASSAGE)
        provider.stalled.clear()
        task = asyncio.create_task(long.read(PASSAGE))
        await provider.stalled.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert [(call.error, call.cost_usd) for call in bill.calls] == [("timeout", 0), ("cancelled", 0)]
    await short.close()
    await long.close()


async def test_behind_an_open_breaker_nothing_is_sent_and_nothing_billed(provider: Provider) -> None:
    shut = ProviderSettings(breaker_probe_delays=(60,))
    voice = open_door(provider, Gate("elevenlabs", shut, calls=2, most=4, clock=StoppedClock(), rng=random.Random(1)))
    provider.behave = always({"detail": "oops"}, 503)
    for _ in range(4):
        with pytest.raises(RetryableError):
            await voice.read(PASSAGE)
    with pytest.raises(ProviderUnavailable):  # the one that opens it
        await voice.read(PASSAGE)
    with billed() as bill, pytest.raises(ProviderUnavailable, match="the provider is not available"):
        await voice.read(PASSAGE)
    await voice.close()
    assert len(provider.asked) == 5
    assert (bill.calls, bill.requests) == ([], 0)


async def test_used_up_credits_wait_for_people(provider: Provider) -> None:
    clock = StoppedClock()
    settings = ProviderSettings(quota_probe_delay=60)
    voice = open_door(provider, Gate("elevenlabs", settings, calls=2, most=4, clock=clock, rng=random.Random(1)))
    provider.behave = always({"detail": {"status": "quota_exceeded", "message": "You have 3 credits."}}, 401)
    for _ in range(3):
        with pytest.raises(ProviderUnavailable, match="not available") as raised:
            await voice.read(PASSAGE)
        assert raised.value.after >= 60
    assert len(provider.asked) == 1
    provider.behave = None
    await clock.advance(60 * 1.25)
    assert (await voice.read(PASSAGE)).seconds > 0
    await voice.close()
