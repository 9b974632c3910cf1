"""The door to OpenAI with its gate before it, through the real SDK."""

import asyncio
from contextvars import Context
from typing import Any

import pytest
from aiohttp import web

from storyloom.providers.openai.client import OpenAI
from storyloom.providers.resilience.breaker import State
from storyloom.story.assets import Priority
from storyloom.story.errors import PermanentError, ProviderUnavailable, RetryableError
from tests.unit.providers.clock import StoppedClock, make_gate, settle
from tests.unit.providers.openai_requests import PNG, SCENE, TEXT, ask, billed, moderation, stall, stream_of
from tests.unit.providers.provider import Answer, Vendor, reply_body, say_error, say_json, say_stream

GOOD = say_json(reply_body(TEXT))


async def ask_in_vain(door: OpenAI, times: int, kind: type[Exception] = RetryableError) -> None:
    for _ in range(times):
        with pytest.raises(kind):
            await ask(door)


class GatedHandler:
    """Answers when it is released, and counts who waits for an answer."""

    def __init__(self) -> None:
        self.present: list[asyncio.Event] = []
        self._more = asyncio.Condition()

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        released = asyncio.Event()
        async with self._more:
            self.present.append(released)
            self._more.notify_all()
        await released.wait()
        return await GOOD(request)

    async def wait_for(self, number: int) -> None:
        """Until so many calls have come in all."""
        async with self._more:
            await self._more.wait_for(lambda: len(self.present) >= number)


async def test_behind_an_open_breaker_nothing_is_sent_and_nothing_billed(vendor: Vendor) -> None:
    door = vendor.door(make_gate(StoppedClock(), calls=8, breaker_probe_delays=(60,)))
    vendor.say(say_error(500))
    await ask_in_vain(door, 4)
    await ask_in_vain(door, 1, ProviderUnavailable)
    with billed() as bill:
        with pytest.raises(ProviderUnavailable, match="the provider is not available") as raised:
            await ask(door)
        with pytest.raises(ProviderUnavailable):
            await door.moderate(["kind"])
        with pytest.raises(ProviderUnavailable):
            await door.draw("Hero", size="1024x1024", purpose="portrait")
        with pytest.raises(ProviderUnavailable):
            await door.redraw("Hero", size="1024x1024", reference=PNG, purpose="cover")
    assert len(vendor.paths) == 5
    assert (bill.calls, bill.requests) == ([], 0)
    assert 60 <= raised.value.after <= 60 * 1.25**2
    await door.close()


@pytest.mark.parametrize("answer", [say_error(503), stall])
async def test_after_the_pause_one_call_finds_out_for_all(vendor: Vendor, answer: Answer) -> None:
    clock = StoppedClock()
    gate = make_gate(clock, calls=4, breaker_failures=2)
    hasty, door, teller = vendor.door(gate, text_timeout=0.2), vendor.door(gate), GatedHandler()
    vendor.say(answer)
    await ask_in_vain(hasty, 1)
    await ask_in_vain(hasty, 1, ProviderUnavailable)
    await hasty.close()
    await clock.advance(10)
    vendor.answers, vendor.paths = [teller, GOOD], []
    probe = asyncio.create_task(ask(door))
    await teller.wait_for(1)
    await ask_in_vain(door, 5, ProviderUnavailable)
    assert len(vendor.paths) == 1
    teller.present[0].set()
    assert (await probe)[0] == SCENE
    assert (await ask(door))[0] == SCENE
    assert gate.state is State.CLOSED
    await door.close()


async def test_a_provider_that_answers_with_refusals_is_available(vendor: Vendor, door: OpenAI) -> None:
    vendor.say(say_error(400))
    await ask_in_vain(door, 20, PermanentError)
    vendor.say(say_error(429))
    await ask_in_vain(door, 20, (PermanentError, RetryableError))  # type: ignore[arg-type]
    assert len(vendor.paths) == 40


async def test_a_429_lowers_the_limit_and_answers_raise_it_again(vendor: Vendor) -> None:
    gate = make_gate(StoppedClock(), calls=8, most=64)
    door = vendor.door(gate)
    vendor.say(say_error(429), GOOD)
    await ask_in_vain(door, 1)
    assert gate.limit == 4
    await asyncio.gather(*(ask(door) for _ in range(20)))
    assert gate.limit > 4
    await door.close()


async def test_no_more_calls_are_under_way_than_the_limit_allows(vendor: Vendor) -> None:
    teller = GatedHandler()
    vendor.say(teller)
    door, twin = (vendor.door(openai_concurrency=3, openai_max_concurrency=3) for _ in range(2))  # of two services, say
    tasks = [asyncio.create_task(ask(one)) for one in (door, twin) * 5]
    for answered in range(10):
        await teller.wait_for(min(answered + 3, 10))
        assert len(teller.present) == min(answered + 3, 10)
        teller.present[answered].set()
        await asyncio.wait([task for task in tasks if not task.done()], return_when=asyncio.FIRST_COMPLETED)
    await asyncio.gather(*tasks)
    await door.close()
    await twin.close()


