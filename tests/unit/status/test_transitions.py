"""The one rule: any order, repeat or delay of a story's events leads to the same end, and every story has one."""

from random import Random
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.status.transitions import NO_EFFECTS, apply
from storyloom.story.assets import GRAPH, NARRATIONS, PICTURES, PUBLIC, TEXTS, Asset, closure
from storyloom.story.causes import NEED_FAILED, Cause
from storyloom.story.journey import document, failure, overall
from tests.unit.status.random_walk import (
    NOON,
    OTHER,
    Scheduler,
    Walk,
    cancelled,
    completed,
    failed,
    new_journey,
    requested,
    retrying,
)

WANTED = st.sets(st.sampled_from(PUBLIC), min_size=1)
FAILING = st.sets(st.sampled_from(tuple(Asset)), max_size=4)
SEEDS = st.integers(0, 2**32)
A = Asset


def begun() -> Walk:
    """A whole story, requested."""
    walk = Walk(new_journey())
    walk.apply(requested())
    return walk


def written() -> Walk:
    """A story whose text is ready and of which nothing else is, but the portrait."""
    walk = begun()
    walk.make(A.OUTLINE, A.PORTRAIT, *TEXTS, A.CONTENT)
    return walk


@settings(max_examples=60, deadline=None)
@given(wanted=WANTED, failing=FAILING, seed=SEEDS, other=SEEDS)
def test_any_order_repeat_or_delay_leads_to_the_same_end(
    wanted: set[Asset], failing: set[Asset], seed: int, other: int
) -> None:
    one = Scheduler(Random(seed), failing).run(Walk(new_journey(wanted)))
    two = Scheduler(Random(other), failing, noise=0.8).run(Walk(new_journey(wanted)))
    assert one.outcome == two.outcome
    assert one.outcome["overall"] != "generating"


def test_every_journey_whose_jobs_end_also_ends_once() -> None:
    """400 schedules, a third of them without a failure; what must hold after each event is in Walk.apply."""
    chance = Random(20261122)
    ends = set()
    for schedule in range(400):
        failing = chance.sample(tuple(Asset), k=schedule % 3)
        walk = Scheduler(chance, failing).run(Walk(new_journey()))
        assert walk.ends == 1
        assert walk.events[0] == "snapshot"
        assert walk.events[-1] == "story"
        assert walk.events.count("story") == 1
        assert all(state.settled for state in walk.journey.assets.values())
        ends.add(overall(walk.journey))
    assert ends == {"ready", "partial", "failed"}


def test_with_nothing_failing_every_asset_is_made_once_and_the_story_is_ready() -> None:
    walk = Scheduler(Random(1)).run(Walk(new_journey()))
    assert sorted(walk.started) == sorted(GRAPH)
    assert set(walk.outcome.values()) == {"ready"}


@settings(max_examples=40, deadline=None)
@given(wanted=WANTED, seed=SEEDS)
def test_an_asset_asked_for_brings_what_it_needs_and_nothing_else(wanted: set[Asset], seed: int) -> None:
    walk = Scheduler(Random(seed)).run(Walk(new_journey(wanted)))
    needed = set(wanted)
    while more := {need for asset in needed for need in GRAPH[asset].waits_for} - needed:
        needed |= more
    assert set(walk.started) == needed
    assert set(walk.outcome.values()) == {"ready"}
    assert set(document(walk.journey)["assets"]) == needed & set(PUBLIC)


def test_pictures_are_drawn_while_the_text_is_written_and_scenes_are_read_as_they_come() -> None:
    walk = begun()
    assert walk.started == [A.OUTLINE, A.PORTRAIT]
    walk.make(A.OUTLINE, A.PORTRAIT)
    assert set(walk.started[2:]) == {A.TEXT_1, *PICTURES}
    walk.make(A.TEXT_1)
    assert set(walk.started[2 + 1 + len(PICTURES) :]) == {A.TEXT_2, A.NARRATION_1}


@pytest.mark.parametrize("end", [completed, failed])
@pytest.mark.parametrize("asset", [A.OUTLINE, A.PORTRAIT])
def test_a_settled_asset_changes_no_more(asset: Asset, end: object) -> None:
    """Neither a repeat, nor the opposite, nor a late attempt, whoever says it."""
    walk = begun()
    own = walk.fingerprint(asset)
    walk.apply(completed(asset, own) if end is completed else failed(asset, own))
    for late in (completed(asset, own), failed(asset, own), retrying(asset, own, 9)):
        now, effects = apply(walk.journey, late)
        assert now is walk.journey
        assert effects is NO_EFFECTS


