"""Heartbeats are sent while a handler runs; a silence that was too long is remembered."""

import asyncio
import time
from collections.abc import Callable

from storyloom.jobs.heartbeat import Heartbeat


class Bus:
    """The server, as a heartbeat sees it; ``connected`` may be turned off."""

    def __init__(self) -> None:
        self.connected = True
        self.beats = 0
        self.started = 0
        self.again = asyncio.Event()
        self.deadline = asyncio.Event()

    async def in_progress(self) -> bool:
        self.beats += 1
        self.again.set()
        return self.connected

    async def publish_started(self) -> None:
        self.started += 1

    async def after_beats(self, count: int) -> None:
        """Wait for more beats."""
        wanted = self.beats + count
        await _until(lambda: self.beats >= wanted, self.again)

    def heartbeat(self, *, interval: float = 0.01, max_silence: float = 60) -> Heartbeat:
        return Heartbeat(
            self.in_progress,
            self.publish_started,
            interval=interval,
            max_silence=max_silence,
            on_deadline=self.deadline.set,
        )


async def _until(holds: Callable[[], bool], again: asyncio.Event) -> None:
    async with asyncio.timeout(10):
        while not holds():
            again.clear()
            await again.wait()


async def test_started_is_published_once_and_in_progress_again_and_again() -> None:
    bus = Bus()
    heartbeat = bus.heartbeat()
    heartbeat.start()
    await bus.after_beats(3)
    heartbeat.stop()
    assert bus.started == 1
    assert not heartbeat.may_be_lost


async def test_a_job_that_ends_at_once_sends_nothing() -> None:
    bus = Bus()
    heartbeat = bus.heartbeat(interval=60)
    heartbeat.start()
    heartbeat.stop()
    await asyncio.sleep(0)
    assert (bus.started, bus.beats) == (0, 0)


async def test_a_stopped_heartbeat_sends_no_more() -> None:
    bus = Bus()
    heartbeat = bus.heartbeat()
    heartbeat.start()
    await bus.after_beats(1)
    heartbeat.stop()
    before = bus.beats
    await asyncio.sleep(0.05)
    assert bus.beats == before


async def test_a_process_that_was_frozen_may_have_lost_its_job_from_then_on() -> None:
    """Before its timers run at all, and after they have caught up."""
    bus = Bus()
    heartbeat = bus.heartbeat(max_silence=0.3)
    heartbeat.start()
    time.sleep(0.4)  # noqa: ASYNC251 - the whole process stands still
    assert heartbeat.may_be_lost
    await bus.after_beats(3)
    heartbeat.stop()
    assert heartbeat.may_be_lost


async def test_a_silence_is_noticed_though_nobody_asks_until_later() -> None:
    bus = Bus()
    heartbeat = bus.heartbeat(max_silence=0.3)
    heartbeat.start()
    await bus.after_beats(1)
    time.sleep(0.4)  # noqa: ASYNC251
    await bus.after_beats(3)
    heartbeat.stop()
    assert heartbeat.may_be_lost


async def test_heartbeats_that_do_not_reach_the_server_do_not_count() -> None:
    """Cut off for too long is as good as frozen: the server has redelivered the job."""
    bus = Bus()
    bus.connected = False
    heartbeat = bus.heartbeat(max_silence=0.05)
    heartbeat.start()
    await bus.after_beats(1)
    async with asyncio.timeout(10):
        while not heartbeat.may_be_lost:
            await bus.after_beats(1)
    heartbeat.stop()


async def test_the_deadline_ends_a_job_and_its_heartbeats() -> None:
    """…so that a job whose handler swallows the cancellation is redelivered all the same."""
    bus = Bus()
    heartbeat = bus.heartbeat(interval=60)
    heartbeat.start()
    heartbeat.set_deadline(0.03)
    await asyncio.wait_for(bus.deadline.wait(), 10)
    assert heartbeat.deadline_passed
    assert heartbeat.may_be_lost
    before = bus.beats
    await asyncio.sleep(0.05)
    assert bus.beats == before


async def test_publishing_may_take_longer_than_the_deadline_of_the_handler() -> None:
    bus = Bus()
    heartbeat = bus.heartbeat()
    heartbeat.start()
    heartbeat.set_deadline(0.03)
    heartbeat.clear_deadline()
    await asyncio.sleep(0.06)
    await bus.after_beats(1)
    heartbeat.stop()
    assert not heartbeat.deadline_passed
