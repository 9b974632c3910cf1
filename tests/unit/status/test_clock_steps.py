"""Postgres's clock may be set while stories are under way: no deadline passes because of it."""

from datetime import UTC, datetime, timedelta

from services.status.clock_steps import ClockSteps

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


class Clocks:
    """The server's, which is set, and ours, which only goes on."""

    def __init__(self) -> None:
        self.at, self.passed = NOON, 0.0
        self.steps = ClockSteps(kept_seconds=7200, monotonic=lambda: self.passed)

    def wait(self, seconds: float, *, step: float = 0) -> float:
        self.passed += seconds
        self.at += timedelta(seconds=seconds + step)
        return self.steps.forward(self.at)


def test_a_clock_that_goes_on_has_made_no_step() -> None:
    clocks = Clocks()
    assert [clocks.wait(seconds) for seconds in (2, 2.5, 4000, 0)] == [0, 0, 0, 0]


def test_an_hour_forward_is_given_to_every_deadline_until_it_matters_no_more() -> None:
    clocks = Clocks()
    clocks.wait(2)
    assert clocks.wait(2, step=3600) == 3600
    assert clocks.wait(7000) == 3600
    assert clocks.wait(300) == 0


def test_an_hour_back_is_no_step_forward_and_takes_nothing_from_one() -> None:
    clocks = Clocks()
    clocks.wait(2)
    assert clocks.wait(2, step=-3600) == 0
    assert clocks.wait(2, step=3600) == 3600
