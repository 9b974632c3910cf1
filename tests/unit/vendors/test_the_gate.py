"""The gate before a provider, by a clock that stands still until it is moved."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from storyloom.settings import ProviderSettings
from storyloom.story.assets import Priority
from storyloom.story.errors import NotNow
from storyloom.vendors.breaker import State
from storyloom.vendors.gate import LONGEST_PAUSE, LONGEST_WAIT, PATIENCE, Gate, gate_of
from storyloom.vendors.outcomes import Outcome
from tests.unit.vendors.clock import StoppedClock, make_gate, settle

NORMAL, HIGH, URGENT = Priority.NORMAL, Priority.HIGH, Priority.URGENT


@pytest.fixture
def clock() -> StoppedClock:
    return StoppedClock()


def state_of(gate: Gate) -> State:
    return gate.state


async def call(
    gate: Gate,
    outcome: Outcome = Outcome.OK,
    *,
    retry_after: float | None = None,
    priority: Priority = NORMAL,
    invested: bool = False,
) -> None:
    async with gate.enter(priority, invested=invested) as visit:
        visit.outcome, visit.retry_after = outcome, retry_after


async def break_down(gate: Gate) -> None:
    """Let calls fail until the gate closes."""
    while state_of(gate) is State.CLOSED:
        await call(gate, Outcome.SERVER_ERROR)


class Caller:
    """A call that stays inside until it is told to leave."""

    def __init__(self, gate: Gate, priority: Priority = NORMAL, *, invested: bool = False) -> None:
        self._inside = False
        self._leave = asyncio.Event()
        self.task = asyncio.create_task(self._call(gate, priority, invested))

    async def _call(self, gate: Gate, priority: Priority, invested: bool) -> None:
        async with gate.enter(priority, invested=invested) as visit:
            self._inside = True
            await self._leave.wait()
            visit.outcome = Outcome.OK

    def inside(self) -> bool:
        return self._inside

    async def leave(self) -> None:
        self._leave.set()
        await self.task
        await settle()


@asynccontextmanager
async def callers(gate: Gate, *priorities: Priority, invested: bool = False) -> AsyncIterator[list[Caller]]:
    """Calls of these priorities, in this order; whoever is still there at the end is sent home."""
    all_of_them = [Caller(gate, priority, invested=invested) for priority in priorities]
    await settle()
    try:
        yield all_of_them
    finally:
        for caller in all_of_them:
            caller.task.cancel()
        await asyncio.gather(*(caller.task for caller in all_of_them), return_exceptions=True)


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


async def test_an_open_gate_is_closed_to_all_at_once(clock: StoppedClock) -> None:
    gate = make_gate(clock)
    await break_down(gate)
    for priority in Priority:
        with pytest.raises(NotNow, match="away") as raised:
            await call(gate, priority=priority)
        assert 5 <= raised.value.after <= 5 * 1.25**2
    await clock.advance(4)
    with pytest.raises(NotNow) as raised:
        await call(gate)
    assert 1 <= raised.value.after <= 2.25 * 1.25


async def test_those_in_the_line_go_home_when_the_provider_goes_away(clock: StoppedClock) -> None:
    gate = make_gate(clock, calls=1, breaker_failures=1)
    async with gate.enter(NORMAL) as visit:
        waiting = [Caller(gate) for _ in range(3)]
        await settle()
        assert gate.waiting == 3
        visit.outcome = Outcome.TIMEOUT
    for caller in waiting:
        with pytest.raises(NotNow, match="away"):
            await caller.task
    assert gate.waiting == 0


async def test_after_the_pause_one_call_tries_and_all_may_follow_it(clock: StoppedClock) -> None:
    gate = make_gate(clock, calls=4)
    await break_down(gate)
    await clock.advance(10)
    async with callers(gate, NORMAL) as (probe,):
        assert probe.inside()
        with pytest.raises(NotNow):
            await call(gate)
        assert gate.in_flight == 1
        await probe.leave()
    async with callers(gate, NORMAL, NORMAL, NORMAL) as three:
        assert all(caller.inside() for caller in three)


async def test_a_cancelled_try_lets_the_next_one_try(clock: StoppedClock) -> None:
    gate = make_gate(clock)
    await break_down(gate)
    await clock.advance(10)
    async with callers(gate, NORMAL) as (probe,):
        assert probe.inside()
        probe.task.cancel()
        await settle()
        assert gate.in_flight == 0
        await call(gate)
        assert state_of(gate) is State.CLOSED


@pytest.mark.parametrize("outcome", [Outcome.RATE_LIMITED, Outcome.REFUSED, Outcome.REJECTED, Outcome.BAD_ANSWER])
async def test_a_provider_that_answers_is_not_away(clock: StoppedClock, outcome: Outcome) -> None:
    gate = make_gate(clock)
    for _ in range(50):
        await call(gate, outcome)
    assert state_of(gate) is State.CLOSED
    await break_down(gate)
    await clock.advance(10)
    await call(gate, outcome)
    assert state_of(gate) is State.CLOSED


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


async def test_a_retry_after_is_waited_for_in_the_line(clock: StoppedClock) -> None:
    gate = make_gate(clock, calls=4)
    await call(gate, Outcome.RATE_LIMITED, retry_after=3)
    async with callers(gate, NORMAL, URGENT) as (normal, urgent):
        await clock.advance(2.9)
        assert not normal.inside()
        assert not urgent.inside()
        await clock.advance(0.2)
        assert normal.inside()
        assert urgent.inside()


async def test_a_long_retry_after_sends_jobs_home(clock: StoppedClock) -> None:
    gate = make_gate(clock, calls=4)
    await call(gate, Outcome.RATE_LIMITED, retry_after=PATIENCE + 10)
    with pytest.raises(NotNow, match="asked us to wait") as raised:
        await call(gate)
    assert PATIENCE + 10 <= raised.value.after <= (PATIENCE + 10) * 1.25


async def test_a_retry_after_is_believed_within_bounds_and_a_shorter_one_takes_nothing_off(clock: StoppedClock) -> None:
    gate = make_gate(clock, calls=4)
    async with gate.enter(NORMAL) as late:
        await call(gate, Outcome.RATE_LIMITED, retry_after=3600)
        late.outcome, late.retry_after = Outcome.RATE_LIMITED, 1
    await clock.advance(LONGEST_PAUSE - 5)
    async with callers(gate, NORMAL) as (caller,):
        assert not caller.inside()
        await clock.advance(5)
        assert caller.inside()


async def test_an_exhausted_allowance_closes_the_gate_until_somebody_tops_it_up(clock: StoppedClock) -> None:
    gate = make_gate(clock, quota_pause=60)
    await call(gate, Outcome.OUT_OF_QUOTA)
    for _ in range(3):
        with pytest.raises(NotNow, match="used up") as raised:
            await call(gate)
        assert raised.value.after >= 60
    await clock.advance(75)
    await call(gate, Outcome.OUT_OF_QUOTA)
    with pytest.raises(NotNow, match="used up"):
        await call(gate)
    await clock.advance(75)
    await call(gate)
    await call(gate)


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


async def test_a_trial_that_comes_with_the_cancellation_is_left_to_the_next(clock: StoppedClock) -> None:
    gate = make_gate(clock, calls=1)
    await break_down(gate)
    async with callers(gate, NORMAL, invested=True) as (unlucky,):
        clock.now += 10
        gate._serve()
        assert state_of(gate) is State.HALF_OPEN
        unlucky.task.cancel()
        await settle()
        await call(gate)
        assert state_of(gate) is State.CLOSED


async def test_nobody_waits_in_the_line_until_the_job_itself_is_over(clock: StoppedClock) -> None:
    gate = make_gate(clock, calls=1)
    async with callers(gate, NORMAL, NORMAL) as (_, second):
        await clock.advance(LONGEST_WAIT - 1)
        assert gate.waiting == 1
        await clock.advance(1)
        with pytest.raises(NotNow, match="too many"):
            await second.task
        assert gate.waiting == 0


async def test_a_job_that_has_paid_for_something_waits_for_the_provider(clock: StoppedClock) -> None:
    """Handed back, it would lose what it has paid for."""
    gate = make_gate(clock, calls=4)
    await break_down(gate)
    async with callers(gate, NORMAL, NORMAL, invested=True) as (first, second):
        assert gate.waiting == 2
        await clock.advance(10)
        assert first.inside()
        assert not second.inside()
        await first.leave()
        assert second.inside()


async def test_it_does_not_wait_for_a_top_up(clock: StoppedClock) -> None:
    gate = make_gate(clock)
    await call(gate, Outcome.OUT_OF_QUOTA)
    with pytest.raises(NotNow, match="used up"):
        await call(gate, invested=True)


async def test_no_alarm_stays_set_when_all_have_left(clock: StoppedClock) -> None:
    gate = make_gate(clock, calls=1)
    async with callers(gate, NORMAL, NORMAL, NORMAL) as (first, second, third):
        for caller in (first, second, third):
            await caller.leave()
    assert clock.pending() == 0


async def test_there_is_one_gate_for_a_provider_at_an_address() -> None:
    settings = ProviderSettings()
    one = gate_of("openai", "http://a", settings, calls=3, most=9)
    assert gate_of("openai", "http://a", settings, calls=5, most=9) is one
    assert one.limit == 3
    assert gate_of("openai", "http://b", settings, calls=5, most=9) is not one
    assert gate_of("elevenlabs", "http://a", settings, calls=5, most=9) is not one
