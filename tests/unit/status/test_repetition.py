"""What is published again in vain is published more and more seldom, and that is said once."""

import asyncio
from collections.abc import Iterator

import pytest
from structlog.testing import capture_logs

from services.status.repetition import DELAYS_SECONDS, IN_VAIN, Repetition


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[float]]:
    """The loop's time, set by hand."""
    now = [0.0]
    loop = asyncio.new_event_loop()
    monkeypatch.setattr(loop, "time", lambda: now[0])
    monkeypatch.setattr(asyncio, "get_running_loop", lambda: loop)
    yield now
    loop.close()


def test_an_hour_of_rounds_publishes_the_same_a_few_times(clock: list[float]) -> None:
    """1,800 rounds of two seconds: in each of the first, every four minutes in the end."""
    repetition, published = Repetition[str]("job"), 0
    with capture_logs() as logs:
        for _ in range(1800):
            due = repetition.due(["one"])
            repetition.published(due)
            published += len(due)
            clock[0] += 2
    assert published == 23
    assert [entry["event"] for entry in logs] == ["reconciler.in_vain"]


def test_what_is_missing_now_and_then_is_the_same_until_it_is_finished(clock: list[float]) -> None:
    """A job that is put back is on the bus for a round, and missing in the next."""
    repetition = Repetition[str]("job")
    for _ in range(IN_VAIN):
        repetition.published(repetition.due(["one"], ["one"]))
        assert repetition.due([], ["one"]) == []
    assert repetition.due(["one"], ["one"]) == []
    clock[0] += DELAYS_SECONDS[IN_VAIN - 1]
    assert repetition.due(["one"], ["one"]) == ["one"]


def test_what_was_finished_and_is_lost_later_is_new(clock: list[float]) -> None:
    repetition = Repetition[str]("story")
    for _ in range(IN_VAIN):
        repetition.published(repetition.due(["one"]))
    assert repetition.due(["one"]) == []
    assert repetition.due([]) == []
    assert repetition.due(["one"]) == ["one"]
    assert clock == [0.0]
