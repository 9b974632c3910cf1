"""The heart beats while a job is worked on, and knows when it stood still for too long."""

import asyncio
import time
from collections.abc import Callable

from storyloom.jobs.heartbeat import Heartbeat


class Bus:
    """Hears what the heart says; ``hears`` may be turned off."""

    def __init__(self) -> None:
        self.hears = True
        self.beats = 0
        self.began = 0
        self.again = asyncio.Event()
        self.late = asyncio.Event()

    async def beat(self) -> bool:
        self.beats += 1
        self.again.set()
        return self.hears

    async def begin(self) -> None:
        self.began += 1

    async def after_beats(self, count: int) -> None:
        """Wait for more beats."""
        wanted = self.beats + count
        await _until(lambda: self.beats >= wanted, self.again)

    def heart(self, *, every: float = 0.01, patience: float = 60) -> Heartbeat:
        return Heartbeat(self.beat, self.begin, every=every, patience=patience, too_late=self.late.set)


async def _until(holds: Callable[[], bool], again: asyncio.Event) -> None:
    async with asyncio.timeout(10):
        while not holds():
            again.clear()
            await again.wait()


async def test_it_says_once_that_work_began_and_again_and_again_that_it_goes_on() -> None:
    bus = Bus()
    heart = bus.heart()
    heart.start()
    await bus.after_beats(3)
    heart.stop()
    assert bus.began == 1
    assert not heart.may_be_lost


async def test_a_job_that_ends_at_once_says_nothing() -> None:
    bus = Bus()
    heart = bus.heart(every=60)
    heart.start()
    heart.stop()
    await asyncio.sleep(0)
    assert (bus.began, bus.beats) == (0, 0)


async def test_a_stopped_heart_is_silent() -> None:
    bus = Bus()
    heart = bus.heart()
    heart.start()
    await bus.after_beats(1)
    heart.stop()
    before = bus.beats
    await asyncio.sleep(0.05)
    assert bus.beats == before


async def test_a_process_that_stood_still_is_doubtful_from_then_on() -> None:
    """Before its timers run at all, and after they have caught up."""
    bus = Bus()
    heart = bus.heart(patience=0.3)
    heart.start()
    time.sleep(0.4)  # noqa: ASYNC251 - the whole process stands still
    assert heart.may_be_lost
    await bus.after_beats(3)
    heart.stop()
    assert heart.may_be_lost


async def test_standing_still_is_noticed_though_nobody_asks_until_later() -> None:
    bus = Bus()
    heart = bus.heart(patience=0.3)
    heart.start()
    await bus.after_beats(1)
    time.sleep(0.4)  # noqa: ASYNC251
    await bus.after_beats(3)
    heart.stop()
    assert heart.may_be_lost


async def test_beats_that_do_not_reach_the_bus_do_not_count() -> None:
    """Cut off for too long is as good as frozen: the bus has given the job away."""
    bus = Bus()
    bus.hears = False
    heart = bus.heart(patience=0.05)
    heart.start()
    await bus.after_beats(1)
    async with asyncio.timeout(10):
        while not heart.may_be_lost:
            await bus.after_beats(1)
    heart.stop()


async def test_it_ends_a_job_that_takes_too_long_and_beats_no_more() -> None:
    """…so that a job which does not let itself be cancelled moves on all the same, and its result is doubtful."""
    bus = Bus()
    heart = bus.heart(every=60)
    heart.start()
    heart.limit(0.03)
    await asyncio.wait_for(bus.late.wait(), 10)
    assert heart.late
    assert heart.may_be_lost
    before = bus.beats
    await asyncio.sleep(0.05)
    assert bus.beats == before


async def test_what_is_made_in_time_may_be_told_for_as_long_as_it_takes() -> None:
    bus = Bus()
    heart = bus.heart()
    heart.start()
    heart.limit(0.03)
    heart.unlimited()
    await asyncio.sleep(0.06)
    await bus.after_beats(1)
    heart.stop()
    assert not heart.late
