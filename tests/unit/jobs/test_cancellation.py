"""What was stopped is remembered for ten minutes, and not for ever."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from storyloom.jobs import cancellation
from storyloom.jobs.cancellation import CancelledJobs, matches
from storyloom.story.assets import Asset
from storyloom.story.jobs import AssetRequested, StopWork
from tests.unit.jobs.test_dead_letters import JOB

NOW = datetime(2026, 5, 1, tzinfo=UTC)
NAMED = StopWork(story_id=JOB.story_id, jobs=((JOB.asset, JOB.fingerprint),))
WHOLE = StopWork(story_id=JOB.story_id)


class Clock:
    """A clock that stands where it is put."""

    now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.mark.parametrize("stop", [NAMED, WHOLE])
def test_a_stop_covers_what_was_requested_before_it_for_ten_minutes(stop: StopWork) -> None:
    clock = Clock()
    memory = CancelledJobs(clock)
    assert not memory.contains(JOB)
    memory.add(stop)
    assert memory.contains(JOB)
    clock.now = NOW + timedelta(minutes=9, seconds=59)
    assert memory.contains(JOB)
    clock.now = NOW + timedelta(minutes=10)
    assert not memory.contains(JOB)


def test_what_is_requeued_after_a_mistaken_stop_is_taken() -> None:
    """Its sender looked too early at what was starting over. A moment's slack is for clocks that differ."""
    clock = Clock()
    memory = CancelledJobs(clock)
    memory.add(NAMED)
    assert memory.contains(JOB.model_copy(update={"at": NOW + timedelta(seconds=2)}))
    assert not memory.contains(JOB.model_copy(update={"at": NOW + timedelta(seconds=3)}))


@pytest.mark.parametrize(
    "other", [{"story_id": UUID(int=8)}, {"asset": Asset.SCENE_1}, {"fingerprint": "00" * 32}], ids=str
)
def test_a_named_stop_is_about_nothing_else(other: dict[str, object]) -> None:
    job: AssetRequested = JOB.model_copy(update=other)
    memory = CancelledJobs(Clock())
    memory.add(NAMED)
    assert matches(NAMED, JOB)
    assert not matches(NAMED, job)
    assert not memory.contains(job)


def test_a_whole_story_is_all_of_its_jobs_and_no_others() -> None:
    memory = CancelledJobs(Clock())
    memory.add(WHOLE)
    for update, wanted in (({"asset": Asset.SCENE_1}, False), ({"story_id": UUID(int=8)}, True)):
        job = JOB.model_copy(update=update)
        assert matches(WHOLE, job) is not wanted
        assert memory.contains(job) is not wanted


def test_a_stop_of_nothing_covers_nothing() -> None:
    memory = CancelledJobs(Clock())
    memory.add(StopWork(story_id=JOB.story_id, jobs=()))
    assert not memory.contains(JOB)


def test_the_oldest_are_forgotten_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is received again is new again."""
    monkeypatch.setattr(cancellation, "MAX_REMEMBERED", 2)
    memory = CancelledJobs(Clock())
    for number in (1, 2, 1, 3):
        memory.add(StopWork(story_id=UUID(int=number)))
    known = [number for number in (1, 2, 3) if memory.contains(JOB.model_copy(update={"story_id": UUID(int=number)}))]
    assert known == [1, 3]


def test_what_is_too_old_takes_no_memory() -> None:
    clock = Clock()
    memory = CancelledJobs(clock)
    memory.add(NAMED)
    clock.now = NOW + timedelta(minutes=11)
    memory.add(StopWork(story_id=UUID(int=9)))
    assert len(memory._cancelled_at) == 1
