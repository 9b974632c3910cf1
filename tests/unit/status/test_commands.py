"""What clients want of a story that exists: what starts over, what stays, and that it always comes to an end."""

from dataclasses import replace
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.status.dispatch import job_for
from services.status.revisions import fingerprint_of
from services.status.transitions import NO_EFFECTS
from storyloom.story.assets import GRAPH, NARRATIONS, PICTURES, PUBLIC, TEXTS, Asset
from storyloom.story.causes import DEADLINE
from storyloom.story.events import AnyEvent
from storyloom.story.jobs import AssetRequested
from storyloom.story.journey import overall
from storyloom.story.results import Activities, StoryContent
from tests.unit.status.random_walk import (
    STORY,
    Scheduler,
    Walk,
    cancelled,
    completed,
    deadline_passed,
    edited,
    failed,
    new_journey,
    regenerate,
    requested,
    result,
    retry,
    words,
)

A = Asset


def finished(*failing: Asset) -> Walk:
    """A whole story that has ended."""
    return Scheduler(Random(1), failing, noise=0).run(Walk(new_journey()))


def again(walk: Walk, command: AnyEvent) -> set[Asset]:
    """What is made again when the command is handled and all goes well."""
    before = len(walk.started)
    todo = list(walk.apply(command).jobs)
    while todo:
        asset = todo.pop()
        todo += walk.apply(completed(asset, walk.fingerprint(asset))).jobs
    return set(walk.started[before:])


@settings(max_examples=150, deadline=None)
@given(
    wanted=st.sets(st.sampled_from(PUBLIC), min_size=1),
    failing=st.sets(st.sampled_from(tuple(Asset)), max_size=3),
    seed=st.integers(0, 2**32),
)
def test_commands_at_any_time_lead_to_an_end_that_is_made_of_what_is_there(
    wanted: set[Asset], failing: set[Asset], seed: int
) -> None:
    walk = Scheduler(Random(seed), failing, commands=0.3).run(Walk(new_journey(wanted)))
    assert overall(walk.journey) != "generating"
    assert walk.ends >= 1
    states = walk.journey.assets
    assert all(state.settled for state in states.values())
    left_alone = {*TEXTS, A.ACTIVITIES}  # an edit leaves later scenes, and what does not quote it
    for asset, state in states.items():
        if state.status == "ready" and asset not in left_alone:
            assert state.fingerprint == fingerprint_of(walk.journey, asset, states)


def test_a_retry_makes_what_failed_and_what_waits_on_it() -> None:
    walk = finished(A.PORTRAIT)
    assert walk.outcome["overall"] == "partial"
    assert again(walk, retry()) == {A.PORTRAIT, *PICTURES, A.PDF, A.EPUB}
    assert set(walk.outcome.values()) == {"ready"}
    assert walk.events.count("story") == 3, "it ended, was opened, and ended again"


def test_a_retry_of_one_asset_brings_the_need_that_failed_and_leaves_the_others() -> None:
    walk = finished(A.PORTRAIT)
    assert again(walk, retry(A.COVER)) == {A.PORTRAIT, *PICTURES, A.PDF, A.EPUB}, "all pictures wait on the portrait"
    walk = finished(A.COVER, A.SCENE_1)
    assert again(walk, retry(A.COVER)) == {A.COVER, A.PDF, A.EPUB}
    assert walk.outcome["scene_1"] == "failed"


@pytest.mark.parametrize("command", [retry(), retry(A.COVER), regenerate(A.COVER)])
def test_what_has_not_failed_is_not_retried_and_what_runs_is_not_regenerated(command: AnyEvent) -> None:
    walk = Walk(new_journey())
    walk.apply(requested())
    assert walk.apply(command) is NO_EFFECTS


def test_another_version_of_a_picture_makes_it_and_the_book() -> None:
    walk = finished()
    old = walk.fingerprint(A.SCENE_2)
    assert again(walk, regenerate(A.SCENE_2)) == {A.SCENE_2, A.PDF, A.EPUB}
    assert walk.fingerprint(A.SCENE_2) != old
    assert walk.journey.assets[A.SCENE_2].revision == 1


def test_a_hint_is_part_of_what_is_made_until_that_is_asked_for_anew() -> None:
    """It stays when the asset is made again for another reason, and goes with the next request without one."""
    walk = finished(A.SCENE_2)
    assert again(walk, regenerate(A.COVER, "make the fox bigger")) == {A.COVER, A.PDF, A.EPUB}
    cover = walk.journey.assets[A.COVER]
    assert cover.hint == "make the fox bigger"
    assert cover.fingerprint != fingerprint_of(
        walk.journey, A.COVER, {**walk.journey.assets, A.COVER: replace(cover, hint=None)}
    )
    job = job_for(walk.journey, A.COVER)
    assert (job.hint, job.version) == ("make the fox bigger", 3)
    assert AssetRequested.model_validate_json(job.body).hint == "make the fox bigger"
    assert [asset for asset, state in walk.journey.assets.items() if state.hint] == [A.COVER]
    again(walk, regenerate(A.COVER))
    assert walk.journey.assets[A.COVER].hint is None
    plain = job_for(walk.journey, A.COVER)
    assert plain.version == 2
    assert b'"hint"' not in plain.body, "whoever knows no hints reads it as ever"


