"""Whatever asset fails by itself, the client reads its cause on it, on all that fell with it, and on the story."""

from collections.abc import Iterable
from typing import Any

import orjson
import pytest

from services.status.rows import asset_row, asset_state, story_row
from services.status.transitions import NO_EFFECTS, Transition
from storyloom.story.assets import GRAPH, PICTURES, PUBLIC, Asset, closure
from storyloom.story.causes import DEADLINE, NEED_FAILED, Cause
from storyloom.story.journey import AssetState, cause, failure, overall
from tests.unit.status.random_walk import (
    NOON,
    STORY,
    Walk,
    deadline_passed,
    failed,
    new_journey,
    requested,
    retry,
)

A = Asset
CODES = ("content_refused", "unsafe", "bad_request", "bad_answer", "attempts_spent", "not_allowed", DEADLINE, "bug")
RETRYABLE = {"bad_answer", "attempts_spent", "not_allowed", DEADLINE}
WANTED = {"all": PUBLIC, "cover": (A.CONTENT, A.COVER), "audio": (A.CONTENT, A.AUDIO), "pictures": (A.COVER, A.SCENE_1)}


def fallen(root: Asset) -> set[Asset]:
    """What cannot be made without an asset, by the graph's needs."""
    found = {root}
    for asset, recipe in GRAPH.items():
        if found & set(recipe.needs):
            found.add(asset)
    return found


def told_of(walk: Walk) -> dict[str, Any]:
    """What the reader of the stream knows of the story's error, by its last event."""
    assets = {name: shown.get("error") for name, shown in walk.known.items() if shown["status"] == "failed"}
    return {"story": failure(walk.journey), **assets}


def run(wanted: Iterable[Asset], root: Asset, code: str) -> Walk:
    """The story of which one asset fails by itself with a code, whenever its turn comes; all else is made."""
    walk = Walk(new_journey(wanted))
    todo = list(walk.apply(requested()).jobs)
    while todo:
        asset = todo.pop(0)
        if walk.journey.assets[asset].settled:
            continue
        if asset is root:
            end = failed(asset, walk.fingerprint(asset)).model_copy(update={"code": code})
            todo += walk.apply(end).jobs
        else:
            before = len(walk.started)
            walk.make(asset)
            todo += walk.started[before:]
    return walk


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("asked", WANTED)
def test_every_asset_that_fails_is_the_cause_of_all_that_falls_with_it(asked: str, code: str) -> None:
    """All edges of the graph: every root, with every code, for stories of everything and of little."""
    for root in closure(WANTED[asked]):
        walk = run(WANTED[asked], root, code)
        told = told_of(walk)
        shown = {asset.value for asset in fallen(root) & set(PUBLIC) & set(walk.journey.assets)}
        assert set(told) == shown | {"story"}
        wire = Cause(root, code).wire()
        assert (wire["code"], wire["cause"], wire["retryable"]) == (code, root.value, code in RETRYABLE)
        assert all(told[name] == wire for name in shown), (root, told)
        assert told["story"] == (Cause(root, code) if shown else None)
        assert overall(walk.journey) in (("failed", "partial") if shown else ("ready",))


def test_the_stream_ends_with_the_storys_cause() -> None:
    walk = Walk(new_journey((A.CONTENT, A.COVER)))
    walk.apply(requested())
    walk.make(A.OUTLINE)
    walk.apply(failed(A.PORTRAIT, walk.fingerprint(A.PORTRAIT)))
    walk.make(A.TEXT_1, A.TEXT_2, A.TEXT_3, A.TEXT_4)
    effects = walk.apply(failed(A.CONTENT, walk.fingerprint(A.CONTENT)))
    assert effects.updates[-1].data["error"] == Cause(A.CONTENT, "content_refused").wire()
    assert walk.known["cover"]["error"]["message"] == "picture refused by the provider"


def test_a_cover_alone_that_falls_with_its_portrait_names_the_picture_that_was_refused() -> None:
    walk = run((A.CONTENT, A.COVER), A.PORTRAIT, "content_refused")
    assert overall(walk.journey) == "partial"
    assert walk.known["cover"] == {
        "status": "failed",
        "progress": 0,
        "code": NEED_FAILED,
        "reason": "it needs portrait, which failed",
        "error": {
            "code": "content_refused",
            "message": "picture refused by the provider",
            "cause": "portrait",
            "retryable": False,
        },
    }


