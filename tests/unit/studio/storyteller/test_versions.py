"""A scene that is asked for anew is told in other words, and stays the same scene."""

import pytest

from studio.prompt_blocks import UnanswerablePromptError
from studio.storyteller.answers import answer_prompt
from studio.storyteller.language.grammar import split_sentences
from tests.unit.studio.storyteller.briefs import NOTHING_FOUND, TARGETS, Story, brief, outline_of, scene_of


def version_of(number: int, age: int, seed: int) -> Story:
    asked = brief("bedtime", age=age, premise="Mira loves foxes.")
    outline = outline_of(asked, seed)
    texts: list[str] = []
    for scene in range(1, 5):
        revision = {"revision": {"revision": number}} if number else {}
        told = scene_of(asked, outline, scene, seed, before=list(texts), **revision)
        texts.append(" ".join(told["paragraphs"]))
    return Story(asked, outline, texts)


def repeated(one: str, other: str) -> float:
    """The share of one's sentences that stand in the other word for word."""
    said = split_sentences(other)
    sentences = split_sentences(one)
    return sum(sentence in said for sentence in sentences) / len(sentences)


@pytest.mark.parametrize("age", [3, 5, 8])
def test_every_version_of_a_scene_is_another_telling(age: int) -> None:
    shares = []
    for seed in range(3):
        first, second, third = (version_of(number, age, seed) for number in range(3))
        for one, other in ((second, first), (third, second), (third, first)):
            assert not any(mine == theirs for mine, theirs in zip(one.texts, other.texts, strict=True))
            shares += [repeated(mine, theirs) for mine, theirs in zip(one.texts, other.texts, strict=True)]
    assert sum(shares) / len(shares) < 0.5


@pytest.mark.parametrize("number", [1, 2, 7])
@pytest.mark.parametrize("age", [3, 5, 9])
def test_every_version_keeps_what_the_first_one_promised(number: int, age: int) -> None:
    story = version_of(number, age, seed=age)
    words, sentence = TARGETS[age]
    assert abs(story.words / words - 1) <= 0.15
    assert abs(story.sentence - sentence) <= 1.5
    assert "Mira" in story.texts[0]
    assert "{" not in story.whole
    checked = answer_prompt(
        "story_check", {"brief": story.brief, "outline": story.outline, "texts": story.texts}, seed=1
    )
    assert checked == {**NOTHING_FOUND, "premise_honoured": True}, story.texts


def test_the_same_version_is_the_same_telling_however_late_it_is() -> None:
    assert version_of(40, 5, 1) == version_of(40, 5, 1)
    assert version_of(40, 5, 1).texts != version_of(34, 5, 1).texts


@pytest.mark.parametrize("block", [{}, {"revision": "2"}, {"revision": -1}, 2, []])
def test_a_version_without_a_number_is_unanswerable(block: object) -> None:
    asked = brief()
    with pytest.raises(UnanswerablePromptError, match="<revision>"):
        scene_of(asked, outline_of(asked), 1, revision=block)
