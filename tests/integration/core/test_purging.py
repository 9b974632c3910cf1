"""What nobody needs any more leaves the bus, what takes too long ends, and a lost command is published again."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from nats.aio.msg import Msg
from nats.js.client import JetStreamContext

from services.status.dispatch import job_for
from services.status.reconciler import Reconciler, ReconcilerSettings
from services.status.repository import UnfinishedWork
from storyloom.runtime.settings import Settings
from storyloom.story.assets import Asset, Priority, Service
from storyloom.story.events import AssetRegenerateRequested, StoryCancelled
from storyloom.story.jobs import AssetRequested, StopWork
from tests.integration.core.system import BY_HAND, System, running, until


def origin(story_id: UUID, name: str = "1") -> dict[str, Any]:
    """What a client's command carries."""
    now = datetime.now(UTC)
    return {"id": f"{story_id}.command.{name}", "story_id": story_id, "tenant_id": "tests", "trace": "", "at": now}


async def on_the_bus(system: System, count: int) -> None:
    """Wait until so many jobs live."""

    async def there() -> bool:
        return len(await system.live_jobs()) == count

    await until(there)


async def status(system: System, story_id: UUID) -> dict[str, str]:
    """The statuses of the story and of each of its assets."""
    (story,) = await system.rows("SELECT status FROM stories WHERE id = $1", story_id)
    rows = await system.rows("SELECT asset_type, status FROM asset_generation_jobs WHERE story_id = $1", story_id)
    return {"story": story["status"]} | {row["asset_type"]: row["status"] for row in rows}


def by_hand(system: System, **deadlines: float) -> Reconciler:
    """A reconciler that moves when it is asked to."""
    endpoints = system.status.endpoints
    return Reconciler(
        system.bus,
        UnfinishedWork(system.pool),
        endpoints,
        ReconcilerSettings(grace=0, catch_up_timeout=3, query_timeout=0.1, **deadlines),
    )


async def test_cancelling_purges_the_storys_jobs_and_cancels_them_at_the_workers(settings: Settings) -> None:
    """…and no other story's."""
    stopped: list[StopWork] = []
    async with running(settings, reconciler=BY_HAND, workers=()) as system:

        async def receive(message: Any) -> None:
            stopped.append(StopWork.model_validate_json(message.data))

        await system.bus.client.subscribe(system.bus.names.subject("workers.stop"), cb=receive)
        story_id, other = await system.post(), await system.post()
        await on_the_bus(system, 4)
        jobs = {(job.asset, job.fingerprint) for job in [await system.job(story_id, a) for a in BEGINNING]}
        await system.bus.publish_events(StoryCancelled(**origin(story_id)))
        await on_the_bus(system, 2)
        assert all(str(other) in subject for subject in await system.live_jobs())
        await until(lambda: _received(stopped, 1))
        assert set((await status(system, story_id)).values()) == {"cancelled"}
        assert (await status(system, other))["story"] == "generating"
    (stop,) = stopped
    assert stop.story_id == story_id
    assert set(stop.jobs or ()) == jobs


BEGINNING = (Asset.OUTLINE, Asset.PORTRAIT)


async def _received(stopped: list[StopWork], count: int) -> bool:
    return len(stopped) >= count


async def test_a_job_that_is_published_after_its_purge_is_purged_again(settings: Settings) -> None:
    """By a replica that was slow between its commit and its publication. A finished job's late ack is no such thing."""
    async with running(settings, reconciler=BY_HAND, workers=()) as system:
        story_id, other = await system.post(), await system.post()
        await on_the_bus(system, 4)
        late = await system.job(story_id, Asset.OUTLINE)
        await system.bus.publish_events(StoryCancelled(**origin(story_id)))
        await on_the_bus(system, 2)
        await system.bus.enqueue([late.model_copy(update={"put_back": True})])
        reconciler = by_hand(system)
        first, second = await reconciler.run_round(), await reconciler.run_round()
        assert (first.purged, second.purged) == (0, 1)
        assert {subject.split(".")[3] for subject in await system.live_jobs()} == {str(other)}
        assert len(await system.live_jobs()) == 2


async def test_a_job_of_an_earlier_revision_does_not_stand_in_the_way_of_the_next(settings: Settings) -> None:
    async with running(settings, reconciler=BY_HAND) as system:
        story_id = await system.post()
        await system.finished(story_id)
        journeys = await UnfinishedWork(system.pool).journeys([story_id])
        old: AssetRequested = job_for(journeys[story_id], Asset.COVER, put_back=True)
        await system.workers[Service.IMAGES].stop()
        await system.bus.publish_events(AssetRegenerateRequested(**origin(story_id), asset=Asset.COVER))
        await on_the_bus(system, 1)
        names = system.bus.names
        await system.bus.js.purge_stream(names.jobs)
        await system.bus.enqueue([old])
        reconciler = by_hand(system)
        assert (await reconciler.run_round()).purged == 1
        assert (await reconciler.run_round()).jobs_requeued == 1
        new = await system.job(story_id, Asset.COVER)
        assert (new.revision, new.put_back) == (1, True)
        assert new.fingerprint != old.fingerprint
        assert (await reconciler.run_round()).purged == 0


TRIED = """
UPDATE asset_generation_jobs SET metadata = jsonb_build_object('tried', true, 'triedAt', now())
WHERE story_id = $1 AND asset_type = 'portrait'
"""


