"""The doctor: names who has each unfinished asset, finds every planted fault, and none in a busy healthy system."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import orjson
import pytest

from ops.connections import NOTHING_FOUND, OK, UNAVAILABLE, open_connections
from ops.doctor import exit_code
from storyloom.messaging.connection import Bus, OutboundMessage
from storyloom.messaging.topology import provision
from storyloom.operations.diagnosis import State
from storyloom.operations.examination import Report, examine
from storyloom.operations.snapshot import DiagnosisSettings, take_snapshot
from storyloom.operations.sources import Connections
from storyloom.runtime.settings import Settings
from storyloom.story.assets import Asset, Service
from storyloom.story.errors import RetryableError
from storyloom.story.events import StoryRequested, story_requested
from storyloom.story.jobs import AssetRequested
from tests.integration.core.system import BY_HAND, QUICK, System, running, until

SHORT_WAITS = DiagnosisSettings(
    grace=0.05, catch_up=1, worker_timeout=0.3, commands=0.05, erasures=0.05, pauses=(0.05, 0.05)
)


@asynccontextmanager
async def begun(
    settings: Settings, *, workers: tuple[Service, ...] = ()
) -> AsyncIterator[tuple[System, Connections, UUID]]:
    """A system whose reconciler never moves, with one story whose first two jobs have been sent for a while."""
    async with (
        running(settings, reconciler=BY_HAND, workers=workers) as system,
        open_connections(settings) as connections,
    ):
        story_id = await system.post()
        await until(lambda: sent(system, 2))
        await until(lambda: older_than_grace(system))
        yield system, connections, story_id


async def sent(system: System, count: int) -> bool:
    return len(await system.live_jobs()) >= count


async def older_than_grace(system: System) -> bool:
    young = "SELECT FROM asset_generation_jobs WHERE queued_at > now() - interval '0.2 s'"
    return not await system.rows(young)


def codes(report: Report) -> set[str]:
    """What was found, but for workers that a test never started."""
    return {finding.code for finding in report.findings} - {"service_without_workers"}


def states(report: Report) -> dict[Asset, State]:
    return {one.asset: one.state for one in report.snapshot.assets}


async def test_a_busy_healthy_system_has_no_finding_and_nobody_without_a_place(settings: Settings) -> None:
    """30 stories at once, looked at again and again, once with each look confirmed by another."""
    async with running(settings, reconciler=QUICK, in_memory=True) as system, open_connections(settings) as connections:
        for _ in range(30):
            await system.post()
        looks = 0
        while await system.rows("SELECT FROM stories WHERE status = 'generating'"):
            report = await examine(connections, replace(SHORT_WAITS, grace=1, worker_timeout=0.2))
            assert report.findings == []
            assert exit_code(report) == OK
            looks += 1
        assert looks >= 1
        assert (await examine(connections, SHORT_WAITS)).snapshot.stories == 0


async def test_a_job_that_is_nowhere_is_found(settings: Settings) -> None:
    """Its message is deleted and the reconciler rests; the other job is on the bus and is not named."""
    async with begun(settings) as (system, connections, story_id):
        names = system.bus.names
        lost = f"job.images.normal.{story_id}.portrait"
        assert codes(await examine(connections, SHORT_WAITS)) == set()
        await system.bus.js.purge_stream(names.jobs, subject=names.subject(lost))
        report = await examine(connections, SHORT_WAITS)
    assert codes(report) == {"asset_orphaned"}
    (finding,) = [finding for finding in report.findings if finding.code == "asset_orphaned"]
    assert finding.about.startswith(f"{story_id}.portrait.")
    assert exit_code(report) == NOTHING_FOUND
    assert states(report)[Asset.OUTLINE] == "queued"


async def test_what_is_repaired_between_two_snapshots_is_no_finding(settings: Settings) -> None:
    """The reconciler is awake: it puts the job back before the last look."""
    async with running(settings, reconciler=QUICK, workers=()) as system, open_connections(settings) as connections:
        await system.post()
        await until(lambda: sent(system, 2))
        await until(lambda: older_than_grace(system))
        await system.bus.js.purge_stream(system.bus.names.jobs)
        report = await examine(connections, replace(SHORT_WAITS, pauses=(0.05, 4.0)))
    assert codes(report) == set()


async def test_a_job_in_a_workers_hands_is_named_with_its_worker(settings: Settings) -> None:
    """…even where the bus has lost it: the worker holds it."""
    held = asyncio.Event()

    async def hold(job: AssetRequested) -> None:
        await held.wait()

    async with running(settings, reconciler=BY_HAND, workers=()) as system, open_connections(settings) as connections:
        system.makers.before = hold
        await system.work(Service.IMAGES)
        await system.post()
        await until(lambda: working(system, 1))
        await until(lambda: older_than_grace(system))
        await system.bus.js.purge_stream(system.bus.names.jobs, subject=system.bus.names.subject("job.images.>"))
        report = await examine(connections, SHORT_WAITS)
        held.set()
    (portrait,) = [one for one in report.snapshot.assets if one.asset is Asset.PORTRAIT]
    assert codes(report) == set()
    assert portrait.state == "in_flight"
    assert portrait.worker.startswith("images-")
    assert portrait.since is not None


async def working(system: System, count: int) -> bool:
    return system.makers.running >= count


async def test_a_job_between_two_attempts_says_until_when_and_for_which(settings: Settings) -> None:
    async def refuse(job: AssetRequested) -> None:
        raise RetryableError("the provider is busy", after=600)

    async with running(settings, reconciler=BY_HAND, workers=()) as system, open_connections(settings) as connections:
        system.makers.before = refuse
        await system.work(Service.IMAGES)
        await system.post()
        await until(lambda: retrying(system))
        report = await examine(connections, SHORT_WAITS)
    (portrait,) = [one for one in report.snapshot.assets if one.asset is Asset.PORTRAIT]
    assert (portrait.state, portrait.attempt) == ("retrying", 2)
    assert portrait.until is not None
    assert portrait.until > datetime.now(UTC)
    (cover,) = [one for one in report.snapshot.assets if one.asset is Asset.COVER]
    assert (cover.state, cover.waits_for) == ("waiting", (Asset.OUTLINE, Asset.PORTRAIT))


async def retrying(system: System) -> bool:
    return bool(await system.rows("SELECT FROM asset_generation_jobs WHERE metadata->>'retryAt' IS NOT NULL"))


FAULTS = {
    "story_not_completed": "UPDATE asset_generation_jobs SET status = 'ready' WHERE story_id = $1",
    "asset_not_dispatched": "UPDATE asset_generation_jobs SET status = 'pending' WHERE story_id = $1"
    " AND asset_type = 'portrait'",
    "asset_blocked": "UPDATE asset_generation_jobs SET status = 'failed' WHERE story_id = $1"
    " AND asset_type = 'portrait'",
    "story_overdue": "UPDATE stories SET asset_generation_started_at = now() - interval '1 week' WHERE id = $1",
    "asset_overdue": "UPDATE asset_generation_jobs SET status = 'generating', started_at = now() - interval '1 week' "
    "WHERE story_id = $1 AND status = 'queued'"
    " AND asset_type = 'portrait'",
    "story_unhandled": "UPDATE stories SET seq = 0 WHERE id = $1",
    "command_unhandled": "INSERT INTO command_outbox (event_id, story_id, event, created_at) VALUES"
    """ ('w', $1, '{"event": "StoryCancelled"}', now() - interval '1 min')""",
}
TAKES_AN_ASSET_FROM_ITS_JOB = {"story_not_completed", "asset_not_dispatched", "asset_blocked"}


@pytest.mark.parametrize(("code", "fault"), FAULTS.items(), ids=FAULTS)
async def test_a_fault_in_the_rows_is_found_and_nothing_else(code: str, fault: str, settings: Settings) -> None:
    async with begun(settings) as (system, connections, story_id):
        await system.pool.execute(fault, story_id)
        report = await examine(connections, SHORT_WAITS)
    assert codes(report) == {code} | ({"job_obsolete"} if code in TAKES_AN_ASSET_FROM_ITS_JOB else set())
    assert exit_code(report) == NOTHING_FOUND


async def test_a_schema_that_was_not_migrated_yet_is_found(settings: Settings) -> None:
    """…with what to do. One that is newer is no finding: a release is being rolled out."""
    async with begun(settings) as (system, connections, _):
        await system.pool.execute("INSERT INTO schema_migrations (version) VALUES ('20991231000001')")
        assert codes(await examine(connections, SHORT_WAITS)) == set()
        await system.pool.execute("DELETE FROM schema_migrations")
        await system.pool.execute("INSERT INTO schema_migrations (version) VALUES ('20200101000000')")
        findings = (await examine(connections, SHORT_WAITS)).findings
    (finding,) = [one for one in findings if one.code == "schema_behind"]
    assert finding.message.endswith("run `python -m ops migrate`")


async def test_an_erasure_that_nobody_finishes_is_found(settings: Settings) -> None:
    """Nothing runs that could; one that is due later, or done, is well."""
    async with open_connections(settings) as connections:
        await provision(connections.bus.js, settings)
        await connections.pool.execute("INSERT INTO tenants (id) VALUES ('t')")
        erasure = "INSERT INTO erasures (story_id, tenant_id, receipt, due_at) VALUES ($1, 't', '{}', $2)"
        now, late = datetime.now(UTC), uuid4()
        for story_id, due_at in (
            (late, now - timedelta(hours=1)),
            (uuid4(), now + timedelta(hours=1)),
            (uuid4(), None),
        ):
            await connections.pool.execute(erasure, story_id, due_at)
        report = await examine(connections, SHORT_WAITS)
    assert [(finding.code, finding.about) for finding in report.findings] == [("erasure_overdue", str(late))]


async def test_superseded_objects_that_nobody_deletes_are_found(settings: Settings) -> None:
    """An hour after their grace has ended; those whose grace lasts are well."""
    async with open_connections(settings) as connections:
        await provision(connections.bus.js, settings)
        await connections.pool.execute("INSERT INTO tenants (id) VALUES ('t')")
        story = (
            "INSERT INTO stories (id, tenant_id, request, status, asset_generation_status)"
            " VALUES ($1, 't', '{}', 'ready', '{}')"
        )
        grace, late = timedelta(seconds=settings.stale_object_grace), uuid4()
        for story_id, age in ((late, grace + timedelta(hours=2)), (uuid4(), grace), (uuid4(), timedelta(0))):
            await connections.pool.execute(story, story_id)
            since = datetime.now(UTC) - age
            await connections.pool.execute("INSERT INTO stale_objects VALUES ($1, $2)", story_id, since)
        report = await examine(connections, SHORT_WAITS)
    assert [(finding.code, finding.about) for finding in report.findings] == [("stale_objects_overdue", str(late))]


class Finishing(Bus):
    """Before it says which jobs live, one of them comes to its end: acknowledged, published and applied."""

    finish: Callable[[], Awaitable[None]]

    async def live_jobs(self) -> set[str]:
        await self.finish()
        return await super().live_jobs()


async def test_a_job_that_ends_while_the_doctor_looks_is_not_taken_for_a_lost_one(settings: Settings) -> None:
    """The rows are read after the bus: the other way round the row would be of before, the bus of after."""
    held = asyncio.Event()

    async def hold(job: AssetRequested) -> None:
        await held.wait()

    async with running(settings, reconciler=BY_HAND, workers=()) as system, open_connections(settings) as connections:
        system.makers.before = hold
        await system.work(Service.IMAGES)
        await system.post()
        await until(lambda: working(system, 1))
        await until(lambda: older_than_grace(system))

        async def finish() -> None:
            held.set()
            await until(lambda: drawn(system))
            await until(lambda: acknowledged(system))

        bus = Finishing(connections.bus.client, settings)
        bus.finish = finish
        await bus.open()
        seen = await take_snapshot(replace(connections, bus=bus), SHORT_WAITS)
    assert seen.caught_up
    assert {finding.code for finding in seen.findings} <= {"service_without_workers"}


async def drawn(system: System) -> bool:
    ready = "SELECT FROM asset_generation_jobs WHERE asset_type = 'portrait' AND status = 'ready'"
    return bool(await system.rows(ready))


async def acknowledged(system: System) -> bool:
    return not any("portrait" in subject for subject in await system.live_jobs())


async def test_a_command_that_was_handled_is_no_finding_before_it_is_marked(settings: Settings) -> None:
    async with begun(settings) as (system, connections, story_id):
        await system.pool.execute(FAULTS["command_unhandled"], story_id)
        await system.pool.execute("INSERT INTO inbox (event_id) VALUES ('w')")
        assert codes(await examine(connections, SHORT_WAITS)) == set()


async def test_a_job_that_nobody_waits_for_is_found(settings: Settings) -> None:
    """…of a story that is gone, and of an asset settled long ago; one that was settled just now is acked soon."""
    async with begun(settings) as (system, connections, story_id):
        settle = (
            "UPDATE asset_generation_jobs SET status = 'ready', completed_at = now() - $2::interval"
            " WHERE story_id = $1 AND asset_type = 'portrait'"
        )
        await system.pool.execute(settle.replace("$2::interval", "interval '0 s'"), story_id)
        assert codes(await examine(connections, SHORT_WAITS)) == set()
        await system.pool.execute(settle.replace("$2::interval", "interval '1 h'"), story_id)
        stray = f"job.images.normal.{uuid4()}.cover"
        await system.bus.publish(system.bus.names.jobs, [OutboundMessage(stray, b"{}", None)])
        report = await examine(connections, SHORT_WAITS)
    assert {finding.about for finding in report.findings if finding.code == "job_obsolete"} == {
        stray,
        f"job.images.normal.{story_id}.portrait",
    }


Break = Callable[[System], Awaitable[object]]


async def delete_a_lane(system: System) -> None:
    await system.bus.js.delete_consumer(system.bus.names.jobs, f"{system.bus.names.prefix}images-normal")


async def change_a_stream(system: System) -> None:
    config = (await system.bus.js.stream_info(system.bus.names.dead)).config
    await system.bus.js.update_stream(replace(config, max_age=3600.0, duplicate_window=120.0))


async def wipe_the_bus(system: System) -> None:
    names = system.bus.names
    for stream in (names.story, names.jobs, names.dead):
        await system.bus.js.delete_stream(stream)


@pytest.mark.parametrize("fault", [delete_a_lane, change_a_stream, wipe_the_bus])
async def test_a_bus_that_is_not_as_set_is_found(fault: Break, settings: Settings) -> None:
    async with begun(settings) as (system, connections, _):
        await fault(system)
        report = await examine(connections, SHORT_WAITS)
    assert codes(report) == {"topology_drift"}
    assert exit_code(report) == NOTHING_FOUND


async def test_a_projector_that_stands_still_is_found(settings: Settings) -> None:
    """…and nothing is said of jobs, which cannot be distinguished from those that were finished meanwhile."""
    async with begun(settings) as (system, connections, _):
        await stop_folding(system)
        await system.post()
        await system.bus.js.purge_stream(system.bus.names.jobs)
        report = await examine(connections, replace(SHORT_WAITS, catch_up=0.3))
    assert codes(report) >= {"projector_stalled"}
    assert "asset_orphaned" not in codes(report)


async def test_a_projector_that_is_frozen_is_found(settings: Settings) -> None:
    """It is given events, and finishes none: a process that was stopped, not one that is gone."""
    async with begun(settings) as (system, connections, _):
        await stop_folding(system)
        reader = await system.bus.js.pull_subscribe_bind(system.bus.names.projector, system.bus.names.story)
        await system.post()

        async def give() -> None:
            while True:
                await reader.fetch(1, timeout=5)
                await system.bus.publish_events(stranger())

        frozen = asyncio.create_task(give())
        report = await examine(connections, replace(SHORT_WAITS, catch_up=0.2))
        frozen.cancel()
    assert "projector_stalled" in codes(report)


async def test_a_projector_that_is_slow_but_moves_is_no_finding(settings: Settings) -> None:
    """What is on the bus no more may be done: that is what is said of it, and to ask again."""
    async with begun(settings) as (system, connections, _):
        await stop_folding(system)
        await system.bus.publish_events(*(stranger() for _ in range(500)))
        await system.bus.js.purge_stream(system.bus.names.jobs)
        slow = asyncio.create_task(fold_slowly(system))
        report = await examine(connections, replace(SHORT_WAITS, catch_up=0.2))
        slow.cancel()
    assert report.findings == []
    assert not report.snapshot.caught_up
    assert exit_code(report) == UNAVAILABLE
    assert "events behind" in report.remarks[0]
    assert {one.state for one in report.snapshot.assets} == {"unknown", "waiting"}


async def stop_folding(system: System) -> None:
    for loop in system.status._loops:
        loop.cancel()
    await asyncio.gather(*system.status._loops, return_exceptions=True)


def stranger() -> StoryRequested:
    """An event of a story that nobody knows."""
    return story_requested(uuid4(), "tests", "", datetime.now(UTC))


async def fold_slowly(system: System) -> None:
    """A projector that finishes an event now and then."""
    reader = await system.bus.js.pull_subscribe_bind(system.bus.names.projector, system.bus.names.story)
    while True:
        for message in await reader.fetch(1, timeout=5):
            await message.ack()
        await asyncio.sleep(0.02)


async def test_jobs_that_no_worker_takes_are_found(settings: Settings) -> None:
    """Images has a job and no worker; the others have workers that are busy or idle."""
    others = (Service.CONTENT, Service.AUDIO, Service.DOCUMENTS)
    async with (
        running(settings, reconciler=BY_HAND, workers=others) as system,
        open_connections(settings) as connections,
    ):
        await system.post()
        await until(lambda: sent(system, 1))
        await until(lambda: older_than_grace(system))
        await until(lambda: audible(system))
        report = await examine(connections, SHORT_WAITS)
        await system.work(Service.IMAGES)
        await system.all_ended()
        healthy = await examine(connections, SHORT_WAITS)
    assert [(finding.code, finding.about) for finding in report.findings] == [("service_without_workers", "images")]
    assert healthy.findings == []


async def audible(system: System) -> bool:
    """Whether all is done that can be done without pictures."""
    return bool(await system.rows("SELECT FROM asset_generation_jobs WHERE asset_type = 'audio' AND status = 'ready'"))


async def test_a_story_in_the_making_is_shown_as_json_with_every_asset(settings: Settings) -> None:
    from ops import doctor  # noqa: PLC0415

    async with begun(settings) as (_, connections, story_id):
        report = await examine(connections, SHORT_WAITS)
    document = orjson.loads(doctor.to_json(report.snapshot, report.findings, report.remarks))
    assert {one["story_id"] for one in document["assets"]} == {str(story_id)}
    assert len(document["assets"]) == len(Asset)
    assert document["healthy"] is False
