"""Commands over HTTP: validated, stored and published; their effects are tested in test_command_effects.py."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import pytest

from storyloom.runtime.settings import Settings
from storyloom.story.assets import Asset
from storyloom.story.editing import EditVerdict, SceneEdit
from storyloom.story.events import AssetRegenerateRequested, AssetRetryRequested, SceneTextEdited, StoryCancelled
from storyloom.web.keys import add_key
from tests.integration.api.command_requests import (
    answer_edits,
    commands,
    moderate,
    published,
    send,
    set_state,
    wait_started,
)
from tests.integration.core.system import BRIEF, BY_HAND, System, running

REQUESTS: list[tuple[str, str, Any]] = [
    ("POST", "/cancel", None),
    ("POST", "/assets/retry", {"assets": ["cover"]}),
    ("POST", "/assets/cover/regenerate", None),
    ("PUT", "/scenes/2/text", {"text": "They walked home."}),
    ("DELETE", "", None),
]
EDIT = {"text": "They walked home.\n\nIt was late."}


@pytest.fixture
def slow_moderation(settings: Settings) -> Settings:
    """Time enough for an answer from moderation on a busy machine."""
    return settings.model_copy(update={"screening_seconds": 10})


async def unchanging_story(system: System, status: str, **assets: str) -> UUID:
    """A story in a state that nothing changes: commands are published and find no worker."""
    story_id = await system.post()
    await wait_started(system)
    await set_state(system, story_id, status, **assets)
    return story_id


@pytest.mark.parametrize(("method", "path", "body"), REQUESTS)
async def test_a_command_needs_a_key_that_may_write_and_the_storys_own_tenant(
    settings: Settings, method: str, path: str, body: Any
) -> None:
    """Another tenant's story is answered like one that does not exist."""
    async with running(settings, reconciler=BY_HAND, workers=()) as system:
        story_id = await unchanging_story(system, "partial", cover="failed")
        own, system.key = system.key, await add_key(system.pool, "stranger", "x")
        for some_id in (story_id, uuid4()):
            status, problem = await send(system, method, some_id, path, body)
            assert (status, problem["code"], problem["detail"]) == (404, "not_found", "There is no such story.")
        system.key = await add_key(system.pool, "tests", "reader", scopes=["stories:read"])
        assert (await send(system, method, story_id, path, body))[0] == 403
        system.key = "sk_none"
        assert (await send(system, method, story_id, path, body))[0] == 401
        system.key = own
        assert not await commands(system, story_id)
        assert (await system.get(story_id))["status"] == "partial"


async def test_a_cancellation_is_stored_published_and_answered_by_the_story(settings: Settings) -> None:
    async with running(settings, reconciler=BY_HAND, workers=()) as system:
        await system.status.stop()  # nothing consumes it
        story_id = await system.post()
        status, body = await send(system, "POST", story_id, "/cancel")
        (event,) = await commands(system, story_id)
        assert isinstance(event, StoryCancelled)
        assert event.id.startswith(f"{story_id}.wish.")
        assert (event.story_id, event.tenant_id) == (story_id, "tests")
        (row,) = await system.rows("SELECT trace FROM stories")
        assert event.trace == row["trace"]
        assert await published(system, story_id) == [event.id]
        assert status == 202
        assert set(body) == {"id", "status", "realtimeChannel", "assetGenerationStatus", "links", "wish"}
        assert (body["id"], body["status"]) == (str(story_id), "generating")
        assert body["wish"] == {"id": event.id, "event": "StoryCancelled"}


async def test_a_cancelled_story_is_answered_by_the_event_that_cancelled_it(settings: Settings) -> None:
    async with running(settings, reconciler=BY_HAND, workers=()) as system:
        story_id = await unchanging_story(system, "generating", cover="queued")
        _, first = await send(system, "POST", story_id, "/cancel")
        await set_state(system, story_id, "cancelled", cover="cancelled")
        status, again = await send(system, "POST", story_id, "/cancel")
        assert (status, again["status"], again["wish"]) == (202, "cancelled", first["wish"])
        assert "cancel" not in again["links"]
        assert len(await commands(system, story_id)) == 1


