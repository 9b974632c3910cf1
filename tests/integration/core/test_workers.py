"""How workers fare: they die, hang, are refused, are stopped; the story goes on, and nobody pays twice."""

import asyncio
import json
from collections import Counter
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from aiohttp import ClientSession

from storyloom.runtime.settings import Settings
from storyloom.storage.objects import Objects
from storyloom.storage.s3 import RefusedError
from storyloom.story.assets import GRAPH, Asset, Priority, Service
from storyloom.story.errors import PermanentError, RetryableError
from storyloom.story.events import AssetCompleted, AssetRetrying
from storyloom.story.jobs import AssetRequested
from tests.integration.core.system import System, running, until
from tests.integration.core.worker_harness import WorkerHarness, forever, kill, worker_harness
from tests.makers import QuickMakers

ALL_BUT_IMAGES = tuple(service for service in Service if service is not Service.IMAGES)
ONLY_COVER = {"characterName": "Mira", "storyType": "adventure", "assets": ["cover"]}


async def count_events(system: System, story_id: UUID) -> list[dict[str, object]]:
    rows = await system.rows("SELECT data FROM story_events WHERE story_id = $1 ORDER BY seq", story_id)
    return [row["data"] for row in rows]


class Hanging(QuickMakers):
    """Begins and never ends."""

    async def hang(self, job: AssetRequested) -> None:
        await forever()

    def __init__(self) -> None:
        super().__init__()
        self.before = self.hang


class FailingStore(Objects):
    """A store whose worker dies the moment the manifest is written."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.wrote = asyncio.Event()

    async def create(self, key: str, data: bytes) -> bool:
        await super().create(key, data)
        self.wrote.set()
        await forever()
        return True


async def test_a_dead_workers_job_moves_on(settings: Settings) -> None:
    """…within one ack_wait, to a worker that makes it."""
    async with running(settings, workers=ALL_BUT_IMAGES) as system:
        hanging = Hanging()
        dying = await system.work(Service.IMAGES, makers=hanging)
        story_id = await system.post(ONLY_COVER)
        await asyncio.wait_for(hanging.began.wait(), 10)
        await kill(dying)
        await system.work(Service.IMAGES)
        story = await system.finished(story_id, within=15)
    assert story["status"] == "ready"
    assert system.makers.made[story_id, Asset.PORTRAIT] == 1


async def test_what_a_dead_worker_had_made_is_paid_once(settings: Settings) -> None:
    """It wrote the manifest and died before it could say so: the next one reads it."""
    async with running(settings, workers=ALL_BUT_IMAGES) as system:
        store, first = FailingStore(settings), QuickMakers()
        dying = await system.work(Service.IMAGES, makers=first, objects=store)
        story_id = await system.post(ONLY_COVER)
        await asyncio.wait_for(store.wrote.wait(), 10)
        await kill(dying)
        await system.work(Service.IMAGES)
        story = await system.finished(story_id, within=15)
    assert story["status"] == "ready"
    assert first.made[story_id, Asset.PORTRAIT] == 1
    assert system.makers.made[story_id, Asset.PORTRAIT] == 0
    assert system.makers.made[story_id, Asset.COVER] == 1


async def test_a_job_longer_than_the_bus_waits_is_not_delivered_twice(settings: Settings) -> None:
    """Its worker's heart beats: two and a half ack_waits, one delivery."""
    began: Counter[Asset] = Counter()

    async def slowly(job: AssetRequested) -> None:
        began[job.asset] += 1
        if job.asset is Asset.PORTRAIT:
            await asyncio.sleep(2.5 * 0.4)

    async with running(settings.model_copy(update={"ack_wait": 0.4})) as system:
        system.makers.before = slowly
        story = await system.finished(await system.post(ONLY_COVER))
    assert story["status"] == "ready"
    assert began[Asset.PORTRAIT] == 1


async def test_a_hung_maker_comes_to_a_hard_end_and_another_attempt_is_made(settings: Settings) -> None:
    began: Counter[Asset] = Counter()

    async def hang_once(job: AssetRequested) -> None:
        began[job.asset] += 1
        if job.asset is Asset.PORTRAIT and began[job.asset] == 1:
            await forever()

    async with running(settings.model_copy(update={"job_timeout": 0.3})) as system:
        system.makers.before = hang_once
        story_id = await system.post(ONLY_COVER)
        story = await system.finished(story_id)
    assert story["status"] == "ready"
    assert began[Asset.PORTRAIT] == 2
    assert system.makers.running == 0


