"""When a story will be there: never in the past, never out of nothing, and sooner the more of it is done."""

import random
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storyloom.story.assets import GRAPH, PICTURES, Asset, Priority, Service, closure
from storyloom.story.eta import (
    LATE_SECONDS,
    LEAST_LATE_SECONDS,
    LEAST_SAMPLES,
    Eta,
    Past,
    PastAsset,
    Seconds,
    Stage,
    estimate,
    late,
    next_late,
    progress,
    stage,
)

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
SETTLED = Stage(settled=True)
NORMAL = Priority.NORMAL

ago = st.floats(0, 10_000).map(lambda seconds: NOW - timedelta(seconds=seconds))
soon = st.floats(-100, 1000).map(lambda seconds: NOW + timedelta(seconds=seconds))
anywhere = st.one_of(
    st.just(SETTLED),
    st.just(Stage()),
    ago.map(lambda at: Stage(begun=at)),
    ago.map(lambda at: Stage(waiting=at)),
    ago.map(lambda at: Stage(sent=at)),
    soon.map(lambda at: Stage(retry=at)),
)
stories = st.lists(st.sampled_from([*GRAPH]), min_size=1, max_size=4).flatmap(
    lambda wanted: st.fixed_dictionaries(dict.fromkeys(closure(wanted), anywhere))
)
quantiles = st.lists(st.floats(0, 500), min_size=4, max_size=4).map(sorted)
pasts = st.builds(
    lambda rows, waits: Past(
        {asset: PastAsset(LEAST_SAMPLES, *row) for asset, row in zip(GRAPH, rows, strict=True)},
        {f"{service.value}-normal": Seconds(*sorted(wait)) for service, wait in zip(Service, waits, strict=True)},
    ),
    st.lists(quantiles, min_size=len(GRAPH), max_size=len(GRAPH)),
    st.lists(st.tuples(st.floats(0, 500), st.floats(0, 500)), min_size=len(Service), max_size=len(Service)),
)


def past(seconds: float = 10, *, samples: int = 100, spread: float = 0.5) -> Past:
    """Every asset took so long, give or take."""
    low, high = seconds * (1 - spread), seconds * (1 + spread)
    return Past(dict.fromkeys(GRAPH, PastAsset(samples, low, seconds, high, seconds * 2)))


def fresh(*wanted: Asset) -> dict[Asset, Stage]:
    return dict.fromkeys(closure(wanted or [*GRAPH]), Stage())


@given(stories, pasts)
def test_the_range_is_one_and_does_not_lie_in_the_past(stages: dict[Asset, Stage], known: Past) -> None:
    found = estimate(stages, NORMAL, known, NOW)
    if all(one.settled for one in stages.values()):
        assert found is None
    else:
        assert found is not None
        assert NOW <= found.begin <= found.end


@given(stories, pasts, st.data())
def test_what_is_settled_brings_the_end_no_later(stages: dict[Asset, Stage], known: Past, data: st.DataObject) -> None:
    asset = data.draw(st.sampled_from([*stages]))
    before, after = (estimate(one, NORMAL, known, NOW) for one in (stages, {**stages, asset: SETTLED}))
    if before is not None and after is not None:
        assert after.begin <= before.begin
        assert after.end <= before.end


@given(stories, pasts, st.floats(0, 10_000))
def test_the_end_moves_away_only_while_something_is_overdue(
    stages: dict[Asset, Stage], known: Past, seconds: float
) -> None:
    """Time passes, and nothing happens: never in the past, then either."""
    later = NOW + timedelta(seconds=seconds)
    found = estimate(stages, NORMAL, known, later)
    assert found is None or later <= found.begin <= found.end


def test_nothing_is_concluded_from_nothing() -> None:
    assert estimate(fresh(), NORMAL, Past(), NOW) is None
    assert estimate(fresh(), NORMAL, past(samples=LEAST_SAMPLES - 1), NOW) is None
    assert estimate(fresh(), NORMAL, past(samples=LEAST_SAMPLES), NOW) is not None
    words = Past({asset: one for asset, one in past().assets.items() if asset not in PICTURES})
    assert estimate(fresh(), NORMAL, words, NOW) is None
    assert estimate(fresh(Asset.CONTENT), NORMAL, words, NOW) is not None
    waiting = fresh() | {Asset.COVER: Stage(held=True)}
    assert estimate(waiting, NORMAL, past(), NOW) is None  # nobody knows when it will be approved


