"""Moderation: against the vendor's file, and through the vendor's own client."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import aiohttp
import openai
import pytest

Check = Callable[[str, Any], None]


async def test_the_sdk_reads_a_judgement_for_each_text(openai_client: openai.AsyncOpenAI) -> None:
    answer = await openai_client.moderations.create(model="omni-moderation-latest", input=["a fox", "blood"])
    calm, bloody = answer.results
    assert (calm.flagged, bloody.flagged) == (False, True)
    assert bloody.categories.violence is True
    assert bloody.categories.sexual_minors is False
    assert bloody.category_scores.violence == pytest.approx(0.91)
    assert bloody.category_applied_input_types.violence == ["text"]


@pytest.mark.parametrize("given", ["a fox", ["a fox"], [{"type": "text", "text": "a fox"}]])
async def test_every_form_of_input_gets_the_vendors_answer(
    http: aiohttp.ClientSession, fits_openai: Check, given: Any
) -> None:
    async with http.post("/v1/moderations", json={"input": given}) as response:
        body = await response.json()
    fits_openai("CreateModerationResponse", body)
    assert len(body["results"]) == 1


@pytest.mark.parametrize(
    ("body", "status", "param"),
    [
        ({}, 400, "input"),
        ({"input": 5}, 400, "input"),
        ({"input": []}, 400, "input"),
        ({"input": "x", "model": "omni-moderation-1"}, 404, "model"),
        ({"input": [{"type": "image_url", "image_url": {"url": "https://example.com"}}]}, 400, "input[0].type"),
    ],
)
async def test_a_wrong_request_is_refused(
    http: aiohttp.ClientSession, fits_openai: Check, body: Any, status: int, param: str
) -> None:
    async with http.post("/v1/moderations", json=body) as response:
        answer = await response.json()
    assert (response.status, answer["error"]["param"]) == (status, param)
    fits_openai("ErrorResponse", answer)


async def test_a_text_is_flagged_on_request(http: aiohttp.ClientSession, openai_client: openai.AsyncOpenAI) -> None:
    order = {"fault": "flag_text", "match": {"contains": "LANTERN"}, "times": 1, "category": "self-harm/intent"}
    assert (await http.post("/studio/faults", json=order)).status == 201
    other = await openai_client.moderations.create(input="a fox")
    struck = await openai_client.moderations.create(input="a lantern")
    after = await openai_client.moderations.create(input="a lantern")
    assert [answer.results[0].flagged for answer in (other, struck, after)] == [False, True, False]
    assert struck.results[0].categories.self_harm_intent is True