def test_a_stale_result_is_ignored_and_the_current_one_counts() -> None:
    walk = begun()
    for stale in (completed(A.OUTLINE, OTHER), failed(A.OUTLINE, OTHER), retrying(A.OUTLINE, OTHER)):
        assert walk.apply(stale) is NO_EFFECTS
    walk.make(A.OUTLINE)
    assert walk.journey.assets[A.OUTLINE].status == "ready"


def test_a_result_of_an_asset_that_has_not_started_is_ignored() -> None:
    """Even one that claims no fingerprint at all."""
    walk = begun()
    assert walk.apply(completed(A.COVER, OTHER)) is NO_EFFECTS
    assert walk.journey.assets[A.COVER].status == "pending"


def test_without_its_text_a_story_failed_and_says_why() -> None:
    walk = begun()
    walk.make(A.OUTLINE, A.PORTRAIT, *TEXTS)
    for picture in PICTURES:
        walk.make(picture)
    walk.apply(failed(A.CONTENT, walk.fingerprint(A.CONTENT)))
    walk.make(*NARRATIONS)
    walk.make(A.AUDIO)
    assert overall(walk.journey) == "failed"
    assert failure(walk.journey) == Cause(A.CONTENT, "content_refused")
    states = walk.journey.assets
    assert states[A.PDF].code == states[A.ACTIVITIES].code == NEED_FAILED
    assert states[A.PDF].reason == "it needs content, which failed"
    assert A.PDF not in walk.started


def test_the_first_cause_is_named_and_not_what_fell_with_it() -> None:
    walk = begun()
    walk.apply(failed(A.OUTLINE, walk.fingerprint(A.OUTLINE)))
    assert overall(walk.journey) == "failed"
    assert failure(walk.journey) == Cause(A.OUTLINE, "content_refused")
    assert walk.journey.assets[A.PORTRAIT].status == "cancelled"
    assert walk.events.count("story") == 1


def test_a_book_with_one_picture_missing_is_still_a_book() -> None:
    """The pdf starts when every picture is settled, and not before."""
    walk = written()
    walk.make(A.COVER, A.SCENE_1, A.SCENE_2, A.SCENE_3, A.ACTIVITIES)
    assert A.PDF not in walk.started
    walk.apply(failed(A.SCENE_4, walk.fingerprint(A.SCENE_4)))
    assert A.PDF in walk.started
    walk.make(*NARRATIONS, A.AUDIO, A.PDF, A.EPUB)
    assert walk.outcome["overall"] == "partial"
    assert walk.outcome["scene_4"] == "failed"
    assert walk.outcome["pdf"] == "ready"


def test_without_its_portrait_a_story_is_told_and_bound_without_pictures() -> None:
    walk = Scheduler(Random(3), {A.PORTRAIT}).run(Walk(new_journey()))
    assert walk.outcome["overall"] == "partial"
    assert {walk.outcome[picture] for picture in PICTURES} == {"failed"}
    assert {walk.outcome[name] for name in ("content", "audio", "activities", "pdf")} == {"ready"}


def test_pictures_alone_that_all_fail_are_a_failed_story() -> None:
    walk = Scheduler(Random(4), set(PICTURES)).run(Walk(new_journey([A.COVER, A.SCENE_1])))
    assert walk.outcome == {"overall": "failed", "cover": "failed", "scene_1": "failed"}


def test_the_reader_sees_an_attempt_that_failed_until_the_next_ends() -> None:
    walk = begun()
    walk.make(A.OUTLINE, A.PORTRAIT)
    walk.apply(retrying(A.COVER, walk.fingerprint(A.COVER), 2))
    shown = document(walk.journey)["assets"]["cover"]
    assert shown == {"status": "retrying", "progress": 0, "attempt": 3, "retryAt": "2026-01-02T12:00:05.000Z"}
    assert walk.apply(retrying(A.COVER, walk.fingerprint(A.COVER), 1)) is NO_EFFECTS, (
        "an older attempt says nothing new"
    )
    walk.make(A.COVER)
    assert document(walk.journey)["assets"]["cover"]["status"] == "ready"


def test_a_part_that_retries_shows_in_the_asset_it_is_part_of() -> None:
    walk = begun()
    walk.make(A.OUTLINE)
    walk.apply(retrying(A.TEXT_1, walk.fingerprint(A.TEXT_1)))
    assert document(walk.journey)["assets"]["content"]["status"] == "retrying"


def test_progress_counts_the_parts_that_are_ready() -> None:
    walk = begun()
    walk.make(A.OUTLINE, *TEXTS[:3])
    shown = document(walk.journey)["assets"]
    assert shown["content"] == {"status": "generating", "progress": 60}
    walk.make(A.NARRATION_1)
    assert shown["audio"] == {"status": "generating", "progress": 0}
    assert document(walk.journey)["assets"]["audio"] == {"status": "generating", "progress": 20}