def test_the_longest_path_counts_and_not_the_sum() -> None:
    """Outline, four texts, the content, the activities, the book: eight of twenty, one after the other."""
    found = estimate(fresh(), NORMAL, past(10, spread=0.5), NOW)
    assert found == Eta(NOW + timedelta(seconds=8 * 5), NOW + timedelta(seconds=8 * 15))
    without = {**fresh(), Asset.PDF: SETTLED, Asset.ACTIVITIES: SETTLED, Asset.EPUB: SETTLED}
    found = estimate(without, NORMAL, past(10, spread=0.5), NOW)
    assert found == Eta(NOW + timedelta(seconds=7 * 5), NOW + timedelta(seconds=7 * 15))


def test_what_has_begun_is_so_much_nearer_and_what_is_overdue_is_not_known_well() -> None:
    done = dict.fromkeys(GRAPH, SETTLED)
    for elapsed, low, high in ((0, 5, 15), (4, 1, 11), (10, 0, 5), (14, 0, 3.5), (100, 0, 25)):
        stages = {**done, Asset.PDF: Stage(begun=NOW - timedelta(seconds=elapsed))}
        found = estimate(stages, NORMAL, past(10), NOW)
        assert found == Eta(NOW + timedelta(seconds=low), NOW + timedelta(seconds=high)), elapsed


def test_a_backlog_and_a_retry_are_waited_for() -> None:
    done, known = dict.fromkeys(GRAPH, SETTLED), past(10)
    busy = Past(known.assets, {"documents-normal": Seconds(20, 60)})
    for here, low, high in (
        (Stage(), 25, 75),
        (Stage(waiting=NOW - timedelta(seconds=15)), 10, 60),
        (Stage(sent=NOW), 5, 15),
        (Stage(retry=NOW + timedelta(seconds=30)), 35, 45),
        (Stage(retry=NOW - timedelta(seconds=30)), 5, 15),
    ):
        found = estimate({**done, Asset.PDF: here}, NORMAL, busy, NOW)
        assert found == Eta(NOW + timedelta(seconds=low), NOW + timedelta(seconds=high)), here
        urgent = estimate({**done, Asset.PDF: Stage()}, Priority.URGENT, busy, NOW)
        assert urgent == Eta(NOW + timedelta(seconds=5), NOW + timedelta(seconds=15))


@pytest.mark.parametrize(("sigma", "least"), [(0.1, 0.9), (0.3, 0.9), (0.6, 0.9)])
def test_the_range_holds_for_nine_of_ten_stories_whose_assets_take_as_long_as_before(
    sigma: float, least: float
) -> None:
    """Five hundred past ones of each asset, log-normal about what the vendors take."""
    chance = random.Random(7)
    pace = {Service.CONTENT: 4.0, Service.IMAGES: 25.0, Service.AUDIO: 8.0, Service.DOCUMENTS: 3.0}

    def drawn(asset: Asset) -> float:
        return pace[GRAPH[asset].service] * chance.lognormvariate(0, sigma)

    def learned(asset: Asset) -> PastAsset:
        seconds = sorted(drawn(asset) for _ in range(500))
        return PastAsset(500, seconds[50], seconds[250], seconds[475], seconds[495])

    found = estimate(fresh(), NORMAL, Past({asset: learned(asset) for asset in GRAPH}), NOW)
    assert found is not None
    held = 0
    for _ in range(300):
        ends: dict[Asset, float] = {}
        for asset, recipe in GRAPH.items():
            ends[asset] = max((ends[need] for need in recipe.waits_for), default=0.0) + drawn(asset)
        held += found.begin <= NOW + timedelta(seconds=max(ends.values())) <= found.end
    assert held / 300 >= least


