"""The storyteller says what it was asked for, where the plan has it, and what it could not read; it quotes nothing."""

import re
from typing import Any

import pytest

from services.content.outline import Plan
from services.content.premise import quotes, without_empty_promises
from studio.storyteller.answers import answer_prompt
from tests.unit.studio.storyteller.briefs import Story, brief, story_of


def parts_of(story: Story) -> list[tuple[str, tuple[str, ...], bool]]:
    return [(one["kind"], tuple(one["shown_by"]), bool(one["beats"])) for one in story.outline["premise"]]


def check_of(story: Story, **outline: Any) -> dict[str, Any]:
    blocks = {"brief": story.brief, "outline": {**story.outline, **outline}, "texts": story.texts}
    return answer_prompt("story_check", blocks, seed=1)


def test_a_premise_that_is_understood_is_named_and_honoured() -> None:
    story = story_of(brief(premise="a fox who has lost her lantern", setting="a foggy forest"))
    assert parts_of(story) == [
        ("who", ("fox",), True),
        ("loss", ("lantern",), True),
        ("place", ("foggy", "forest"), True),
    ]
    assert (check_of(story)["premise_honoured"], check_of(story)["premise_missing"]) == (True, [])


def test_a_place_is_honoured_by_the_word_that_a_premise_has_for_it() -> None:
    """The seaside is where a story by the sea is."""
    for seed in range(6):
        story = story_of(brief(premise="a shy robot who finds a friend by the sea"), seed)
        assert ("place", ("seaside", "sea"), True) in parts_of(story)
        assert "sea" in story.whole.lower()


@pytest.mark.parametrize(
    ("premise", "unread"),
    [
        ("the smell of purple on rainy Tuesdays", "purple"),
        ("a whale who yodels and zigzags", "yodels"),
        ("Mira wants an Xbox and a Ferrari", "ferrari"),
    ],
)
def test_what_cannot_be_read_is_said_to_be_missing(premise: str, unread: str) -> None:
    story = story_of(brief(premise=premise))
    kind, words, honoured = parts_of(story)[-1]
    assert (kind, honoured) == ("must_be_there", False)
    assert unread in words
    check = check_of(story)
    assert check["premise_honoured"] is False
    assert check["premise_missing"][-1]["part"] == len(parts_of(story))


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(
    ("premise", "word"),
    [("two friends build a boat, without any dragons", "dragon"), ("Mira bakes bread. No foxes or owls!", "owl")],
)
def test_what_must_not_be_there_goes_along_with_nobody(premise: str, word: str, seed: int) -> None:
    story = story_of(brief(premise=premise), seed)
    assert ("must_not_be_there", (word,), True) in parts_of(story)
    assert not re.search(rf"\b{word}s?\b", story.whole.lower())


@pytest.mark.parametrize(
    "premise", ["the day the moon fell into the soup bowl", "three tall towers that tell terrible jokes"]
)
def test_nothing_of_a_premise_is_quoted(premise: str) -> None:
    story = story_of(brief(premise=premise))
    assert not quotes(premise, [story.whole, *(one["asks"] for one in story.outline["premise"])])


def test_who_asks_for_nothing_gets_no_verdict() -> None:
    story = story_of(brief())
    assert (story.outline["premise"], check_of(story)["premise_honoured"]) == ([], None)


def test_an_outline_of_before_is_read_for_the_briefs_own_parts() -> None:
    story = story_of(brief(premise="the smell of purple on rainy Tuesdays"))
    assert [one["part"] for one in check_of(story, premise=[])["premise_missing"]] == [0]


def test_the_service_finds_what_the_storyteller_says_it_planned() -> None:
    for premise in ("a fox who has lost her lantern", "Mira can't find her red mitten", "a boat without any monsters"):
        plan = Plan.model_validate(story_of(brief(premise=premise, setting="a foggy forest")).outline)
        assert without_empty_promises(plan) == plan
