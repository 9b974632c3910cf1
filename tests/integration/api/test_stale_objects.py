"""Objects of superseded revisions are deleted after a grace, and their URLs end; nothing that a row refers to is."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from uuid import UUID

from ops import audits
from ops.connections import open_connections
from services.api.stale_objects import StaleObjectCollector
from storyloom.jobs.manifest import answers_prefix
from storyloom.runtime.settings import Settings
from storyloom.storage.objects import Objects
from storyloom.story.assets import Asset, Service
from storyloom.story.errors import RetryableError
from storyloom.story.fingerprint import Fingerprint
from storyloom.story.jobs import AssetRequested
from storyloom.story.results import AnyResult, Picture
from tests.integration.api.command_requests import answer_edits, send, wait_applied
from tests.integration.core.system import System, running
from tests.makers import QuickMakers

LATER = 1000.0
AT_ONCE = 0.0


class Painters(QuickMakers):
    """Makers whose cover is really stored, another one for every revision."""

    def __init__(self, objects: Objects) -> None:
        super().__init__()
        self._objects = objects

    async def make(self, job: AssetRequested, report: object) -> AnyResult:
        made = await super().make(job, report)  # type: ignore[arg-type]
        if job.asset is not Asset.COVER or not isinstance(made, Picture):
            return made
        data = f"revision {job.revision}".encode()
        image = await self._objects.put(job.story_id, job.asset, data, "image/png")
        return made.model_copy(update={"image": image})


@asynccontextmanager
async def with_story(settings: Settings) -> AsyncIterator[tuple[System, UUID]]:
    """The system with its workers, and a story that has ended."""
    async with running(settings, workers=()) as system:
        for service in Service:
            await system.work(service, makers=Painters(system.api.collector.objects))
        story_id = await system.post()
        await system.finished(story_id)
        yield system, story_id


def collector(system: System, grace: float, objects: Objects | None = None) -> StaleObjectCollector:
    return StaleObjectCollector(system.pool, objects or system.api.collector.objects, grace)


async def collect(system: System, grace: float = AT_ONCE) -> int:
    return await collector(system, grace).collect_due()


async def keys(system: System, story_id: UUID) -> set[str]:
    return {key for key, _ in await system.api.collector.objects.list_keys(story_id)}


async def cover_url(system: System, story_id: UUID) -> str:
    """Where the cover's bytes are read, as the api redirects."""
    url = f"{system.api.url}/api/v1/stories/{story_id}/assets/cover"
    async with system.http.get(url, headers=system.headers, allow_redirects=False) as answer:
        assert answer.status == 302
        return answer.headers["Location"]


async def status_of(system: System, url: str) -> int:
    async with system.http.get(url) as answer:
        return answer.status


async def redraw(system: System, story_id: UUID) -> None:
    await wait_applied(system, story_id, *await send(system, "POST", story_id, "/assets/cover/regenerate"))


async def waiting(system: System) -> list[UUID]:
    return [row["story_id"] for row in await system.rows("SELECT story_id FROM stale_objects")]


async def test_a_picture_that_was_drawn_anew_is_read_until_the_grace_ends_and_then_its_url_ends(
    settings: Settings,
) -> None:
    async with with_story(settings) as (system, story_id):
        assert await waiting(system) == [], "a story that went well leaves nothing to look for"
        before, old_url = await keys(system, story_id), await cover_url(system, story_id)
        await redraw(system, story_id)
        assert await collect(system, LATER) == 0
        assert await status_of(system, old_url) == 200
        assert before < await keys(system, story_id)

        assert await collect(system) == 1
        assert await status_of(system, old_url) == 404
        assert await status_of(system, await cover_url(system, story_id)) == 200
        async with open_connections(settings) as connections:
            missing = [
                one
                for one in await audits.compare_store(connections, recheck_delay=0.01)
                if one.about.startswith(f"{story_id}.cover") or one.code == "manifest_missing"
            ]
        assert missing == []
        assert await waiting(system) == []
        assert await collect(system) == 0, "nobody looks again where nothing is superseded"


