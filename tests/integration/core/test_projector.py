"""The projector: whatever comes twice, late, torn or poisoned, every story goes its way and its numbers have no gap."""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from services.status import app as status
from services.status import projector as projector_module
from services.status.projector import Batch, Projector
from services.status.repository import LockedStories, StoryRepository
from services.status.transitions import Transition
from storyloom.db.pool import Pool
from storyloom.messaging.connection import OutboundMessage
from storyloom.runtime.settings import Settings
from storyloom.story.assets import GRAPH, Asset
from storyloom.story.events import AssetCompleted, AssetRetrying, story_requested
from storyloom.story.jobs import AssetRequested
from storyloom.story.results import Outline
from tests.integration.core.system import BY_HAND, QUICK, System, new_projector, running, until
from tests.makers import result_of


def completed(job: AssetRequested, **changes: Any) -> AssetCompleted:
    """The good end of a job."""
    now = datetime.now(UTC)
    origin = {"story_id": job.story_id, "tenant_id": job.tenant_id, "trace": job.trace, "at": now, "started_at": now}
    made = {"id": f"{job.id}.completed", "asset": job.asset, "fingerprint": job.fingerprint, "result": result_of(job)}
    return AssetCompleted.model_validate({**origin, **made, **changes})


async def state(system: System, story_id: UUID) -> list[Any]:
    """All that the database knows of a story."""
    story = await system.rows("SELECT * FROM stories WHERE id = $1", story_id)
    assets = await system.rows("SELECT * FROM asset_generation_jobs WHERE story_id = $1 ORDER BY asset_type", story_id)
    updates = await system.rows("SELECT * FROM story_events WHERE story_id = $1 ORDER BY seq", story_id)
    return [[tuple(row.values()) for row in rows] for rows in (story, assets, updates)]


async def queued(system: System, story_id: UUID, asset: Asset) -> AssetRequested:
    """The job of an asset, once it is on the bus."""

    async def there() -> bool:
        return any(subject.endswith(f"{story_id}.{asset.value}") for subject in await system.live_jobs())

    await until(there)
    return await system.job(story_id, asset)


async def test_an_event_published_twice_changes_nothing_the_second_time(settings: Settings) -> None:
    """Published again without its Msg-Id, so that the server stores it; in one batch with itself, and later."""
    async with running(settings, reconciler=BY_HAND, workers=()) as system:
        story_id = await system.post()
        event = completed(await queued(system, story_id, Asset.OUTLINE))
        await asyncio.gather(*(system.bus.republish(event) for _ in range(3)))
        await queued(system, story_id, Asset.TEXT_1)
        await system.projector_idle()
        once = await state(system, story_id)
        await system.bus.republish(event)
        await system.bus.republish(story_requested(story_id, "tests", "", datetime.now(UTC)))
        await system.projector_idle()
        assert await state(system, story_id) == once
        assert once[0][0]
        assert [row[2] for row in once[2]].count("outline") == 1


async def test_a_batch_delivered_again_after_its_commit_changes_nothing(settings: Settings) -> None:
    """The projector died before its ack. Another one, that remembers nothing, and the same one apply it again."""
    async with running(settings, reconciler=BY_HAND, workers=()) as system:
        story_id = await system.post()
        batch = [completed(await queued(system, story_id, asset)) for asset in (Asset.OUTLINE, Asset.PORTRAIT)]
        await system.status.projector.project(batch)
        await queued(system, story_id, Asset.COVER)
        once = await state(system, story_id)
        await system.status.projector.project(batch)
        await new_projector(system).project(batch)
        assert await state(system, story_id) == once


async def test_an_event_of_a_story_that_is_not_there_is_passed_over(settings: Settings) -> None:
    async with running(settings) as system:
        await system.bus.publish_events(story_requested(uuid4(), "tests", "", datetime.now(UTC)))
        assert (await system.finished(await system.post()))["status"] == "ready"
        await system.projector_idle()


async def test_an_event_that_cannot_be_read_is_dead_lettered_and_the_others_go_on(settings: Settings) -> None:
    async with running(settings) as system:
        await system.bus.publish(
            system.bus.names.story, [OutboundMessage("story.evt.AssetCompleted.torn", b'{"version": 7', None)]
        )
        story = await system.finished(await system.post())
        await system.projector_idle()
        dead_letters = await system.dead()
    assert story["status"] == "ready"
    assert dead_letters["dead.status.torn.event"]["event"] == '{"version": 7'
    assert dead_letters["dead.status.torn.event"]["reason"].startswith("unreadable")


