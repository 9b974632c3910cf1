"""Outlines have the contract's shape, and anybody's outline is obeyed."""

import copy
import re
from typing import Any

import jsonschema
import pytest

from studio.storyteller.answers import answer_prompt
from tests.unit.studio.storyteller.briefs import DETAILS, brief, character, outline_of, story_of

_TEXT = {"type": "string", "minLength": 1}
_PICTURE: dict[str, Any] = {
    "what_happens": _TEXT,
    "on_stage": {"type": "array", "items": _TEXT, "minItems": 1, "maxItems": 5, "uniqueItems": True},
    "setting": _TEXT,
    "time_of_day": {"enum": ["day", "dawn", "dusk", "night"]},
    "weather": {"enum": ["clear", "cloudy", "rain", "snow", "fog", "wind"]},
    "props": {"type": "array", "items": _TEXT},
    "action": _TEXT,
    "emotion": _TEXT,
    "camera": {"enum": ["wide", "medium", "close"]},
}
_FRIEND = {"name": _TEXT, "kind": _TEXT, "look": _TEXT}


def _strict(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


_OUTLINE = _strict(
    {
        "title": _TEXT,
        "logline": _TEXT,
        "motif": _TEXT,
        "palette": {"type": "array", "items": {"pattern": "^#[0-9a-f]{6}$"}, "minItems": 5, "maxItems": 5},
        "elements": _strict(
            dict.fromkeys(("want", "flaw", "place", "object", "obstacle", "planted", "payoff"), _TEXT),
        ),
        "companion": {"anyOf": [{"type": "null"}, _strict(_FRIEND)]},
        "helper": {"anyOf": [{"type": "null"}, _strict(_FRIEND)]},
        "cover": _strict(_PICTURE),
        "scenes": {"type": "array", "minItems": 4, "maxItems": 4, "items": _strict({"beat": _TEXT, **_PICTURE})},
        "premise": {
            "type": "array",
            "maxItems": 8,
            "items": _strict(
                {
                    "kind": {"enum": ["who", "want", "loss", "place", "must_be_there", "must_not_be_there"]},
                    "asks": _TEXT,
                    "shown_by": {"type": "array", "items": _TEXT, "minItems": 1, "maxItems": 4},
                    "beats": {"type": "array", "items": {"enum": ["call", "threshold", "ordeal", "return"]}},
                    "why_not": {"anyOf": [{"type": "null"}, _TEXT]},
                }
            ),
        },
    }
)
_CONTRACT = jsonschema.Draft202012Validator(_OUTLINE)
_ORDER = ["dawn", "day", "dusk", "night"]


@pytest.mark.parametrize("story_type", sorted(DETAILS))
def test_an_outline_has_the_shape_of_the_contract(story_type: str) -> None:
    cast = [character(), character("Tom", "he/him"), character("Ana", "they/them")]
    for seed in range(5):
        outline = outline_of(brief(story_type, characters=cast[: 1 + seed % 3]), seed)
        _CONTRACT.validate(outline)
        assert len(outline["title"].split()) <= 7
        assert [scene["beat"] for scene in outline["scenes"]] == ["call", "threshold", "ordeal", "return"]
        assert len(set(outline["palette"])) == 5
        assert len({scene["setting"] for scene in outline["scenes"]}) >= 3
        assert len({scene["camera"] for scene in outline["scenes"]}) >= 2
        times = [_ORDER.index(scene["time_of_day"]) for scene in outline["scenes"]]
        assert times == sorted(times)
        told = [outline["title"], outline["logline"], outline["motif"], *outline["elements"].values()]
        assert not any(mark in text for text in told for mark in "{}|[]")


def test_the_cast_is_the_heroes_the_companion_and_the_helper_where_it_appears() -> None:
    for seed in range(20):
        outline = outline_of(brief(), seed)
        friend, helper = outline["companion"]["name"], outline["helper"] and outline["helper"]["name"]
        assert outline["cover"]["on_stage"] == ["Mira", friend]
        for scene in outline["scenes"]:
            assert scene["on_stage"][:2] == ["Mira", friend]
            assert scene["on_stage"][2:] in ([], [helper])
            if helper and helper in scene["on_stage"] and scene["beat"] == "ordeal":
                assert helper in scene["what_happens"]
        assert helper is None or any(helper in scene["on_stage"] for scene in outline["scenes"])


def test_names_of_the_company_are_not_the_heros() -> None:
    for seed in range(15):
        outline = outline_of(brief(characters=[character("Hazel"), character("Otto", "he/him")]), seed)
        assert outline["companion"]["name"] not in {"Hazel", "Otto"}


_FOREIGN: dict[str, Any] = {
    "title": "Juno and the Glass Bridge",
    "logline": "Juno crosses a bridge of glass.",
    "motif": "glints of glass",
    "palette": ["#112233", "#223344", "#334455", "#445566", "#556677"],
    "elements": {
        "want": "to reach the singing tower",
        "flaw": "she rushes",
        "place": "the glass valley",
        "object": "a brass whistle",
        "obstacle": "The glass bridge is too thin for a heavy load.",
        "planted": "Juno blows a brass whistle that nobody hears.",
        "payoff": "The brass whistle calls the birds.",
    },
    "companion": {"name": "Zebulon", "kind": "armadillo", "look": "grey armadillo with a red scarf"},
    "helper": None,
    "cover": {},
    "scenes": [],
}


def _picture(number: int, what: str, cast: list[str], setting: str) -> dict[str, Any]:
    return {
        "beat": ["call", "threshold", "ordeal", "return"][number - 1],
        "what_happens": what,
        "on_stage": cast,
        "setting": setting,
        "time_of_day": "day",
        "weather": "clear",
        "props": ["brass whistle"],
        "action": "looking",
        "emotion": "curious",
        "camera": "wide",
    }


def _foreign() -> dict[str, Any]:
    outline = copy.deepcopy(_FOREIGN)
    outline["scenes"] = [
        _picture(1, "Juno finds a brass whistle and blows it.", ["Juno", "Zebulon"], "a field of tall glass flowers"),
        _picture(2, "Juno and Zebulon follow the river to the glass bridge.", ["Juno", "Zebulon"], "the river bank"),
        _picture(3, "Juno looks down through the bridge while Zebulon waits behind.", ["Juno"], "the glass bridge"),
        _picture(4, "The birds carry Juno and Zebulon to the tower.", ["Juno", "Zebulon"], "the singing tower"),
    ]
    outline["cover"] = {key: value for key, value in outline["scenes"][0].items() if key != "beat"}
    return outline


@pytest.mark.parametrize("age", [3, 5, 9])
def test_a_foreign_outline_is_obeyed(age: int) -> None:
    asked = brief(age=age, characters=[character("Juno")])
    for seed in range(3):
        story = story_of(asked, seed, _foreign())
        assert "whistle" in story.texts[0]
        assert "bridge" in story.texts[2]
        assert "Zebulon" in story.texts[0]
        assert "Zebulon said" not in story.texts[2]
        assert "said Zebulon" not in story.texts[2]
        assert "whistle" in story.texts[3]
        assert all("Juno" in text for text in story.texts)
        assert "{" not in story.whole
        assert not re.search(r"\b(?:finds|blows it|follow the river|carry)\b", story.whole), story.whole


def test_a_foreign_outline_without_company_and_with_odd_marks_is_told() -> None:
    outline = _foreign() | {"companion": None}
    outline["elements"]["want"] = "{h} | [x] <b>ignore all this</b>"
    for scene in outline["scenes"]:
        scene["on_stage"] = ["Juno"]
    story = story_of(brief(characters=[character("Juno")]), 1, outline)
    assert "said Zebulon" not in story.whole
    assert not re.search(r"[{}|\[\]<>]", story.whole)


def test_a_changed_word_in_our_own_outline_is_obeyed() -> None:
    asked = brief(age=6)
    outline = outline_of(asked, 3)
    before = outline["elements"]["object"]
    changed = copy.deepcopy(outline)
    changed["elements"]["object"] = "crystal trumpet"
    changed["companion"] = {"name": "Wilhelmina", "kind": "walrus", "look": "grey walrus"}
    for scene in changed["scenes"]:
        scene["on_stage"] = [
            "Wilhelmina" if name == outline["companion"]["name"] else name for name in scene["on_stage"]
        ]
    whole = story_of(asked, 3, changed).whole
    assert "crystal trumpet" in whole
    assert "Wilhelmina" in whole
    assert "walrus" in whole
    assert f" {before} " not in whole
    assert outline["companion"]["name"] not in whole


def test_alt_text_is_one_sentence_about_the_scene() -> None:
    asked = brief()
    outline = outline_of(asked, 2)
    told = answer_prompt(
        "scene_text",
        {"brief": asked, "outline": outline, "scene": {"scene": 1}, "targets": {"words": 44, "sentenceWords": 8}},
        seed=2,
    )
    assert set(told) == {"paragraphs", "alt_text"}
    assert told["alt_text"].endswith(".")
    assert told["alt_text"].count(".") == 1
    assert "Mira" in told["alt_text"]


@pytest.mark.parametrize("story_type", ["bedtime", "adventure"])
def test_what_is_lost_is_not_seen_before_it_is_found(story_type: str) -> None:
    for seed in range(12):
        outline = outline_of(brief(story_type, premise="a fox who has lost her lantern"), seed)
        for scene in outline["scenes"][:2]:
            seen = " ".join([*scene["props"], scene["action"]])
            assert not re.search(r"lantern|lamp|torch", seen), (seed, seen)
        assert "lantern" in outline["scenes"][3]["props"]


@pytest.mark.parametrize(
    "asked",
    [brief(), brief("bedtime", premise="a fox who has lost her lantern", setting="a foggy forest"), brief("birthday")],
    ids=["adventure", "bedtime", "birthday"],
)
def test_a_hundred_seeds_of_one_brief_give_ninety_titles(asked: dict[str, Any]) -> None:
    titles = {outline_of(asked, seed)["title"] for seed in range(100)}
    assert len(titles) >= 90
    assert all(len(title.split()) <= 7 for title in titles)


@pytest.mark.parametrize("story_type", ["adventure", "bedtime", "birthday"])
def test_every_version_of_an_outline_has_another_plot_and_the_same_heroes(story_type: str) -> None:
    asked = brief(story_type, premise="Mira loves foxes.")
    for seed in range(5):
        first, second, again = (
            answer_prompt("outline", {"brief": asked, "targets": {}, "revision": {"revision": number}}, seed=seed)
            for number in (0, 1, 1)
        )
        assert first == answer_prompt("outline", {"brief": asked, "targets": {}}, seed=seed)
        assert second == again
        assert second["elements"]["flaw"] != first["elements"]["flaw"]
        assert second["title"] != first["title"]
        assert second["companion"]["kind"] == first["companion"]["kind"] == "fox"
        assert "Mira" in second["cover"]["on_stage"]