async def test_a_retry_after_holds_the_next_call(vendor: Vendor) -> None:
    clock = StoppedClock()
    door = vendor.door(make_gate(clock, calls=8))
    vendor.say(say_error(429, "rate_limit_exceeded", {"retry-after": "7"}), GOOD)
    await ask_in_vain(door, 1)
    task = asyncio.create_task(ask(door))
    await clock.advance(6.9)
    assert len(vendor.paths) == 1
    await clock.advance(0.2)
    assert (await task)[0] == SCENE
    await door.close()


async def test_the_urgent_are_asked_for_first(vendor: Vendor) -> None:
    gate, teller = make_gate(StoppedClock(), calls=1, most=1), GatedHandler()
    door = vendor.door(gate)
    vendor.say(teller)

    async def job(priority: Priority | None) -> None:
        if priority is None:
            await ask(door, "nobody's job")  # such as a screening, for which somebody waits
            return
        with billed(priority):
            await ask(door, priority.value)

    holder = asyncio.create_task(job(Priority.NORMAL))
    await teller.wait_for(1)
    tasks = [asyncio.create_task(job(priority)) for priority in (Priority.NORMAL, Priority.HIGH, Priority.URGENT, None)]
    await settle()
    assert gate.waiting == 4
    for number in range(1, 6):
        await teller.wait_for(number)
        teller.present[number - 1].set()
    await asyncio.gather(holder, *tasks)
    asked = [_premise(body) for body in vendor.bodies]
    assert asked[:3] == ["normal", "urgent", "nobody's job"]
    assert sorted(asked[3:]) == ["high", "normal"]
    await door.close()


def _premise(body: dict[str, Any]) -> str:
    text = body["input"][0]["content"][0]["text"]
    return str(text).partition('"premise": "')[2].partition('"')[0]


@pytest.mark.parametrize(("status", "code"), [(429, "insufficient_quota"), (400, "billing_hard_limit_reached")])
async def test_an_exhausted_allowance_waits_for_people(vendor: Vendor, status: int, code: str) -> None:
    clock = StoppedClock()
    door = vendor.door(make_gate(clock, quota_probe_delay=90))
    vendor.say(say_error(status, code), say_error(status, code), GOOD)
    with pytest.raises(ProviderUnavailable, match="the provider is not available") as raised:
        await ask(door)
    assert raised.value.after == 90
    await ask_in_vain(door, 3, ProviderUnavailable)
    assert len(vendor.paths) == 1
    await clock.advance(90 * 1.25)
    await ask_in_vain(door, 3, ProviderUnavailable)
    assert len(vendor.paths) == 2
    await clock.advance(90 * 1.25)
    assert (await ask(door))[0] == SCENE
    await door.close()


async def test_a_wait_at_the_gate_is_no_time_out_of_the_provider(vendor: Vendor) -> None:
    gate = make_gate(StoppedClock(), calls=1)
    door = vendor.door(gate, text_timeout=1.5)
    vendor.say(GOOD)
    async with gate.enter(Priority.NORMAL):
        task = asyncio.create_task(ask(door), context=Context())  # not in the midst of this one
        await asyncio.sleep(1.7)  # longer than a call may take, by the real clock
        assert not task.done()
    assert (await task)[0] == SCENE
    await door.close()


async def test_a_text_is_judged_while_it_is_written_though_there_is_no_place_left(vendor: Vendor) -> None:
    """Each would wait for the other, and both would time out."""
    gate = make_gate(StoppedClock(), calls=1, most=1)
    door = vendor.door(gate)
    flagged: list[bool] = []

    async def judge(text: str) -> None:
        flagged.append((await door.moderate([text])).flagged)
        assert gate.in_flight == 1

    vendor.say(say_stream(*stream_of(TEXT, pieces=3)), say_json(moderation({"hate": False})))
    assert (await ask(door, on_text=judge))[0] == SCENE
    assert flagged == [False] * 3
    assert gate.in_flight == 0
    await door.close()


async def test_a_judgement_in_mid_text_does_not_wait_at_a_closed_gate(vendor: Vendor) -> None:
    gate = make_gate(StoppedClock(), calls=4)
    door = vendor.door(gate)
    waits: list[float | None] = []

    async def judge(text: str) -> None:
        with pytest.raises(RetryableError) as raised:
            await door.moderate([text])
        waits.append(raised.value.after)

    busy = say_error(429, "rate_limit_exceeded", {"retry-after": "3"})
    vendor.say(say_stream(*stream_of(TEXT, pieces=3)), busy)
    with billed() as bill:
        assert (await ask(door, on_text=judge))[0] == SCENE
    assert waits == [3, 3, 3]
    assert len(vendor.paths) == 2  # the second and the third were not sent
    assert [call.error for call in bill.calls] == ["rate_limited", None]
    await door.close()


async def test_a_job_that_has_paid_waits_for_the_provider_instead_of_losing_it(vendor: Vendor) -> None:
    clock = StoppedClock()
    gate = make_gate(clock, breaker_failures=1)
    door = vendor.door(gate)
    vendor.say(GOOD, say_error(500), say_json(moderation({"hate": False})))
    with billed() as bill:
        await ask(door)
        with pytest.raises(ProviderUnavailable):
            await door.moderate(["kind"])
        again = asyncio.create_task(door.moderate(["kind"]))
        await clock.advance(10)
        assert not (await again).flagged
    assert [call.error for call in bill.calls] == [None, "server_error", None]
    await door.close()
