"""Misbehaviour on request, as the vendors' own clients meet it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import httpx
import openai
import pytest
from elevenlabs.client import AsyncElevenLabs
from elevenlabs.core.api_error import ApiError

Check = Callable[[str, Any], None]
MODEL = "gpt-4.1-mini"


async def order(http: aiohttp.ClientSession, fault: str, **more: Any) -> None:
    async with http.post("/studio/faults", json={"fault": fault, **more}) as response:
        assert response.status == 201, await response.text()


async def paid(http: aiohttp.ClientSession) -> list[dict[str, Any]]:
    async with http.get("/studio/ledger") as response:
        rows: list[dict[str, Any]] = await response.json()
        return rows


def calls(client: openai.AsyncOpenAI) -> dict[str, Callable[[], Awaitable[Any]]]:
    """One call of each of OpenAI's endpoints."""
    return {
        "responses": lambda: client.responses.create(model=MODEL, input="x"),
        "images.generate": lambda: client.images.generate(model="gpt-image-1", prompt="x"),
        "images.edit": lambda: client.images.edit(model="gpt-image-1", prompt="x", image=("a.png", b"\x89PNG")),
        "moderations": lambda: client.moderations.create(input="x"),
    }


ENDPOINTS = ["responses", "images.generate", "images.edit", "moderations"]


@pytest.mark.parametrize("endpoint", ENDPOINTS)
async def test_a_busy_vendor_says_when_to_come_back(
    openai_client: openai.AsyncOpenAI, http: aiohttp.ClientSession, fits_openai: Check, endpoint: str
) -> None:
    await order(http, "rate_limit", match={"endpoint": endpoint}, retry_after=2.4, times=1)
    with pytest.raises(openai.RateLimitError) as busy:
        await calls(openai_client)[endpoint]()
    assert busy.value.code == "rate_limit_exceeded"
    assert busy.value.response.headers["retry-after"] == "3"
    assert busy.value.response.headers["retry-after-ms"] == "2400"
    fits_openai("ErrorResponse", busy.value.response.json())
    await calls(openai_client)[endpoint]()
    assert len(await paid(http)) == 1


@pytest.mark.parametrize("endpoint", ENDPOINTS)
async def test_a_broken_vendor_answers_500(
    openai_client: openai.AsyncOpenAI, http: aiohttp.ClientSession, fits_openai: Check, endpoint: str
) -> None:
    await order(http, "server_error", match={"endpoint": endpoint})
    with pytest.raises(openai.InternalServerError) as broken:
        await calls(openai_client)[endpoint]()
    assert broken.value.request_id is not None
    fits_openai("ErrorResponse", broken.value.response.json())
    assert await paid(http) == []


async def test_a_vendor_may_quote_what_it_was_asked(
    openai_client: openai.AsyncOpenAI, http: aiohttp.ClientSession, fits_openai: Check
) -> None:
    await order(http, "quote", status=400, times=1)
    with pytest.raises(openai.BadRequestError) as quoting:
        await openai_client.moderations.create(input="a fox called Mira")
    assert "Mira" in quoting.value.message
    assert "Mira" in str(quoting.value.code)
    fits_openai("ErrorResponse", quoting.value.response.json())
    assert await paid(http) == []


@pytest.mark.parametrize("endpoint", ENDPOINTS)
@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ({"fault": "refuse_key"}, "401 invalid_api_key"),
        ({"fault": "refuse_key", "status": 403}, "403 model_not_allowed"),
        ({"fault": "out_of_quota"}, "429 insufficient_quota"),
    ],
)
async def test_a_vendor_that_does_not_let_us_in_says_why(
    openai_client: openai.AsyncOpenAI, http: aiohttp.ClientSession, endpoint: str, fault: dict[str, Any], code: str
) -> None:
    await order(http, **fault)
    with pytest.raises(openai.APIStatusError) as shut:
        await calls(openai_client)[endpoint]()
    assert f"{shut.value.status_code} {shut.value.code}" == code
    assert await paid(http) == []


@pytest.mark.parametrize(
    ("fault", "status", "word"),
    [
        ({"fault": "refuse_key"}, 401, "invalid_api_key"),
        ({"fault": "refuse_key", "status": 403}, 403, "missing_permissions"),
        ({"fault": "out_of_quota"}, 401, "quota_exceeded"),
    ],
)
async def test_a_voice_that_does_not_let_us_in_says_why(
    elevenlabs_client: AsyncElevenLabs, http: aiohttp.ClientSession, fault: dict[str, Any], status: int, word: str
) -> None:
    await order(http, **fault)
    with pytest.raises(ApiError) as shut:
        await elevenlabs_client.text_to_speech.convert_with_timestamps("JBFqnCBsd6RMkjVDRZzb", text="x")
    assert (shut.value.status_code, shut.value.body["detail"]["status"]) == (status, word)
    assert await paid(http) == []


@pytest.mark.parametrize("endpoint", ENDPOINTS)
async def test_a_stalled_call_is_the_clients_time_out_and_is_not_paid(
    openai_client: openai.AsyncOpenAI, http: aiohttp.ClientSession, endpoint: str
) -> None:
    await order(http, "stall", match={"endpoint": endpoint}, times=1)
    with pytest.raises(openai.APITimeoutError):
        await calls(openai_client.with_options(timeout=1.0))[endpoint]()
    await calls(openai_client)[endpoint]()
    assert len(await paid(http)) == 1


