"""What a sequel's brief takes over from the story before: its heroes as they were, its company, what happened."""

from typing import Any
from uuid import UUID

import pytest
from pydantic import ValidationError

from services.api.sequels import MAX_ENDING, go_on
from storyloom.story.brief import Brief
from storyloom.story.earlier import Chosen
from storyloom.story.results import Picture
from tests.unit.content.fox_author import a_scene_text, an_outline

ID = "7c9e6679-7425-40de-944b-e07fc1f90ae7"
ZOE = {
    "name": "Zoë",
    "age": 6,
    "pronouns": "she/her",
    "appearance": {"skin": "#8d5524", "hair": "curly black", "clothing": "yellow dress"},
    "traits": ["wheelchair_manual"],
    "features": ["round blue glasses"],
}
PORTRAIT = Picture.model_validate(
    {
        "image": {"key": "stories/x/portrait/1.png", "sha256": "1", "size": 1, "content_type": "image/png"},
        "width": 1024,
        "height": 1536,
        "alt_text": "A portrait.",
        "hue_colours": [],
    }
)


def a_row(**changes: Any) -> dict[str, Any]:
    row: dict[str, Any] = {
        "id": UUID(ID),
        "request": Brief.asked({"storyType": "adventure", "characters": [ZOE]}).wire(),
        "outline": an_outline().model_dump(mode="json"),
        "portrait": PORTRAIT.model_dump(mode="json"),
        "last_text": a_scene_text(4, "They sat.", "The end was near. " * 60).model_dump(mode="json"),
    }
    return {**row, **changes}


def a_sequel(*heroes: dict[str, Any], **changes: Any) -> Brief:
    body = {"storyType": "new_chapter_sequel", "characters": list(heroes), "typeDetails": {"previous_story_id": ID}}
    return Brief.asked({**body, **changes})


def test_a_hero_comes_back_as_they_were_but_for_what_is_said_anew() -> None:
    (hero,) = go_on(a_sequel({"name": "ZOË", "appearance": {"clothing": "red coat"}, "age": 7}), a_row()).characters
    assert (hero.name, hero.age, hero.pronouns, hero.traits) == ("ZOË", 7, "she/her", ("wheelchair_manual",))
    assert (hero.appearance.hair, hero.appearance.clothing) == ("curly black", "red coat")


def test_somebody_new_is_who_the_brief_says() -> None:
    brief = go_on(a_sequel({"name": "Bo"}), a_row())
    assert brief.characters[0].traits == ()
    assert brief.earlier is not None
    assert brief.earlier.portrait is None  # it shows somebody else


def test_looks_that_were_left_open_are_chosen_as_they_were_through_any_number_of_sequels() -> None:
    bo, cy = {"name": "Bo"}, {"name": "Cy"}
    first = Brief.asked({"storyType": "adventure", "seed": 7, "characters": [bo, ZOE]})
    second = go_on(a_sequel(ZOE, bo, cy), a_row(request=first.wire()))
    assert second.earlier is not None
    assert second.earlier.chosen == (Chosen(seed="7", place=1), Chosen(seed="7", place=0), None)
    third = go_on(a_sequel(cy, bo), a_row(request=second.wire()))
    assert third.earlier is not None
    # Cy was new in the second story, which has no seed.
    assert third.earlier.chosen == (Chosen(seed=ID, place=2), Chosen(seed="7", place=0))
    assert "chosen" not in third.for_prompts()["earlier"]


def test_the_story_before_is_told_in_words_and_its_portrait_is_not() -> None:
    brief = go_on(a_sequel({"name": "Zoë"}), a_row())
    earlier = brief.earlier
    assert earlier is not None
    assert (earlier.title, earlier.place, len(earlier.happened)) == ("The Bell in the Grass", "the garden", 4)
    assert earlier.companion is not None
    assert earlier.companion.name == "Ember"
    assert earlier.ending is not None
    assert len(earlier.ending) <= MAX_ENDING
    assert earlier.portrait == PORTRAIT.image
    assert "portrait" not in brief.for_prompts()["earlier"]
    assert Brief.model_validate(brief.wire()) == brief
    assert Brief.model_validate_json(brief.body).earlier == earlier


def test_a_story_without_pictures_can_be_gone_on_from() -> None:
    earlier = go_on(a_sequel({"name": "Zoë"}), a_row(portrait=None, last_text=None)).earlier
    assert earlier is not None
    assert (earlier.portrait, earlier.ending) == (None, None)


def test_what_came_before_is_not_for_clients_to_say() -> None:
    with pytest.raises(ValidationError, match="not for clients"):
        a_sequel({"name": "Zoë"}, earlier={"title": "x", "logline": "x", "place": "x", "object": "x"})
