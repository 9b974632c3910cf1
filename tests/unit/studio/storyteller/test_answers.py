"""Prompts are read strictly: what is missing is named. And a finished story is checked honestly."""

import json
from typing import Any

import pytest

from studio.prompt_blocks import UnanswerablePromptError, read_blocks
from studio.storyteller.answers import answer_prompt
from tests.unit.studio.storyteller.briefs import NOTHING_FOUND, brief, outline_of, story_of


def test_blocks_are_read_by_their_tags() -> None:
    text = (
        'Please:\n<brief>{"storyType": "bedtime"}</brief>\n<before>["a <b>", "c"]</before> <scene>{"scene": 2}</scene>'
    )
    assert read_blocks(text) == {"brief": {"storyType": "bedtime"}, "before": ["a <b>", "c"], "scene": {"scene": 2}}


@pytest.mark.parametrize(("text", "named"), [("<brief>{oops}</brief>", "brief"), ("nothing here", "no block")])
def test_unreadable_blocks_are_named(text: str, named: str) -> None:
    with pytest.raises(UnanswerablePromptError, match=named):
        read_blocks(text)


@pytest.mark.parametrize(
    ("schema", "change", "named"),
    [
        ("outline", {"brief": None}, "brief"),
        ("outline", {"brief": {"storyType": "bedtime"}}, "name"),
        ("outline", {"brief": {"characters": "Mira"}}, "characters"),
        ("scene_text", {"outline": None}, "outline"),
        ("scene_text", {"outline": {"scenes": []}}, "four"),
        ("scene_text", {"scene": {"scene": 5}}, "scene"),
        ("scene_text", {"targets": {}}, "targets"),
        ("scene_text", {"before": "once"}, "before"),
        ("story_check", {"texts": None}, "texts"),
        ("picture_check", {}, "picture_check"),
    ],
)
def test_what_is_missing_is_named(schema: str, change: dict[str, Any], named: str) -> None:
    asked = brief()
    blocks: dict[str, Any] = {
        "brief": asked,
        "outline": outline_of(asked),
        "scene": {"scene": 1},
        "targets": {"words": 44, "sentenceWords": 8},
        "texts": ["a", "b", "c", "d"],
    }
    with pytest.raises(UnanswerablePromptError, match=named):
        answer_prompt(schema, {**blocks, **change}, seed=1)


def test_the_short_form_is_enough() -> None:
    outline = answer_prompt("outline", {"brief": {"characterName": "Mira", "storyType": "adventure"}}, seed=4)
    assert "Mira" in outline["scenes"][0]["on_stage"]


def test_answers_are_json() -> None:
    asked = brief("birthday")
    assert json.loads(json.dumps(outline_of(asked))) == outline_of(asked)


def test_a_broken_story_is_found_out() -> None:
    asked = brief(age=6)
    story = story_of(asked, 2)

    helper = story.outline["helper"]["name"] if story.outline["helper"] else "everyone"

    def findings(texts: list[str]) -> dict[str, Any]:
        return answer_prompt("story_check", {"brief": asked, "outline": story.outline, "texts": texts}, seed=1)

    assert findings(story.texts) == NOTHING_FOUND
    nameless = findings([story.texts[0], "The wind blew all day long.", *story.texts[2:]])
    assert not nameless["consistent"]
    assert "Scene 2 does not name Mira." in nameless["findings"]
    twice = findings([*story.texts[:3], story.texts[3] + " " + story.texts[0]])
    assert any("told 2 times" in finding for finding in twice["findings"])
    unpaid = findings([*story.texts[:3], f"Mira and {helper} had soup."])
    assert unpaid["consistent"]
    assert not unpaid["payoff"]
    alone = findings([text.replace(story.outline["companion"]["name"], "Somebody") for text in story.texts])
    assert any("companion" in finding for finding in alone["findings"])
    assert not findings(story.texts[:3])["consistent"]


@pytest.mark.parametrize("language", ["de", "fr-CA", "uk", "zh"])
def test_a_language_that_nobody_tells_in_is_refused_and_not_answered_in_english(language: str) -> None:
    with pytest.raises(UnanswerablePromptError, match="English alone"):
        outline_of(brief(language=language))


def test_english_of_every_country_is_told() -> None:
    assert outline_of(brief(language="en-GB")) == outline_of(brief())


def test_a_lesson_in_a_language_that_nobody_knows_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(UnanswerablePromptError, match=r"Arabic, Dutch, .*and not 'klingon'"):
        outline_of(brief("language_learning", typeDetails={"target_language": "Klingon", "proficiency": "beginner"}))