def test_an_asset_is_late_after_the_slowest_of_a_hundred() -> None:
    began = NOW - timedelta(seconds=30)
    stages = {**fresh(), Asset.OUTLINE: Stage(begun=began), Asset.PORTRAIT: Stage(sent=began)}
    known = past(10)  # the slowest took 20 s
    assert {one.asset for one in late(stages, known, NOW)} == {Asset.OUTLINE, Asset.PORTRAIT}
    (first, _) = late(stages, known, NOW)
    assert first.wire() == {
        "asset": "outline",
        "part": "outline",
        "since": "2026-01-01T11:59:30.000Z",
        "expected": "2026-01-01T11:59:45.000Z",
    }
    assert not late(stages, past(40), NOW)
    assert next_late(stages, past(40), NOW) == began + timedelta(seconds=80)
    assert next_late(stages, known, NOW) is None


def test_what_waits_is_not_late() -> None:
    """For its needs, for a slot, for its next attempt. Once that should have come it is."""
    then, known = NOW - timedelta(seconds=1000), past(10)
    stages = {
        **fresh(),
        Asset.OUTLINE: Stage(waiting=then),
        Asset.PORTRAIT: Stage(retry=NOW + timedelta(seconds=1)),
    }
    assert not late(stages, known, NOW)
    assert next_late(stages, known, NOW) == NOW + timedelta(seconds=21)
    assert [one.asset for one in late({Asset.PORTRAIT: Stage(retry=then)}, known, NOW)] == [Asset.PORTRAIT]


def test_without_a_past_an_asset_is_late_when_its_providers_call_would_be() -> None:
    seconds = LATE_SECONDS[Service.IMAGES]
    for elapsed, found in ((seconds - 1, False), (seconds + 1, True)):
        stages = {Asset.PORTRAIT: Stage(begun=NOW - timedelta(seconds=elapsed))}
        assert bool(late(stages, Past(), NOW)) is found
    quick = past(0.01)
    assert not late({Asset.PORTRAIT: Stage(begun=NOW - timedelta(seconds=LEAST_LATE_SECONDS - 1))}, quick, NOW)


def test_a_text_that_is_late_is_shown_as_part_of_the_content() -> None:
    (found,) = late({Asset.TEXT_2: Stage(begun=NOW - timedelta(hours=1))}, Past(), NOW)
    assert (found.wire()["asset"], found.wire()["part"]) == ("content", "text_2")


def test_a_row_says_how_far_its_asset_is() -> None:
    then = NOW - timedelta(seconds=9)
    row = {"status": "queued", "queued_at": then, "started_at": None, "retry_at": None, "in_backlog": False}
    assert stage(row) == Stage(sent=then)
    assert stage({**row, "in_backlog": True}) == Stage(waiting=then)
    assert stage({**row, "status": "generating", "started_at": then}) == Stage(begun=then)
    assert stage({**row, "retry_at": NOW, "started_at": then}) == Stage(retry=NOW)
    assert stage({**row, "status": "generating", "retry_at": then, "started_at": NOW}) == Stage(begun=NOW)
    assert stage({**row, "status": "pending", "queued_at": None}) == Stage()
    assert stage({**row, "status": "held", "queued_at": None}) == Stage(held=True)
    for status in ("ready", "failed", "cancelled"):
        assert stage({**row, "status": status}) == SETTLED


def test_a_range_is_told_again_only_when_it_moved_by_more_than_a_little() -> None:
    first = Eta(NOW + timedelta(seconds=50), NOW + timedelta(seconds=100))
    assert first.differs(None, NOW)
    for seconds, told in ((0, False), (9, False), (-9, False), (12, True), (-12, True)):
        moved = Eta(first.begin, first.end + timedelta(seconds=seconds))
        assert moved.differs(first, NOW) is told, seconds
    assert first.differs(Eta(NOW - timedelta(seconds=9), NOW - timedelta(seconds=1)), NOW)


@given(
    st.dictionaries(st.sampled_from([*GRAPH]), st.sampled_from(["pending", "queued", "generating", "ready"])), st.data()
)
def test_work_that_is_done_counts_and_never_becomes_less(statuses: dict[Asset, str], data: st.DataObject) -> None:
    before = progress(statuses)
    assert (before == 100) == all(status == "ready" for status in statuses.values())
    if statuses:
        asset = data.draw(st.sampled_from([*statuses]))
        assert progress({**statuses, asset: "ready"}) >= before


def test_a_picture_is_more_work_than_a_text() -> None:
    pending = dict.fromkeys(GRAPH, "pending")
    assert progress({**pending, Asset.COVER: "ready"}) > progress({**pending, Asset.TEXT_1: "ready"}) > 0
