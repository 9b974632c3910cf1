"""Every call stands on the bill of the job that made it, once, however it ended, by the name the provider knows."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from prometheus_client import REGISTRY

from storyloom.providers.openai.client import OpenAI
from storyloom.story.errors import PermanentError, ProviderUnavailable, RetryableError
from storyloom.story.results import ProviderCall
from tests.unit.providers.openai_requests import (
    PNG,
    SCENE,
    TEXT,
    ask,
    billed,
    cut,
    deaf,
    moderation,
    picture_body,
    stall,
    stream_of,
)
from tests.unit.providers.provider import Answer, Vendor, reply_body, say_error, say_json, say_raw, say_stream

COST = pytest.approx(1000 * 1.25e-6 + 200 * 10e-6)


def shown(calls: list[ProviderCall]) -> list[tuple[str, str, str | None, bool]]:
    return [(call.purpose, call.request_id, call.error, call.cost_usd > 0) for call in calls]


async def draw(door: OpenAI) -> Any:
    return await door.draw("Hero", size="1024x1024", purpose="portrait")


async def redraw(door: OpenAI) -> Any:
    return await door.redraw("Hero", size="1024x1024", reference=PNG, purpose="cover")


async def listen(door: OpenAI) -> Any:
    return await ask(door, on_text=deaf)


async def judge(door: OpenAI) -> Any:
    return await door.moderate(["kind"])


@pytest.mark.parametrize(
    ("use", "answer", "purpose"),
    [
        (ask, say_json(reply_body(TEXT)), "text_1"),
        (listen, say_stream(*stream_of(TEXT)), "text_1"),
        (draw, say_json(picture_body(PNG)), "portrait"),
        (redraw, say_json(picture_body(PNG)), "cover"),
        (judge, say_json(moderation({"hate": False})), "moderation"),
    ],
)
async def test_a_good_call_is_named_to_the_provider_and_billed(
    vendor: Vendor, door: OpenAI, use: Callable[[OpenAI], Awaitable[Any]], answer: Answer, purpose: str
) -> None:
    vendor.say(answer)
    with billed() as bill:
        await use(door)
        await use(door)
    assert vendor.names == ["0123456789abcdef-1", "0123456789abcdef-2"]
    assert shown(bill.calls) == [(purpose, "req_42", None, use is not judge)] * 2
    assert all(call.seconds > 0 for call in bill.calls)


async def test_outside_of_jobs_a_call_has_no_name(vendor: Vendor, door: OpenAI) -> None:
    vendor.say(say_json(reply_body(TEXT)))
    await ask(door)
    assert vendor.names == [None]


async def test_an_answer_that_was_of_no_use_is_on_the_bill_with_its_cost(vendor: Vendor, door: OpenAI) -> None:
    vendor.say(say_json(reply_body("{}")), say_json(reply_body(TEXT)))
    with billed() as bill:
        answer, call = await ask(door)
    assert answer == SCENE
    assert shown(bill.calls) == [("text_1", "req_42", "bad_answer", True), ("text_1", "req_42", None, True)]
    assert [one.cost_usd for one in bill.calls] == [COST, COST]
    # The call that goes into the result stands for both.
    assert (call.error, call.cost_usd) == (None, pytest.approx(sum(one.cost_usd for one in bill.calls)))


REFUSAL = {
    "output": [{"type": "message", "id": "m", "role": "assistant", "content": [{"type": "refusal", "refusal": "no"}]}]
}


@pytest.mark.parametrize(
    ("answer", "error", "request_id", "paid"),
    [
        (say_error(429), "rate_limited", "req_42", False),
        (say_error(429, "insufficient_quota"), "out_of_quota", "req_42", False),
        (say_error(400, "billing_hard_limit_reached"), "out_of_quota", "req_42", False),
        (say_error(500), "server_error", "req_42", False),
        (say_error(408), "timeout", "req_42", False),
        (say_error(401), "not_allowed", "req_42", False),
        (say_error(404), "rejected", "req_42", False),
        (say_error(400, "moderation_blocked"), "refused", "req_42", False),
        (say_json(reply_body("", **REFUSAL)), "refused", "req_42", True),
        (say_json(reply_body("", status="failed", error={"code": "server_error"})), "server_error", "req_42", True),
        (
            say_json(reply_body("", status="failed", error={"code": "insufficient_quota"})),
            "out_of_quota",
            "req_42",
            True,
        ),
        (say_raw(b"{"), "bad_answer", "", False),
        (say_json([]), "bad_answer", "", False),
        (cut, "connection", "", False),
        (stall, "timeout", "", False),
    ],
)
async def test_a_failed_call_is_on_the_bill(
    vendor: Vendor, answer: Answer, error: str, request_id: str, paid: bool
) -> None:
    door = vendor.door(text_timeout=0.3 if answer is stall else 30)
    vendor.say(answer)
    with billed() as bill, pytest.raises((RetryableError, PermanentError, ProviderUnavailable)):
        await ask(door)
    assert shown(bill.calls) == [("text_1", request_id, error, paid)]
    await door.close()


async def test_a_stream_that_was_cut_says_so(vendor: Vendor, door: OpenAI) -> None:
    vendor.say(say_stream(*stream_of(TEXT)[:3], cut=True), say_stream(*stream_of(TEXT)[:3]))
    with billed() as bill:
        for _ in range(2):
            with pytest.raises(RetryableError):
                await listen(door)
    assert shown(bill.calls) == [("text_1", "req_42", "cut", False)] * 2


async def test_a_provider_that_is_not_there_is_on_the_bill(vendor: Vendor) -> None:
    door = Vendor(url="http://127.0.0.1:9/v1").door()
    with billed() as bill, pytest.raises(RetryableError):
        await ask(door)
    assert shown(bill.calls) == [("text_1", "", "connection", False)]
    await door.close()


async def test_a_damaged_picture_is_paid_for(vendor: Vendor, door: OpenAI) -> None:
    vendor.say(say_json(picture_body(b"GIF89a")))
    with billed() as bill, pytest.raises(RetryableError):
        await draw(door)
    assert shown(bill.calls) == [("portrait", "req_42", "bad_answer", True)]


async def test_a_cancelled_call_is_on_the_bill_and_its_place_is_free(vendor: Vendor) -> None:
    door = vendor.door(openai_concurrency=1)
    received = asyncio.Event()

    async def on_text(text: str) -> None:
        received.set()
        await asyncio.Event().wait()

    vendor.say(say_stream(*stream_of(TEXT)), say_json(reply_body(TEXT)))
    with billed() as bill:
        task = asyncio.create_task(ask(door, on_text=on_text))
        await received.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert shown(bill.calls) == [("text_1", "req_42", "cancelled", False)]
        assert (await ask(door))[0] == SCENE
    await door.close()


async def test_a_bug_of_ours_in_mid_call_is_on_the_bill(vendor: Vendor, door: OpenAI) -> None:
    async def stumble(text: str) -> None:
        raise LookupError

    vendor.say(say_stream(*stream_of(TEXT)))
    with billed() as bill, pytest.raises(LookupError):
        await ask(door, on_text=stumble)
    assert shown(bill.calls) == [("text_1", "req_42", "bug", False)]


async def test_jobs_at_the_same_time_have_bills_of_their_own(vendor: Vendor, door: OpenAI) -> None:
    vendor.say(say_json(reply_body(TEXT)))

    async def job(calls: int) -> int:
        with billed() as bill:
            await asyncio.gather(*(ask(door) for _ in range(calls)))
        return len(bill.calls)

    assert list(await asyncio.gather(job(1), job(2), job(3))) == [1, 2, 3]


async def test_calls_and_their_cost_are_counted(vendor: Vendor) -> None:
    door = vendor.door(text_model="gpt-5-nano-counted-here")

    def counted(name: str, **labels: str) -> float:
        return REGISTRY.get_sample_value(name, labels) or 0.0

    before = counted("storyloom_provider_calls_total", provider="openai", outcome="rate_limited")
    vendor.say(say_json(reply_body(TEXT)), say_error(429))
    _, call = await ask(door)
    with pytest.raises(RetryableError):
        await ask(door)
    cost = counted("storyloom_provider_cost_usd_total", provider="openai", model="gpt-5-nano-counted-here")
    assert cost == pytest.approx(call.cost_usd)
    assert call.cost_usd > 0
    assert counted("storyloom_provider_calls_total", provider="openai", outcome="rate_limited") == before + 1
    assert counted("storyloom_provider_in_flight", provider="openai") == 0
    await door.close()
