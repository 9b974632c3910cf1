"""Where an unfinished asset stands is derived from rows, bus and workers alone; what has no place is a finding."""

from dataclasses import replace
from datetime import timedelta

import pytest

from storyloom.operations.diagnosis import Row, Story, diagnose, expected_subjects
from storyloom.story.assets import GRAPH, PUBLIC, Asset
from storyloom.story.journey import SETTLED
from tests.unit.ops.sample_frames import HALFWAY, NOW, READY, ago, moment, queued, story


def codes(one: Story, **seen: tuple[Asset, ...]) -> list[tuple[str, str]]:
    """(code, asset) of what is found."""
    _, found = diagnose(one, moment(one, **seen))
    return [(finding.code, finding.about.partition(".")[2].partition(".")[0]) for finding in found]


WELL = story(
    outline=READY,
    portrait=READY,
    text_1=READY,
    text_2=queued(3),
    **{f"scene_{k}": queued(60) for k in (1, 2, 3, 4)},
    cover=queued(80),
    narration_1=queued(1),
)


def test_every_unfinished_asset_of_a_story_that_is_well_has_a_place() -> None:
    standing, found = diagnose(WELL, moment(WELL, held=(Asset.COVER,)))
    places = {one.asset: one.state for one in standing}
    unfinished = {asset for asset, row in WELL.assets.items() if row.status not in SETTLED}
    assert set(places) == unfinished
    assert "orphaned" not in places.values()
    assert found == []
    assert (places[Asset.COVER], places[Asset.SCENE_1], places[Asset.PDF]) == ("in_flight", "queued", "waiting")


@pytest.mark.parametrize("asset", [asset for asset, row in WELL.assets.items() if row.status == "queued"])
def test_a_job_that_is_neither_on_the_bus_nor_held_is_found(asset: Asset) -> None:
    old = replace(WELL, assets={**WELL.assets, asset: queued(30)})
    assert codes(old, absent=(asset,)) == [("asset_orphaned", asset.value)]
    assert codes(old, absent=(asset,), held=(asset,)) == []


def test_a_job_that_was_dispatched_just_now_may_be_on_its_way() -> None:
    fresh = replace(WELL, assets={**WELL.assets, Asset.COVER: queued(1.9)})
    stale = replace(WELL, assets={**WELL.assets, Asset.COVER: queued(2.1)})
    assert codes(fresh, absent=(Asset.COVER,)) == []
    assert codes(stale, absent=(Asset.COVER,)) == [("asset_orphaned", "cover")]


def test_a_worker_that_holds_an_older_version_of_the_asset_does_not_hold_this_one() -> None:
    held = moment(WELL, held=(Asset.COVER,), absent=(Asset.COVER,))
    anew = replace(WELL, assets={**WELL.assets, Asset.COVER: replace(queued(80), fingerprint="e" * 64)})
    assert [finding.code for finding in diagnose(anew, held)[1]] == ["asset_orphaned"]


def test_a_lost_job_is_lost_however_late_its_next_attempt_is() -> None:
    waits = queued(70, attempts_failed=2, retry_at=NOW + timedelta(seconds=20))
    one = replace(WELL, assets={**WELL.assets, Asset.SCENE_1: waits})
    (standing,) = [found for found in diagnose(one, moment(one))[0] if found.asset is Asset.SCENE_1]
    assert (standing.state, standing.attempt, standing.until) == ("retrying", 3, waits.retry_at)
    assert codes(one, absent=(Asset.SCENE_1,)) == [("asset_orphaned", "scene_1")]


@pytest.mark.parametrize("asset", [asset for asset, recipe in GRAPH.items() if recipe.needs])
def test_what_waits_for_what_will_not_come_is_found(asset: Asset) -> None:
    """…and waiting for it to be settled is well."""
    rows = dict.fromkeys(GRAPH, READY) | {asset: Row("pending"), Asset.PDF: Row("pending")}
    (need, *_) = GRAPH[asset].needs
    one = story(**{name.value: row for name, row in (rows | {need: Row("failed")}).items()})
    found = codes(one)
    assert ("asset_blocked", asset.value) in found
    settled = story(**{name.value: row for name, row in (rows | {Asset.COVER: Row("failed"), asset: queued()}).items()})
    assert all(code != "asset_blocked" for code, _ in codes(settled))


def test_what_could_start_and_was_never_sent_is_found() -> None:
    assert ("asset_not_dispatched", "scene_3") in codes(HALFWAY)
    assert [asset for code, asset in codes(HALFWAY) if code != "asset_not_dispatched"] == []


@pytest.mark.parametrize("status", ["ready", "failed", "cancelled"])
def test_a_story_with_nothing_left_to_show_must_have_ended(status: str) -> None:
    ended = story(**{asset.value: Row(status) for asset in GRAPH})
    parts = {asset.value: Row(status) for asset in PUBLIC}
    assert codes(ended) == [("story_not_completed", "")]
    assert codes(story(**parts)) == [("story_not_completed", "")]
    assert codes(replace(ended, assets={})) == [("story_not_completed", "")]


def test_a_story_that_was_never_projected_is_found_after_the_grace() -> None:
    pending = story()
    assert codes(replace(pending, seq=0)) == [("story_unhandled", "")]
    assert codes(replace(pending, seq=0, created_at=ago(1), started_at=ago(1))) == []


def test_deadlines_are_the_reconcilers_with_some_slack() -> None:
    hour, slack = 3600, 10
    late = replace(WELL, assets={**WELL.assets, Asset.COVER: replace(queued(9 * hour), tried_at=ago(hour + slack + 1))})
    nearly = replace(
        WELL, assets={**WELL.assets, Asset.COVER: replace(queued(9 * hour), tried_at=ago(hour + slack - 1))}
    )
    untried = replace(WELL, assets={**WELL.assets, Asset.COVER: queued(9 * hour)})
    assert codes(late) == [("asset_overdue", "cover")]
    assert codes(nearly) == []
    assert codes(untried) == [], "a backlog is no lateness of the asset"
    assert codes(replace(WELL, started_at=ago(2 * hour + slack + 1))) == [("story_overdue", "")]
    assert codes(replace(WELL, started_at=ago(2 * hour + slack - 1))) == []


def test_wanted_are_the_jobs_of_what_is_queued_alone() -> None:
    assert expected_subjects([HALFWAY]) == {
        f"job.{service}.normal.{HALFWAY.id}.{asset}"
        for service, asset in [
            ("content", "text_2"),
            ("images", "cover"),
            ("images", "scene_1"),
            ("images", "scene_2"),
            ("audio", "narration_1"),
        ]
    }
