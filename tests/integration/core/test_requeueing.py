"""The reconciler: what a crash or a lost bus lost is requeued; a healthy system is left alone."""

import asyncio
from datetime import UTC, datetime
from uuid import UUID

from services.api.commands import Commands
from services.status.reconciler import Reconciler, ReconcilerSettings, Round
from services.status.repository import UnfinishedWork
from storyloom.messaging.broker import Router
from storyloom.messaging.connection import BusUnavailableError
from storyloom.messaging.endpoints import EventPublisher
from storyloom.runtime.settings import Settings
from storyloom.story.assets import GRAPH, Asset, Service
from storyloom.story.brief import Brief
from storyloom.story.events import AssetCompleted, Event, StoryRequested
from storyloom.story.jobs import AssetRequested
from storyloom.web.keys import Caller
from tests.integration.core.system import BRIEF, BY_HAND, System, running, until
from tests.makers import result_of


class FailingPublisher(EventPublisher):
    """Takes nothing: whoever commits and then publishes has crashed in between."""

    async def publish(self, event: Event) -> None:
        raise BusUnavailableError("nobody listens")


async def dispatched(system: System, count: int) -> None:
    """Wait until so many jobs are on the bus and the grace is over."""

    async def there() -> bool:
        return len(await system.live_jobs()) == count

    async def old() -> bool:
        young = "SELECT FROM asset_generation_jobs WHERE status = 'queued' AND queued_at > now() - interval '0.1 s'"
        return not await system.rows(young)

    await until(there)
    await until(old)


async def test_exactly_the_lost_jobs_are_requeued(settings: Settings) -> None:
    """…marked as such, and once; what is on the bus is left alone."""
    async with running(settings, reconciler=BY_HAND, workers=()) as system:
        ids = [await system.post() for _ in range(3)]
        await dispatched(system, 6)
        healthy = await system.status.reconciler.run_round()
        names = system.bus.names
        lost = f"job.images.normal.{ids[1]}.portrait"
        await system.bus.js.purge_stream(names.jobs, subject=names.subject(lost))
        repaired = await system.status.reconciler.run_round()
        again = await system.status.reconciler.run_round()
        assert (healthy.caught_up, healthy.jobs_requeued) == (True, 0)
        assert (repaired.jobs_requeued, again.jobs_requeued) == (1, 0)
        assert len(await system.live_jobs()) == 6
        assert (await system.job(ids[1], Asset.PORTRAIT)).put_back
        assert not (await system.job(ids[0], Asset.PORTRAIT)).put_back


async def test_what_was_dispatched_before_postgres_clock_was_set_back_is_requeued_at_once(settings: Settings) -> None:
    """Jobs, stories and commands that are dated an hour from now are old, and not to be waited for."""
    async with running(settings, reconciler=BY_HAND, workers=()) as system:
        await system.post()
        await dispatched(system, 2)
        await system.bus.js.purge_stream(system.bus.names.jobs)
        await system.pool.execute("UPDATE asset_generation_jobs SET queued_at = queued_at + interval '1 hour'")
        assert (await system.status.reconciler.run_round()).jobs_requeued == 2
        await system.pool.execute("UPDATE stories SET seq = 0, created_at = created_at + interval '1 hour'")
        assert (await system.status.reconciler.run_round()).stories_requeued == 1


async def test_what_was_dispatched_a_moment_ago_is_left_alone(settings: Settings) -> None:
    """Its publication may be on its way."""
    long_grace = ReconcilerSettings(interval=3600, grace=3600, catch_up_timeout=3, query_timeout=0.2)
    async with running(settings, reconciler=long_grace, workers=()) as system:
        await system.post()
        await dispatched(system, 2)
        await system.bus.js.purge_stream(system.bus.names.jobs)
        assert (await system.status.reconciler.run_round()).jobs_requeued == 0


