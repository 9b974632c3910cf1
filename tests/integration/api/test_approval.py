"""Approval through the whole system: what waits for it, what was approved, and what it does not hold up."""

import json
from collections import Counter
from typing import Any
from uuid import UUID

from storyloom.runtime.settings import Settings
from storyloom.story.assets import GRAPH, PICTURES, TEXTS, Asset
from storyloom.story.events import StoryApproved
from tests.integration.api.command_requests import answer_edits, commands, send
from tests.integration.core.system import BRIEF, BY_HAND, System, running, until

ASKS: dict[str, Any] = {**BRIEF, "approval": "required"}
SMALL = {**ASKS, "assets": ["content", "cover"]}
TEXT_ONLY = {**BRIEF, "assets": ["content"]}
EDIT = {"text": "They walked home together."}
WAITING = {asset for asset, recipe in GRAPH.items() if recipe.after_approval}


async def awaited(system: System, story_id: UUID, *, other_than: str = "") -> str:
    """The version of the story's text that waits to be approved, once it is another than that one."""
    found: dict[str, Any] = {}

    async def waits() -> bool:
        found.update((await system.get(story_id))["assetGenerationStatus"]["approval"])
        return bool(found["status"] == "awaited") and found["textVersion"] != other_than

    await until(waits)
    return str(found["textVersion"])


def made(system: System, story_id: UUID) -> Counter[Asset]:
    return Counter({asset: count for (story, asset), count in system.makers.made.items() if story == story_id})


async def approve(system: System, story_id: UUID, version: str, key: str | None = None) -> tuple[int, dict[str, Any]]:
    return await send(system, "POST", story_id, "/approve", {"textVersion": version}, key=key)


async def test_pictures_and_narration_wait_for_the_yes_and_all_is_made_after_it(settings: Settings) -> None:
    """The stream tells when, the story links to what is to be done, and the same approval twice is one."""
    async with running(settings, in_memory=True) as system:
        story_id = await system.post(ASKS)
        told = [(event, json.loads(data)) async for _, event, data in _until_awaited(system, story_id)]
        version = told[-1][1]["textVersion"]
        assert told[0][1]["assetGenerationStatus"]["approval"] == {"status": "pending"}
        await until(lambda: _is_made(system, story_id, Asset.ACTIVITIES))
        assert not WAITING & set(made(system, story_id))
        story = await system.get(story_id)
        assert story["status"] == "generating"
        assert story["links"]["approve"].endswith(f"{story_id}/approve")
        assert len([scene for scene in story["scenes"] if scene["text"]]) == 4
        assert {story["assetGenerationStatus"]["assets"][name]["status"] for name in ("cover", "audio", "pdf")} == {
            "pending"
        }
        status, body = await approve(system, story_id, version, key="yes")
        assert (status, body["wish"]["event"]) == (202, "StoryApproved")
        assert body["assetGenerationStatus"]["approval"] == {"status": "given", "textVersion": version}
        assert (await approve(system, story_id, version, key="yes"))[1]["wish"] == body["wish"]
        assert (await approve(system, story_id, version))[1]["wish"] is None, "nothing had to change"
        ended = await system.finished(story_id)
        assert ended["status"] == "ready"
        assert "approve" not in ended["links"]
        assert made(system, story_id) == Counter(dict.fromkeys(GRAPH, 1))
        (event,) = await commands(system, story_id)
        assert isinstance(event, StoryApproved)
        stream = await system.read_stream(story_id)
        assert [json.loads(data)["status"] for _, event, data in stream if event == "approval"] == ["awaited", "given"]


async def _until_awaited(system: System, story_id: UUID) -> Any:
    async for one in system.stream(story_id):
        yield one
        if one[1] == "approval":
            return


async def _is_made(system: System, story_id: UUID, asset: Asset) -> bool:
    return (story_id, asset) in system.makers.made