def test_the_words_are_sent_the_moment_they_exist() -> None:
    walk = begun()
    outline = walk.apply(completed(A.OUTLINE, walk.fingerprint(A.OUTLINE))).updates[0]
    assert (outline.event, outline.data["title"]) == ("outline", "The Lost Lantern")
    text = walk.apply(completed(A.TEXT_1, walk.fingerprint(A.TEXT_1))).updates[0]
    assert (text.event, text.data["scene"]) == ("text", 1)
    assert text.data["text"].startswith("Mira rolled into the wood.")


@settings(max_examples=40, deadline=None)
@given(seed=SEEDS, applied=st.integers(0, 40))
def test_a_cancelled_story_takes_nothing_more(seed: int, applied: int) -> None:
    """Finished assets stay; what was under way or to come is cancelled; then nothing changes it."""
    walk, scheduler = Walk(new_journey()), Scheduler(Random(seed), {A.SCENE_2}, noise=0)
    scheduler.bag.append(requested())
    for _ in range(applied):
        if scheduler.bag:
            scheduler.past.append(scheduler.bag.pop(scheduler.chance.randrange(len(scheduler.bag))))
            scheduler._work(walk, walk.apply(scheduler.past[-1]))
    before = {asset: state.status for asset, state in walk.journey.assets.items()}
    if overall(walk.journey) != "generating":
        assert walk.apply(cancelled()) is NO_EFFECTS
        return
    assert walk.apply(cancelled()).jobs == ()
    assert walk.events[-1] == "story"
    assert overall(walk.journey) == "cancelled"
    for asset, state in walk.journey.assets.items():
        assert state.status == (before[asset] if before[asset] in ("ready", "failed") else "cancelled")
    for late in (*scheduler.bag, *scheduler.past, requested(), cancelled()):
        assert walk.apply(late) is NO_EFFECTS


def test_a_story_cancelled_before_it_was_handled_never_starts() -> None:
    walk = Walk(new_journey())
    walk.apply(cancelled())
    assert walk.apply(requested()) is NO_EFFECTS
    assert walk.started == []


def test_a_story_requested_twice_starts_once() -> None:
    walk = begun()
    assert walk.apply(requested()) is NO_EFFECTS
    assert walk.journey.seq == 1


def test_fingerprints_are_the_same_in_every_order() -> None:
    def prints(seed: int) -> dict[Asset, str | None]:
        walk = Scheduler(Random(seed)).run(Walk(new_journey()))
        return {asset: state.fingerprint for asset, state in walk.journey.assets.items()}

    first = prints(1)
    assert prints(2) == first
    assert len(set(first.values())) == len(GRAPH)


def _prints(walk: Walk) -> dict[Asset, str | None]:
    return {asset: walk.journey.assets[asset].fingerprint for asset in GRAPH}


@pytest.mark.parametrize(
    "more", [{"premise": "a lost lantern"}, {"age": 6}, {"seed": 7}, {"voice": "other"}, {"storyType": "bedtime"}]
)
def test_another_brief_is_another_story_in_every_asset(more: dict[str, Any]) -> None:
    """The brief itself is part of the roots' fingerprints, and theirs of all that follows."""
    usual = Scheduler(Random(1)).run(Walk(new_journey()))
    other = Scheduler(Random(1)).run(Walk(new_journey(**more)))
    assert all(_prints(other)[asset] != fingerprint for asset, fingerprint in _prints(usual).items())


def test_another_story_of_the_same_brief_has_fingerprints_of_its_own() -> None:
    one, two = new_journey(), new_journey(story_id=UUID(int=6))
    first, _ = apply(one, requested())
    second, _ = apply(two, requested(NOON))
    assert first.assets[A.OUTLINE].fingerprint != second.assets[A.OUTLINE].fingerprint


def test_a_book_without_one_of_its_pictures_is_another_book() -> None:
    whole, lacking = written(), written()
    for walk in (whole, lacking):
        walk.make(A.COVER, A.SCENE_1, A.SCENE_2, A.SCENE_3, A.ACTIVITIES)
    whole.make(A.SCENE_4)
    lacking.apply(failed(A.SCENE_4, lacking.fingerprint(A.SCENE_4)))
    assert whole.fingerprint(A.PDF) != lacking.fingerprint(A.PDF)
    assert whole.fingerprint(A.ACTIVITIES) == lacking.fingerprint(A.ACTIVITIES)


def test_everything_that_was_asked_for_is_shown_from_the_first_word_on() -> None:
    walk = begun()
    assert set(walk.known) == {asset.value for asset in PUBLIC}
    assert {one["status"] for one in walk.known.values()} <= {"pending", "generating"}
    assert set(closure(PUBLIC)) == set(GRAPH)
