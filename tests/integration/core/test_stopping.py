"""A worker that stops: what runs is finished or nacked, nothing is published as failed, and others go on at once."""

import asyncio
from pathlib import Path

from nats.aio.msg import Msg

from storyloom.jobs.worker import RunningWorker
from storyloom.messaging.connection import Bus
from storyloom.messaging.consumer import PullConsumer
from storyloom.runtime.settings import Settings
from storyloom.story.assets import Asset, Service
from storyloom.story.events import AssetCompleted, AssetFailed, AssetRetrying
from storyloom.story.jobs import AssetRequested
from storyloom.story.results import Picture
from tests.integration.core.process import SIGNED, WorkerProcess
from tests.integration.core.system import until
from tests.integration.core.worker_harness import WorkerHarness, forever, worker_harness
from tests.makers import QuickMakers

LONG_ACK_WAIT = {"ack_wait": 15}
BEFORE_ACK_WAIT_SECONDS = 10.0
"""Seconds: whatever moves on by then was handed back, for the bus itself would wait longer."""


async def test_a_stopping_worker_finishes_what_runs(settings: Settings) -> None:
    """The job is published as done by the one that stops, and is made once."""
    release = asyncio.Event()

    async def wait(job: AssetRequested) -> None:
        await release.wait()

    async with worker_harness(settings.model_copy(update={**LONG_ACK_WAIT, "drain_seconds": 20})) as on:
        on.makers.before = wait
        stopping = await on.start_worker()
        job = await on.enqueue()
        await on.began()
        stop = asyncio.create_task(stopping.stop())
        await until(lambda: _draining(stopping))
        release.set()
        await asyncio.wait_for(stop, 10)
        await on.wait_for(AssetCompleted, job)
        await on.settled()
    assert on.makers.made[job.story_id, Asset.COVER] == 1


async def _draining(worker: RunningWorker) -> bool:
    return worker.runner._draining


async def test_what_a_stopping_worker_cannot_finish_is_handed_back_without_a_failure(settings: Settings) -> None:
    async with worker_harness(settings.model_copy(update={**LONG_ACK_WAIT, "drain_seconds": 0.1})) as on:
        hanging = QuickMakers()
        hanging.before = hang
        stopping = await on.start_worker(makers=hanging)
        job = await on.enqueue()
        await asyncio.wait_for(hanging.began.wait(), 10)
        await stopping.stop()
        await stopping.stop()
        assert hanging.running == 0
        await on.start_worker()
        await on.wait_for(AssetCompleted, job, within=BEFORE_ACK_WAIT_SECONDS)
        assert not [event for event in on.events if isinstance(event, AssetRetrying | AssetFailed)]


async def hang(_job: AssetRequested) -> None:
    await forever()


async def test_a_terminated_process_nacks_what_it_works_on(settings: Settings, tmp_path: Path) -> None:
    """SIGTERM, as every platform sends it: exit code 0, and whoever is there makes it at once."""
    async with worker_harness(settings.model_copy(update={**LONG_ACK_WAIT, "drain_seconds": 0.1})) as on:
        with WorkerProcess(on.settings, tmp_path) as process:
            job = await on.enqueue()
            await process.began()
            process.terminate()
            assert await process.ended() == 0
        await on.start_worker()
        (completed,) = await on.wait_for(AssetCompleted, job, within=BEFORE_ACK_WAIT_SECONDS)
        assert not [event for event in on.events if isinstance(event, AssetRetrying | AssetFailed)]
    assert isinstance(completed.result, Picture)
    assert completed.result.alt_text != SIGNED


async def enqueue(on: WorkerHarness, count: int) -> None:
    for _ in range(count):
        await on.enqueue()


def _pull(bus: Bus, slots: int) -> PullConsumer:
    lane = bus.names.lane(Service.IMAGES, AssetRequested.model_fields["priority"].default)
    return PullConsumer(bus, bus.names.jobs, lane, max_in_flight=slots)


async def test_what_came_and_was_not_taken_is_handed_back(settings: Settings) -> None:
    """One of three was taken: the others are there for the next one, at once."""
    async with worker_harness(settings.model_copy(update=LONG_ACK_WAIT)) as on:
        await enqueue(on, 3)
        first, second = _pull(on.bus, 3), _pull(on.bus, 3)
        await first.open()
        (taken,) = await first.take(1)
        await until(lambda: _arrived(first, 2))
        await first.close()
        await second.open()
        others: list[Msg] = []
        async with asyncio.timeout(10):
            while len(others) < 2:
                others += await second.take(3)
        await second.close()
    assert taken.subject not in {message.subject for message in others}
    assert len({message.subject for message in others}) == 2


async def _arrived(pull: PullConsumer, count: int) -> bool:
    return len(pull._buffered) == count


async def test_a_closed_pull_asks_no_more(settings: Settings) -> None:
    """The slots that are free again when its last job ends is for others."""
    async with worker_harness(settings.model_copy(update=LONG_ACK_WAIT)) as on:
        asked: list[str] = []

        async def note(message: Msg) -> None:
            asked.append(message.reply)

        await on.bus.client.subscribe(f"$JS.API.CONSUMER.MSG.NEXT.{on.bus.names.jobs}.*", cb=note)
        await on.enqueue()
        pull = _pull(on.bus, 1)
        await pull.open()
        (message,) = await pull.take(1)
        await pull.close()
        await message.ack()
        await pull.done(1)
        await pull.repoll()
        await on.settled()
        assert len(asked) == 1