async def test_commands_that_the_state_forbids_are_refused_and_leave_no_row(settings: Settings) -> None:
    async with running(settings, reconciler=BY_HAND, workers=()) as system:
        story_id = await unchanging_story(system, "partial", cover="failed", scene_1="queued", text_2="failed")
        refusals: list[tuple[str, str, Any, int, str]] = [
            ("POST", "/cancel", None, 409, "story_ended"),
            ("POST", "/assets/retry", {"assets": ["cover", "pdf"]}, 409, "asset_not_failed"),
            ("POST", "/assets/retry", {"assets": ["lamp"]}, 422, "bad_body"),
            ("POST", "/assets/retry", {"asset": "cover"}, 422, "bad_body"),
            ("POST", "/assets/scene_1/regenerate", None, 409, "asset_being_made"),
            ("POST", "/assets/lamp/regenerate", None, 404, "not_found"),
            ("PUT", "/scenes/2/text", EDIT, 409, "text_not_ready"),
            ("PUT", "/scenes/5/text", EDIT, 404, "not_found"),
            ("PUT", "/scenes/1/text", {"text": ""}, 422, "bad_body"),
        ]
        for method, path, body, status, code in refusals:
            found, problem = await send(system, method, story_id, path, body)
            assert (found, problem["code"]) == (status, code), path
        await set_state(system, story_id, "ready")
        assert (await send(system, "POST", story_id, "/assets/retry"))[1]["code"] == "nothing_failed"
        await set_state(system, story_id, "cancelled", cover="failed")
        for method, path, body in REQUESTS[1:4]:
            found, problem = await send(system, method, story_id, path, body)
            assert (found, problem["code"], problem["retryable"]) == (409, "story_cancelled", False)
        assert not await commands(system, story_id)
        assert not await published(system, story_id)


async def test_a_retry_and_a_regeneration_are_accepted(settings: Settings) -> None:
    async with running(settings, reconciler=BY_HAND, workers=()) as system:
        await system.status.stop()
        story_id = await system.post()
        await set_state(system, story_id, cover="failed")
        status, body = await send(system, "POST", story_id, "/assets/retry")
        assert (status, body["wish"]["event"]) == (202, "AssetRetryRequested")
        status, body = await send(system, "POST", story_id, "/assets/scene_1/regenerate")
        assert (status, body["wish"]["event"]) == (202, "AssetRegenerateRequested")
        retry, regenerate = await commands(system, story_id)
        assert isinstance(retry, AssetRetryRequested)
        assert isinstance(regenerate, AssetRegenerateRequested)
        assert (retry.assets, regenerate.asset) == ((), "scene_1")
        assert sorted(await published(system, story_id)) == sorted([retry.id, regenerate.id])


@pytest.mark.parametrize(
    ("method", "path", "body", "other"),
    [
        ("POST", "/assets/retry", {"assets": ["cover"]}, ("POST", "/assets/retry", None)),
        ("POST", "/assets/scene_1/regenerate", None, ("POST", "/assets/scene_2/regenerate", None)),
        ("PUT", "/scenes/2/text", EDIT, ("PUT", "/scenes/2/text", {"text": "They ran home."})),
    ],
)
async def test_the_same_key_is_the_same_command(
    slow_moderation: Settings, method: str, path: str, body: Any, other: tuple[str, str, Any]
) -> None:
    """Concurrently, and later in another state of the story; with another command it is refused."""
    async with running(slow_moderation, reconciler=BY_HAND, workers=()) as system:
        await system.status.stop()
        asked = await answer_edits(system)
        story_id = await system.post()
        await set_state(system, story_id, cover="failed")
        answers = await asyncio.gather(*(send(system, method, story_id, path, body, key="k") for _ in range(6)))
        assert {status for status, _ in answers} == {202}
        (event_id,) = {found["wish"]["id"] for _, found in answers}
        times_asked = len(asked)
        await set_state(system, story_id, "generating", cover="queued", scene_1="queued", text_2="queued")
        status, again = await send(system, method, story_id, path, body, key="k")
        assert (status, again["wish"]["id"], again["status"]) == (202, event_id, "generating")
        status, problem = await send(system, other[0], story_id, other[1], other[2], key="k")
        assert (status, problem["code"]) == (422, "key_reused")
        assert len(asked) == times_asked
        assert [event.id for event in await commands(system, story_id)] == [event_id]
        assert (await send(system, method, story_id, path, body, key="é"))[0] == 400