async def test_try_again_is_seen_and_the_providers_retry_after_is_honoured(settings: Settings) -> None:
    """`retrying` with the time of the next attempt, which does not begin before it."""
    attempts: list[datetime] = []

    async def refuse_once(job: AssetRequested) -> None:
        if job.asset is Asset.COVER:
            attempts.append(datetime.now(UTC))
            if len(attempts) == 1:
                raise RetryableError("rate limit", after=0.6)

    async with running(settings) as system:
        system.makers.before = refuse_once
        story_id = await system.post(ONLY_COVER)
        story = await system.finished(story_id)
        (retrying,) = [one for one in await count_events(system, story_id) if one.get("status") == "retrying"]
        (row,) = await system.rows("SELECT retry_count FROM asset_generation_jobs WHERE asset_type = 'cover'")
    assert story["status"] == "ready"
    assert (retrying["asset"], retrying["attempt"]) == ("cover", 2)
    retry_at = datetime.fromisoformat(str(retrying["retryAt"]))
    assert (retry_at - attempts[0]).total_seconds() >= 0.6
    assert (attempts[1] - attempts[0]).total_seconds() >= 0.6
    assert row["retry_count"] == 1


async def test_spent_attempts_fail_the_asset_and_leave_a_dead_letter(settings: Settings) -> None:
    async def refuse(job: AssetRequested) -> None:
        if job.asset is Asset.COVER:
            raise RetryableError("the provider is unavailable")

    async with running(settings.model_copy(update={"max_attempts": 3})) as system:
        system.makers.before = refuse
        story_id = await system.post(ONLY_COVER)
        story = await system.finished(story_id)
        letters = await system.dead()
    assert story["status"] == "failed"
    assert story["error"] == {
        "code": "attempts_spent",
        "message": "picture not made in several attempts",
        "cause": "cover",
        "retryable": True,
    }
    (letter,) = [letters[f"dead.images.{story_id}.cover"]]
    assert (letter["code"], letter["attempts"]) == ("attempts_spent", 3)
    assert AssetRequested.model_validate(letter["job"]).asset is Asset.COVER


REFUSED_SCENE = {
    "code": "content_refused",
    "message": "picture refused by the provider",
    "cause": "scene_2",
    "retryable": False,
}


async def test_a_scene_refused_for_good_leaves_a_partial_story_with_its_book(settings: Settings) -> None:
    async def refuse(job: AssetRequested) -> None:
        if job.asset is Asset.SCENE_2:
            raise PermanentError("the provider refused the content", code="content_refused", request_id="req_1")

    async with running(settings) as system:
        system.makers.before = refuse
        story_id = await system.post()
        story = await system.finished(story_id)
        letters = await system.dead()
    assets = story["assetGenerationStatus"]["assets"]
    assert story["status"] == "partial"
    assert assets["scene_2"] == {
        "status": "failed",
        "progress": 0,
        "code": "content_refused",
        "reason": "the provider refused the content",
        "error": REFUSED_SCENE,
    }
    assert assets["pdf"]["status"] == "ready"
    assert letters[f"dead.images.{story_id}.scene_2"]["requestId"] == "req_1"
    assert story["error"] == REFUSED_SCENE


async def test_a_text_refused_for_good_fails_the_story_with_a_reason(settings: Settings) -> None:
    async def refuse(job: AssetRequested) -> None:
        if job.asset is Asset.CONTENT:
            raise PermanentError("the story was not safe for a child of 5", code="unsafe")

    async with running(settings) as system:
        system.makers.before = refuse
        story = await system.finished(await system.post())
    assert story["status"] == "failed"
    assert story["error"] == {
        "code": "unsafe",
        "message": "text not found safe for a child",
        "cause": "content",
        "retryable": False,
    }


async def test_a_bug_in_a_handler_fails_its_asset_and_publishes_nothing_of_its_message(settings: Settings) -> None:
    async def stumble(job: AssetRequested) -> None:
        if job.asset is Asset.COVER:
            raise ValueError("Mira's cover")

    async with running(settings) as system:
        system.makers.before = stumble
        story = await system.finished(await system.post(ONLY_COVER))
    assert story["error"] == {
        "code": "bug",
        "message": "picture not made because of an error of ours",
        "cause": "cover",
        "retryable": False,
    }


async def _running(system: System, count: int) -> bool:
    return system.makers.running >= count


