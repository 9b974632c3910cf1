"""A gate that is closed for a while, by a clock that stands still until it is moved."""

import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from storyloom.providers.errors import Outcome
from storyloom.providers.resilience.breaker import State
from storyloom.providers.resilience.gate import MAX_PAUSE_SECONDS, MAX_PAUSE_WAITED_SECONDS, MAX_SHUT_WAIT_SECONDS
from storyloom.story.assets import Priority
from storyloom.story.errors import ProviderUnavailable
from tests.unit.providers.callers import Caller, break_down, call, callers, state_of
from tests.unit.providers.clock import StoppedClock, make_gate, settle

NORMAL, URGENT = Priority.NORMAL, Priority.URGENT


async def test_an_open_gate_is_closed_to_all_at_once(clock: StoppedClock) -> None:
    gate = make_gate(clock, breaker_probe_delays=(5,))
    await break_down(gate)
    for priority in Priority:
        with pytest.raises(ProviderUnavailable, match="not available") as raised:
            await call(gate, priority=priority)
        assert 5 <= raised.value.after <= 5 * 1.25**2
    await clock.advance(4)
    with pytest.raises(ProviderUnavailable) as raised:
        await call(gate)
    assert 1 <= raised.value.after <= 2.25 * 1.25


async def test_waiting_calls_are_rejected_when_the_provider_becomes_unavailable(clock: StoppedClock) -> None:
    gate = make_gate(clock, calls=1, breaker_failures=1)
    async with gate.enter(NORMAL) as permit:
        waiting = [Caller(gate) for _ in range(3)]
        await settle()
        assert gate.waiting == 3
        permit.outcome = Outcome.TIMEOUT
    for caller in waiting:
        with pytest.raises(ProviderUnavailable, match="not available"):
            await caller.task
    assert gate.waiting == 0


async def test_after_the_pause_one_call_tries_and_all_may_follow_it(clock: StoppedClock) -> None:
    gate = make_gate(clock, calls=4)
    await break_down(gate)
    await clock.advance(10)
    async with callers(gate, NORMAL) as (probe,):
        assert probe.inside()
        with pytest.raises(ProviderUnavailable):
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
async def test_a_provider_that_answers_is_available(clock: StoppedClock, outcome: Outcome) -> None:
    gate = make_gate(clock)
    for _ in range(50):
        await call(gate, outcome)
    assert state_of(gate) is State.CLOSED
    await break_down(gate)
    await clock.advance(10)
    await call(gate, outcome)
    assert state_of(gate) is State.CLOSED


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
    await call(gate, Outcome.RATE_LIMITED, retry_after=MAX_PAUSE_WAITED_SECONDS + 10)
    with pytest.raises(ProviderUnavailable, match="asked us to wait") as raised:
        await call(gate)
    assert MAX_PAUSE_WAITED_SECONDS + 10 <= raised.value.after <= (MAX_PAUSE_WAITED_SECONDS + 10) * 1.25


async def test_a_retry_after_is_believed_within_bounds_and_a_shorter_one_takes_nothing_off(clock: StoppedClock) -> None:
    gate = make_gate(clock, calls=4)
    async with gate.enter(NORMAL) as late:
        await call(gate, Outcome.RATE_LIMITED, retry_after=3600)
        late.outcome, late.retry_after = Outcome.RATE_LIMITED, 1
    await clock.advance(MAX_PAUSE_SECONDS - 5)
    async with callers(gate, NORMAL) as (caller,):
        assert not caller.inside()
        await clock.advance(5)
        assert caller.inside()


async def test_an_exhausted_allowance_closes_the_gate_until_somebody_tops_it_up(clock: StoppedClock) -> None:
    gate = make_gate(clock, quota_probe_delay=60)
    await call(gate, Outcome.OUT_OF_QUOTA)
    for _ in range(3):
        with pytest.raises(ProviderUnavailable, match="not available") as raised:
            await call(gate)
        assert raised.value.after >= 60
    await clock.advance(75)
    await call(gate, Outcome.OUT_OF_QUOTA)
    with pytest.raises(ProviderUnavailable, match="not available"):
        await call(gate)
    await clock.advance(75)
    await call(gate)
    await call(gate)


async def test_a_trial_that_comes_with_the_cancellation_is_left_to_the_next(clock: StoppedClock) -> None:
    gate = make_gate(clock, calls=1)
    await break_down(gate)
    async with callers(gate, NORMAL, has_paid=True) as (unlucky,):
        clock.now += 10
        gate._serve()
        assert state_of(gate) is State.HALF_OPEN
        unlucky.task.cancel()
        await settle()
        await call(gate)
        assert state_of(gate) is State.CLOSED