@pytest.mark.parametrize("second", [A.OUTLINE, A.PORTRAIT])
def test_the_cause_is_the_one_that_came_first_and_stays_so(second: Asset) -> None:
    """A picture needs outline and portrait: the later failure of the other changes nothing of what was told."""
    first = A.PORTRAIT if second is A.OUTLINE else A.OUTLINE
    walk = Walk(new_journey())
    walk.apply(requested())
    walk.apply(failed(first, walk.fingerprint(first)))
    before = walk.known["cover"]
    if walk.journey.assets[second].status == "queued":
        walk.apply(failed(second, walk.fingerprint(second)))
    assert walk.known["cover"] == before
    assert before["error"]["cause"] == first.value


def test_a_story_without_its_text_names_the_texts_cause_before_a_pictures() -> None:
    walk = Walk(new_journey((A.CONTENT, A.COVER)))
    walk.apply(requested())
    walk.make(A.OUTLINE)
    walk.apply(failed(A.PORTRAIT, walk.fingerprint(A.PORTRAIT)))
    assert failure(walk.journey) is None, "a story that is being made has no error yet"
    walk.apply(failed(A.TEXT_1, walk.fingerprint(A.TEXT_1)).model_copy(update={"code": "unsafe"}))
    assert overall(walk.journey) == "failed"
    assert failure(walk.journey) == Cause(A.TEXT_1, "unsafe")


def test_a_story_that_took_too_long_says_so_of_each_asset() -> None:
    walk = Walk(new_journey((A.CONTENT, A.COVER)))
    walk.apply(requested())
    walk.apply(deadline_passed())
    assert {shown["error"]["code"] for shown in walk.known.values()} == {DEADLINE}
    assert failure(walk.journey) == Cause(A.CONTENT, DEADLINE)


def test_an_asset_that_is_made_again_tells_no_cause() -> None:
    walk = run((A.CONTENT, A.COVER), A.PORTRAIT, "bad_answer")
    assert failure(walk.journey) == Cause(A.PORTRAIT, "bad_answer")
    walk.apply(retry())
    assert failure(walk.journey) is None
    assert "error" not in walk.known["cover"]
    walk.make(A.PORTRAIT, A.COVER)
    assert (overall(walk.journey), failure(walk.journey)) == ("ready", None)


def test_the_cause_survives_its_row_and_older_rows_find_it_by_the_graph() -> None:
    walk = run(PUBLIC, A.PORTRAIT, "content_refused")
    state = walk.journey.assets[A.COVER]
    row = asset_row(STORY, A.COVER, state, None)
    columns = (
        "story_id", "asset_type", "status", "revision", "fingerprint", "result", "started_at", "completed_at",
        "error_message", "retry_count", "metadata", "backlog_lane",
    )  # fmt: skip
    record = dict(zip(columns, row, strict=True))
    record["metadata"] = orjson.loads(record["metadata"])
    read: Any = asset_state
    assert read(record) == state
    del record["metadata"]["cause"]
    older: AssetState = read(record)
    assert older.cause is None
    assert cause({**walk.journey.assets, A.COVER: older}, A.COVER) == Cause(A.PORTRAIT, "content_refused")


def test_a_partial_storys_row_holds_its_error() -> None:
    walk = run((A.CONTENT, A.COVER), A.COVER, "bad_answer")
    transition = Transition(0, walk.journey, NO_EFFECTS, NOON, ())
    assert Cause(A.COVER, "bad_answer").wire() in map(_loaded, story_row(transition))


def _loaded(column: Any) -> Any:
    return orjson.loads(column) if isinstance(column, str) and column.startswith("{") else None


def test_pictures_are_called_pictures_and_an_unknown_code_is_still_a_sentence() -> None:
    assert {Cause(asset, "unsafe").message for asset in (A.PORTRAIT, *PICTURES)} == {
        "picture not found safe for a child"
    }
    assert Cause(A.PDF, "of_another_day").wire() == {
        "code": "of_another_day",
        "message": "book not made",
        "cause": "pdf",
        "retryable": False,
    }