async def test_what_a_worker_has_in_flight_is_not_requeued(settings: Settings) -> None:
    """A wiped bus knows nothing of it, the worker does: its heartbeats may reach nobody for minutes."""
    release = asyncio.Event()

    async def wait(job: object) -> None:
        await release.wait()

    async with running(settings, reconciler=BY_HAND) as system:
        system.makers.before = wait
        story_id = await system.post()
        await until(lambda: _running(system, 2))
        await dispatched(system, 2)
        await system.bus.js.purge_stream(system.bus.names.jobs)
        held = await system.status.reconciler.run_round()
        release.set()
        story = await system.finished(story_id)
    assert (held.caught_up, held.jobs_requeued) == (True, 0)
    assert story["status"] == "ready"
    assert set(system.makers.made.values()) == {1}


async def _running(system: System, count: int) -> bool:
    return system.makers.running >= count


async def test_a_story_that_was_never_published_is_requeued(settings: Settings) -> None:
    """The api committed and crashed; its StoryRequested never came."""
    async with running(settings, reconciler=BY_HAND) as system:
        commands = Commands(system.pool, FailingPublisher(Router(), StoryRequested), system.api.commands.screening)
        caller = Caller("tests", frozenset({"stories:write"}))
        story_id = (await commands.create(caller, Brief.asked(BRIEF), trace="")).id
        await until(lambda: _older_than_grace(system))
        assert (await system.get(story_id))["status"] == "generating"
        repaired = await system.status.reconciler.run_round()
        story = await system.finished(story_id)
    assert (repaired.stories_requeued, repaired.jobs_requeued) == (1, 0)
    assert story["status"] == "ready"


async def _older_than_grace(system: System) -> bool:
    return bool(await system.rows("SELECT FROM stories WHERE created_at < now() - interval '0.1 s'"))


async def test_a_round_is_skipped_while_the_projector_is_behind(settings: Settings) -> None:
    """Otherwise it would take a job that was finished meanwhile for a lost one."""
    hasty = ReconcilerSettings(interval=3600, grace=0, catch_up_timeout=0.1, query_timeout=0.1)
    async with running(settings, reconciler=hasty, workers=()) as system:
        await system.post()
        await dispatched(system, 2)
        for loop in system.status._loops:
            loop.cancel()
        await asyncio.gather(*system.status._loops, return_exceptions=True)
        await system.post()
        await system.bus.js.purge_stream(system.bus.names.jobs)
        behind = await system.status.reconciler.run_round()
    assert (behind.caught_up, behind.jobs_requeued, behind.stories_requeued) == (False, 0, 0)


async def test_a_healthy_busy_system_is_left_alone(settings: Settings) -> None:
    """Stories come as fast as they go, rounds follow without a pause: nothing is requeued, nothing is made twice."""
    async with running(settings, reconciler=BY_HAND, in_memory=True) as system:
        endpoints = system.status.endpoints
        reconciler = Reconciler(
            system.bus,
            UnfinishedWork(system.pool),
            endpoints,
            ReconcilerSettings(interval=0, grace=1, catch_up_timeout=2, query_timeout=0.2),
        )
        rounds: list[Round] = []
        posted = 0
        while sum(one.caught_up for one in rounds) < 5 or await system.rows(UNFINISHED):
            if len(await system.rows(UNFINISHED)) < 10 and sum(one.caught_up for one in rounds) < 5:
                posted += len([await system.post() for _ in range(20)])
            rounds.append(await reconciler.run_round(full_check=len(rounds) % 8 == 7))
        assert set(rounds) <= {Round(caught_up=True), Round(caught_up=False)}
        assert len(await system.rows("SELECT FROM stories WHERE status = 'ready'")) == posted
    assert len(system.makers.made) == posted * len(GRAPH)
    assert set(system.makers.made.values()) == {1}


UNFINISHED = "SELECT FROM stories WHERE status = 'generating'"


