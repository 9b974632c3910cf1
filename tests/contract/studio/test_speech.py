"""Text to speech: against the vendor's file, and through the vendor's own client."""

from __future__ import annotations

import base64
from typing import Any

import aiohttp
import jsonschema
import pytest
from elevenlabs import VoiceSettings
from elevenlabs.client import AsyncElevenLabs
from elevenlabs.core.api_error import ApiError
from elevenlabs.errors import UnprocessableEntityError

PATH = "/v1/text-to-speech/21m00Tcm4TlvDq8ikWAM/with-timestamps"
TEXT = "The fox slept."


async def test_an_answer_is_the_vendors(http: aiohttp.ClientSession, elevenlabs_operation: dict[str, Any]) -> None:
    async with http.post(PATH, json={"text": TEXT}, params={"output_format": "mp3_44100_128"}) as response:
        body = await response.json()
    assert response.status == 200
    jsonschema.validate(body, elevenlabs_operation["responses"]["200"]["content"]["application/json"]["schema"])
    assert "".join(body["alignment"]["characters"]) == TEXT
    assert body["normalized_alignment"] == body["alignment"]
    assert response.headers["request-id"]
    assert response.headers["character-cost"] == str(len(TEXT))


async def test_the_sdk_hears_the_text_and_its_times(elevenlabs_client: AsyncElevenLabs) -> None:
    answer = await elevenlabs_client.text_to_speech.with_raw_response.convert_with_timestamps(
        "mira", text=TEXT, model_id="eleven_v3", output_format="mp3_44100_128", seed=7, previous_text="Night fell.",
        next_text="Morning came.", voice_settings=VoiceSettings(stability=0.5, style=0.4, speed=0.8),
    )  # fmt: skip
    assert base64.b64decode(answer.data.audio_base_64) == b"espeak mira 7"
    alignment = answer.data.alignment
    assert alignment is not None
    assert "".join(alignment.characters) == TEXT
    assert alignment.character_end_times_seconds[-1] == pytest.approx(len(TEXT) * 0.125)
    assert answer.headers["character-cost"] == "14"


async def test_without_a_seed_the_words_are_the_seed(http: aiohttp.ClientSession) -> None:
    async def hear(text: str) -> str:
        async with http.post(PATH, json={"text": text}) as response:
            audio: str = (await response.json())["audio_base64"]
            return audio

    assert await hear(TEXT) == await hear(TEXT)
    assert await hear(TEXT) != await hear("The owl slept.")


@pytest.mark.parametrize(
    ("body", "where", "kind"),
    [
        ({}, ["body", "text"], "missing"),
        ({"text": 5}, ["body", "text"], "string_type"),
        ({"text": ""}, ["body", "text"], "string_too_short"),
        ({"text": "x", "voice_settings": {"speed": 3}}, ["body", "voice_settings", "speed"], "less_than_equal"),
        ({"text": "x", "seed": -1}, ["body", "seed"], "greater_than_equal"),
        ({"text": "x", "apply_text_normalization": "maybe"}, ["body", "apply_text_normalization"], "enum"),
    ],
)
async def test_an_invalid_body_is_unprocessable(
    http: aiohttp.ClientSession, body: Any, where: list[str], kind: str
) -> None:
    async with http.post(PATH, json=body) as response:
        detail = (await response.json())["detail"]
    assert response.status == 422
    assert (detail[0]["loc"], detail[0]["type"]) == (where, kind)
    assert detail[0]["msg"]


@pytest.mark.parametrize(
    ("path", "body", "params", "status", "kind"),
    [
        (PATH, {"text": "x", "model_id": "eleven_v99"}, {}, 404, "model_not_found"),
        (PATH, {"text": "x"}, {"output_format": "pcm_44100"}, 403, "output_format_not_allowed"),
        (PATH, {"text": "x" * 5001, "model_id": "eleven_v3"}, {}, 400, "max_character_limit_exceeded"),
        (PATH, {"text": "   "}, {}, 400, "invalid_text"),
        ("/v1/text-to-speech/missing/with-timestamps", {"text": "x"}, {}, 404, "voice_not_found"),
        ("/v1/text-to-speech/a.b/with-timestamps", {"text": "x"}, {}, 400, "invalid_uid"),
    ],
)
async def test_what_is_not_there_is_said_in_the_vendors_shape(
    http: aiohttp.ClientSession, *, path: str, body: Any, params: dict[str, str], status: int, kind: str
) -> None:
    async with http.post(path, json=body, params=params) as response:
        detail = (await response.json())["detail"]
    assert (response.status, detail["status"]) == (status, kind)
    assert detail["message"]


async def test_the_sdk_raises_its_own_exceptions(
    elevenlabs_client: AsyncElevenLabs, http: aiohttp.ClientSession
) -> None:
    with pytest.raises(UnprocessableEntityError):
        await elevenlabs_client.text_to_speech.convert_with_timestamps("mira", text="")
    await http.post("/studio/faults", json={"fault": "refuse", "match": {"endpoint": "text_to_speech"}})
    with pytest.raises(ApiError) as refused:
        await elevenlabs_client.text_to_speech.convert_with_timestamps("mira", text=TEXT)
    assert refused.value.status_code == 400
    assert refused.value.body["detail"]["status"] == "bad_prompt"


async def test_a_busy_voice_says_when_to_come_back(
    elevenlabs_client: AsyncElevenLabs, http: aiohttp.ClientSession
) -> None:
    await http.post("/studio/faults", json={"fault": "rate_limit", "retry_after": 2.5, "times": 1})
    with pytest.raises(ApiError) as busy:
        await elevenlabs_client.text_to_speech.convert_with_timestamps(
            "mira", text=TEXT, request_options={"max_retries": 0}
        )
    assert busy.value.status_code == 429
    assert busy.value.headers is not None
    assert busy.value.headers["retry-after"] == "3"