async def test_a_job_that_cannot_be_read_is_dead_lettered_and_the_others_go_on(settings: Settings) -> None:
    """One that says enough fails its asset; one that says nothing fails nothing."""
    async with running(settings, workers=ALL_BUT_IMAGES) as system:
        story_id = await system.post()
        await until(lambda: _lives(system, f"job.images.normal.{story_id}.portrait"))
        job = (await system.job(story_id, Asset.PORTRAIT)).model_dump(mode="json")
        names = system.bus.names
        subject = f"job.images.normal.{story_id}"
        await system.bus.js.purge_stream(names.jobs, subject=names.subject(f"{subject}.portrait"))
        torn = json.dumps({**job, "brief": None}).encode()
        await system.bus.js.publish(names.subject(f"{subject}.portrait"), torn, stream=names.jobs)
        await system.bus.js.publish(names.subject("job.images.normal.nobody.cover"), b"\xffnothing", stream=names.jobs)
        await system.work(Service.IMAGES)
        story = await system.finished(story_id)
        letters = await system.dead()
        left = await system.live_jobs()
    assert story["status"] == "partial"
    assert story["assetGenerationStatus"]["assets"]["cover"]["code"] == "need_failed"
    assert story["assetGenerationStatus"]["assets"]["pdf"]["status"] == "ready"
    assert letters[f"dead.images.{story_id}.portrait"]["brief"] is None
    assert letters["dead.images.nobody.cover"] == b"\xffnothing"
    assert left == set()


async def _lives(system: System, subject: str) -> bool:
    return subject in await system.live_jobs()


async def test_urgent_jobs_never_wait_behind_normal_ones(settings: Settings) -> None:
    """With every normal slot of the writers taken, an urgent story is made from end to end."""

    async def wait(job: AssetRequested) -> None:
        if job.service is Service.CONTENT and job.brief.priority is Priority.NORMAL:
            await forever()

    async with running(settings.model_copy(update={"drain_seconds": 0.1})) as system:
        system.makers.before = wait
        for _ in range(settings.slots_normal + 2):
            await system.post()
        await until(lambda: _running(system, settings.slots_normal))
        urgent = await system.post({"characterName": "Mira", "storyType": "adventure", "priority": "urgent"})
        story = await system.finished(urgent)
    assert story["status"] == "ready"
    assert len([key for key in system.makers.made if key[0] == urgent]) == len(GRAPH)


class Full(Objects):
    """A store that can be read, and takes nothing while it is ``full``."""

    full = True

    async def _call(self, operation: str, **arguments: Any) -> Any:
        if operation == "put_object" and self.full:
            self.suspect.set()
            raise RefusedError("store: QuotaExceeded", code="store_refused", status=403)
        return await super()._call(operation, **arguments)


async def waiting(harness: WorkerHarness, job: AssetRequested) -> str:
    """Why a job was handed back."""
    return (await harness.wait_for(AssetRetrying, job))[0].reason


async def test_no_provider_is_paid_for_what_the_store_cannot_keep(settings: Settings) -> None:
    """The job waits without spending an attempt, readiness says why, and it is made once the store takes writes."""
    async with worker_harness(settings) as harness:
        objects = Full(settings)
        found = await harness.start_worker(objects=objects)
        job = await harness.enqueue()
        async with ClientSession() as http, http.get(f"{found.url}/health/ready") as answer:
            assert (await answer.json())["wrong"] == {"store": "store: QuotaExceeded"}
        assert await waiting(harness, job) == "store: QuotaExceeded"
        assert harness.makers.made.total() == 0
        objects.full = False
        await harness.wait_for(AssetCompleted, job)
        assert harness.makers.made.total() == 1
        assert not await harness.dead_letters()


async def test_a_store_that_is_full_in_the_middle_of_a_job_does_not_fail_the_asset(settings: Settings) -> None:
    """It is made again once the store takes writes; until then nobody pays a second time."""
    async with worker_harness(settings) as harness:
        objects = Full(settings)
        objects.full = False

        async def fill_up(job: AssetRequested) -> None:
            objects.full = not harness.makers.made

        harness.makers.before = fill_up
        await harness.start_worker(objects=objects)
        job = await harness.enqueue()
        assert await waiting(harness, job) == "store: QuotaExceeded"
        await harness.wait_for(AssetRetrying, job, count=2)
        objects.full = False
        await harness.wait_for(AssetCompleted, job)
        assert harness.makers.made.total() == 2
        assert not await harness.dead_letters()
