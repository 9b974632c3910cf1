"""Odd, broken-off and spoiled answers on request, as the vendor's own client meets them."""

from __future__ import annotations

import base64
import io
import json
import unicodedata
from collections.abc import Callable
from typing import Any

import aiohttp
import openai
import pytest
from PIL import Image

from tests.contract.studio.test_misbehaviour import ENDPOINTS, MODEL, calls, order, paid

Check = Callable[[str, Any], None]
SCENE: Any = {
    "type": "json_schema",
    "name": "scene_text",
    "strict": True,
    "schema": {
        "type": "object",
        "properties": {"paragraphs": {"type": "array", "items": {"type": "string"}}, "alt_text": {"type": "string"}},
        "required": ["paragraphs", "alt_text"],
        "additionalProperties": False,
    },
}


async def ask(client: openai.AsyncOpenAI, **more: Any) -> Any:
    return await client.responses.create(model=MODEL, input="<brief>{}</brief>", text={"format": SCENE}, **more)


@pytest.mark.parametrize("endpoint", ENDPOINTS)
async def test_an_error_may_come_with_status_200_and_is_not_paid(
    openai_client: openai.AsyncOpenAI, http: aiohttp.ClientSession, endpoint: str
) -> None:
    await order(http, "error_body", match={"endpoint": endpoint}, times=1, code="insufficient_quota")
    answer = await calls(openai_client)[endpoint]()
    assert answer.to_dict(warnings=False)["error"]["code"] == "insufficient_quota"
    assert answer._request_id.startswith("req_")
    assert await paid(http) == []
    await calls(openai_client)[endpoint]()


@pytest.mark.parametrize("reasoning", [True, False])
async def test_an_answer_may_run_out_of_tokens(
    openai_client: openai.AsyncOpenAI, http: aiohttp.ClientSession, fits_openai: Check, reasoning: bool
) -> None:
    await order(http, "incomplete", tokens=32_000, reasoning=reasoning)
    answer = await ask(openai_client, max_output_tokens=16_000)
    assert (answer.status, answer.incomplete_details.reason) == ("incomplete", "max_output_tokens")
    assert answer.usage.output_tokens == 16_000
    assert (answer.usage.output_tokens_details.reasoning_tokens == 16_000) is reasoning
    assert (answer.output_text == "") is reasoning
    fits_openai("Response", answer.to_dict(warnings=False))
    assert (await ask(openai_client, max_output_tokens=32_000)).status == "completed"
    assert [row["cost_usd"] > 0 for row in await paid(http)] == [True, True]


async def test_a_stream_may_run_out_of_tokens_too(
    openai_client: openai.AsyncOpenAI, http: aiohttp.ClientSession
) -> None:
    await order(http, "incomplete")
    events = [event async for event in await ask(openai_client, stream=True)]
    assert [event.type for event in events] == ["response.created", "response.in_progress", "response.incomplete"]


@pytest.mark.parametrize("stream", [True, False])
async def test_odd_items_stand_around_the_answer(
    openai_client: openai.AsyncOpenAI, http: aiohttp.ClientSession, stream: bool
) -> None:
    await order(http, "odd_items")
    if stream:
        events = [event async for event in await ask(openai_client, stream=True)]
        answer = events[-1].response
    else:
        answer = await ask(openai_client)
    kinds = [item and item["type"] for item in answer.to_dict(warnings=False)["output"]]
    assert kinds == ["reasoning", None, "item_of_another_day", "message", None]
    parts = answer.to_dict(warnings=False)["output"][3]["content"]
    assert parts[0] is None
    assert json.loads(parts[-1]["text"])["alt_text"] == "A fox asleep."