async def test_a_stall_with_an_end_is_only_slow(openai_client: openai.AsyncOpenAI, http: aiohttp.ClientSession) -> None:
    await order(http, "stall", seconds=0.05)
    answer = await openai_client.responses.create(model=MODEL, input="x")
    assert answer.status == "completed"
    assert [row["fault"] for row in await paid(http)] == ["stall"]


@pytest.mark.parametrize("endpoint", ENDPOINTS)
async def test_a_cut_connection_is_a_connection_error_and_is_paid(
    openai_client: openai.AsyncOpenAI, http: aiohttp.ClientSession, endpoint: str
) -> None:
    await order(http, "cut", match={"endpoint": endpoint}, times=1)
    with pytest.raises((openai.APIConnectionError, httpx.RemoteProtocolError)):
        await calls(openai_client)[endpoint]()
    (row,) = await paid(http)
    assert (row["endpoint"], row["fault"], row["status"]) == (endpoint, "cut", 200)


@pytest.mark.parametrize("endpoint", ENDPOINTS)
async def test_malformed_json_comes_with_status_200(
    openai_client: openai.AsyncOpenAI, http: aiohttp.ClientSession, endpoint: str
) -> None:
    await order(http, "malformed", match={"endpoint": endpoint})
    with pytest.raises((json.JSONDecodeError, openai.APIResponseValidationError)):
        await calls(openai_client)[endpoint]()
    assert [row["fault"] for row in await paid(http)] == ["malformed"]


@pytest.mark.parametrize(
    ("fault", "error"),
    [("cut", (httpx.RemoteProtocolError, openai.APIConnectionError)), ("malformed", (ValueError, openai.APIError))],
)
async def test_a_stream_breaks_in_the_middle(
    openai_client: openai.AsyncOpenAI, http: aiohttp.ClientSession, fault: str, error: tuple[type[Exception], ...]
) -> None:
    await order(http, fault)
    heard = []

    async def listen() -> None:
        async for event in await openai_client.responses.create(model=MODEL, input="x", stream=True):
            heard.append(event.type)  # noqa: PERF401 - what was heard before the break counts

    with pytest.raises(error):
        await listen()
    assert heard[0] == "response.created"
    assert "response.completed" not in heard
    assert len(await paid(http)) == 1


async def test_elevenlabs_misbehaves_in_the_same_ways(
    elevenlabs_client: AsyncElevenLabs, http: aiohttp.ClientSession
) -> None:
    async def listen() -> None:
        await elevenlabs_client.text_to_speech.convert_with_timestamps(
            "mira", text="The fox.", request_options={"max_retries": 0, "timeout_in_seconds": 1}
        )

    for fault, error in (
        ("stall", httpx.TimeoutException), ("cut", httpx.RemoteProtocolError), ("malformed", Exception),
    ):  # fmt: skip
        await order(http, fault, match={"endpoint": "text_to_speech"}, times=1)
        with pytest.raises(error):
            await listen()
    await listen()
    assert [row["fault"] for row in await paid(http)] == ["cut", "malformed", None]


async def test_a_fault_in_a_header_strikes_that_call_alone(
    openai_client: openai.AsyncOpenAI, http: aiohttp.ClientSession
) -> None:
    with pytest.raises(openai.RateLimitError) as busy:
        await openai_client.moderations.create(input="x", extra_headers={"x-studio-fault": "rate_limit; retry_after=7"})
    assert busy.value.response.headers["retry-after"] == "7"
    await openai_client.moderations.create(input="x")


async def test_faults_strike_by_what_the_prompt_says_and_as_often_as_they_may(
    openai_client: openai.AsyncOpenAI, http: aiohttp.ClientSession
) -> None:
    await order(http, "server_error", match={"endpoint": "moderations", "contains": "lantern"}, times=2)

    async def struck(text: str) -> bool:
        try:
            await openai_client.moderations.create(input=text)
        except openai.InternalServerError:
            return True
        return False

    assert not await struck("a fox")
    together = await asyncio.gather(*(struck(f"The Lantern {number}") for number in range(10)))
    assert sum(together) == 2
    assert await (await http.get("/studio/faults")).json() == []


async def test_a_picture_can_miss_a_trait(openai_client: openai.AsyncOpenAI, http: aiohttp.ClientSession) -> None:
    await order(http, "miss_trait", miss=["wheelchair"], times=1)
    prompt = "Hero: a child\nMust show: a wheelchair"
    missing, whole = [(await openai_client.images.generate(model="gpt-image-1", prompt=prompt)).data for _ in range(2)]
    assert missing != whole


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"fault": "naughty"},
        {"fault": "miss_trait"},
        {"fault": "cut", "times": 0},
        {"fault": "cut", "match": {"x": 1}},
        {"fault": "cut", "match": {"endpoint": "images"}},
        [1],
    ],
)
async def test_an_order_that_makes_no_sense_is_refused(http: aiohttp.ClientSession, wrong: Any) -> None:
    async with http.post("/studio/faults", json=wrong) as response:
        assert response.status == 400
        assert (await response.json())["error"]
    async with http.post("/v1/moderations", json={"input": "x"}, headers={"x-studio-fault": "naughty"}) as response:
        assert response.status == 400


async def test_faults_in_force_can_be_listed_and_lifted(http: aiohttp.ClientSession) -> None:
    await order(http, "refuse", match={"schema": "outline"}, times=3)
    async with http.get("/studio/faults") as response:
        (fault,) = await response.json()
    assert (fault["fault"], fault["match"], fault["left"], fault["struck"]) == ("refuse", {"schema": "outline"}, 3, 0)
    async with http.delete("/studio/faults") as response:
        assert await response.json() == {"cleared": 1}
