"""Keys: both vendors' 401, to the letter of their shape."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import aiohttp
import openai
import pytest
from elevenlabs.client import AsyncElevenLabs
from elevenlabs.core.api_error import ApiError

Check = Callable[[str, Any], None]
SPEECH = "/v1/text-to-speech/mira/with-timestamps"


@pytest.mark.parametrize("key", ["", "Basic local", "Bearer ", "Bearer wrong-key", "Bearer sk-revoked-key-0001"])
@pytest.mark.parametrize("path", ["/v1/responses", "/v1/images/edits", "/v1/moderations", "/v1/anything"])
async def test_openai_takes_no_missing_and_no_refused_key(
    studio_url: str, fits_openai: Check, key: str, path: str
) -> None:
    async with aiohttp.ClientSession(studio_url) as session:
        response = await session.post(path, json={"model": "gpt-5", "input": "x"}, headers={"Authorization": key})
        body = await response.json()
    assert response.status == 401
    fits_openai("ErrorResponse", body)
    assert body["error"]["code"] == (
        "invalid_api_key" if key.startswith("Bearer ") and key.strip() != "Bearer" else None
    )
    assert "revoked-key" not in body["error"]["message"]


@pytest.mark.parametrize(("key", "status"), [("", "needs_authorization"), ("wrong", "invalid_api_key")])
async def test_elevenlabs_takes_no_missing_and_no_wrong_key(studio_url: str, key: str, status: str) -> None:
    async with aiohttp.ClientSession(studio_url) as session:
        response = await session.post(SPEECH, json={"text": "x"}, headers={"xi-api-key": key})
        body = await response.json()
    assert (response.status, body["detail"]["status"]) == (401, status)


async def test_the_sdks_raise_their_own_exceptions(studio_url: str) -> None:
    async with openai.AsyncOpenAI(api_key="wrong", base_url=f"{studio_url}/v1", max_retries=0) as client:
        with pytest.raises(openai.AuthenticationError) as refused:
            await client.moderations.create(input="x")
    assert refused.value.code == "invalid_api_key"
    voice = AsyncElevenLabs(api_key="wrong", base_url=studio_url)
    with pytest.raises(ApiError) as unheard:
        await voice.text_to_speech.convert_with_timestamps("mira", text="x")
    assert unheard.value.status_code == 401
    await voice._client_wrapper.httpx_client.httpx_client.aclose()
