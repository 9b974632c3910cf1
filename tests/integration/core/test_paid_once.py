"""One job, two holders: one result stands, everywhere, and as little as possible is asked for twice."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from storyloom.jobs.in_flight import query_workers
from storyloom.jobs.manifest import Manifest, read_manifest, write_manifest
from storyloom.runtime.metrics import ADOPTED, PAID_UNSTORED_SECONDS, REMADE
from storyloom.runtime.settings import Settings
from storyloom.storage.objects import Objects
from storyloom.story.assets import Asset, Priority
from storyloom.story.errors import RetryableError
from storyloom.story.events import AssetCompleted
from storyloom.story.jobs import AssetRequested
from storyloom.story.results import Picture
from tests.integration.core.process import SIGNED, UncancellableHandler, WorkerProcess
from tests.integration.core.system import until
from tests.integration.core.test_attempts import Failing, pay
from tests.integration.core.worker_harness import WorkerHarness, worker_harness
from tests.makers import QuickMakers


async def nobody_works(on: WorkerHarness) -> None:
    async def idle() -> bool:
        answers = await query_workers(on.bus, 0.2)
        return len(answers) == 2 and not any(answer.held for answer in answers)

    await until(idle)


async def test_a_zombie_that_wakes_adopts_what_was_made_meanwhile(settings: Settings, tmp_path: Path) -> None:
    """Frozen for longer than the bus waits: another makes the picture, and the zombie's own never shows.

    Its store ignores If-None-Match: it is the look before the write that keeps the first result.
    """
    async with worker_harness(settings) as on:
        with WorkerProcess(settings, tmp_path) as zombie:
            await until(lambda: _answers(on, 1))
            job = await on.enqueue()
            await zombie.began()
            zombie.freeze()
            await on.start_worker()
            (completed,) = await on.wait_for(AssetCompleted, job)
            zombie.release()
            zombie.wake()
            await nobody_works(on)
            manifest = await read_manifest(on.objects, job.story_id, job.asset, job.fingerprint)
            all_completed = [event for event in on.events if isinstance(event, AssetCompleted)]
    assert manifest is not None
    assert isinstance(completed.result, Picture)
    assert completed.result.alt_text != SIGNED
    assert manifest.result == completed.result
    assert {event.id for event in all_completed} == {completed.id}, "a repeat is dropped by its id"
    assert all(event.result == completed.result for event in all_completed)


async def _answers(on: WorkerHarness, count: int) -> bool:
    return len(await query_workers(on.bus, 0.2)) == count


async def test_a_worker_that_froze_and_is_given_its_own_job_makes_it_once(settings: Settings) -> None:
    """The only replica stands still for two ack_waits: the bus gives it the job that it works on already."""
    frozen = 0

    async def freeze(job: AssetRequested) -> None:
        nonlocal frozen
        frozen += 1
        time.sleep(0.8)  # noqa: ASYNC251 - the whole process stands still, as in a suspended machine
        await until(lambda: _redelivered(on))

    async with worker_harness(settings.model_copy(update={"ack_wait": 0.4})) as on:
        on.makers.before = freeze
        running = await on.start_worker()
        job = await on.enqueue()
        await on.wait_for(AssetCompleted, job)
        await on.settled()
        assert running.runner.in_flight.held == ()
    assert frozen == 1


async def _redelivered(on: WorkerHarness) -> bool:
    names = on.bus.names
    info = await on.bus.js.consumer_info(names.jobs, f"{names.prefix}images-normal")
    return bool(info.num_redelivered)


async def test_a_job_that_is_given_out_twice_stays_with_the_worker_that_has_it(settings: Settings) -> None:
    """A restarted server has forgotten all heartbeats: it gives every long job to somebody else."""
    release = asyncio.Event()

    async def wait(job: AssetRequested) -> None:
        await release.wait()

    async with worker_harness(settings) as on:
        on.makers.before = wait
        first = await on.start_worker()
        job = await on.enqueue()
        await on.began()
        others = QuickMakers()
        await on.start_worker(makers=others)
        (held,) = first.runner._in_flight.values()
        await held.message.nak()
        await until(lambda: _handed_back(on, 2))
        release.set()
        await on.wait_for(AssetCompleted, job)
        await on.settled()
    assert on.makers.made.total() == 1
    assert not others.made
    assert [event for event in on.events if not isinstance(event, AssetCompleted)] == [], "no retry is published"


async def test_what_a_server_that_came_back_gives_out_as_new_is_asked_for_first(settings: Settings) -> None:
    """A killed server had not written down that it gave the job to somebody: it comes as a first delivery again."""
    release = asyncio.Event()

    async def wait(job: AssetRequested) -> None:
        await release.wait()

    async with worker_harness(settings.model_copy(update={"slots_high": 1})) as on:
        on.makers.before = wait
        await on.start_worker()
        job = await on.enqueue()
        await on.enqueue(priority=Priority.HIGH)  # keeps the first worker from the lane of the next one
        await on.began(2)
        others = QuickMakers()
        second = await on.start_worker(makers=others)
        second.broker.bus._disconnected_at = datetime.now(UTC) + timedelta(
            seconds=10
        )  # its return is not even known yet
        await on.bus.enqueue([job.model_copy(update={"priority": Priority.HIGH, "id": f"{job.id}.again"})])
        await until(lambda: _left_alone(on))
        release.set()
        await on.wait_for(AssetCompleted, job)
        await on.settled()
    assert on.makers.made[job.story_id, job.asset] == 1
    assert not others.made


async def _left_alone(on: WorkerHarness) -> bool:
    """Whether what came as new was given back: it waits for its second delivery."""
    names = on.bus.names
    info = await on.bus.js.consumer_info(names.jobs, f"{names.prefix}images-high")
    return bool(info.num_redelivered)


async def _handed_back(on: WorkerHarness, times: int) -> bool:
    """Whether the job was delivered again, and waits for its next delivery in nobody's hands but the first one's."""
    names = on.bus.names
    info = await on.bus.js.consumer_info(names.jobs, f"{names.prefix}images-normal")
    delivered = info.delivered.consumer_seq if info.delivered else 0
    return delivered >= times and len([one for one in await query_workers(on.bus, 0.2) if one.held]) == 1


class Twice(Objects):
    """A store that honours If-None-Match, where somebody was quicker by a moment."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings, threads=1)
        self.quicker: Manifest | None = None

    async def create(self, key: str, data: bytes) -> bool:
        manifest = Manifest.model_validate_json(data)
        assert isinstance(manifest.result, Picture)
        theirs = manifest.result.model_copy(update={"alt_text": SIGNED})
        self.quicker = manifest.model_copy(update={"result": theirs})
        return not await super().create(key, self.quicker.body)