@pytest.mark.parametrize(
    ("dirt", "sign"),
    [
        ("nul", "\0"), ("escape", "\x1b"), ("surrogate", "\ud83d"), ("noncharacter", "\ufffe"), ("markup", "<b>"),
        ("bidi", "\u202e"), ("line_breaks", "\u2028"), ("decomposed", "e\u0301"),
    ],
)  # fmt: skip
async def test_a_text_may_be_dirty(
    openai_client: openai.AsyncOpenAI, http: aiohttp.ClientSession, dirt: str, sign: str
) -> None:
    await order(http, "dirty_text", dirt=dirt, field="alt_text")
    told = json.loads((await ask(openai_client)).output_text)
    assert sign in told["alt_text"]
    assert sign not in "".join(told["paragraphs"])
    await http.delete("/studio/faults")
    clean = json.loads((await ask(openai_client)).output_text)
    assert unicodedata.normalize("NFC", told["alt_text"]).startswith(clean["alt_text"][:4])


async def test_a_text_may_be_endless_and_it_is_the_longest(
    openai_client: openai.AsyncOpenAI, http: aiohttp.ClientSession
) -> None:
    await order(http, "dirty_text", dirt="endless")
    told = json.loads((await ask(openai_client)).output_text)
    assert len(told["paragraphs"][0]) > 20_000


async def draw(client: openai.AsyncOpenAI) -> str:
    answer = await client.images.generate(model="gpt-image-1", prompt="Hero: a child", size="1024x1536")
    assert answer.data
    return answer.data[0].b64_json or ""


@pytest.mark.parametrize(
    ("form", "seen"),
    [
        ("webp", ("WEBP", (1024, 1536), "RGB")),
        ("jpeg", ("JPEG", (1024, 1536), "RGB")),
        ("data_url", ("PNG", (1024, 1536), "RGB")),
        ("wrapped", ("PNG", (1024, 1536), "RGB")),
        ("other_size", ("PNG", (1024, 1024), "RGB")),
        ("alpha", ("PNG", (1024, 1536), "RGBA")),
        ("bomb", ("PNG", (60_000, 60_000), "RGB")),
    ],
)
async def test_a_picture_may_come_in_another_form(
    openai_client: openai.AsyncOpenAI,
    http: aiohttp.ClientSession,
    monkeypatch: pytest.MonkeyPatch,
    form: str,
    seen: tuple[Any, ...],
) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    await order(http, "odd_picture", form=form)
    text = await draw(openai_client)
    assert text.startswith("data:image/png;base64,") == (form == "data_url")
    assert ("\n" in text) == (form == "wrapped")
    with Image.open(io.BytesIO(base64.b64decode(text.partition(",")[2] or text))) as picture:
        assert (picture.format, picture.size, picture.mode) == seen


@pytest.mark.parametrize("form", ["truncated", "no_picture"])
async def test_a_picture_may_be_none(openai_client: openai.AsyncOpenAI, http: aiohttp.ClientSession, form: str) -> None:
    await order(http, "odd_picture", form=form)
    data = base64.b64decode(await draw(openai_client))
    with pytest.raises((OSError, SyntaxError)), Image.open(io.BytesIO(data)) as picture:
        picture.load()


async def test_a_picture_may_be_refused_without_a_code(
    openai_client: openai.AsyncOpenAI, http: aiohttp.ClientSession, fits_openai: Check
) -> None:
    await order(http, "refuse_uncoded", times=1)
    with pytest.raises(openai.BadRequestError, match="safety system") as refused:
        await draw(openai_client)
    assert refused.value.code is None
    fits_openai("ErrorResponse", refused.value.response.json())
    await draw(openai_client)


@pytest.mark.parametrize(
    "wrong",
    [
        {"fault": "dirty_text", "dirt": "mud"},
        {"fault": "odd_picture", "form": "gif"},
        {"fault": "incomplete", "tokens": 0},
    ],
)
async def test_a_form_that_the_studio_does_not_know_is_refused(
    http: aiohttp.ClientSession, wrong: dict[str, Any]
) -> None:
    async with http.post("/studio/faults", json=wrong) as response:
        assert response.status == 400


async def test_a_header_names_the_same(openai_client: openai.AsyncOpenAI) -> None:
    headers = {"x-studio-fault": "dirty_text; dirt=nul; field=alt_text"}
    assert "\0" in json.loads((await ask(openai_client, extra_headers=headers)).output_text)["alt_text"]