async def test_without_a_key_every_request_is_a_command(settings: Settings) -> None:
    async with running(settings, reconciler=BY_HAND, workers=()) as system:
        await system.status.stop()
        story_id = await system.post()
        await set_state(system, story_id)
        for _ in range(2):
            await send(system, "POST", story_id, "/assets/cover/regenerate")
        assert len({event.id for event in await commands(system, story_id)}) == 2


async def test_the_same_key_is_another_command_for_another_story(settings: Settings) -> None:
    async with running(settings, reconciler=BY_HAND, workers=()) as system:
        await system.status.stop()
        one, two = await system.post(), await system.post({**BRIEF, "age": 6})
        for story_id in (one, two):
            status, _ = await send(system, "POST", story_id, "/cancel", key="k")
            assert status == 202
        assert len(await system.rows("SELECT FROM command_outbox")) == 2


async def test_an_edit_is_moderated_with_the_rest_of_the_story(slow_moderation: Settings) -> None:
    async with running(slow_moderation, reconciler=BY_HAND, workers=()) as system:
        await system.status.stop()
        asked = await answer_edits(system)
        story_id = await system.post({**BRIEF, "age": 7})
        await set_state(system, story_id, "generating", text_4="queued")
        status, body = await send(system, "PUT", story_id, "/scenes/2/text", {"text": "They walked\nin the rain."})
        assert (status, body["findings"]) == (202, ["Too much rain."])
        (edit,) = asked
        assert (edit.scene, edit.paragraphs, edit.alt_text) == (2, ("They walked in the rain.",), "A fox in fog.")
        assert (edit.age, edit.language, edit.names) == (7, "en", ("Mira", "Ember"))
        assert set(edit.others) == {1, 3}
        assert edit.others[1].startswith("Mira rolled into the wood.")
        (event,) = await commands(system, story_id)
        assert isinstance(event, SceneTextEdited)
        verdict = await moderate(edit)
        assert (event.text, event.whole) == (verdict.text, verdict.whole)
        _, body = await send(system, "PUT", story_id, "/scenes/1/text", {"paragraphs": ["A."], "altText": "A cat."})
        assert (asked[1].alt_text, body["findings"]) == ("A cat.", [])


async def test_the_text_that_a_scene_has_needs_no_event(slow_moderation: Settings) -> None:
    async with running(slow_moderation, reconciler=BY_HAND, workers=()) as system:
        await system.status.stop()
        asked = await answer_edits(system)
        story_id = await system.post()
        await set_state(system, story_id)
        text = (await system.get(story_id))["scenes"][1]["text"]
        for body in ({"text": text}, {"text": text, "altText": "A fox in fog."}):
            status, answer = await send(system, "PUT", story_id, "/scenes/2/text", body)
            assert (status, answer["wish"], answer["findings"]) == (200, None, [])
        assert not asked
        status, _ = await send(system, "PUT", story_id, "/scenes/2/text", {"text": text, "altText": "A fox."})
        assert (status, len(await commands(system, story_id))) == (202, 1)


@pytest.mark.parametrize("body", [{"text": "A knife."}, {"text": "A fox.", "altText": "A knife."}])
async def test_flagged_words_are_a_422_with_their_category(slow_moderation: Settings, body: dict[str, str]) -> None:
    async with running(slow_moderation, reconciler=BY_HAND, workers=()) as system:
        await answer_edits(system)
        story_id = await unchanging_story(system, "ready")
        status, problem = await send(system, "PUT", story_id, "/scenes/2/text", body)
        assert (status, problem["code"], problem["categories"]) == (422, "text_flagged", ["violence"])
        assert "knife" not in problem["detail"]
        assert not await commands(system, story_id)


async def _raises(edit: SceneEdit) -> EditVerdict:
    raise RuntimeError("no moderation today")


async def _answers_nonsense(edit: SceneEdit) -> EditVerdict:
    return EditVerdict.model_construct(flagged="perhaps")  # type: ignore[arg-type]  # that is the point


async def _is_away(edit: SceneEdit) -> EditVerdict:
    del edit
    return EditVerdict(flagged=False, judged=False)


@pytest.mark.parametrize("moderator", [None, _raises, _answers_nonsense, _is_away])
async def test_text_that_nobody_moderated_is_not_accepted(settings: Settings, moderator: Any) -> None:
    """A 503 that may be retried: unlike a brief, whose outline is moderated later in any case."""
    async with running(settings, reconciler=BY_HAND, workers=()) as system:
        if moderator is not None:
            await answer_edits(system, moderator)
        story_id = await unchanging_story(system, "ready")
        status, problem = await send(system, "PUT", story_id, "/scenes/2/text", EDIT)
        assert (status, problem["code"], problem["retryable"]) == (503, "moderation_away", True)
        assert not await commands(system, story_id)


