"""Work that nobody wants any more ends at once: nothing is published, stored or handed back afterwards."""

import asyncio
import threading
from datetime import UTC, datetime, timedelta

import pytest

from storyloom.jobs.definition import Report
from storyloom.jobs.worker import RunningWorker
from storyloom.runtime.settings import Settings
from storyloom.story.assets import Asset, Priority, Service
from storyloom.story.errors import RetryableError
from storyloom.story.events import AssetCompleted
from storyloom.story.jobs import AssetRequested
from storyloom.story.results import AnyResult
from tests.integration.core.system import until
from tests.integration.core.worker_harness import WorkerHarness, forever, worker_harness
from tests.makers import QuickMakers


async def idle(running: RunningWorker) -> None:
    async def nothing() -> bool:
        return not running.runner.in_flight.held

    await until(nothing)


async def left_nothing(on: WorkerHarness, job: AssetRequested) -> None:
    """No event, no manifest, no note, no job on the bus, no letter."""
    await on.settled()
    assert [event for event in on.events if event.story_id == job.story_id] == []
    assert await on.objects.list_keys(job.story_id) == []
    assert await on.dead_letters() == []


async def test_whoever_waits_for_a_provider_is_cancelled_and_leaves_nothing(settings: Settings) -> None:
    """In a call, and in a thread: here, now, and nowhere later."""
    release = threading.Event()

    async def wait(job: AssetRequested) -> None:
        await (asyncio.to_thread(release.wait, 30) if job.asset is Asset.COVER else forever())

    async with worker_harness(settings) as on:
        on.makers.before = wait
        running = await on.start_worker()
        job = await on.enqueue()
        await on.enqueue(Asset.SCENE_1, story_id=job.story_id)
        await on.began(2)
        await on.stop_work(job, whole=True)
        await idle(running)
        release.set()
        assert on.makers.running == 0
        assert not on.makers.made
        await left_nothing(on, job)
        names = on.bus.names
        info = await on.bus.js.consumer_info(names.jobs, names.lane(Service.IMAGES, Priority.NORMAL))
    assert info.delivered is not None
    assert info.delivered.consumer_seq == 2, "handed back to nobody"


async def test_only_what_is_named_is_stopped(settings: Settings) -> None:
    """Another asset of the story, and another version of the same asset, go on."""
    release = asyncio.Event()

    async def wait(job: AssetRequested) -> None:
        await release.wait()

    async with worker_harness(settings) as on:
        on.makers.before = wait
        await on.start_worker()
        job = await on.enqueue()
        other = await on.enqueue(Asset.SCENE_1, story_id=job.story_id)
        await on.began(2)
        older = job.model_copy(update={"fingerprint": "00" * 32})
        await on.stop_work(older)
        await on.stop_work(other)

        async def one_left() -> bool:
            return on.makers.running == 1

        await until(one_left)
        release.set()
        (completed,) = await on.wait_for(AssetCompleted, job)
        await on.settled()
    assert completed.asset is Asset.COVER
    assert set(on.makers.made) == {(job.story_id, Asset.COVER)}


class Stubborn(QuickMakers):
    """Will not be cancelled: goes on, talks, and ends as ``end`` says."""

    def __init__(self, end: BaseException | None) -> None:
        super().__init__()
        self.end = end
        self.resisted = asyncio.Event()

    async def make(self, job: AssetRequested, report: Report) -> AnyResult:
        try:
            self.began.set()
            await forever()
        except asyncio.CancelledError:
            self.resisted.set()
        await report(99, "Mira rolled on")
        if self.end is not None:
            raise self.end
        return await super().make(job, report)


@pytest.mark.parametrize(
    "end", [None, RetryableError("cut off"), ValueError("cut off")], ids=["result", "failure", "bug"]
)
async def test_a_handler_that_swallows_its_cancellation_publishes_nothing(
    settings: Settings, end: Exception | None
) -> None:
    async with worker_harness(settings) as on:
        makers = Stubborn(end)
        running = await on.start_worker(makers=makers)
        job = await on.enqueue()
        await asyncio.wait_for(makers.began.wait(), 10)
        await on.stop_work(job)
        await asyncio.wait_for(makers.resisted.wait(), 10)
        await idle(running)
        await left_nothing(on, job)
    assert [subject for subject in on.core_subjects if "progressed" in subject] == []


async def test_a_job_that_comes_after_its_stop_is_dropped(settings: Settings) -> None:
    """It may have been on its way. One that was asked for later is another command, and is made."""
    async with worker_harness(settings) as on:
        running = await on.start_worker()
        job = await on.enqueue(Asset.SCENE_2, story_id=None)
        await on.wait_for(AssetCompleted, job)
        on.makers.made.clear()
        late = job.model_copy(update={"asset": Asset.COVER, "id": f"{job.id}.late"})
        await on.stop_work(late)

        async def unsubscribed() -> bool:
            return running.runner._cancelled.contains(late)

        await until(unsubscribed)
        await on.bus.enqueue([late])
        await on.settled()
        assert not on.makers.made
        again = late.model_copy(update={"at": datetime.now(UTC) + timedelta(seconds=5), "id": f"{job.id}.again"})
        await on.bus.enqueue([again])
        await on.settled()
    assert set(on.makers.made) == {(job.story_id, Asset.COVER)}


async def test_a_stop_that_cannot_be_read_stops_nothing(settings: Settings) -> None:
    async with worker_harness(settings) as on:
        running = await on.start_worker()
        for words in (b"", b"\xff", b'{"story_id": "nobody"}', b'{"jobs": null}'):
            await on.bus.client.publish(on.bus.names.subject("workers.stop"), words)
        job = await on.enqueue()
        await on.stop_work(job.model_copy(update={"asset": Asset.SCENE_4}))
        await on.wait_for(AssetCompleted, job)
        await idle(running)
    assert on.makers.made.total() == 1