async def test_only_the_text_that_is_there_can_be_approved(settings: Settings) -> None:
    """An edit makes it another; so does a text that is written anew, also after an approval."""
    async with running(settings.model_copy(update={"screening_seconds": 10}), in_memory=True) as system:
        await answer_edits(system)
        auto = await system.post(TEXT_ONLY)
        await system.finished(auto)
        assert (await approve(system, auto, "0" * 16))[1]["code"] == "approval_not_awaited"
        story_id = await system.post(SMALL)
        first = await awaited(system, story_id)
        for body, pointer in (
            (None, "/textVersion"),
            ({"textVersion": "x"}, "/textVersion"),
            ({"version": 1}, "/version"),
        ):
            status, problem = await send(system, "POST", story_id, "/approve", body)
            assert (status, problem["code"]) == (422, "bad_body")
            assert pointer in [error["pointer"] for error in problem["errors"]]
        assert (await send(system, "PUT", story_id, "/scenes/2/text", EDIT))[0] == 202
        second = await awaited(system, story_id, other_than=first)
        status, problem = await approve(system, story_id, first)
        assert (status, problem["code"], problem["retryable"]) == (409, "text_changed", False)
        assert (await approve(system, story_id, second))[0] == 202
        assert (await system.finished(story_id))["scenes"][1]["text"] == EDIT["text"]
        assert (await send(system, "POST", story_id, "/assets/content/regenerate"))[0] == 202
        ended = await system.finished(story_id)
        assert ended["assetGenerationStatus"]["approval"]["status"] == "pending", "the cover is there, nothing waits"
        assert (await send(system, "POST", story_id, "/assets/cover/regenerate"))[0] == 202
        third = await awaited(system, story_id)
        assert third not in (first, second)
        assert made(system, story_id)[Asset.COVER] == 1
        assert (await approve(system, story_id, third))[0] == 202
        assert (await system.finished(story_id))["status"] == "ready"
        assert made(system, story_id)[Asset.COVER] == 2


async def test_an_edit_that_is_accepted_and_not_done_yet_is_waited_for(settings: Settings) -> None:
    """Or an approval that was accepted would approve nothing."""
    async with running(settings.model_copy(update={"screening_seconds": 10}), in_memory=True) as system:
        await answer_edits(system)
        story_id = await system.post(SMALL)
        version = await awaited(system, story_id)
        await system.status.stop()
        assert (await send(system, "PUT", story_id, "/scenes/2/text", EDIT))[0] == 202
        assert (await approve(system, story_id, version))[1]["code"] == "text_changed"


async def test_a_story_that_waits_holds_up_no_other_and_no_deadline_runs(settings: Settings) -> None:
    """It is not under way; once approved its deadline runs from then. Cancelled or deleted, it is gone."""
    async with running(settings, in_memory=True) as system:
        await system.pool.execute("UPDATE tenants SET concurrent_stories = 1 WHERE id = 'tests'")
        story_id = await system.post(SMALL)
        version = await awaited(system, story_id)
        assert (await system.finished(await system.post(TEXT_ONLY)))["status"] == "ready"
        await system.pool.execute(
            "UPDATE stories SET asset_generation_started_at = now() - interval '1 day' WHERE id = $1", story_id
        )
        other, third = await system.post(SMALL), await system.post(SMALL)
        await awaited(system, other)
        await awaited(system, third)
        assert (await system.get(story_id))["assetGenerationStatus"]["approval"]["status"] == "awaited"
        assert (await approve(system, story_id, version))[0] == 202
        assert (await system.finished(story_id))["status"] == "ready", "a day late, and not too late"
        assert (await send(system, "POST", other, "/cancel"))[0] == 202
        assert (await system.finished(other))["status"] == "cancelled"
        assert (await approve(system, other, version))[1]["code"] == "story_cancelled"
        assert (await send(system, "DELETE", third, ""))[0] in (200, 202)
        assert (await approve(system, third, version))[0] == 404
        assert not WAITING & (set(made(system, other)) | set(made(system, third)))


async def test_the_reconciler_leaves_a_story_alone_that_waits(settings: Settings) -> None:
    """It has no job that could be lost."""
    async with running(settings, in_memory=True) as system:
        story_id = await system.post(SMALL)
        await awaited(system, story_id)
        held = await system.rows(
            "SELECT asset_type, status, fingerprint FROM asset_generation_jobs WHERE story_id = $1", story_id
        )
        assert {row["asset_type"] for row in held if row["status"] == "held"} == {"portrait", "cover"}
        assert {row["asset_type"] for row in held if row["fingerprint"]} == {"outline", "content", *TEXTS}
        assert await system.live_jobs() == set()


async def test_what_the_release_before_reads_of_such_a_story_it_understands(settings: Settings) -> None:
    """Its row and its jobs know no other approval than auto; what waits has a status that no replica begins."""
    async with running(settings, workers=(), reconciler=BY_HAND) as system:
        story_id = await system.post(SMALL)
        await until(lambda: _has_jobs(system))
        job = await system.job(story_id, Asset.OUTLINE)
        assert job.brief.approval == "auto"
        (row,) = await system.rows("SELECT request, approval FROM stories")
        assert (row["request"]["approval"], row["approval"]) == ("auto", "required")
        assert {one.rsplit(".", 1)[-1] for one in await system.live_jobs()} == {"outline"}
        assert not set(PICTURES) & set(made(system, story_id))


async def _has_jobs(system: System) -> bool:
    return bool(await system.live_jobs())