async def test_what_changed_during_moderation_counts(slow_moderation: Settings) -> None:
    """The command is validated again with the story locked: here it is cancelled meanwhile."""
    async with running(slow_moderation, reconciler=BY_HAND, workers=()) as system:
        story_id = await unchanging_story(system, "ready")

        async def cancel_meanwhile(edit: SceneEdit) -> EditVerdict:
            await set_state(system, story_id, "cancelled")
            return await moderate(edit)

        await answer_edits(system, cancel_meanwhile)
        status, problem = await send(system, "PUT", story_id, "/scenes/2/text", EDIT)
        assert (status, problem["code"]) == (409, "story_cancelled")
        assert not await commands(system, story_id)


async def test_an_asset_that_is_being_made_again_cannot_be_fetched_nor_is_it_shown(settings: Settings) -> None:
    """Though its row keeps the result before."""
    async with running(settings, reconciler=BY_HAND) as system:
        story_id = await system.post()
        story = await system.finished(story_id)
        assert story["audioWords"]
        await system.pool.execute(
            "UPDATE asset_generation_jobs SET status = 'queued' WHERE asset_type IN ('audio', 'activities')"
        )
        await system.pool.execute(
            "UPDATE stories SET status = 'generating', asset_generation_status ="
            ' jsonb_set(asset_generation_status, \'{assets,audio}\', \'{"status":"generating","progress":0}\')'
        )
        again = await system.get(story_id)
        assert (again["audioWords"], again["audioBlocks"], again["activities"]) == (None, None, None)
        assert again["completedAt"] is None
        for name in ("audio", "activities"):
            status, problem = await send(system, "GET", story_id, f"/assets/{name}")
            assert (status, problem["code"]) == (409, "asset_not_ready")


async def test_a_hint_is_moderated_before_it_is_accepted_and_reaches_whoever_makes_it(
    slow_moderation: Settings,
) -> None:
    """Nobody asks moderation about a story that is not the caller's, nor about what the state forbids."""
    async with running(slow_moderation, reconciler=BY_HAND, workers=()) as system:
        story_id = await unchanging_story(system, "ready")
        path, hint = "/assets/cover/regenerate", {"hint": "  make Mira's fox\n bigger "}
        status, problem = await send(system, "POST", story_id, path, hint)  # nobody answers
        assert (status, problem["code"], problem["retryable"]) == (503, "moderation_away", True)
        asked = await answer_edits(system)
        for body, code in (
            ({"hint": "give her a knife"}, "hint_flagged"),
            ({"hint": ""}, "bad_body"),
            ({"hint": " "}, "bad_body"),
            ({"hint": "x" * 301}, "bad_body"),
            ({"hint": "a\u202eb"}, "bad_body"),
            ({"hint": 5}, "bad_body"),
        ):
            status, problem = await send(system, "POST", story_id, path, body)
            assert (status, problem["code"]) == (422, code), body
        assert (await send(system, "POST", story_id, "/assets/pdf/regenerate", hint))[1]["code"] == "hint_not_possible"
        assert (await send(system, "POST", uuid4(), path, hint))[0] == 404
        own, system.key = system.key, await add_key(system.pool, "stranger", "x")
        assert (await send(system, "POST", story_id, path, hint))[0] == 404
        system.key = own
        assert [edit.paragraphs for edit in asked] == [("give her a knife",)]
        assert not await commands(system, story_id)
        status, body = await send(system, "POST", story_id, path, hint, key="bigger")
        assert status == 202
        assert (await send(system, "POST", story_id, path, hint, key="bigger"))[1]["wish"] == body["wish"]
        other = {"hint": "make it smaller"}
        assert (await send(system, "POST", story_id, path, other, key="bigger"))[1]["code"] == "key_reused"
        assert len(asked) == 2, "what was accepted is not asked about again"
        (event,) = await commands(system, story_id)
        assert isinstance(event, AssetRegenerateRequested)
        assert event.hint == "make Mira's fox bigger"
        job = await system.job(story_id, Asset.COVER)
        assert (job.hint, job.version) == ("make Mira's fox bigger", 3)
        assert "Mira" not in job.subject
