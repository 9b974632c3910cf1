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
    """A clock that stands where it is put, and one beside it that only goes on."""

    now = NOW
    passed = 0.0

    def memory(self) -> CancelledJobs:
        return CancelledJobs(lambda: self.now, lambda: self.passed)

    def step(self, by: timedelta) -> None:
        """Somebody sets it: no time passes."""
        self.now += by

    def wait(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        self.passed += seconds


@pytest.mark.parametrize("stop", [NAMED, WHOLE])
def test_a_stop_covers_what_was_requested_before_it_for_ten_minutes(stop: StopWork) -> None:
    clock = Clock()
    memory = clock.memory()
    assert not memory.contains(JOB)
    memory.add(stop)
    assert memory.contains(JOB)
    clock.wait(599)
    assert memory.contains(JOB)
    clock.wait(1)
    assert not memory.contains(JOB)


@pytest.mark.parametrize("hour", [timedelta(hours=1), timedelta(hours=-1)], ids=str)
def test_a_clock_that_is_set_neither_forgets_a_stop_nor_remembers_it_for_an_hour(hour: timedelta) -> None:
    clock = Clock()
    memory = clock.memory()
    memory.add(WHOLE)
    clock.step(hour)
    assert memory.contains(JOB)
    clock.wait(600)
    assert not memory.contains(JOB)


def test_a_job_from_a_machine_that_is_an_hour_behind_is_dropped_no_more_than_twice() -> None:
    """The reconciler puts it back, since the rows want it; what it puts back after that is made."""
    memory = Clock().memory()
    memory.add(NAMED)
    job = JOB.model_copy(update={"at": NOW + timedelta(seconds=30) - timedelta(hours=1)})
    assert memory.drop(job)
    again = job.model_copy(update={"put_back": True})
    assert memory.drop(again)
    assert not memory.drop(again)
    assert not memory.contains(again)
    memory.add(NAMED)
    assert memory.drop(again), "another stop is another matter"


def test_what_is_requeued_after_a_mistaken_stop_is_taken() -> None:
    """Its sender looked too early at what was starting over. A moment's slack is for clocks that differ."""
    clock = Clock()
    memory = clock.memory()
    memory.add(NAMED)
    assert memory.contains(JOB.model_copy(update={"at": NOW + timedelta(seconds=2)}))
    assert not memory.contains(JOB.model_copy(update={"at": NOW + timedelta(seconds=3)}))


@pytest.mark.parametrize(
    "other", [{"story_id": UUID(int=8)}, {"asset": Asset.SCENE_1}, {"fingerprint": "00" * 32}], ids=str
)
def test_a_named_stop_is_about_nothing_else(other: dict[str, object]) -> None:
    job: AssetRequested = JOB.model_copy(update=other)
    memory = Clock().memory()
    memory.add(NAMED)
    assert matches(NAMED, JOB)
    assert not matches(NAMED, job)
    assert not memory.contains(job)


def test_a_whole_story_is_all_of_its_jobs_and_no_others() -> None:
    memory = Clock().memory()
    memory.add(WHOLE)
    for update, wanted in (({"asset": Asset.SCENE_1}, False), ({"story_id": UUID(int=8)}, True)):
        job = JOB.model_copy(update=update)
        assert matches(WHOLE, job) is not wanted
        assert memory.contains(job) is not wanted


def test_a_stop_of_nothing_covers_nothing() -> None:
    memory = Clock().memory()
    memory.add(StopWork(story_id=JOB.story_id, jobs=()))
    assert not memory.contains(JOB)


def test_the_oldest_are_forgotten_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is received again is new again."""
    monkeypatch.setattr(cancellation, "MAX_REMEMBERED", 2)
    memory = Clock().memory()
    for number in (1, 2, 1, 3):
        memory.add(StopWork(story_id=UUID(int=number)))
    known = [number for number in (1, 2, 3) if memory.contains(JOB.model_copy(update={"story_id": UUID(int=number)}))]
    assert known == [1, 3]


def test_what_is_too_old_takes_no_memory() -> None:
    clock = Clock()
    memory = clock.memory()
    memory.add(NAMED)
    clock.wait(660)
    memory.add(StopWork(story_id=UUID(int=9)))
    assert len(memory._stops) == 1