async def test_a_poisoned_event_is_dead_lettered_and_its_asset_fails(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Postgres cannot hold a NUL. The others do not wait for it, and its own story ends too."""
    monkeypatch.setattr(projector_module, "MAX_DELIVERIES", 2)
    async with running(settings) as system:

        async def outline(job: AssetRequested) -> None:
            if job.brief.seed == 13 and job.asset is Asset.OUTLINE:
                await asyncio.Event().wait()

        system.makers.before = outline
        poisoned = await system.post({"characterName": "Mira", "storyType": "adventure", "seed": 13})
        job = await queued(system, poisoned, Asset.OUTLINE)
        good = result_of(job)
        assert isinstance(good, Outline)
        await system.bus.publish_events(completed(job, result=good.model_copy(update={"title": "The\x00 Lantern"})))
        other = await system.finished(await system.post())
        story = await system.finished(poisoned)
        dead_letters = await system.dead()
    assert other["status"] == "ready"
    assert dead_letters[f"dead.status.{poisoned}.event"]["reason"] == "cannot be folded"
    assert story["status"] == "failed"
    assert story["error"]["code"] == "bug"


class Refusing(StoryRepository):
    """Postgres refuses the next so many transactions, by one SQLSTATE."""

    def __init__(self, pool: Pool, state: str, times: int) -> None:
        super().__init__(pool)
        self.left = times
        self._state = state

    async def write(self, transitions: Sequence[Transition]) -> set[UUID]:
        self._refuse()
        return await super().write(transitions)

    @asynccontextmanager
    async def locked(self, ids: Collection[UUID]) -> AsyncIterator[LockedStories]:
        self._refuse()
        async with super().locked(ids) as stories:
            yield stories

    def _refuse(self) -> None:
        if self.left:
            self.left -= 1
            raise asyncpg.PostgresError.new({"S": "ERROR", "C": self._state, "M": "refused"})


@pytest.mark.parametrize("state", ["25006", "28P01", "42703"])
async def test_what_is_no_fault_of_an_event_never_buries_it(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, state: str
) -> None:
    """Refused more often than an event may fail, by a server that was demoted or lacks a column: the story waits."""
    monkeypatch.setattr(projector_module, "MAX_DELIVERIES", 1)
    async with running(settings) as system:
        repository = Refusing(system.pool, state, times=3)
        system.status.projector._repository = repository
        story = await system.finished(await system.post())
        assert await system.dead() == {}
    assert story["status"] == "ready"
    assert repository.left == 0


async def test_redeliveries_during_an_outage_do_not_count_against_an_event(settings: Settings) -> None:
    """Delivered six times to a server that was away, then refused once for its data: it is tried again."""
    async with running(settings, reconciler=BY_HAND, workers=()) as system:
        projector = system.status.projector
        projector._repository = repository = Refusing(system.pool, "57P03", times=5)
        story_id = await system.post()

        async def spent() -> bool:
            return repository.left == 0

        await until(spent)
        repository._state, repository.left = "22021", 2  # the batch, and the event by itself
        await queued(system, story_id, Asset.OUTLINE)
        assert await system.dead() == {}
        assert repository.left == 0


async def test_two_projectors_never_cross(settings: Settings) -> None:
    """40 stories, two replicas of status: no deadlock, no gap, no repeat."""
    async with running(settings, in_memory=True) as system:
        other = await status.serve(settings, reconciler_settings=QUICK)
        system.stack.push_async_callback(other.stop)
        for _ in range(40):
            await system.post()
        await system.all_ended()
        stories = await system.rows("SELECT status, seq, version FROM stories")
        numbers = await system.rows("SELECT max(seq) AS last, count(*) AS updates FROM story_events GROUP BY story_id")
        ends = await system.rows("SELECT FROM story_events WHERE event = 'story'")
        (locks,) = await system.rows("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
    assert [row["status"] for row in stories] == ["ready"] * 40
    assert all(row["last"] == row["updates"] for row in numbers)
    assert len(ends) == 40
    assert locks["deadlocks"] == 0
    assert len(system.makers.made) == 40 * len(GRAPH)
    assert set(system.makers.made.values()) == {1}


class HalfAway(Projector):
    """Writes what it remembers, and loses Postgres over what it does not."""

    async def _write_locked(self, by_story: Batch, parents: Mapping[UUID, str]) -> list[Transition]:
        if self._cached:
            raise OSError("Postgres is unreachable")
        return await super()._write_locked(by_story, parents)


async def test_what_a_half_written_batch_committed_is_published_and_dispatched(settings: Settings) -> None:
    async with running(settings, reconciler=BY_HAND, workers=()) as system:
        known, unknown = await system.post(), await system.post()
        jobs = [await queued(system, story_id, Asset.OUTLINE) for story_id in (known, unknown)]
        projector = new_projector(system, HalfAway)
        await projector.project([completed(await queued(system, known, Asset.PORTRAIT))])
        with pytest.raises(OSError, match="unreachable"):
            await projector.project([completed(job) for job in jobs])
        await queued(system, known, Asset.COVER)
        assert not any(f"{unknown}.text_1" in subject for subject in await system.live_jobs())


async def test_an_asset_s_deadline_runs_from_its_first_attempt_and_not_while_it_waits(settings: Settings) -> None:
    """By the database's clock: the worker's is an hour slow."""
    async with running(settings, reconciler=BY_HAND, workers=()) as system:
        story_id = await system.post()
        job = await queued(system, story_id, Asset.OUTLINE)

        async def tried_after(attempt: int, *, waits: bool) -> datetime | None:
            now = datetime.now(UTC) - timedelta(hours=1)
            event = AssetRetrying(
                id=f"{job.id}.{attempt}.{waits}",
                story_id=story_id,
                tenant_id=job.tenant_id,
                trace=job.trace,
                at=now,
                asset=job.asset,
                fingerprint=job.fingerprint,
                attempt=attempt,
                reason="the provider is not available",
                retry_at=now + timedelta(seconds=attempt),
                waits=waits,
            )
            await system.bus.republish(event)
            await system.projector_idle()
            (row,) = await system.rows(TRIED_AT, story_id)
            tried_at: datetime | None = row["tried_at"]
            return tried_at

        assert await tried_after(1, waits=True) is None
        first = await tried_after(2, waits=False)
        assert first is not None
        assert abs(datetime.now(UTC) - first) < timedelta(minutes=1)
        assert await tried_after(3, waits=False) == first
        assert await tried_after(4, waits=True) is None


TRIED_AT = """
SELECT (metadata->>'triedAt')::timestamptz AS tried_at FROM asset_generation_jobs
WHERE story_id = $1 AND asset_type = 'outline'
"""