async def test_the_second_worker_publishes_the_firsts_result(settings: Settings) -> None:
    before = ADOPTED.labels(service="images")._value.get()
    async with worker_harness(settings) as on:
        store = Twice(settings)
        await on.start_worker(objects=store)
        (completed,) = await on.wait_for(AssetCompleted, await on.enqueue())
    assert store.quicker is not None
    assert completed.result == store.quicker.result
    assert ADOPTED.labels(service="images")._value.get() - before == 1


async def test_a_redelivered_job_adopts_what_was_written_while_it_was_made(settings: Settings) -> None:
    """Looked for again right before the write, for stores that ignore If-None-Match."""
    theirs: list[Manifest] = []
    async with worker_harness(settings) as on:

        async def overtake(job: AssetRequested) -> None:
            await fail(job)
            made = Picture.model_validate({**(await _picture(job)).model_dump(), "alt_text": SIGNED})
            manifest = Manifest(asset=job.asset, fingerprint=job.fingerprint, result=made)
            theirs.append(await write_manifest(on.objects, job.story_id, manifest))

        fail = Failing(RetryableError("rate limit"))
        on.makers.before = overtake
        await on.start_worker(objects=UncancellableHandler(settings))
        (completed,) = await on.wait_for(AssetCompleted, await on.enqueue())
    assert completed.result == theirs[0].result


@pytest.mark.parametrize(
    "changes", [{"put_back": True}, {"at": datetime.now(UTC) - timedelta(minutes=1)}], ids=["requeued", "old"]
)
async def test_what_may_have_been_made_before_is_looked_for_before_it_is_paid(
    settings: Settings, changes: dict[str, Any]
) -> None:
    """The bus calls it a first delivery all the same: it was wiped, or the job stood still on its way."""
    async with worker_harness(settings) as on:
        story_id = uuid4()
        job = await on.enqueue(story_id=story_id, **changes)
        made = Manifest(asset=job.asset, fingerprint=job.fingerprint, result=await _picture(job))
        await write_manifest(on.objects, story_id, made)
        await on.start_worker()
        (completed,) = await on.wait_for(AssetCompleted, job)
    assert completed.result == made.result
    assert not on.makers.made


async def test_a_job_that_waited_long_for_its_first_worker_is_not_taken_for_one_that_lost_a_worker(
    settings: Settings,
) -> None:
    """A busy hour must not look as if everything were paid for twice."""
    before = REMADE.labels(service="images")._value.get()
    async with worker_harness(settings) as on:
        await on.start_worker()
        await on.wait_for(AssetCompleted, await on.enqueue(at=datetime.now(UTC) - timedelta(minutes=1)))
    assert REMADE.labels(service="images")._value.get() == before


async def _picture(job: AssetRequested) -> Picture:
    async def silent(progress: int, text: str | None = None) -> None:
        del progress, text

    made = await QuickMakers().make(job, silent)
    assert isinstance(made, Picture)
    return made


async def test_the_window_that_can_pay_twice_is_measured(settings: Settings) -> None:
    """From the last answer that was of use to the manifest; a job that asked nobody is not in it."""
    child = PAID_UNSTORED_SECONDS.labels(service="images")

    async def ask(job: AssetRequested) -> None:
        if job.asset is Asset.COVER:
            pay("drawn")

    def measured() -> float:
        return float(sum(bucket.get() for bucket in child._buckets))

    before, remade = measured(), REMADE.labels(service="images")._value.get()
    async with worker_harness(settings) as on:
        on.makers.before = ask
        await on.start_worker()
        await on.wait_for(AssetCompleted, await on.enqueue())
        await on.wait_for(AssetCompleted, await on.enqueue(Asset.SCENE_1))
    assert measured() - before == 1
    assert REMADE.labels(service="images")._value.get() == remade, "first deliveries repeat nothing"