async def test_what_an_interrupted_attempt_left_of_a_cancelled_story_goes_too(settings: Settings) -> None:
    async with running(settings, workers=()) as system:
        story_id = await system.post()
        (row,) = [row for row in await _outlines(system, story_id) if row["fingerprint"]]
        left = answers_prefix(story_id, Asset.OUTLINE, Fingerprint(row["fingerprint"])) + "ab.1"
        await system.api.collector.objects.write(left, b"{}")
        await send(system, "POST", story_id, "/cancel")
        await system.finished(story_id)
        await system.projector_idle()
        assert await keys(system, story_id) == {left}
        assert await collect(system) == 1
        assert await keys(system, story_id) == set()


async def _outlines(system: System, story_id: UUID) -> Sequence[dict[str, str]]:
    await system.projector_idle()
    sql = "SELECT fingerprint FROM asset_generation_jobs WHERE story_id = $1 AND asset_type = 'outline'"
    return [dict(row) for row in await system.rows(sql, story_id)]


async def test_a_story_that_is_being_made_is_left_alone_until_a_grace_after_its_end(settings: Settings) -> None:
    async with with_story(settings) as (system, story_id):
        await redraw(system, story_id)
        before = await keys(system, story_id)
        await system.pool.execute("UPDATE stories SET status = 'generating' WHERE id = $1", story_id)
        (since,) = await system.rows("SELECT since FROM stale_objects")
        await collect(system)
        (later,) = await system.rows("SELECT since, claimed_until FROM stale_objects")
        assert later["since"] > since["since"]
        assert later["claimed_until"] is None
        assert await keys(system, story_id) == before


async def test_a_story_that_somebody_has_locked_is_left_for_later(settings: Settings) -> None:
    async with with_story(settings) as (system, story_id):
        await redraw(system, story_id)
        before = await keys(system, story_id)
        async with system.pool.acquire() as connection, connection.transaction():
            await connection.execute("SELECT FROM stories WHERE id = $1 FOR UPDATE", story_id)
            await collect(system)
        assert (await waiting(system), await keys(system, story_id)) == ([story_id], before)


class Interrupted(Objects):
    """A store that deletes, and then the process dies before its transaction ends."""

    async def delete(self, keys: Sequence[str]) -> None:
        await super().delete(keys)
        raise RetryableError("store: gone")


async def test_a_collection_that_was_cut_short_is_made_again_once_its_claim_has_expired(settings: Settings) -> None:
    async with with_story(settings) as (system, story_id):
        await redraw(system, story_id)
        dying = Interrupted(settings)
        assert await collector(system, AT_ONCE, dying).collect_due() == 1
        await dying.close()
        assert await waiting(system) == [story_id]
        assert await collect(system) == 0, "it is claimed"
        await system.pool.execute("UPDATE stale_objects SET claimed_until = now()")
        assert await collect(system) == 1
        assert await waiting(system) == []


async def test_what_becomes_stale_during_a_collection_is_collected_after_its_own_grace(settings: Settings) -> None:
    class Meanwhile(Objects):
        async def delete(self, keys: Sequence[str]) -> None:
            await super().delete(keys)
            # Another story's lock is not needed for this one's row.
            await system.pool.execute("UPDATE stale_objects SET since = now() + interval '1 s'")

    async with with_story(settings) as (system, story_id):
        await redraw(system, story_id)
        slow = Meanwhile(settings)
        await collector(system, AT_ONCE, slow).collect_due()
        await slow.close()
        assert await waiting(system) == [story_id]


async def test_replicas_share_the_stories(settings: Settings) -> None:
    async with with_story(settings) as (system, story_id):
        await redraw(system, story_id)
        assert sorted(await asyncio.gather(*(collect(system) for _ in range(3)))) == [0, 0, 1]
        assert await waiting(system) == []


async def test_an_edited_scene_s_earlier_reading_is_to_be_collected(settings: Settings) -> None:
    async with with_story(settings) as (system, story_id):
        await answer_edits(system)
        await wait_applied(
            system, story_id, *await send(system, "PUT", story_id, "/scenes/1/text", {"text": "They walked."})
        )
        assert await waiting(system) == [story_id]


async def test_deleting_the_story_takes_its_place_in_the_queue_with_it(settings: Settings) -> None:
    async with with_story(settings) as (system, story_id):
        await redraw(system, story_id)
        status, _ = await send(system, "DELETE", story_id, "")
        assert status == 200
        assert await waiting(system) == []