async def test_with_the_whole_bus_wiped_every_story_still_ends(settings: Settings) -> None:
    """Streams, consumers, jobs and events lost under 20 stories."""
    async with running(settings, in_memory=True) as system:
        for _ in range(20):
            await system.post()
        await until(lambda: _made(system, 60))
        names = system.bus.names
        for stream in (names.jobs, names.story, names.dead):
            await system.bus.js.delete_stream(stream)
        await system.all_ended()
        ended = await system.rows("SELECT status, count(*) FROM stories GROUP BY 1")
        gaps = await system.rows("SELECT FROM story_events GROUP BY story_id HAVING count(*) <> max(seq)")
    assert [(row["status"], row["count"]) for row in ended] == [("ready", 20)]
    assert not gaps
    assert len(system.makers.made) == 20 * len(GRAPH)


async def _made(system: System, count: int) -> bool:
    return system.makers.made.total() >= count


async def test_a_consumer_that_someone_deleted_comes_back(settings: Settings) -> None:
    async with running(settings, reconciler=BY_HAND, workers=()) as system:
        names = system.bus.names
        await system.bus.js.delete_consumer(names.story, names.projector)
        await system.status.reconciler.ensure_topology(full_check=False)
        assert (await system.bus.js.consumer_info(names.story, names.projector)).config is not None


async def test_jobs_that_could_not_be_published_are_requeued(settings: Settings) -> None:
    """The projector commits, but JOBS is missing at that moment: the rows are the outbox."""
    async with running(settings, workers=()) as system:
        story_id = await system.post()
        await dispatched(system, 2)
        job = await system.job(story_id, Asset.OUTLINE)
        await system.bus.js.delete_stream(system.bus.names.jobs)
        now = datetime.now(UTC)
        made = AssetCompleted(
            id=f"{job.id}.completed",
            story_id=story_id,
            tenant_id=job.tenant_id,
            trace="",
            at=now,
            asset=job.asset,
            fingerprint=job.fingerprint,
            started_at=now,
            result=result_of(job),
        )
        await system.bus.publish_events(made)
        await until(lambda: _has(system, story_id, {Asset.PORTRAIT, Asset.TEXT_1}))


async def _has(system: System, story_id: UUID, assets: set[Asset]) -> bool:
    return {subject.rsplit(".", 1)[1] for subject in await system.live_jobs()} == {asset.value for asset in assets}


async def test_a_result_that_a_failover_lost_is_applied_again_at_once(settings: Settings) -> None:
    """The rows are as before its commit, its event was acknowledged, and the stream still knows the Msg-Id."""

    async def outline_alone(job: AssetRequested) -> None:
        if job.asset is not Asset.OUTLINE:
            await asyncio.Event().wait()

    async with running(settings, reconciler=BY_HAND, workers=()) as system:
        system.makers.before = outline_alone
        story_id = await system.post()
        await dispatched(system, 2)
        for table in TABLES:
            await system.pool.execute(f"CREATE TABLE saved_{table} AS SELECT * FROM {table}")
        await system.work(Service.CONTENT)
        await until(lambda: _outline_is_ready(system, story_id))
        await system.projector_idle()
        for statement in ("DELETE FROM inbox", "DELETE FROM stories", *(_restore(table) for table in TABLES)):
            await system.pool.execute(statement)
        system.status.projector._cached.clear()
        assert not await _outline_is_ready(system, story_id)
        repaired = await system.status.reconciler.run_round()
        await until(lambda: _outline_is_ready(system, story_id))
    assert repaired.jobs_requeued == 1
    assert system.makers.made[story_id, Asset.OUTLINE] == 1


TABLES = ("stories", "asset_generation_jobs", "story_events", "inbox")


def _restore(table: str) -> str:
    return f"INSERT INTO {table} SELECT * FROM saved_{table}"


async def _outline_is_ready(system: System, story_id: UUID) -> bool:
    sql = "SELECT FROM asset_generation_jobs WHERE story_id = $1 AND asset_type = 'outline' AND status = 'ready'"
    return bool(await system.rows(sql, story_id))
