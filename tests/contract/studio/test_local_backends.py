"""The studio's own backends behind the protocol: what is written, drawn, described, judged and read aloud."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import urllib.request
from typing import Any

import aiohttp
import jsonschema
import openai
import pytest
from elevenlabs.client import AsyncElevenLabs
from PIL import Image

from studio.backends import Backends

PICTURE = """Hero: a human child with the proportions of a five-year-old: large head, short limbs
Style: soft watercolour picture book illustration
Skin: #8d5524
Hair: curly black
Clothing: yellow dress
Must show: a manual wheelchair with large push-rim wheels and a seat the hero sits in
Companion: a fox, small orange fox with a white tail tip
Scene: the hero and the fox look up at the stars
Setting: a meadow
Time: night
Emotion: happy
Camera: wide
Cast: exactly 2: the hero, the companion
Never: text, letters, blood
"""
CHECKLIST = {
    "must_show": [
        {"id": "wheelchair_manual", "what": "a manual wheelchair with large push-rim wheels"},
        {"id": "hearing_aids", "what": "a hearing aid behind each ear"},
    ],
    "cast": 2,
    "style": "soft watercolour",
}
TRAIT = {
    "type": "object",
    "properties": {
        "id": {"type": "string"},
        "visible": {"enum": ["visible", "not_visible", "unsure"]},
        "confidence": {"type": "number", "minimum": 0, "maximum": 1},
    },
    "required": ["id", "visible", "confidence"],
    "additionalProperties": False,
}
PICTURE_CHECK = {
    "type": "object",
    "properties": {
        "safe": {"type": "boolean"},
        "reasons": {"type": "array", "items": {"type": "string"}},
        "suggested_fix": {"type": "string"},
        "traits": {"type": "array", "items": TRAIT},
        "cast_count": {"type": "integer"},
        "text_artefacts": {"type": "boolean"},
        "style_ok": {"type": "boolean"},
        "alt_text": {"type": "string"},
    },
    "required": [
        "safe", "reasons", "suggested_fix", "traits", "cast_count", "text_artefacts", "style_ok", "alt_text"
    ],
    "additionalProperties": False,
}  # fmt: skip


@pytest.fixture(scope="module")
def studio_backends() -> Backends | None:
    return None


async def check(client: openai.AsyncOpenAI, picture: bytes, kind: str = "image/png") -> dict[str, Any]:
    url = f"data:{kind};base64,{base64.b64encode(picture).decode()}"
    answer = await client.responses.create(
        model="gpt-5.1",
        input=[
            {
                "role": "user",
                "content": [
                    {"type": "input_text", "text": f"<checklist>{json.dumps(CHECKLIST)}</checklist>"},
                    {"type": "input_image", "detail": "auto", "image_url": url},
                ],
            }
        ],
        text={"format": {"type": "json_schema", "name": "picture_check", "strict": True, "schema": PICTURE_CHECK}},
    )
    found: dict[str, Any] = json.loads(answer.output_text)
    jsonschema.validate(found, PICTURE_CHECK)
    return found


async def draw(client: openai.AsyncOpenAI, output_format: Any = "png") -> bytes:
    answer = await client.images.generate(model="gpt-image-1.5", prompt=PICTURE, output_format=output_format)
    assert answer.data
    return base64.b64decode(answer.data[0].b64_json or "")


def visible(found: dict[str, Any]) -> dict[str, str]:
    return {trait["id"]: trait["visible"] for trait in found["traits"]}


@pytest.fixture(scope="module")
def portrait(studio_url: str) -> bytes:
    """The picture of PICTURE, drawn once for all tests: drawing is what takes time here."""
    order = urllib.request.Request(
        f"{studio_url}/v1/images/generations",
        json.dumps({"model": "gpt-image-1.5", "prompt": PICTURE}).encode(),
        {"Authorization": "Bearer local", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(order) as answer:
        return base64.b64decode(json.load(answer)["data"][0]["b64_json"])


async def test_what_was_drawn_is_what_the_check_sees(openai_client: openai.AsyncOpenAI, portrait: bytes) -> None:
    found = await check(openai_client, portrait)
    assert visible(found) == {"wheelchair_manual": "visible", "hearing_aids": "not_visible"}
    assert (found["safe"], found["cast_count"]) == (True, 2)
    assert "fox" in found["alt_text"]


async def test_other_formats_remember_too(openai_client: openai.AsyncOpenAI) -> None:
    found = await check(openai_client, await draw(openai_client, "jpeg"), "image/jpeg")
    assert visible(found)["wheelchair_manual"] == "visible"


async def test_a_missed_trait_is_found_missing(openai_client: openai.AsyncOpenAI, http: aiohttp.ClientSession) -> None:
    await http.post("/studio/faults", json={"fault": "miss_trait", "miss": ["wheelchair"], "times": 1})
    found = await check(openai_client, await draw(openai_client))
    assert visible(found)["wheelchair_manual"] == "not_visible"
    assert "wheelchair" in found["suggested_fix"]


async def test_a_picture_from_elsewhere_is_a_riddle(openai_client: openai.AsyncOpenAI) -> None:
    encoded = io.BytesIO()
    Image.new("RGB", (64, 64), "green").save(encoded, "PNG")
    found = await check(openai_client, encoded.getvalue())
    assert set(visible(found).values()) == {"unsure"}
    with pytest.raises(openai.BadRequestError, match="valid image"):
        await check(openai_client, b"no picture at all")


async def test_the_reference_keeps_the_hero(openai_client: openai.AsyncOpenAI, portrait: bytes) -> None:
    without = PICTURE.replace("Skin: #8d5524\nHair: curly black\n", "")
    answer = await openai_client.images.edit(
        model="gpt-image-1.5", prompt=without, image=[("hero.png", portrait, "image/png")], size="1024x1536",
        input_fidelity="high",
    )  # fmt: skip
    assert answer.data
    picture = base64.b64decode(answer.data[0].b64_json or "")
    assert Image.open(io.BytesIO(picture)).size == (1024, 1536)
    found = await check(openai_client, picture)
    assert visible(found)["wheelchair_manual"] == "visible"
    assert "curly black" in found["alt_text"]


async def test_the_loop_answers_while_pictures_are_drawn(
    openai_client: openai.AsyncOpenAI, http: aiohttp.ClientSession
) -> None:
    drawing = asyncio.create_task(draw(openai_client))
    while not drawing.done():
        async with http.get("/studio/health") as response:
            assert response.status == 200
        await openai_client.moderations.create(input="A fox and a lantern.")
    assert await drawing


async def test_a_voice_gives_sound_and_true_times(elevenlabs_client: AsyncElevenLabs) -> None:
    text = "The fox waited. Then it slept."
    spoken = await elevenlabs_client.text_to_speech.convert_with_timestamps("JBFqnCBsd6RMkjVDRZzb", text=text)
    sound = base64.b64decode(spoken.audio_base_64)
    assert sound[:2] == b"\xff\xfb" or sound[:3] == b"ID3"
    assert spoken.alignment is not None
    starts = spoken.alignment.character_start_times_seconds
    ends = spoken.alignment.character_end_times_seconds
    assert "".join(spoken.alignment.characters) == text
    assert starts == sorted(starts)
    # 128 kbit/s are 16,000 bytes a second: the sound is as long as its times say.
    assert ends[-1] == pytest.approx(len(sound) / 16_000, abs=0.4)


async def test_moderation_knows_calm_from_cruel(openai_client: openai.AsyncOpenAI) -> None:
    calm = await openai_client.moderations.create(input=PICTURE)
    cruel = await openai_client.moderations.create(input="I will kill you and cut your throat with this knife.")
    assert not calm.results[0].flagged
    assert cruel.results[0].flagged


async def test_a_prompt_without_a_brief_is_told_so(openai_client: openai.AsyncOpenAI) -> None:
    shape: Any = {"type": "json_schema", "name": "outline", "schema": {"type": "object"}}
    with pytest.raises(openai.BadRequestError) as refused:
        await openai_client.responses.create(model="gpt-5.1", input="Once upon a time", text={"format": shape})
    assert refused.value.code == "unanswerable_prompt"