def test_a_hint_for_the_text_reaches_every_scene_and_a_retry_keeps_it() -> None:
    walk = finished()
    walk.apply(regenerate(A.CONTENT, "let it rain"))
    assert {asset for asset, state in walk.journey.assets.items() if state.hint} == {A.CONTENT, *TEXTS}
    walk.apply(failed(A.TEXT_1, walk.fingerprint(A.TEXT_1)))
    assert walk.apply(retry()).jobs == (A.TEXT_1,)
    assert job_for(walk.journey, A.TEXT_1).hint == "let it rain"


def test_another_version_of_the_text_makes_all_that_is_told_of_it_and_no_picture() -> None:
    remade = {*TEXTS, A.CONTENT, *NARRATIONS, A.AUDIO, A.ACTIVITIES, A.PDF, A.EPUB}
    assert again(finished(), regenerate(A.CONTENT)) == remade


def test_an_edit_makes_the_narration_of_its_scene_the_audio_and_the_book() -> None:
    walk = finished()
    effects = walk.apply(edited(2))
    assert ("text", words(2).text) in [(update.event, update.data.get("text")) for update in effects.updates]
    assert set(effects.jobs) == {A.NARRATION_2, A.PDF}
    assert walk.journey.assets[A.TEXT_2].result == words(2)
    content = walk.journey.assets[A.CONTENT].result
    assert isinstance(content, StoryContent)
    assert content.scenes[1] == words(2)
    walk.make(A.NARRATION_2, A.AUDIO, A.PDF, A.EPUB)
    assert set(walk.outcome.values()) == {"ready"}


def test_an_edit_makes_activities_anew_only_if_they_quote_the_scene() -> None:
    walk = Walk(new_journey())
    walk.apply(requested())
    walk.make(A.OUTLINE, A.PORTRAIT, *TEXTS, A.CONTENT)
    made = result(A.ACTIVITIES, STORY)
    assert isinstance(made, Activities)
    first = made.activities[0].model_copy(update={"story_connection": "Mira rolled into the wood, and so can you."})
    quoting = made.model_copy(update={"activities": (first, *made.activities[1:])})
    walk.apply(completed(A.ACTIVITIES, walk.fingerprint(A.ACTIVITIES), quoting))
    walk.make(*PICTURES, *NARRATIONS, A.AUDIO, A.PDF, A.EPUB)
    assert again(walk, edited(1)) == {A.NARRATION_1, A.AUDIO, A.ACTIVITIES, A.PDF, A.EPUB}


def test_an_edit_of_what_is_being_read_purges_the_reading() -> None:
    walk = Walk(new_journey())
    walk.apply(requested())
    walk.make(A.OUTLINE, A.TEXT_1)
    old = walk.fingerprint(A.NARRATION_1)
    effects = walk.apply(edited(1))
    assert effects.purges == ((A.NARRATION_1, old),)
    assert effects.jobs == (A.NARRATION_1,)
    assert walk.apply(completed(A.NARRATION_1, old)) is NO_EFFECTS, "it tells the old words"


def test_an_edit_of_a_scene_that_is_not_written_changes_nothing() -> None:
    walk = Walk(new_journey())
    walk.apply(requested())
    assert walk.apply(edited(1)) is NO_EFFECTS


def test_a_story_that_took_too_long_fails_what_is_left_and_starts_nothing() -> None:
    walk = Walk(new_journey())
    walk.apply(requested())
    walk.make(A.OUTLINE)
    running = {(asset, walk.fingerprint(asset)) for asset in (A.PORTRAIT, A.TEXT_1)}
    effects = walk.apply(deadline_passed())
    assert set(effects.purges) == running
    assert effects.jobs == ()
    assert effects.ended
    states = walk.journey.assets
    assert {state.code for asset, state in states.items() if asset is not A.OUTLINE} == {DEADLINE}
    assert walk.apply(deadline_passed()) is NO_EFFECTS
    assert again(walk, retry()) == set(GRAPH) - {A.OUTLINE}, "and may be tried again"


def test_a_cancelled_story_takes_no_command() -> None:
    walk = Walk(new_journey())
    walk.apply(requested())
    walk.make(A.OUTLINE, A.TEXT_1)
    walk.apply(failed(A.PORTRAIT, walk.fingerprint(A.PORTRAIT)))
    assert {asset for asset, _ in walk.apply(cancelled()).purges} == {A.TEXT_2, A.NARRATION_1}
    for command in (retry(), regenerate(A.OUTLINE), regenerate(A.COVER), edited(1), deadline_passed(), cancelled()):
        assert walk.apply(command) is NO_EFFECTS