async def test_an_asset_that_takes_too_long_fails_and_the_story_goes_on_without_it(settings: Settings) -> None:
    """Nobody makes pictures: their deadline ends them, and the book is bound without."""
    async with running(settings, reconciler=BY_HAND, workers=[s for s in Service if s is not Service.IMAGES]) as system:
        story_id = await system.post()

        async def all_but_pictures() -> bool:
            now = await status(system, story_id)
            return {now["audio"], now["activities"]} == {"ready"}

        await until(all_but_pictures)
        assert (await by_hand(system, asset_deadline=0.001).run_round()).expired == 0, "nobody has tried it"
        await system.pool.execute(TRIED, story_id)
        done = await by_hand(system, asset_deadline=0.001).run_round()
        story = await system.finished(story_id)
        rows = await system.rows("SELECT asset_type, metadata FROM asset_generation_jobs WHERE metadata ? 'code'")
        assert not await system.live_jobs()
    assert done.expired == 1
    assert story["status"] == "partial"
    codes = {row["asset_type"]: row["metadata"]["code"] for row in rows}
    assert codes["portrait"] == "deadline_passed"
    assert codes["cover"] == "need_failed"
    assert story["assetGenerationStatus"]["assets"]["pdf"]["status"] == "ready"


async def test_a_story_that_takes_too_long_ends_at_once_with_what_there_is(settings: Settings) -> None:
    async with running(settings, reconciler=BY_HAND, workers=[Service.CONTENT]) as system:
        story_id = await system.post()

        async def written() -> bool:
            return (await status(system, story_id))["content"] == "ready"

        await until(written)
        assert (await by_hand(system, story_deadline=0.001).run_round()).expired == 1
        story = await system.finished(story_id)
        assets = story["assetGenerationStatus"]["assets"]
        await until(lambda: _no_jobs(system))
        assert (await by_hand(system, story_deadline=0.001).run_round()).expired == 0
    assert story["status"] == "partial"
    assert assets["content"]["status"] == "ready"
    assert (assets["pdf"]["status"], assets["pdf"]["code"]) == ("failed", "deadline_passed")


async def _no_jobs(system: System) -> bool:
    return not await system.live_jobs()


@pytest.mark.parametrize("handled", [False, True])
async def test_a_command_is_published_again_until_it_is_handled(settings: Settings, *, handled: bool) -> None:
    """The api committed its row; whether it crashed before it published cannot be seen from the row."""
    async with running(settings, reconciler=BY_HAND, workers=()) as system:
        story_id = await system.post()
        await on_the_bus(system, 2)
        command = StoryCancelled(**origin(story_id))
        sql = "INSERT INTO command_outbox (event_id, story_id, event) VALUES ($1, $2, $3::jsonb)"
        await system.pool.execute(sql, command.id, story_id, command.model_dump_json())
        if handled:
            await system.bus.publish_events(command)
            await system.projector_idle()
        reconciler = by_hand(system)
        rounds = [await reconciler.run_round()]
        await system.projector_idle()
        rounds.append(await reconciler.run_round())
        (row,) = await system.rows("SELECT handled_at FROM command_outbox")
        assert (await status(system, story_id))["story"] == "cancelled"
    assert [one.commands_requeued for one in rounds] == [0 if handled else 1, 0]
    assert row["handled_at"] is not None


async def _lose_a_job(system: System, jobs: JetStreamContext.PullSubscription) -> Msg | None:
    """What a killed server does to a job that waits for its next delivery, done by a purge that it takes badly.

    None where it took the purge well, as it does now and then, and then with this consumer again and again.
    """
    for _ in range(3):
        await system.post()
    await on_the_bus(system, 6)
    waiting, other, ending = await jobs.fetch(3, timeout=5)
    await waiting.nak(delay=60)
    await system.bus.js.purge_stream(system.bus.names.jobs, subject=other.subject)
    await ending.ack_sync()

    async def forgotten() -> bool:
        info = await jobs.consumer_info()
        return not info.num_pending and not info.num_ack_pending

    try:
        await until(forgotten, within=2)
    except TimeoutError:
        await system.pool.execute("TRUNCATE stories CASCADE")
        return None
    return waiting


async def test_a_job_that_the_server_keeps_and_never_delivers_is_requeued(settings: Settings) -> None:
    for attempt in range(5):
        fresh = settings.model_copy(update={"nats_subject_prefix": f"{settings.nats_subject_prefix}{attempt}_"})
        if await _a_lost_job_is_requeued(fresh):
            return
    pytest.fail("the server took every purge well: is there another way to lose a job?")


async def _a_lost_job_is_requeued(settings: Settings) -> bool:
    """Whether a job was lost at all; the test's assertions where it was."""
    async with running(settings, reconciler=BY_HAND, workers=()) as system:
        names, js = system.bus.names, system.bus.js
        subscription = await js.pull_subscribe_bind(names.lane(Service.IMAGES, Priority.NORMAL), names.jobs)
        waiting = await _lose_a_job(system, subscription)
        if waiting is None:
            return False
        lost = waiting.subject.removeprefix(names.prefix)
        assert lost in await system.live_jobs()
        rounds = [await by_hand(system).run_round()]
        reconciler = by_hand(system)
        rounds += [await reconciler.run_round() for _ in range(3)]
        assert [one.purged for one in rounds] == [0, 0, 1, 0]
        assert rounds[-1].jobs_requeued == 1
        assert lost in await system.live_jobs()
        (again,) = [m for m in await subscription.fetch(3, timeout=5) if m.subject == waiting.subject]
        assert AssetRequested.model_validate_json(again.data).put_back
        return True
