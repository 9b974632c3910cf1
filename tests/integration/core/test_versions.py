"""Old and new releases at work side by side: each takes what it can read, and dead-letters nothing of the other's."""

from datetime import UTC, datetime, timedelta

import orjson
import pytest

from services.status.repository import UnfinishedWork
from storyloom.jobs import runner
from storyloom.runtime.settings import Settings
from storyloom.story.assets import Asset
from storyloom.story.events import AssetCompleted, StoryCancelled
from tests.integration.core.system import BY_HAND, running, until
from tests.integration.core.worker_harness import WorkerHarness, worker_harness


async def test_a_job_of_a_newer_release_is_left_to_it(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nacked again and again, never dead-lettered; whoever can read it takes it. Here an operator puts it right."""
    monkeypatch.setattr(runner, "NEWER_VERSION_DELAY_SECONDS", 0.05)
    async with worker_harness(settings) as on:
        job = await on.enqueue()
        names = on.bus.names
        subject = names.subject(job.subject)
        body = orjson.loads(job.body) | {"version": 99, "brief": "another shape"}
        await on.bus.js.purge_stream(names.jobs)
        await on.bus.js.publish(subject, orjson.dumps(body), stream=names.jobs)
        await on.start_worker()
        await until(lambda: _redelivered(on, 3))
        assert (await on.bus.js.stream_info(names.jobs)).state.messages == 1
        assert await on.dead_letters() == []
        assert on.events == []


async def _redelivered(on: WorkerHarness, times: int) -> bool:
    names = on.bus.names
    info = await on.bus.js.consumer_info(names.jobs, f"{names.prefix}images-normal")
    delivered = info.delivered
    return delivered is not None and delivered.consumer_seq > times


async def test_a_job_of_the_release_before_is_made(settings: Settings) -> None:
    """Version 1 knew no revision."""
    async with worker_harness(settings) as on:
        job = await on.enqueue()
        names = on.bus.names
        body = orjson.loads(job.body) | {"version": 1}
        del body["revision"]
        await on.bus.js.purge_stream(names.jobs)
        await on.bus.js.publish(names.subject(job.subject), orjson.dumps(body), stream=names.jobs)
        await on.start_worker()
        await on.wait_for(AssetCompleted, job)
        assert await on.dead_letters() == []
    assert on.makers.made[job.story_id, Asset.COVER] == 1


@pytest.mark.parametrize("version", ["99", 0, None, 2.5])
async def test_what_only_looks_newer_is_dead_lettered(settings: Settings, version: object) -> None:
    async with worker_harness(settings) as on:
        job = await on.enqueue()
        names = on.bus.names
        body = orjson.loads(job.body) | {"version": version}
        await on.bus.js.purge_stream(names.jobs)
        await on.bus.js.publish(names.subject(job.subject), orjson.dumps(body), stream=names.jobs)
        await on.start_worker()
        await on.settled()
        (letter,) = await on.dead_letters()
    assert letter.kind == "unreadable"


async def test_a_command_of_a_newer_release_is_left_to_it_by_the_reconciler(settings: Settings) -> None:
    """It is published by whoever can read it; what is older goes on."""
    async with running(settings, reconciler=BY_HAND, workers=()) as system:
        story_id = await system.post()
        known = StoryCancelled(id="known", story_id=story_id, tenant_id="tests", trace="", at=datetime.now(UTC))
        newer = orjson.loads(known.body) | {"id": "newer", "event": "StoryForgotten"}
        for event_id, body in (("newer", newer), ("known", orjson.loads(known.body))):
            await system.pool.execute(
                "INSERT INTO command_outbox (event_id, story_id, event, created_at)"
                " VALUES ($1, $2, $3, now() - interval '1 hour')",
                event_id,
                story_id,
                body,
            )
        found = await UnfinishedWork(system.pool).unhandled_commands(datetime.now(UTC) - timedelta(seconds=5))
        assert [command.id for command in found] == ["known"]