async def test_a_job_that_has_paid_for_something_waits_for_the_provider(clock: StoppedClock) -> None:
    """Handed back, it would lose what it has paid for."""
    gate = make_gate(clock, calls=4)
    await break_down(gate)
    async with callers(gate, NORMAL, NORMAL, has_paid=True) as (first, second):
        assert gate.waiting == 2
        await clock.advance(5)
        assert first.inside()
        assert not second.inside()
        await first.leave()
        assert second.inside()


async def test_it_does_not_wait_for_a_top_up(clock: StoppedClock) -> None:
    gate = make_gate(clock)
    await call(gate, Outcome.OUT_OF_QUOTA)
    with pytest.raises(ProviderUnavailable, match="not available"):
        await call(gate, has_paid=True)


@pytest.mark.parametrize("outcome", [Outcome.NOT_ALLOWED, Outcome.OUT_OF_QUOTA, Outcome.SERVER_ERROR])
async def test_a_job_before_a_shut_gate_goes_in_within_ten_seconds_of_the_provider_s_return(
    clock: StoppedClock, outcome: Outcome
) -> None:
    """With the settings as they come, however long the provider was away."""
    gate = make_gate(clock, calls=4)
    while gate.shut is None:
        await call(gate, outcome)
    for _ in range(20):  # jobs come and probe in vain
        await clock.advance(6.5)
        await call(gate, outcome, is_job=True)
    async with callers(gate, NORMAL, NORMAL, is_job=True) as (first, second):
        assert not first.inside()
        await clock.advance(5)
        assert first.inside()
        await first.leave()
        assert second.inside()
    assert gate.shut is None


async def test_a_job_waits_before_a_shut_gate_no_longer_than_its_place_is_worth(clock: StoppedClock) -> None:
    """Those behind it may need no provider."""
    gate = make_gate(clock, calls=4, quota_probe_delay=9)
    await call(gate, Outcome.NOT_ALLOWED)
    async with callers(gate, NORMAL, NORMAL, is_job=True) as (probe, other):
        await clock.advance(MAX_SHUT_WAIT_SECONDS + 2)
        assert probe.inside()  # it probes, and takes its time
        with pytest.raises(ProviderUnavailable, match="not available"):
            await other.task


async def test_a_shut_gate_says_why_and_since_when_and_an_open_one_nothing(clock: StoppedClock) -> None:
    gate = make_gate(clock, quota_probe_delay=4)
    assert (gate.shut, why_shut()) == (None, [])
    await call(gate, Outcome.NOT_ALLOWED)
    first = gate.shut
    assert first is not None
    assert (first.provider, first.why, why_shut()) == ("nobody", "not_allowed", ["not_allowed"])
    await clock.advance(5)
    await call(gate, Outcome.OUT_OF_QUOTA)
    again = gate.shut
    assert again is not None
    assert (again.why, again.since, why_shut()) == ("out_of_quota", first.since, ["out_of_quota"])
    await clock.advance(5)
    await call(gate)
    assert (gate.shut, why_shut()) == (None, [])


async def test_every_opening_and_closing_is_logged_once_and_shown(clock: StoppedClock) -> None:
    gate = make_gate(clock, calls=2, quota_probe_delay=60)
    with capture_logs() as lines:
        await call(gate, Outcome.OUT_OF_QUOTA)
        assert shown() == State.OPEN
        for _ in range(20):
            with pytest.raises(ProviderUnavailable):
                await call(gate)
        await clock.advance(75)
        async with gate.enter(NORMAL) as permit:
            assert shown() == State.HALF_OPEN
            permit.outcome = Outcome.OK
        assert shown() == State.CLOSED
        await break_down(gate)
    assert [(line["log_level"], line["event"]) for line in lines] == [
        ("error", "provider.out_of_quota"),
        ("info", "provider.available"),
        ("warning", "provider.unavailable"),
    ]


def shown() -> float | None:
    return REGISTRY.get_sample_value("storyloom_provider_breaker_state", {"provider": "nobody"})


def why_shut() -> list[str]:
    name, reasons = "storyloom_provider_shut", ("away", "not_allowed", "out_of_quota")
    return [why for why in reasons if REGISTRY.get_sample_value(name, {"provider": "nobody", "why": why})]
