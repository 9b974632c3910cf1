"""Nothing that hurts a child of this age gets through, wherever it stands and however it is written."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.documents.suitability import dangers
from services.documents.wording import Hazard, tables
from storyloom.story.results import Activity
from tests.unit.documents import stories

HAZARDS = tables().hazard
UNWATCHED = ("Keep the floor dry.",)

WORDS = [(hazard, language, word) for hazard in HAZARDS for language, words in hazard.words.items() for word in words]

carriers = st.sampled_from(["Take the {}.", "{}", "Then use a small {} for the edge", "({})", "one {}, if you like"])


def holding(text: str, place: str, **changes: Any) -> Activity:
    """An activity with the text in the place."""
    plain = stories.activity(0, **changes)
    match place:
        case "materials" | "instructions":
            return plain.model_copy(update={place: (*getattr(plain, place), text)})
        case _:
            return plain.model_copy(update={"adaptations": plain.adaptations.model_copy(update={place: text})})


@given(
    st.sampled_from(WORDS),
    carriers,
    st.sampled_from(["materials", "instructions", "access_needs", "younger"]),
    st.integers(3, 12),
)
def test_what_is_not_for_an_age_is_found_in_every_place(
    known: tuple[Hazard, str, str], carrier: str, place: str, age: int
) -> None:
    hazard, language, word = known
    found = list(dangers(holding(carrier.format(word.removesuffix("*")).upper(), place), age, language))
    assert age >= hazard.from_age or any("not safe" in danger for danger in found)


@pytest.mark.parametrize(
    ("many", "language"),
    [(each, "en") for each in ("buttons", "Scissors", "kitchen knives", "matches", "beads")]
    + [("Perlen", "de"), ("boutons", "fr"), ("botones", "es"), ("four", "fr")],
)
def test_many_are_as_dangerous_as_one(many: str, language: str) -> None:
    assert any("not safe" in danger for danger in dangers(holding(many, "materials"), 3, language))


@given(st.sampled_from([each for each in HAZARDS if each.supervised_below]), st.integers(3, 12))
def test_what_is_for_watched_children_only_needs_a_grown_up_in_the_notes(hazard: Hazard, age: int) -> None:
    word = hazard.words["en"][0].removesuffix("*")
    unwatched = list(dangers(holding(f"Take the {word}.", "instructions", safety_notes=UNWATCHED), age))
    watched = list(dangers(holding(f"Take the {word}.", "instructions", safety_notes=("A grown-up helps.",)), age))
    assert bool(watched) == (age < hazard.from_age)
    assert not (hazard.from_age <= age < hazard.supervised_below) or unwatched


@pytest.mark.parametrize("age", [3, 4])
def test_no_scissors_at_three_and_four_even_with_a_grown_up(age: int) -> None:
    watched = holding("child-safe scissors", "materials", safety_notes=("A grown-up does all the cutting.",))
    assert any("scissors" in danger for danger in dangers(watched, age))
    assert not list(dangers(watched, 5))


@pytest.mark.parametrize(
    "text",
    [
        "Tear the paper; no scissors are needed.",
        "Shape it without any knife.",
        "Use your hands instead of scissors.",
        "Set the pretend oven to hot.",
        "Light the battery candle.",
        "A pink pine cone and a buttonhole-shaped leaf.",
        "Match each sound to one of four pictures, and see what comes next.",
    ],
)
def test_what_is_kept_away_or_only_played_is_no_danger(text: str) -> None:
    assert not list(dangers(holding(text, "instructions"), 3))


@pytest.mark.parametrize(
    "text", ["Do not worry, use scissors.", "There is no glue. Take scissors.", "Not the tape but, yes, the scissors"]
)
def test_a_no_does_not_reach_over_a_comma(text: str) -> None:
    assert list(dangers(holding(text, "instructions"), 4))


def test_a_danger_to_older_children_is_still_one_in_their_own_version() -> None:
    assert list(dangers(holding("Cut it with a craft knife.", "older"), 9))
    assert not list(dangers(holding("Cut it with scissors, a grown-up beside you.", "older"), 4))


def test_somebody_watches_the_small_ones() -> None:
    alone = stories.activity(0, safety_notes=UNWATCHED)
    assert list(dangers(alone, 5))
    assert not list(dangers(alone, 6))
    assert list(dangers(alone, 5, "de"))
    assert not list(dangers(stories.activity(0, safety_notes=("Eine Erwachsene bleibt dabei.",)), 5, "de"))


def test_no_notes_are_too_few_at_any_age_in_any_language() -> None:
    for language in ("en", "ja"):
        assert list(dangers(stories.activity(0, safety_notes=()), 12, language))
        assert list(dangers(stories.activity(0, safety_notes=(" ",)), 12, language))


def test_a_language_is_judged_by_its_own_words() -> None:
    assert not list(dangers(holding("Nachmalen ohne Schere.", "instructions"), 3, "de"))
    assert list(dangers(holding("Nimm die Schere.", "instructions"), 3, "de"))
    assert list(dangers(holding("Take the scissors.", "instructions"), 3, "ja"))


def test_food_needs_a_word_on_allergies() -> None:
    baking = stories.activity(0, type="cooking_baking")
    assert any("allerg" in danger for danger in dangers(baking, 6))
    warned = stories.activity(0, type="cooking_baking", safety_notes=("A grown-up asks about allergies first.",))
    assert not list(dangers(warned, 6))


def test_a_river_may_be_painted_but_not_waded_unwatched() -> None:
    painted = stories.activity(0, title="Paint the River", safety_notes=UNWATCHED)
    assert not list(dangers(painted, 7))
    assert list(dangers(holding("Walk down to the river.", "instructions", safety_notes=UNWATCHED), 7))
