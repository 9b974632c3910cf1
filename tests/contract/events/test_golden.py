"""The messages as they once were written: today's code reads them, and writes the same.

A golden file is never changed, since messages like it live on streams for 14 days and manifests for years. What is new
gets a file of its own.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError

from storyloom.jobs.manifest import Manifest
from storyloom.messaging.connection import event_message, job_message
from storyloom.messaging.topology import EVENTS_FOR_STATUS
from storyloom.story.assets import Asset
from storyloom.story.brief import Brief
from storyloom.story.events import EVENT, AnyEvent, AssetProgressed, AssetStarted, Event, is_newer, subject
from storyloom.story.jobs import AssetRequested
from storyloom.story.results import AnyResult

GOLDEN = {path.stem: path for path in sorted((Path(__file__).parent / "golden").glob("*.json"))}
OTHERS: dict[str, type[BaseModel]] = {
    "AssetRequested": AssetRequested,
    "AssetStarted": AssetStarted,
    "AssetProgressed": AssetProgressed,
    "Manifest": Manifest,
}
EVENTS: tuple[type[Event], ...] = get_args(get_args(AnyEvent)[0])
KINDS = {kind.model_fields["kind"].default for kind in get_args(get_args(AnyResult)[0])}
VERSIONED = [name for name in GOLDEN if name not in ("AssetStarted", "AssetProgressed")]

# Maps of words of somebody else's choice, where another key is no unknown field.
FREE = {"inputs", "blocks", "type_details", "typeDetails", "metadata"}


def reader(name: str) -> Callable[[bytes | str], BaseModel]:
    """How a message of this name is read."""
    other = OTHERS.get(name.split(".", maxsplit=1)[0])
    return other.model_validate_json if other is not None else EVENT.validate_json


def written(message: BaseModel) -> Any:
    return json.loads(message.model_dump_json())


def with_more(value: Any, *, free: bool = False) -> Any:
    """The same message from a newer writer, who says something more in every object."""
    if isinstance(value, list):
        return [with_more(item) for item in value]
    if not isinstance(value, dict):
        return value
    more = {key: with_more(item, free=key in FREE) for key, item in value.items()}
    return more if free else {**more, "said_by_a_newer_writer": {"deep": [1]}}


def without_empty_additions(value: Any, golden: Any) -> Any:
    """The value without what has been added since it was published and says nothing: empty fields."""
    if isinstance(value, list) and isinstance(golden, list) and len(value) == len(golden):
        return [without_empty_additions(one, other) for one, other in zip(value, golden, strict=True)]
    if isinstance(value, dict) and isinstance(golden, dict):
        return {
            key: without_empty_additions(item, golden.get(key))
            for key, item in value.items()
            if key in golden or item not in EMPTY
        }
    return value


EMPTY: tuple[Any, ...] = (None, [], {}, 0)


@pytest.mark.parametrize("name", GOLDEN)
def test_an_old_message_is_read_and_written_back_the_same(name: str) -> None:
    golden = json.loads(GOLDEN[name].read_text("utf-8"))
    message = reader(name)(json.dumps(golden))
    assert type(message).__name__ == name.split(".", maxsplit=1)[0]
    assert without_empty_additions(written(message), golden) == golden


@pytest.mark.parametrize("name", GOLDEN)
def test_what_a_newer_writer_adds_is_dropped(name: str) -> None:
    golden = json.loads(GOLDEN[name].read_text("utf-8"))
    assert without_empty_additions(written(reader(name)(json.dumps(with_more(golden)))), golden) == golden


@pytest.mark.parametrize("name", VERSIONED)
def test_an_unknown_version_is_refused(name: str) -> None:
    golden = json.loads(GOLDEN[name].read_text("utf-8"))
    with pytest.raises(ValidationError) as caught:
        reader(name)(json.dumps({**golden, "version": 5}))
    assert caught.value.errors()[0]["loc"][-1] == "version"


@pytest.mark.parametrize("name", [name for name in VERSIONED if name.split(".")[0] not in OTHERS])
def test_a_version_to_come_is_distinguished_from_a_broken_event(name: str) -> None:
    """A replica that is about to be replaced hands it back; what is broken is dead-lettered."""
    golden = json.loads(GOLDEN[name].read_text("utf-8"))
    assert is_newer(json.dumps({**golden, "version": 5}).encode())
    assert is_newer(json.dumps({**golden, "event": "StoryForgotten"}).encode())
    assert not is_newer(json.dumps({**golden, "story_id": "no id"}).encode())
    assert not is_newer(b"[" + json.dumps(golden).encode())


@pytest.mark.parametrize("name", ["AssetCompleted.text", "AssetCompleted.outline", "AssetCompleted.activities"])
def test_a_result_without_a_record_of_moderation_says_nothing_of_it(name: str) -> None:
    """It is written as the release before writes it, and prompts that hold it stay the same."""
    assert "moderated" not in written(reader(name)(GOLDEN[name].read_text("utf-8")))["result"]
    recorded = GOLDEN[f"{name}.moderated"].read_text("utf-8")
    assert written(reader(name)(recorded))["result"]["moderated"]["model"] == "omni-moderation-latest"


def test_an_unknown_event_is_refused() -> None:
    golden = json.loads(GOLDEN["StoryRequested"].read_text("utf-8"))
    with pytest.raises(ValidationError):
        EVENT.validate_json(json.dumps({**golden, "event": "StoryForgotten"}))


def test_every_event_and_every_result_has_a_golden_file() -> None:
    assert {event.__name__ for event in EVENTS} == {name.split(".")[0] for name in GOLDEN} - set(OTHERS)
    completed = {".".join(name.split(".")[:2]) for name in GOLDEN if name.startswith("AssetCompleted")}
    assert {f"AssetCompleted.{kind}" for kind in KINDS} == completed
    assert set(OTHERS) <= {name.split(".")[0] for name in GOLDEN}


@pytest.mark.parametrize("name", [name for name in GOLDEN if name.split(".")[0] not in OTHERS])
def test_an_event_is_published_under_its_own_name_and_story(name: str) -> None:
    golden = json.loads(GOLDEN[name].read_text("utf-8"))
    event = EVENT.validate_python(golden)
    assert subject(event) == f"story.evt.{golden['event']}.{golden['story_id']}"
    assert (golden["event"] in EVENTS_FOR_STATUS) is (golden["event"] != "StoryCompleted")


@pytest.mark.parametrize("name", [name for name in GOLDEN if name.startswith("AssetRequested")])
def test_the_job_on_the_bus_is_the_golden_one(name: str) -> None:
    """However it is put together: what is sent is what the model says."""
    golden = json.loads(GOLDEN[name].read_text("utf-8"))
    sent = job_message(AssetRequested.model_validate(golden))
    assert without_empty_additions(json.loads(sent.body), golden) == golden
    assert sent.id == (None if golden["put_back"] else golden["id"])


@pytest.mark.parametrize("name", [name for name in GOLDEN if name.split(".")[0] not in OTHERS])
def test_the_event_on_the_bus_is_the_golden_one(name: str) -> None:
    golden = json.loads(GOLDEN[name].read_text("utf-8"))
    sent = event_message(EVENT.validate_python(golden))
    assert (without_empty_additions(json.loads(sent.body), golden), sent.id) == (golden, golden["id"])


@pytest.mark.parametrize(
    ("name", "subject"),
    [
        ("AssetRequested.outline", "job.content.high.7f4df1ab-8d1e-4f9c-9f6a-2f0f3f1f0a01.outline"),
        ("AssetRequested.cover", "job.images.high.7f4df1ab-8d1e-4f9c-9f6a-2f0f3f1f0a01.cover"),
        ("AssetRequested.cover.2", "job.images.high.7f4df1ab-8d1e-4f9c-9f6a-2f0f3f1f0a01.cover"),
        ("AssetRequested.epub", "job.documents.high.7f4df1ab-8d1e-4f9c-9f6a-2f0f3f1f0a01.epub"),
        ("AssetRequested.pdf", "job.documents.high.7f4df1ab-8d1e-4f9c-9f6a-2f0f3f1f0a01.pdf"),
    ],
)
def test_a_job_stands_on_the_lane_of_its_service_and_priority(name: str, subject: str) -> None:
    job = AssetRequested.model_validate_json(GOLDEN[name].read_text("utf-8"))
    assert job.subject == subject
    assert "Mira" not in job.subject


def test_a_job_says_what_it_is_made_from() -> None:
    """The one that was requeued lacks the picture that failed."""
    job = AssetRequested.model_validate_json(GOLDEN["AssetRequested.pdf"].read_text("utf-8"))
    assert job.put_back
    assert {asset.value for asset in job.inputs} == {"content", "cover", "scene_1", "scene_2", "scene_3", "activities"}
    adapter: TypeAdapter[AnyResult] = TypeAdapter(AnyResult)
    assert all(adapter.validate_python(result.model_dump()) == result for result in job.inputs.values())


def test_the_release_before_leaves_what_is_said_of_an_e_book_to_a_newer_one() -> None:
    """It knows no such asset: the message must say of itself that it is newer, and the brief in it name none."""
    assert json.loads(GOLDEN["AssetCompleted.book.2"].read_text("utf-8"))["version"] == 2
    job = json.loads(GOLDEN["AssetRequested.epub"].read_text("utf-8"))
    assert (job["version"], "epub" in job["brief"]["assets"]) == (4, False)
    for name in ("AssetCompleted.book", "AssetFailed.2", "AssetRetrying", "AssetRegenerateRequested"):
        event = EVENT.validate_json(GOLDEN[name].read_text("utf-8"))
        of_an_ebook = event.model_copy(update={"asset": Asset.EPUB})
        assert json.loads(of_an_ebook.body)["version"] == json.loads(event.body)["version"] + 1
    retry = EVENT.validate_json(GOLDEN["AssetRetryRequested"].read_text("utf-8"))
    assert json.loads(retry.model_copy(update={"assets": (Asset.COVER, Asset.EPUB)}).body)["version"] == 2


def test_the_release_before_can_read_the_brief_of_a_story_with_an_e_book() -> None:
    brief = Brief.asked({"characterName": "Mira", "storyType": "adventure"})
    assert Asset.EPUB in brief.assets
    assert "epub" not in brief.stored()["assets"]
    assert "epub" not in json.loads(brief.body)["assets"]
    alone = Brief.asked({"characterName": "Mira", "storyType": "adventure", "assets": ["epub"]})
    assert "assets" not in alone.stored()
    assert "assets" not in json.loads(alone.body)
