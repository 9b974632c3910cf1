"""Commands through the whole system: what stops, what is made again, and what is not."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from uuid import UUID

import pytest

from storyloom.jobs.definition import Report
from storyloom.runtime.settings import Settings
from storyloom.story.assets import GRAPH, PICTURES, Asset, Service
from storyloom.story.errors import PermanentError
from storyloom.story.jobs import AssetRequested
from storyloom.story.results import Activities, AnyResult
from tests.integration.api.command_requests import answer_edits, send, wait_applied
from tests.integration.api.test_erasure import remaining
from tests.integration.core.system import SseEvent, System, running, until
from tests.makers import QuickMakers


class Made:
    """What the makers made since the last look."""

    def __init__(self, system: System) -> None:
        self._makers = system.makers
        self._before: Counter[tuple[UUID, Asset]] = Counter()
        self.since()

    def since(self) -> dict[Asset, int]:
        now = Counter(self._makers.made)
        found = {asset: number for (_, asset), number in (now - self._before).items()}
        self._before = now
        return found


class InFlightJobs:
    """Holds the makers of some assets back until ``release``."""

    def __init__(self, *assets: Asset) -> None:
        self.assets = assets
        self.holding: set[Asset] = set()
        self.release = asyncio.Event()

    async def __call__(self, job: AssetRequested) -> None:
        if job.asset in self.assets:
            self.holding.add(job.asset)
            await self.release.wait()

    async def all_held(self) -> bool:
        return self.holding == set(self.assets)


def numbers(stream: list[SseEvent]) -> list[int]:
    return [int(one[0]) for one in stream if one[0] is not None]


def states(story: dict[str, object]) -> dict[str, str]:
    document = story["assetGenerationStatus"]
    assert isinstance(document, dict)
    return {name: asset["status"] for name, asset in document["assets"].items()}


async def wait_status(system: System, story_id: UUID, status: str) -> None:
    async def has_status() -> bool:
        return bool(await system.rows("SELECT FROM stories WHERE id = $1 AND status = $2", story_id, status))

    await until(has_status)


async def test_a_cancelled_story_stops_and_keeps_what_it_has(settings: Settings) -> None:
    """What runs is dropped, what is queued is purged, nothing late appears, and its readers get the end."""
    async with running(settings) as system:
        held = system.makers.before = InFlightJobs(Asset.TEXT_2, Asset.SCENE_1, Asset.SCENE_2)
        story_id = await system.post()
        reading = asyncio.create_task(system.read_stream(story_id))
        await until(held.all_held)

        async def cover_ready() -> bool:
            return states(await system.get(story_id))["cover"] == "ready"

        await until(cover_ready)
        made = Made(system)
        status, _ = await send(system, "POST", story_id, "/cancel")
        assert status == 202
        stream = await asyncio.wait_for(reading, 10)

        async def stopped() -> bool:
            return system.makers.running == 0 and not await system.live_jobs()

        await until(stopped, within=10)
        held.release.set()
        await system.projector_idle()
        story = await system.get(story_id)
        assert story["status"] == "cancelled"
        assert states(story)["cover"] == "ready"
        assert states(story)["scene_1"] == states(story)["content"] == states(story)["pdf"] == "cancelled"
        assert not set(made.since()) & set(held.assets)
        assert numbers(stream) == list(range(1, len(numbers(stream)) + 1))
        assert json.loads(stream[-2][2])["overall"] == "cancelled"
        assert stream[-1][1] == "end"
        assert await system.read_stream(story_id) == stream
        async with system.http.get(system.api.url + story["assetGenerationStatus"]["assets"]["cover"]["url"]) as answer:
            assert answer.status == 401
        assert (await send(system, "POST", story_id, "/cancel"))[1]["status"] == "cancelled"


async def test_a_failed_asset_is_retried_with_what_depends_on_it_and_nothing_else(settings: Settings) -> None:
    async with running(settings) as system:
        system.makers.before = _fails(Asset.COVER)
        story_id = await system.post()
        assert (await system.finished(story_id))["status"] == "partial"
        made = Made(system)
        system.makers.before = None
        story = await wait_applied(system, story_id, *await send(system, "POST", story_id, "/assets/retry"))
        assert story["status"] == "ready"
        assert set(states(story).values()) == {"ready"}
        assert made.since() == {Asset.COVER: 1, Asset.PDF: 1, Asset.EPUB: 1}


async def test_what_a_failed_asset_needs_is_made_first(settings: Settings) -> None:
    """The portrait failed, and all pictures with it; one of them is wanted."""
    async with running(settings) as system:
        system.makers.before = _fails(Asset.PORTRAIT)
        story_id = await system.post()
        story = await system.finished(story_id)
        assert {states(story)[picture.value] for picture in PICTURES} == {"failed"}
        made = Made(system)
        system.makers.before = None
        answer = await send(system, "POST", story_id, "/assets/retry", {"assets": ["cover"]})
        story = await wait_applied(system, story_id, *answer)
        assert states(story)["cover"] == "ready"
        found = made.since()
        assert found[Asset.PORTRAIT] == found[Asset.COVER] == found[Asset.PDF] == found[Asset.EPUB] == 1
        assert not set(found) - {Asset.PORTRAIT, Asset.PDF, Asset.EPUB, *PICTURES}


def _fails(*assets: Asset) -> "Failing":
    return Failing(assets)


class Failing:
    """Some assets fail for good."""

    def __init__(self, assets: tuple[Asset, ...]) -> None:
        self._assets = assets

    async def __call__(self, job: AssetRequested) -> None:
        if job.asset in self._assets:
            raise PermanentError("it may not be drawn", code="content_refused")


@pytest.mark.parametrize(
    ("name", "again"),
    [
        ("cover", {Asset.COVER, Asset.PDF, Asset.EPUB}),
        ("activities", {Asset.ACTIVITIES, Asset.PDF}),
        ("pdf", {Asset.PDF}),
        ("epub", {Asset.EPUB}),
        ("audio", {Asset.EPUB, *(asset for asset in GRAPH if asset.value.startswith(("narration", "audio")))}),
    ],
)
async def test_a_regeneration_makes_only_what_is_made_from_the_asset(
    settings: Settings, name: str, again: set[Asset]
) -> None:
    async with running(settings) as system:
        story_id = await system.post()
        first = await system.read_stream(story_id)
        made = Made(system)
        held = system.makers.before = InFlightJobs(Asset(name) if name != "audio" else Asset.NARRATION_1)
        status, answer = await send(system, "POST", story_id, f"/assets/{name}/regenerate")
        await until(held.all_held)
        assert (await send(system, "GET", story_id, f"/assets/{name}"))[1]["code"] == "asset_not_ready"
        assert (await send(system, "POST", story_id, f"/assets/{name}/regenerate"))[1]["code"] == "asset_being_made"
        assert "cancel" in (await system.get(story_id))["links"]
        held.release.set()
        story = await wait_applied(system, story_id, status, answer)
        assert story["status"] == "ready"
        assert made.since() == dict.fromkeys(again, 1)
        whole = await system.read_stream(story_id)
        assert numbers(whole) == list(range(1, len(numbers(whole)) + 1))
        assert whole[: len(first) - 1] == first[:-1]
        ends = [json.loads(one[2])["overall"] for one in whole if one[1] == "story"]
        assert ends == ["ready", "generating", "ready"]


class Quoting(QuickMakers):
    """Activities that take over words of a scene."""

    async def make(self, job: AssetRequested, report: Report) -> AnyResult:
        """The usual, with a quotation."""
        result = await super().make(job, report)
        if not isinstance(result, Activities):
            return result
        quotation = {"description": "“Hello?” said a small voice. Who was it?"}
        one, *rest = (activity.model_copy(update=quotation) for activity in result.activities)
        return Activities.model_validate({"activities": [one, *rest]})


@pytest.mark.parametrize("quoted", [False, True])
async def test_an_edit_remakes_what_quotes_it_and_nothing_else(settings: Settings, quoted: bool) -> None:
    """Narration of that scene, audio and books; activities only where they quote it; no picture, no other scene."""
    slow_moderation = settings.model_copy(update={"screening_seconds": 10})
    others = [service for service in Service if service is not Service.DOCUMENTS]
    async with running(slow_moderation, workers=others) as system:
        makers = Quoting() if quoted else QuickMakers()
        makers.made = system.makers.made
        await system.work(Service.DOCUMENTS, makers=makers)
        await answer_edits(system)
        story_id = await system.post()
        before = await system.finished(story_id)
        made = Made(system)
        answer = await send(system, "PUT", story_id, "/scenes/2/text", {"text": "They walked.\n\nIt was late."})
        story = await wait_applied(system, story_id, *answer)
        again = {Asset.NARRATION_2, Asset.AUDIO, Asset.PDF, Asset.EPUB} | ({Asset.ACTIVITIES} if quoted else set())
        assert made.since() == dict.fromkeys(again, 1)
        assert story["status"] == "ready"
        assert [scene["text"] for scene in story["scenes"]] == [
            "They walked.\n\nIt was late." if scene["scene"] == 2 else scene["text"] for scene in before["scenes"]
        ]
        _, content = await send(system, "GET", story_id, "/assets/content")
        assert content["scenes"][1]["text"] == "They walked.\n\nIt was late."
        stream = await system.read_stream(story_id)
        assert numbers(stream) == list(range(1, len(numbers(stream)) + 1))
        texts = [json.loads(one[2]) for one in stream if one[1] == "text"]
        assert (texts[-1]["scene"], texts[-1]["text"]) == (2, "They walked.\n\nIt was late.")
        assert (await send(system, "PUT", story_id, "/scenes/2/text", {"text": "They walked.\n\nIt was late."}))[
            0
        ] == 200


@asynccontextmanager
async def fast_erasure(settings: Settings) -> AsyncIterator[System]:
    """A system whose eraser is done with a story within seconds."""
    async with running(
        settings.model_copy(update={"erasure_sweeps": (0.5, 1.0), "job_timeout": 1.0, "ack_wait": 1.0})
    ) as system:
        yield system


async def wait_purged(system: System, story_id: UUID) -> None:
    """Wait until the story's last purge, then check that nothing is left."""

    async def done() -> bool:
        return bool(await system.rows("SELECT FROM erasures WHERE story_id = $1 AND due_at IS NULL", story_id))

    await until(done)
    assert set((await remaining(system, story_id)).values()) == {0}


async def test_a_worker_that_does_not_stop_leaves_nothing_of_a_deleted_story(settings: Settings) -> None:
    """It ignores its cancellation, finishes after the deletion, stores and publishes its result."""
    async with fast_erasure(settings) as system:
        finish = asyncio.Event()

        async def stubborn(job: AssetRequested) -> None:
            while job.asset is Asset.PORTRAIT and not finish.is_set():
                with suppress(asyncio.CancelledError):
                    await finish.wait()

        system.makers.before = stubborn
        story_id = await system.post()
        await asyncio.wait_for(system.makers.began.wait(), 10)
        status, receipt = await send(system, "DELETE", story_id, "")
        assert (status, receipt["complete"]) == (200, True)
        finish.set()

        async def finished() -> bool:
            return system.makers.running == 0

        await until(finished)
        await wait_purged(system, story_id)
        assert (await send(system, "DELETE", story_id, ""))[0] == 200


async def test_a_finished_story_is_deleted_to_the_last_object(settings: Settings) -> None:
    async with fast_erasure(settings) as system:
        story_id = await system.post()
        await system.finished(story_id)
        _, receipt = await send(system, "DELETE", story_id, "")
        assert receipt["objects"] >= len(GRAPH)
        await wait_purged(system, story_id)
