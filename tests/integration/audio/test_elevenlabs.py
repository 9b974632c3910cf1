"""The door to ElevenLabs, through the real SDK, against a provider that misbehaves in every way it can."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import web
from structlog.testing import capture_logs

from storyloom.providers.elevenlabs.client import ElevenLabs
from storyloom.providers.ports import Passage
from storyloom.runtime.settings import ElevenLabsSettings
from storyloom.story.errors import PermanentError, ProviderUnavailable, RetryableError
from studio.backends import Speech
from studio.voice.synthesis import synthesise
from tests.integration.audio.provider import REQUEST_ID, Behave, Provider, body, open_provider, say

PASSAGE = Passage(text="Good night, fox.", voice_id="narrator", purpose="narration_1")


@pytest.fixture
async def provider() -> AsyncIterator[Provider]:
    async with open_provider() as provider:
        yield provider


def settings(provider: Provider, **changes: Any) -> ElevenLabsSettings:
    return ElevenLabsSettings.model_validate(
        {"elevenlabs_api_key": "key", "elevenlabs_base_url": provider.url, "voice_timeout": 30, **changes}
    )


@pytest.fixture
async def voice(provider: Provider) -> AsyncIterator[ElevenLabs]:
    voice = ElevenLabs(settings(provider))
    yield voice
    await voice.close()


def always(data: Any, status: int = 200, **headers: str) -> Behave:
    async def behave(_request: web.Request) -> web.StreamResponse:
        return say(data, status, **headers)

    return behave


async def test_a_passage_is_read_with_the_agreed_settings(provider: Provider, voice: ElevenLabs) -> None:
    reading = await voice.read(PASSAGE)
    assert provider.asked == [
        {
            "text": "Good night, fox.",
            "model_id": "eleven_v3",
            "voice_settings": {"stability": 0.5, "similarity_boost": 0.75, "style": 0.4, "speed": 1.0},
        }
    ]
    assert provider.voices == ["narrator"]
    assert reading.alignment is not None
    assert "".join(reading.alignment.characters) == PASSAGE.text
    assert 0 < reading.alignment.ends[-1] <= reading.seconds
    assert (reading.call.request_id, reading.call.model, reading.call.purpose) == (
        REQUEST_ID,
        "eleven_v3",
        "narration_1",
    )
    assert reading.call.cost_usd == pytest.approx(0.0003 * len(PASSAGE.text))


async def test_neighbours_go_along_where_the_model_takes_them(provider: Provider) -> None:
    passage = Passage(text="Two.", voice_id="v", purpose="narration_2", previous="One.", next="Three.", seed=7)
    for model, sent in (("eleven_multilingual_v2", ("One.", "Three.")), ("eleven_v3", (None, None))):
        voice = ElevenLabs(settings(provider, voice_model=model))
        await voice.read(passage)
        await voice.close()
        asked = provider.asked[-1]
        assert (asked.get("previous_text"), asked.get("next_text"), asked["seed"]) == (*sent, 7)


async def test_a_rate_limit_says_when_to_try_again_and_is_asked_once(provider: Provider, voice: ElevenLabs) -> None:
    provider.behave = always({"detail": {"status": "too_many_concurrent_requests"}}, 429, **{"Retry-After": "7"})
    with pytest.raises(RetryableError) as raised:
        await voice.read(PASSAGE)
    assert (raised.value.after, raised.value.request_id) == (7.0, REQUEST_ID)
    assert len(provider.asked) == 1


async def test_a_server_error_is_tried_again_later_by_the_bus_alone(provider: Provider, voice: ElevenLabs) -> None:
    provider.behave = always({"detail": "oops"}, 500)
    with pytest.raises(RetryableError) as raised:
        await voice.read(PASSAGE)
    assert raised.value.request_id == REQUEST_ID
    assert len(provider.asked) == 1


@pytest.mark.parametrize(("status", "code"), [(404, "bad_request"), (422, "bad_request")])
async def test_a_refusal_is_given_up(provider: Provider, voice: ElevenLabs, status: int, code: str) -> None:
    provider.behave = always({"detail": [{"loc": ["body", "text"], "msg": "bad", "type": "value_error"}]}, status)
    with pytest.raises(PermanentError) as raised:
        await voice.read(PASSAGE)
    assert (raised.value.code, raised.value.request_id) == (code, REQUEST_ID)


async def test_a_provider_that_stalls_is_left_in_time(provider: Provider) -> None:
    provider.behave = provider.stall
    voice = ElevenLabs(settings(provider, voice_timeout=0.2))
    with pytest.raises(RetryableError, match="too long"):
        await voice.read(PASSAGE)
    assert provider.stalled.is_set()
    await voice.close()


async def test_a_cut_connection_is_tried_again(provider: Provider, voice: ElevenLabs) -> None:
    async def cut(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "1000", "request-id": REQUEST_ID})
        await response.prepare(request)
        await response.write(b'{"audio_base64": "')
        assert request.transport
        request.transport.close()
        return response

    provider.behave = cut
    with pytest.raises(RetryableError, match="connection") as raised:
        await voice.read(PASSAGE)
    assert raised.value.request_id == REQUEST_ID


async def test_nobody_listening_is_tried_again() -> None:
    async with open_provider() as closed:
        address = closed.url
    voice = ElevenLabs(settings(Provider(url=address)))
    with pytest.raises(RetryableError, match="connection"):
        await voice.read(PASSAGE)
    await voice.close()


@pytest.mark.parametrize("text", ['{"audio_base64": "', "", "<html>", "null", "[]", '"Mira"', "7", "\xff\xfe"])
@pytest.mark.parametrize("status", [200, 500])
async def test_a_body_that_is_no_answer_is_tried_again(
    provider: Provider, voice: ElevenLabs, text: str, status: int
) -> None:
    async def garble(_request: web.Request) -> web.StreamResponse:
        headers = {"request-id": REQUEST_ID, "Content-Type": "application/json"}
        return web.Response(body=text.encode("latin-1"), status=status, headers=headers)

    provider.behave = garble
    with pytest.raises(RetryableError) as raised:
        await voice.read(PASSAGE)
    assert raised.value.request_id == REQUEST_ID
    assert "Mira" not in str(raised.value)


def _read(text: str = PASSAGE.text) -> Speech:
    return synthesise(text, voice_id="narrator", settings={}, engine="espeak")


def _times(spoken: Speech, *, end: int | None = None, later: float = 0, factor: float = 1) -> dict[str, Any]:
    """The times up to a character, moved and stretched."""
    return {
        "characters": spoken.characters[:end],
        "character_start_times_seconds": [time * factor + later for time in spoken.starts[:end]],
        "character_end_times_seconds": [time * factor + later for time in spoken.ends[:end]],
    }


async def test_sound_that_cannot_be_decoded_is_tried_again(provider: Provider, voice: ElevenLabs) -> None:
    for wrong in ("bm90IG1wMw==", "%%%"):
        provider.behave = always(body(_read(), audio_base64=wrong))
        with pytest.raises(RetryableError, match="ElevenLabs") as raised:
            await voice.read(PASSAGE)
        assert raised.value.request_id == REQUEST_ID


async def test_sound_is_kept_when_its_times_are_of_no_use(provider: Provider, voice: ElevenLabs) -> None:
    """It is paid for, and nothing is wrong with it."""
    spoken = _read()
    for wrong in (
        None,
        "Mira",
        {"characters": ["a"]},
        {"characters": ["a"], "character_start_times_seconds": [], "character_end_times_seconds": [1]},
        _times(spoken, later=60),
        _times(spoken, end=len(spoken.characters) // 2),
    ):
        provider.behave = always(body(spoken, alignment=wrong))
        reading = await voice.read(PASSAGE)
        assert reading.alignment is None
        assert reading.mp3
        assert reading.call.error is None


async def test_the_other_alignment_serves_where_the_first_is_of_no_use(provider: Provider, voice: ElevenLabs) -> None:
    spoken = _read()
    for first in (None, {}, _times(spoken, later=60)):
        provider.behave = always(body(spoken, alignment=first, normalized_alignment=_times(spoken)))
        reading = await voice.read(PASSAGE)
        assert reading.alignment is not None
        assert reading.alignment.ends[-1] == pytest.approx(spoken.ends[-1])


async def test_an_empty_alignment_that_is_not_used_harms_nothing(provider: Provider, voice: ElevenLabs) -> None:
    empty: dict[str, Any] = {
        "characters": [],
        "character_start_times_seconds": [],
        "character_end_times_seconds": [],
    }
    provider.behave = always(body(_read(), normalized_alignment=empty))
    assert (await voice.read(PASSAGE)).alignment is not None


@pytest.mark.parametrize("factor", [0.94, 1.08])
async def test_times_that_drift_are_scaled_onto_the_sound(provider: Provider, voice: ElevenLabs, factor: float) -> None:
    passage = replace(PASSAGE, text="Good night, fox. The stars are out, and all the lamps are lit. Sleep well.")
    spoken = _read(passage.text)
    provider.behave = always(body(spoken, alignment=_times(spoken, factor=factor)))
    alignment = (await voice.read(passage)).alignment
    assert alignment is not None
    assert alignment.starts == pytest.approx(spoken.starts, abs=0.01)
    assert alignment.ends == pytest.approx(spoken.ends, abs=0.01)


async def test_a_reading_that_was_broken_off_is_tried_again(provider: Provider, voice: ElevenLabs) -> None:
    """Its times end with its sound, in the middle of the text: the child would not hear the rest."""
    begun = synthesise("Good night,", voice_id="narrator", settings={}, engine="espeak")
    provider.behave = always(body(begun))
    with pytest.raises(RetryableError, match="only part") as raised:
        await voice.read(PASSAGE)
    assert raised.value.request_id == REQUEST_ID


async def test_a_missing_key_is_said_before_anybody_is_asked(provider: Provider) -> None:
    voice = ElevenLabs(settings(provider, elevenlabs_api_key=""))
    with capture_logs() as lines, pytest.raises(ProviderUnavailable, match=r"^the provider is not available$"):
        await voice.read(PASSAGE)
    assert ("elevenlabs.no_key", "ELEVENLABS_API_KEY") in [(line["event"], line.get("set")) for line in lines]
    assert provider.asked == []


async def test_the_door_recovers_once_the_provider_does(provider: Provider, voice: ElevenLabs) -> None:
    provider.behave = always({}, 503)
    with pytest.raises(RetryableError):
        await voice.read(PASSAGE)
    provider.behave = None
    assert (await voice.read(PASSAGE)).seconds > 0
