"""The asset graph: in the order in which things can be made, each by the service that can."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storyloom.story.assets import (
    GRAPH,
    NARRATIONS,
    PICTURES,
    PUBLIC,
    SCENES,
    TEXTS,
    WAITED_ON_BY,
    Asset,
    Service,
    closure,
)

ASSETS = st.sets(st.sampled_from(tuple(Asset)))


def test_every_asset_has_a_recipe() -> None:
    assert set(GRAPH) == set(Asset)


def test_whatever_an_asset_waits_for_stands_before_it() -> None:
    seen: set[Asset] = set()
    for asset, recipe in GRAPH.items():
        assert set(recipe.waits_for) <= seen
        seen.add(asset)


def test_the_public_assets_are_those_of_the_api() -> None:
    named = ["content", "cover", "scene_1", "scene_2", "scene_3", "scene_4", "audio", "activities", "pdf", "epub"]
    assert [asset.value for asset in PUBLIC] == named


def test_pictures_need_no_text() -> None:
    """They are drawn while it is being written: the critical path is not their sum."""
    for picture in PICTURES:
        assert not set(closure([picture])) & {*TEXTS, Asset.CONTENT}


def test_a_narration_needs_its_own_text_and_what_comes_before_it() -> None:
    for k in SCENES:
        assert GRAPH[NARRATIONS[k - 1]].needs == (TEXTS[k - 1],)


def test_the_book_waits_for_pictures_and_activities_but_needs_plan_and_text_alone() -> None:
    assert GRAPH[Asset.PDF].needs == (Asset.OUTLINE, Asset.CONTENT)
    assert set(GRAPH[Asset.PDF].settled) == {*PICTURES, Asset.ACTIVITIES}
    assert GRAPH[Asset.EPUB].needs == (Asset.OUTLINE, Asset.CONTENT)
    assert set(GRAPH[Asset.EPUB].settled) == {*PICTURES, Asset.AUDIO}


def test_every_service_makes_something_and_hidden_assets_show_in_public_ones() -> None:
    assert {recipe.service for recipe in GRAPH.values()} == set(Service)
    shown = {recipe.shown_as for recipe in GRAPH.values()} - {None}
    assert shown <= set(PUBLIC)


def test_who_waits_is_the_other_side_of_what_is_waited_for() -> None:
    for need, waiting in WAITED_ON_BY.items():
        assert set(waiting) == {asset for asset in Asset if need in GRAPH[asset].waits_for}


@given(ASSETS)
def test_a_closure_holds_all_needs_and_nothing_that_nobody_needs(wanted: set[Asset]) -> None:
    found = closure(wanted)
    assert len(set(found)) == len(found)
    assert wanted <= set(found)
    for asset in found:
        assert set(GRAPH[asset].waits_for) <= set(found)
        assert asset in wanted or any(asset in GRAPH[other].waits_for for other in found)


@given(ASSETS)
def test_a_closure_stands_in_the_order_of_making_and_is_its_own_closure(wanted: set[Asset]) -> None:
    found = closure(wanted)
    assert list(found) == [asset for asset in GRAPH if asset in found]
    assert closure(found) == found


@pytest.mark.parametrize(
    ("asset", "scene"),
    [(Asset.SCENE_3, 3), (Asset.TEXT_1, 1), (Asset.NARRATION_4, 4), (Asset.COVER, 0), (Asset.PDF, 0)],
)
def test_an_asset_knows_its_scene(asset: Asset, scene: int) -> None:
    assert asset.scene == scene
