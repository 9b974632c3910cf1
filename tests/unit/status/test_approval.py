"""Approval: nothing but text is made before the client's yes, and what was approved is what is made."""

from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.status.transitions import NO_EFFECTS, fold
from storyloom.story.assets import GRAPH, NARRATIONS, PICTURES, PUBLIC, TEXTS, Asset
from storyloom.story.causes import NEED_FAILED
from storyloom.story.events import AnyEvent
from storyloom.story.journey import approval, document, overall
from tests.unit.status.random_walk import (
    Scheduler,
    Walk,
    approved,
    cancelled,
    completed,
    deadline_passed,
    edited,
    failed,
    new_journey,
    regenerate,
    requested,
    retry,
)

A = Asset
WAITING = {asset for asset, recipe in GRAPH.items() if recipe.after_approval}


def begun(*wanted: Asset) -> Walk:
    """A story that asks for approval, requested."""
    walk = Walk(new_journey(wanted or PUBLIC, approval="required"))
    walk.apply(requested())
    return walk


def written(*wanted: Asset) -> Walk:
    """One whose text is written."""
    walk = begun(*wanted)
    walk.make(A.OUTLINE, *TEXTS, A.CONTENT)
    return walk


def shown(walk: Walk) -> dict[str, Any]:
    found = approval(walk.journey)
    assert found is not None
    return found


def yes(walk: Walk) -> AnyEvent:
    """The approval of the text that is there."""
    return approved(shown(walk)["textVersion"])


def make_all(walk: Walk, jobs: tuple[Asset, ...]) -> set[Asset]:
    """Everything that is made if these jobs and all that follow from them go well."""
    made, todo = set[Asset](), list(jobs)
    while todo:
        asset = todo.pop()
        made.add(asset)
        todo += walk.apply(completed(asset, walk.fingerprint(asset))).jobs
    return made


def test_text_and_activities_are_made_and_all_else_waits_for_the_yes() -> None:
    walk = written()
    assert set(walk.started) == {A.OUTLINE, *TEXTS, A.CONTENT, A.ACTIVITIES}
    assert shown(walk)["status"] == "awaited"
    assert walk.events[-1] == "approval"
    assert {one["status"] for name, one in document(walk.journey)["assets"].items() if A(name) in WAITING} == {
        "pending"
    }
    jobs = walk.apply(yes(walk)).jobs
    assert set(jobs) == {A.PORTRAIT, *NARRATIONS}
    assert shown(walk)["status"] == "given"
    walk.make(A.ACTIVITIES)
    assert make_all(walk, jobs) == WAITING
    assert overall(walk.journey) == "ready"


def test_a_story_that_asks_for_no_approval_has_none_and_goes_on_by_itself() -> None:
    walk = Scheduler(Random(1)).run(Walk(new_journey()))
    assert approval(walk.journey) is None
    assert "approval" not in walk.events
    assert "approval" not in document(walk.journey)
    assert walk.apply(approved("0" * 16)) is NO_EFFECTS


@pytest.mark.parametrize("asset", [A.COVER, A.AUDIO, A.PDF, A.EPUB, A.ACTIVITIES])
def test_whatever_is_asked_for_the_whole_text_is_there_to_be_approved(asset: Asset) -> None:
    walk = Walk(new_journey((asset,), approval="required"))
    assert A.CONTENT in walk.journey.assets
    assert A.CONTENT.value in document(walk.journey)["assets"]


def test_where_only_text_was_asked_for_there_is_nothing_to_approve() -> None:
    walk = written(A.CONTENT)
    assert overall(walk.journey) == "ready"
    assert shown(walk) == {"status": "pending"}


def test_another_version_than_the_one_that_is_there_is_not_approved() -> None:
    walk = written()
    old = yes(walk)
    walk.apply(edited(2))
    assert walk.events[-1] == "approval", "the reader learns of the version that is to be approved now"
    assert walk.apply(old) is NO_EFFECTS
    assert walk.apply(yes(walk)).jobs


def test_nothing_is_approved_before_the_text_is_whole() -> None:
    walk = begun()
    assert walk.apply(approved("0" * 16)) is NO_EFFECTS
    walk.make(A.OUTLINE, *TEXTS)
    assert walk.apply(approved(walk.fingerprint(A.CONTENT)[:16])) is NO_EFFECTS
    assert shown(walk) == {"status": "pending"}


