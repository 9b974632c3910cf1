"""Commands: which of them a story's rows allow, and the events that they become."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from services.api.commands import Approve, Cancel, Command, Edit, Origin, Regenerate, Retry, is_edit
from services.api.repository import StorySnapshot
from storyloom.story.assets import PUBLIC, TEXTS, Asset, closure
from storyloom.story.events import (
    AssetRegenerateRequested,
    AssetRetryRequested,
    CommandEvent,
    SceneTextEdited,
    StoryApproved,
    StoryCancelled,
)
from storyloom.story.results import SceneText
from storyloom.web.problems import Problem
from tests.makers import sample

STORY = UUID(int=3)
ORIGIN: Origin = {
    "id": f"{STORY}.wish.1",
    "story_id": STORY,
    "tenant_id": "tests",
    "trace": "00-1-1-01",
    "at": datetime(2026, 8, 1, tzinfo=UTC),
}


def snapshot(
    status: str = "partial",
    *,
    public: tuple[Asset, ...] = PUBLIC,
    approval: dict[str, str] | None = None,
    **statuses: str,
) -> StorySnapshot:
    """A story whose assets are all ready but for those named."""
    assets = dict.fromkeys(closure(public), "ready") | {Asset(name): one for name, one in statuses.items()}
    shown = {} if approval is None else {"approval": approval}
    return StorySnapshot({"status": status, "asset_generation_status": shown}, assets)


def text(scene: int = 2) -> SceneText:
    found = sample(TEXTS[scene - 1], STORY)
    assert isinstance(found, SceneText)
    return found


def refusal(command: Command, story: StorySnapshot) -> tuple[int, str, bool]:
    """How a command is refused: status, code, and whether the same may be accepted later."""
    with pytest.raises(Problem) as refused:
        command.validate(story, ORIGIN)
    problem = refused.value
    return problem.status, problem.code, problem.retryable


def test_a_story_under_way_can_be_cancelled_and_one_that_ended_cannot() -> None:
    assert Cancel().validate(snapshot("generating"), ORIGIN) == StoryCancelled(**ORIGIN)
    for status in ("ready", "partial", "failed"):
        assert refusal(Cancel(), snapshot(status)) == (409, "story_ended", False)


def test_cancelling_a_cancelled_story_needs_no_event() -> None:
    assert Cancel().validate(snapshot("cancelled"), ORIGIN) is None


def test_the_text_that_waits_is_approved_by_its_version_and_no_other() -> None:
    waits = snapshot("generating", approval={"status": "awaited", "textVersion": "a" * 16})
    assert Approve("a" * 16).validate(waits, ORIGIN) == StoryApproved(**ORIGIN, text_version="a" * 16)
    assert refusal(Approve("b" * 16), waits) == (409, "text_changed", False)
    given = snapshot("ready", approval={"status": "given", "textVersion": "a" * 16})
    assert Approve("a" * 16).validate(given, ORIGIN) is None
    assert refusal(Approve("b" * 16), given) == (409, "text_changed", False)
    for nothing in (snapshot("generating"), snapshot("generating", approval={"status": "pending"})):
        assert refusal(Approve("a" * 16), nothing) == (409, "approval_not_awaited", False)
    assert refusal(Approve("a" * 16), snapshot("cancelled")) == (409, "story_cancelled", False)


def test_failed_assets_can_be_retried_by_name_or_all_together() -> None:
    story = snapshot(cover="failed", pdf="failed")
    for names, assets in (((), ()), (("cover",), (Asset.COVER,)), (("pdf", "cover", "pdf"), (Asset.COVER, Asset.PDF))):
        assert Retry(names).validate(story, ORIGIN) == AssetRetryRequested(**ORIGIN, assets=assets)


def test_what_has_not_failed_is_not_retried_and_the_answer_says_its_status() -> None:
    story = snapshot(cover="failed", pdf="pending", audio="queued")
    with pytest.raises(Problem) as refused:
        Retry(("cover", "scene_1", "audio", "pdf")).validate(story, ORIGIN)
    assert refused.value.code == "asset_not_failed"
    assert refused.value.members["assets"] == {"scene_1": "ready", "audio": "being made", "pdf": "being made"}
    assert refusal(Retry(), snapshot()) == (409, "nothing_failed", False)


@pytest.mark.parametrize("name", ["lamp", "text_1", "portrait", "pdf", ""])
def test_only_the_storys_own_public_assets_can_be_retried(name: str) -> None:
    """The answer points to each name that is wrong."""
    story = snapshot(public=(Asset.COVER,), cover="failed", portrait="failed")
    with pytest.raises(Problem) as refused:
        Retry(("cover", name)).validate(story, ORIGIN)
    assert refused.value.status == 422
    assert [error["pointer"] for error in refused.value.errors] == ["/assets/1"]


@pytest.mark.parametrize("name", ["content", "activities", "cover", "scene_3"])
def test_a_hint_shapes_text_activities_and_pictures(name: str) -> None:
    command = Regenerate(name, "make the fox bigger")
    event = command.validate(snapshot(), ORIGIN)
    assert event == AssetRegenerateRequested(**ORIGIN, asset=Asset(name), hint="make the fox bigger")
    assert command.matches(event)
    assert not Regenerate(name).matches(event)
    assert not Regenerate(name, "make the fox smaller").matches(event)


@pytest.mark.parametrize("name", ["audio", "pdf"])
def test_a_hint_for_what_is_made_from_others_alone_is_refused(name: str) -> None:
    assert refusal(Regenerate(name, "make it louder"), snapshot()) == (422, "hint_not_possible", False)
    assert Regenerate(name).validate(snapshot(), ORIGIN).asset is Asset(name)


@pytest.mark.parametrize("status", ["ready", "failed"])
def test_a_settled_asset_can_be_regenerated(status: str) -> None:
    event = Regenerate("cover").validate(snapshot(cover=status), ORIGIN)
    assert event == AssetRegenerateRequested(**ORIGIN, asset=Asset.COVER)


def test_what_is_being_made_cannot_be_regenerated_yet_and_what_does_not_exist_never() -> None:
    for status in ("pending", "queued", "generating"):
        assert refusal(Regenerate("cover"), snapshot("generating", cover=status)) == (409, "asset_being_made", True)
    for name in ("lamp", "text_1", "outline", "narration_2"):
        assert refusal(Regenerate(name), snapshot())[0] == 404
    assert refusal(Regenerate("audio"), snapshot(public=(Asset.COVER,)))[0] == 404


def test_a_written_scene_can_be_edited_and_no_other() -> None:
    assert Edit(text()).validate(snapshot(), ORIGIN) == SceneTextEdited(**ORIGIN, text=text())
    for status in ("pending", "queued", "failed"):
        assert refusal(Edit(text()), snapshot("generating", text_2=status)) == (409, "text_not_ready", True)
    assert refusal(Edit(text()), snapshot(public=(Asset.COVER,)))[0] == 404


@pytest.mark.parametrize("command", [Retry(), Retry(("cover",)), Regenerate("cover"), Edit(text())])
def test_a_cancelled_story_refuses_every_command(command: Command) -> None:
    assert refusal(command, snapshot("cancelled", cover="failed")) == (409, "story_cancelled", False)


COMMANDS: list[Command] = [
    Cancel(),
    Retry(),
    Retry(("cover",)),
    Retry(("cover", "pdf")),
    Regenerate("cover"),
    Regenerate("pdf"),
    Edit(text(1)),
    Edit(text(2)),
    Edit(text(2).model_copy(update={"paragraphs": ("Other words.",)})),
    Edit(text(2).model_copy(update={"alt_text": "Another."})),
]


def test_a_command_matches_its_own_event_and_no_other() -> None:
    story = snapshot("generating", cover="failed", pdf="failed")
    events: list[CommandEvent | None] = [command.validate(story, ORIGIN) for command in COMMANDS]
    for place, command in enumerate(COMMANDS):
        found = [other for other, event in enumerate(events) if event is not None and command.matches(event)]
        assert found == [place]


def test_the_order_of_names_makes_no_other_command() -> None:
    story: Any = snapshot(cover="failed", pdf="failed")
    assert Retry(("pdf", "cover")).matches(Retry(("cover", "pdf")).validate(story, ORIGIN))


def test_an_edit_without_an_alt_text_is_the_same_whichever_the_scene_had() -> None:
    event = Edit(text(2)).validate(snapshot(), ORIGIN)
    assert is_edit(event, 2, text(2).paragraphs, None)
    assert not is_edit(event, 2, text(2).paragraphs, "Another.")
