"""Four activities are four kinds, of this story, for this age, and fit a page."""

from typing import Any

import pytest

from services.documents.suitability import examine, vocabulary
from storyloom.story.results import Activity
from tests.unit.documents import stories


def found(*activities: Activity, **brief: Any) -> list[str]:
    return [finding.text for finding in examine(activities, stories.brief(**brief), stories.outline())]


def with_first(**changes: Any) -> list[Activity]:
    return [stories.activity(0, **changes), *stories.four()[1:]]


def test_good_ones_leave_nothing_to_say() -> None:
    assert found(*stories.four()) == []


def test_kinds_and_ids_are_their_own() -> None:
    first = stories.activity(1, type=stories.activity(0).type)
    assert any("type" in text for text in found(stories.activity(0), first, *stories.four()[2:]))
    first = stories.activity(1, id=stories.activity(0).id)
    assert any("id of its own" in text for text in found(stories.activity(0), first, *stories.four()[2:]))


@pytest.mark.parametrize(
    "changes",
    [
        {"title": "x" * 71},
        {"title": " "},
        {"description": "x" * 401},
        {"instructions": ("One step.",)},
        {"instructions": ("A step.",) * 9},
        {"instructions": ("A step.", "A step.", "x" * 261)},
        {"materials": ("a box",) * 11},
        {"materials": ("",)},
        {"learning_objectives": ()},
        {"parent_tips": ()},
        {"safety_notes": ("A grown-up helps.",) * 5},
        {"story_connection": "Mira " * 90},
        {
            "adaptations": {
                "younger": "Help.",
                "older": "x" * 400,
                "access_needs": "Seated at a table, in reach.",
            }
        },
    ],
)
def test_what_no_page_holds_is_named(changes: dict[str, Any]) -> None:
    assert any("wanted" in text for text in found(*with_first(**changes)))


@pytest.mark.parametrize(
    ("age_range", "age", "fits"),
    [
        ("4-6", 5, True),
        ("4–6", 5, True),
        ("5 to 7", 8, False),
        ("8+", 9, True),
        ("8+", 7, False),
        ("6", 6, True),
        ("all", 6, False),
        ("6-4", 5, False),
    ],
)
def test_the_age_range_holds_the_child(age_range: str, age: int, fits: bool) -> None:
    texts = found(*with_first(age_range=age_range), age=age)
    assert any("is for ages" in text and "Activity 1" in text for text in texts) != fits


@pytest.mark.parametrize("tie", ["Mira rings", "The fox pricks his ears", "Like Ember", "In the snowy place", "Bells"])
def test_a_tie_to_the_story_names_something_of_it(tie: str) -> None:
    connection = f"{tie} and so do you, in your own time."
    assert not any("names nothing" in text for text in found(*with_first(story_connection=connection)))


def test_a_tie_that_any_story_has_is_none() -> None:
    connection = "They never stop, and then they always find the little thing that they want."
    assert any("names nothing" in text for text in found(*with_first(story_connection=connection)))


def test_the_storys_words_are_its_names_and_things() -> None:
    words = vocabulary(stories.brief(), stories.outline())
    assert {"mira", "ember", "fox", "owl", "moss", "bell", "brass", "snowy", "dark"} <= words
    assert not {"never", "the", "and", "that"} & words


def test_only_dangers_are_unsafe() -> None:
    findings = examine(with_first(materials=("scissors",), title="x" * 80), stories.brief(age=4), stories.outline())
    assert {finding.weight for finding in findings if "scissors" in finding.text} == {"unsafe"}
    assert {finding.weight for finding in findings if "letters" in finding.text} == {"weak"}