def test_an_edit_after_the_yes_is_itself_a_consent() -> None:
    walk = written()
    walk.apply(yes(walk))
    before = shown(walk)["textVersion"]
    effects = walk.apply(edited(2))
    assert A.NARRATION_2 in effects.jobs
    assert shown(walk)["status"] == "given"
    assert shown(walk)["textVersion"] != before


def test_a_text_written_anew_after_the_yes_wants_another_yes() -> None:
    """What was being drawn goes on: it is made from the plan. What had not begun waits, and so does the narration."""
    walk = written()
    walk.apply(yes(walk))
    walk.make(A.NARRATION_1)
    effects = walk.apply(regenerate(A.CONTENT))
    assert effects.jobs == (A.TEXT_1,)
    assert shown(walk) == {"status": "pending"}
    walk.make(A.PORTRAIT)
    assert not set(PICTURES) & set(walk.started), "the pictures had not begun"
    walk.make(*TEXTS, A.CONTENT)
    assert shown(walk)["status"] == "awaited"
    assert set(walk.apply(yes(walk)).jobs) == {*PICTURES, *NARRATIONS}


def test_without_its_text_a_story_fails_and_does_not_wait_for_a_yes_that_cannot_come() -> None:
    walk = begun()
    walk.make(A.OUTLINE)
    walk.apply(failed(A.TEXT_1, walk.fingerprint(A.TEXT_1)))
    assert overall(walk.journey) == "failed"
    portrait = walk.journey.assets[A.PORTRAIT]
    assert portrait.code == NEED_FAILED
    assert portrait.cause is not None
    assert portrait.cause.asset is A.TEXT_1


@pytest.mark.parametrize("named", [(), (A.COVER,), (A.CONTENT,)])
def test_a_text_that_is_retried_brings_back_what_waited_for_it(named: tuple[Asset, ...]) -> None:
    walk = begun(A.CONTENT, A.COVER)
    walk.make(A.OUTLINE)
    walk.apply(failed(A.TEXT_1, walk.fingerprint(A.TEXT_1)))
    assert walk.apply(retry(*named)).jobs == (A.TEXT_1,)
    walk.make(*TEXTS, A.CONTENT)
    assert shown(walk)["status"] == "awaited"
    assert make_all(walk, walk.apply(yes(walk)).jobs) == {A.PORTRAIT, A.COVER}
    assert overall(walk.journey) == "ready"


def test_a_picture_that_failed_after_the_yes_is_retried_without_another() -> None:
    walk = written(A.CONTENT, A.COVER)
    walk.apply(yes(walk))
    walk.make(A.PORTRAIT)
    walk.apply(failed(A.COVER, walk.fingerprint(A.COVER)))
    assert walk.apply(retry()).jobs == (A.COVER,)


def test_what_waits_for_its_approval_is_not_late() -> None:
    walk = written()
    assert walk.apply(deadline_passed()) is NO_EFFECTS
    walk.apply(yes(walk))
    assert walk.apply(deadline_passed()).ended


def test_a_story_that_waits_for_its_approval_can_be_cancelled() -> None:
    walk = written()
    assert walk.apply(cancelled()).ended
    assert overall(walk.journey) == "cancelled"
    assert walk.apply(approved("0" * 16)) is NO_EFFECTS


def test_a_yes_and_a_text_written_anew_in_one_batch_leave_what_began_under_way() -> None:
    walk = written(A.CONTENT, A.COVER)
    transition = fold(walk.journey, [yes(walk), regenerate(A.CONTENT)], frozenset())
    assert transition is not None
    assert transition.effects.jobs == (A.PORTRAIT, A.TEXT_1)
    assert not transition.journey.approved
    assert transition.journey.assets[A.COVER].status == "held"


@settings(max_examples=150, deadline=None)
@given(
    wanted=st.sets(st.sampled_from(PUBLIC), min_size=1),
    failing=st.sets(st.sampled_from(tuple(Asset)), max_size=3),
    seed=st.integers(0, 2**32),
)
def test_commands_at_any_time_lead_to_an_end_and_to_no_picture_before_the_yes(
    wanted: set[Asset], failing: set[Asset], seed: int
) -> None:
    """What must hold after each event is in Walk._check_approval."""
    journey = new_journey(wanted, approval="required")
    walk = Scheduler(Random(seed), failing, commands=0.3).run(Walk(journey))
    assert overall(walk.journey) != "generating"
    assert all(state.settled for state in walk.journey.assets.values())
