"""Assets that a release added, beside stories and replicas of the release before."""

from typing import Any

import pytest

from services.status.dispatch import job_for
from services.status.rows import journey_of
from services.status.transitions import apply
from storyloom.story.assets import ADDED, GRAPH, NARRATIONS, PICTURES, PUBLIC, TEXTS, Asset
from storyloom.story.brief import Brief
from storyloom.story.journey import AssetState, document, overall
from tests.unit.status.random_walk import STORY, Walk, new_journey, regenerate, requested

BEFORE = [asset for asset in PUBLIC if asset not in ADDED]


def row(brief: Brief) -> Any:
    """A story's row, as the api writes it."""
    return {
        "id": STORY,
        "tenant_id": "tests",
        "trace": "",
        "request": brief.stored(),
        "approval": "auto",
        "status": "generating",
        "seq": 0,
        "version": 0,
    }


def test_a_story_from_before_ends_ready_and_shows_none_of_them() -> None:
    walk = Walk(new_journey(BEFORE))
    walk.apply(requested())
    walk.make(Asset.OUTLINE, Asset.PORTRAIT, *TEXTS, Asset.CONTENT, *PICTURES, Asset.ACTIVITIES)
    walk.make(*NARRATIONS, Asset.AUDIO, Asset.PDF)
    assert overall(walk.journey) == "ready"
    assert set(document(walk.journey)["assets"]) == set(BEFORE)
    after, _ = apply(walk.journey, regenerate(Asset.AUDIO))
    assert not ADDED & set(after.assets)


def test_a_row_of_an_asset_that_this_release_does_not_know_is_passed_by() -> None:
    """As the release before passes by an e-book's."""
    rows = {asset.value: AssetState() for asset in GRAPH} | {"hologram": AssetState("ready")}
    assert set(journey_of(row(new_journey().brief), rows).assets) == set(GRAPH)


@pytest.mark.parametrize("wanted", [PUBLIC, [*ADDED]])
def test_a_story_with_one_is_read_back_by_its_rows(wanted: list[Asset]) -> None:
    """Its brief says nothing of it, and its job goes out in a version that the release before leaves alone."""
    journey = new_journey(wanted)
    read = journey_of(row(journey.brief), {asset.value: state for asset, state in journey.assets.items()})
    assert read.assets == journey.assets
    walk = Walk(read)
    walk.apply(requested())
    walk.make(Asset.OUTLINE)
    assert {job_for(walk.journey, asset).version for asset in walk.started if asset not in ADDED} == {2}
    walk.make(Asset.PORTRAIT, *TEXTS, Asset.CONTENT, *PICTURES, *NARRATIONS, Asset.AUDIO)
    assert {job_for(walk.journey, asset).version for asset in ADDED} == {4}
