"""Activities come from the story, are safe at three, and fit the hero."""

import re
from typing import Any

import pytest

from studio.storyteller.answers import answer_prompt
from tests.unit.studio.storyteller.briefs import brief, character, outline_of

_KEYS = [
    "id", "title", "description", "type", "age_range", "duration", "materials", "instructions", "learning_objectives",
    "story_connection", "adaptations", "safety_notes", "parent_tips",
]  # fmt: skip
_TYPES = (
    "creative_arts physical_movement dramatic_play science_exploration literacy_extension math_concepts "
    "social_emotional sensory_play music_rhythm cooking_baking nature_outdoor building_construction"
)
_UNSAFE = (
    r"\b(?:scissors|knife|knives|beads?|buttons?|coins?|marbles?|needles?|pins?|oven|stove|candles?|boil\w*|"
    r"matches|hot glue|staples?|magnets?|balloons?|"
    r"nuts|grapes)\b"
)


def _devised(asked: dict[str, Any], seed: int) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    outline = outline_of(asked, seed)
    answer = answer_prompt("activities", {"brief": asked, "outline": outline, "texts": ["…"] * 4}, seed=seed)
    return outline, answer["activities"]


def test_four_activities_of_four_types_with_every_field() -> None:
    seen: set[str] = set()
    for seed in range(20):
        _, activities = _devised(brief(), seed)
        assert len({activity["type"] for activity in activities}) == len(activities) == 4
        assert len({activity["id"] for activity in activities}) == 4
        seen |= {activity["type"] for activity in activities}
        for activity in activities:
            assert list(activity) == _KEYS
            assert re.fullmatch(r"[a-z0-9]+(?:-[a-z0-9]+)*", activity["id"])
            assert activity["age_range"] == "4-6"
            assert re.fullmatch(r"\d+ minutes", activity["duration"])
            assert set(activity["adaptations"]) == {"younger", "older", "access_needs"}
            lists = ("materials", "instructions", "learning_objectives", "safety_notes", "parent_tips")
            assert all(activity[key] and all(activity[key]) for key in lists)
            assert "{" not in "".join([activity["title"], activity["description"], *activity["instructions"]])
    assert seen == set(_TYPES.split())


def test_activities_are_made_of_this_story() -> None:
    for seed in range(8):
        outline, activities = _devised(brief(setting="a foggy forest"), seed)
        own = (outline["companion"]["name"], outline["elements"]["object"], "foggy forest", "Foggy Forest")
        for activity in activities:
            assert outline["title"] in activity["story_connection"]
            assert outline["motif"] in activity["story_connection"]
            text = " ".join([activity["title"], activity["description"], *activity["instructions"]])
            assert any(word.lower() in text.lower() for word in own), text


@pytest.mark.parametrize("age", [3, 4])
def test_nothing_sharp_small_or_hot_for_the_youngest(age: int) -> None:
    for seed in range(20):
        _, activities = _devised(brief(age=age, premise="a fox who has lost her lantern"), seed)
        for activity in activities:
            steps = " ".join([*activity["materials"], *activity["instructions"], activity["adaptations"]["younger"]])
            assert not re.search(_UNSAFE, steps), steps
            assert any("stays close" in note for note in activity["safety_notes"])


@pytest.mark.parametrize(
    ("trait", "change"),
    [("wheelchair_manual", "seat height"), ("deaf", "sign"), ("visual_impairment", "touch"), ("autism", "quiet corner"),
     ("limb_difference_arm_missing", "one hand"), ("oxygen_cannula", "tubes"), ("vitiligo", "partner")],
)  # fmt: skip
def test_the_hero_can_do_it(trait: str, change: str) -> None:
    _, activities = _devised(brief(characters=[character(traits=[trait])]), 1)
    assert all(change in activity["adaptations"]["access_needs"] for activity in activities)


@pytest.mark.parametrize("age", [3, 7])
def test_no_candle_for_those_who_are_too_young_for_one(age: int) -> None:
    for seed in range(12):
        outline, activities = _devised(brief("birthday", age=age), seed)
        for activity in activities:
            told = " ".join(str(value) for key, value in activity.items() if key != "safety_notes")
            assert "candle" not in told.lower().replace(outline["title"].lower(), ""), told


def test_nothing_that_takes_the_breath_of_a_hero_with_asthma() -> None:
    hero = character(traits=["asthma"])
    for seed in range(12):
        asked = brief(characters=[hero], premise="Mira finds a feather")
        _, activities = _devised(asked, seed)
        assert not re.search(r"feather", str(activities).lower().replace(outline_of(asked, seed)["title"].lower(), ""))
        assert "feather" not in outline_of(brief(characters=[hero]), seed)["elements"]["object"]


@pytest.mark.parametrize("traits", [[], ["wheelchair_manual"]])
def test_every_version_has_other_activities_until_all_have_been_told(traits: list[str]) -> None:
    asked = brief(characters=[character(traits=traits)])
    outline = outline_of(asked)
    blocks: dict[str, Any] = {"brief": asked, "outline": outline, "texts": ["…"] * 4}
    versions = [
        answer_prompt("activities", {**blocks, **({"revision": {"revision": number}} if number else {})}, seed=1)[
            "activities"
        ]
        for number in range(4)
    ]
    seen = [{activity["type"] for activity in activities} for activities in versions]
    assert all(len(types) == 4 for types in seen)
    assert set.union(*seen[:3]) == set(_TYPES.split())
    assert versions[3] == versions[0]  # there are twelve ideas
    assert all(
        ("seat height" in activity["adaptations"]["access_needs"]) == bool(traits)
        for activities in versions
        for activity in activities
    )
