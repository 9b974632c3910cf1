"""The gate before a provider, by a clock that stands still until it is moved: who goes in, and when."""

import asyncio

import pytest

from storyloom.providers.errors import Outcome
from storyloom.providers.resilience.gate import MAX_QUEUE_WAIT_SECONDS, gate_of
from storyloom.runtime.settings import OpenAISettings, Settings
from storyloom.story.assets import Priority
from storyloom.story.errors import ProviderUnavailable
from tests.unit.providers.callers import Caller, call, callers
from tests.unit.providers.clock import StoppedClock, make_gate, settle

NORMAL, URGENT = Priority.NORMAL, Priority.URGENT


async def test_no_more_go_in_than_the_limit_allows(clock: StoppedClock) -> None:
    gate = make_gate(clock, calls=2)
    async with callers(gate, NORMAL, NORMAL, NORMAL) as (first, _, third):
        assert (gate.in_flight, gate.waiting, third.inside()) == (2, 1, False)
        await first.leave()
        assert (gate.in_flight, gate.waiting, third.inside()) == (2, 0, True)
    assert (gate.in_flight, gate.waiting) == (0, 0)


async def test_the_urgent_go_in_first_and_the_normal_too(clock: StoppedClock) -> None:
    gate = make_gate(clock, calls=1, most=1)
    async with callers(gate, URGENT, NORMAL, *[URGENT] * 5) as (holder, normal, *urgent):
        await holder.leave()
        assert urgent[0].inside()
        assert not normal.inside()
        for caller in urgent[:3]:
            await caller.leave()
        assert normal.inside()
        assert not urgent[3].inside()


async def test_a_429_lowers_the_limit_and_successes_raise_it_again(clock: StoppedClock) -> None:
    gate = make_gate(clock, calls=4, most=8)
    await call(gate, Outcome.RATE_LIMITED)
    assert gate.limit == 2
    async with callers(gate, *[NORMAL] * 12) as all_of_them:
        assert gate.in_flight == 2
        for caller in all_of_them:
            await caller.leave()
    assert gate.limit > 2


async def test_calls_that_were_inside_already_do_not_let_in_more_than_the_lower_limit(clock: StoppedClock) -> None:
    gate = make_gate(clock, calls=4)
    async with callers(gate, *[NORMAL] * 6) as all_of_them:
        await all_of_them[0].leave()
        assert gate.in_flight == 4
        gate._limit.shrink(clock.time())
        for caller in all_of_them[1:3]:
            caller.task.cancel()
            await settle()
        assert not all_of_them[5].inside()
        all_of_them[3].task.cancel()
        await settle()
        assert all_of_them[5].inside()
        assert gate.in_flight == 2


async def test_a_cancelled_wait_leaves_the_line(clock: StoppedClock) -> None:
    gate = make_gate(clock, calls=1)
    async with callers(gate, NORMAL, NORMAL, NORMAL) as (holder, impatient, patient):
        impatient.task.cancel()
        await settle()
        assert gate.waiting == 1
        await holder.leave()
        assert patient.inside()


async def test_a_turn_that_comes_with_the_cancellation_goes_to_the_next(clock: StoppedClock) -> None:
    gate = make_gate(clock, calls=1)
    async with gate.enter(NORMAL):
        unlucky, next_one = Caller(gate), Caller(gate)
        await settle()
    unlucky.task.cancel()  # its turn has come, and it does not know yet
    await settle()
    assert unlucky.task.cancelled()
    assert not unlucky.inside()
    assert next_one.inside()
    await next_one.leave()
    assert gate.in_flight == 0


async def test_nobody_waits_in_the_line_until_the_job_itself_is_over(clock: StoppedClock) -> None:
    gate = make_gate(clock, calls=1)
    async with callers(gate, NORMAL, NORMAL) as (_, second):
        await clock.advance(MAX_QUEUE_WAIT_SECONDS - 1)
        assert gate.waiting == 1
        await clock.advance(1)
        with pytest.raises(ProviderUnavailable, match="too many"):
            await second.task
        assert gate.waiting == 0


async def test_a_task_that_outlives_a_call_is_not_in_its_midst(clock: StoppedClock) -> None:
    gate = make_gate(clock, calls=1, most=1)
    async with gate.enter(NORMAL):
        await call(gate)  # in its midst: it needs no place
        over = asyncio.Event()

        async def come_later() -> None:
            await over.wait()
            await call(gate)

        later = asyncio.create_task(come_later())
    async with callers(gate, NORMAL) as (holder,):
        over.set()
        await settle()
        assert gate.waiting == 1
        await holder.leave()
        await later


async def test_no_alarm_stays_set_when_all_have_left(clock: StoppedClock) -> None:
    gate = make_gate(clock, calls=1)
    async with callers(gate, NORMAL, NORMAL, NORMAL) as (first, second, third):
        for caller in (first, second, third):
            await caller.leave()
    assert clock.pending() == 0


async def test_there_is_one_gate_for_a_provider_at_an_address() -> None:
    settings = Settings(quota_probe_delay=7)
    one = gate_of("openai", "http://a", settings, calls=3, most=9)
    assert one.quota_probe_delay == 7
    assert gate_of("openai", "http://c", OpenAISettings(), calls=3, most=9).quota_probe_delay == 4
    assert gate_of("openai", "http://a", settings, calls=5, most=9) is one
    assert one.limit == 3
    assert gate_of("openai", "http://b", settings, calls=5, most=9) is not one
    assert gate_of("elevenlabs", "http://a", settings, calls=5, most=9) is not one
