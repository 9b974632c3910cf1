"""Names are tidied once, shown as typed, and known again in whatever spelling."""

import pytest
from pydantic import ValidationError

from storyloom.story.brief import Brief
from storyloom.story.names import disambiguated, find_name, fold
from tests.unit.story.names_table import NAMES, Row


def brief_of(*names: str, language: str = "en") -> Brief:
    """A brief as a client sends it."""
    characters = [{"name": name} for name in names]
    return Brief.asked({"storyType": "bedtime", "characters": characters, "language": language})


@pytest.mark.parametrize("row", NAMES, ids=lambda row: f"{row[0]!r}-{row[2]}")
def test_a_name_is_tidied_once_and_known_again_on_stage(row: Row) -> None:
    typed, kept, language, said, _ = row
    brief = brief_of(typed, language=language)
    assert brief.characters[0].name == (kept or typed)
    assert Brief.model_validate(brief.wire()) == brief, "it is stored as it is, and tidied no more"
    for spelling in said:
        assert find_name(spelling, [*brief.names, "Ember"]) == brief.names[0], spelling


@pytest.mark.parametrize(
    "unseen", ["\u200b", "\u200d\u200c", "\u00ad", "\ufeff", "\u3164", "\u2800", "\u2060", "\u0301", "\U000e0041"]
)
def test_a_name_of_which_nothing_is_seen_is_refused_where_it_stands(unseen: str) -> None:
    with pytest.raises(ValidationError) as caught:
        brief_of("Mira", unseen)
    (error,) = caught.value.errors()
    assert error["loc"] == ("characters", 1, "name")
    assert "nothing that can be seen" in error["msg"]


def test_two_heroes_of_one_name_are_disambiguated_and_shown_as_typed() -> None:
    brief = brief_of("Max", "MAX", "Mia")
    assert brief.names == ("Max 1", "MAX 2", "Mia")
    assert [one["name"] for one in brief.for_prompts()["characters"]] == ["Max 1", "MAX 2", "Mia"]
    assert [one["name"] for one in brief.wire()["characters"]] == ["Max", "MAX", "Mia"]


def test_a_name_that_may_mean_two_means_nobody() -> None:
    assert find_name("Zoe", ["Zoé", "Zoë"]) is None
    assert find_name("zoë", ["Zoé", "Zoë"]) == "Zoë"
    assert find_name("Tom", ["Mira"]) is None


def test_folding_keeps_apart_what_differs_by_more_than_its_spelling() -> None:
    assert fold("O’Brien") == fold("o'brien")
    assert fold("Anna  Maria") == fold("ANNA MARIA")
    assert fold("Zoë") != fold("Zoe"), "an accent may be all that tells two names apart"
    assert disambiguated(["Zoë", "Zoe"]) == ("Zoë", "Zoe")
