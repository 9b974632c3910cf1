"""The image API: against the vendor's file, and through the vendor's own client."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from typing import Any

import aiohttp
import openai
import pytest
from PIL import Image

Check = Callable[[str, Any], None]
MODEL = "gpt-image-1.5"
PROMPT = "Hero: a human child\nMust show: a manual wheelchair\nNever: blood"


def read(encoded: str | None) -> Image.Image:
    assert encoded is not None
    image = Image.open(io.BytesIO(base64.b64decode(encoded)))
    image.load()
    return image


@pytest.fixture
async def portrait(openai_client: openai.AsyncOpenAI) -> bytes:
    answer = await openai_client.images.generate(model=MODEL, prompt=PROMPT)
    assert answer.data
    return base64.b64decode(answer.data[0].b64_json or "")


@pytest.mark.parametrize(
    ("size", "pixels", "tokens"),
    [("1024x1024", (1024, 1024), 1056), ("1024x1536", (1024, 1536), 1584), ("1536x1024", (1536, 1024), 1568),
     ("auto", (1024, 1024), 1056)],
)  # fmt: skip
async def test_the_sdk_gets_a_picture_of_the_size_it_asks(
    openai_client: openai.AsyncOpenAI, size: Any, pixels: tuple[int, int], tokens: int
) -> None:
    answer = await openai_client.images.generate(model=MODEL, prompt=PROMPT, size=size, quality="medium", n=1)
    assert answer.data
    assert read(answer.data[0].b64_json).size == pixels
    assert answer.usage is not None
    assert answer.usage.output_tokens == tokens
    assert answer.usage.total_tokens == answer.usage.input_tokens + tokens
    assert answer._request_id is not None


@pytest.mark.parametrize("output_format", ["png", "jpeg", "webp"])
async def test_the_sdk_gets_the_format_it_asks(openai_client: openai.AsyncOpenAI, output_format: Any) -> None:
    answer = await openai_client.images.generate(model=MODEL, prompt=PROMPT, output_format=output_format)
    assert answer.data
    assert read(answer.data[0].b64_json).format == output_format.upper()
    assert answer.output_format == output_format


async def test_a_picture_is_the_vendors_answer(http: aiohttp.ClientSession, fits_openai: Check) -> None:
    async with http.post("/v1/images/generations", json={"prompt": PROMPT, "model": MODEL, "n": 2}) as response:
        body = await response.json()
        assert response.headers["x-request-id"].startswith("req_")
    fits_openai("ImagesResponse", body)
    one, other = body["data"]
    assert one != other


async def test_the_same_prompt_draws_the_same_picture(openai_client: openai.AsyncOpenAI) -> None:
    first, again, other = [
        (await openai_client.images.generate(model=MODEL, prompt=prompt)).data for prompt in (PROMPT, PROMPT, "A fox")
    ]
    assert first == again != other


async def test_the_sdk_edits_with_one_reference_or_several(openai_client: openai.AsyncOpenAI, portrait: bytes) -> None:
    one = await openai_client.images.edit(
        model=MODEL, prompt=PROMPT, image=("ref.png", portrait, "image/png"), input_fidelity="low"
    )
    several = await openai_client.images.edit(
        model=MODEL, prompt=PROMPT, image=[("a.png", portrait, "image/png"), ("b.png", portrait, "image/png")],
        input_fidelity="high", size="1024x1536", quality="high", n=1, output_compression=90,
    )  # fmt: skip
    assert one.data
    assert several.data
    assert '"edited": true' in read(one.data[0].b64_json).info["seen"]
    assert read(several.data[0].b64_json).size == (1024, 1536)
    assert one.usage is not None
    assert several.usage is not None
    assert several.usage.input_tokens_details.image_tokens > 2 * one.usage.input_tokens_details.image_tokens > 0


async def test_an_edit_may_also_come_as_json(http: aiohttp.ClientSession, fits_openai: Check, portrait: bytes) -> None:
    url = f"data:image/png;base64,{base64.b64encode(portrait).decode()}"
    body = {"model": MODEL, "prompt": PROMPT, "images": [{"image_url": url}]}
    async with http.post("/v1/images/edits", json=body) as response:
        assert response.status == 200
        fits_openai("ImagesResponse", await response.json())


async def test_a_prompt_that_moderation_flags_is_blocked(
    openai_client: openai.AsyncOpenAI, http: aiohttp.ClientSession, fits_openai: Check
) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        await openai_client.images.generate(model=MODEL, prompt="Scene: blood everywhere")
    assert refused.value.code == "moderation_blocked"
    assert refused.value.type == "image_generation_user_error"
    assert f"request ID {refused.value.request_id}" in refused.value.message
    assert "safety_violations=[violence]" in refused.value.message
    async with http.post("/v1/images/generations", json={"prompt": "blood"}) as response:
        fits_openai("ErrorResponse", await response.json())
    assert await (await http.get("/studio/ledger")).json() == []


@pytest.mark.parametrize(
    ("body", "status", "param", "code"),
    [
        ({}, 400, "prompt", "missing_required_parameter"),
        ({"prompt": ""}, 400, "prompt", "empty_string"),
        ({"prompt": "x" * 32_001}, 400, "prompt", "string_above_max_length"),
        ({"prompt": "x", "size": "640x480"}, 400, "size", "invalid_value"),
        ({"prompt": "x", "quality": "superb"}, 400, "quality", "invalid_value"),
        ({"prompt": "x", "n": 11}, 400, "n", "integer_above_max_value"),
        ({"prompt": "x", "response_format": "url"}, 400, "response_format", "unknown_parameter"),
        ({"prompt": "x", "model": "dall-e-9"}, 404, "model", "model_not_found"),
        ({"prompt": "x", "stream": True}, 400, "stream", "unsupported_value"),
    ],
)
async def test_a_wrong_request_is_refused_by_the_name_of_its_parameter(
    http: aiohttp.ClientSession, fits_openai: Check, *, body: Any, status: int, param: str, code: str
) -> None:
    async with http.post("/v1/images/generations", json=body) as response:
        answer = await response.json()
    assert (response.status, answer["error"]["param"], answer["error"]["code"]) == (status, param, code)
    fits_openai("ErrorResponse", answer)


@pytest.mark.parametrize(
    ("fields", "param", "code"),
    [
        ({"prompt": "x"}, "image", "missing_required_parameter"),
        ({"prompt": "x", "image": b"GIF89a"}, "image", "invalid_image_file"),
        ({"prompt": "x", "image": "words"}, "image", "invalid_type"),
        ({"prompt": "x", "image": b"\x89PNG", "n": "many"}, "n", "invalid_type"),
        ({"prompt": "x", "image": b"\x89PNG", "input_fidelity": "some"}, "input_fidelity", "invalid_value"),
    ],
)
async def test_a_wrong_form_is_refused_by_the_name_of_its_field(
    http: aiohttp.ClientSession, fits_openai: Check, fields: dict[str, str | bytes], param: str, code: str
) -> None:
    form = aiohttp.FormData(default_to_multipart=True)
    for name, value in fields.items():
        form.add_field(name, value, filename="x.png" if isinstance(value, bytes) else None)
    async with http.post("/v1/images/edits", data=form) as response:
        answer = await response.json()
    assert (response.status, answer["error"]["param"], answer["error"]["code"]) == (400, param, code)
    fits_openai("ErrorResponse", answer)


async def test_a_body_that_is_neither_form_nor_json_is_refused(http: aiohttp.ClientSession) -> None:
    async with http.post("/v1/images/edits", data=b"x", headers={"Content-Type": "text/plain"}) as response:
        assert response.status == 400
        assert (await response.json())["error"]["code"] == "unsupported_content_type"


@pytest.mark.parametrize("body", [b"", b"no boundary", b"--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--\r\n"])
async def test_a_broken_form_is_refused(http: aiohttp.ClientSession, fits_openai: Check, body: bytes) -> None:
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    async with http.post("/v1/images/edits", data=body, headers=headers) as response:
        assert response.status == 400
        fits_openai("ErrorResponse", await response.json())


async def test_a_further_version_is_drawn_with_what_the_first_one_chose_in_mind(
    openai_client: openai.AsyncOpenAI, http: aiohttp.ClientSession
) -> None:
    seen = (await (await http.get("/studio/ledger")).json())[-1:]
    for line in ("", "\nVersion: 2: composed anew", "\nVersion: 3: composed anew"):
        await openai_client.images.generate(model=MODEL, prompt=f"{PROMPT}{line}", size="1024x1024")
    since = seen[0]["seq"] if seen else 0
    rows = await (await http.get("/studio/ledger", params={"since": since})).json()
    assert len({row["prompt_sha256"] for row in rows}) == 3
    assert len({row["seed"] for row in rows}) == 1
