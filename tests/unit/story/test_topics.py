"""What no story for children is told about is refused in every field and language; what children live through, not."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from storyloom.story import languages
from storyloom.story.brief import Brief
from storyloom.story.topics import TOPICS, RefusedField, find_topics, refused_fields, ruled_topics

CORPUS = Path(__file__).parent / "corpus"


@dataclass(frozen=True)
class Asked:
    """A line of a corpus: what somebody asks for, and the topic it is refused for; None: it is allowed."""

    topic: str | None
    language: str
    text: str


def read(name: str) -> Iterator[Asked]:
    for line in (CORPUS / name).read_text("utf-8").splitlines():
        if line.strip() and not line.startswith("#"):
            topic, language, _, text = (part.strip() for part in line.split("|", 3))
            yield Asked(None if topic == "-" else topic, language, text)


def wrong(corpus: list[Asked]) -> tuple[list[Asked], list[Asked]]:
    """What is missed, and what is refused though it is allowed."""
    missed = [one for one in corpus if one.topic and one.topic not in find_topics(one.text, one.language)]
    falsely = [one for one in corpus if not one.topic and find_topics(one.text, one.language)]
    return missed, falsely


def test_the_corpus_is_told_apart() -> None:
    corpus = list(read("briefs.txt"))
    assert len(corpus) >= 150
    assert {one.topic for one in corpus} == {*TOPICS, None}
    assert wrong(corpus) == ([], [])


def test_of_briefs_that_nobody_tuned_for_none_is_refused_falsely_and_few_are_missed() -> None:
    """As measured when the rules were written: they are not to be tuned on these, only not to become worse."""
    corpus = list(read("held_out.txt"))
    missed, falsely = wrong(corpus)
    assert len(corpus) == 40
    assert (len(missed), len(falsely)) == (HELD_OUT_MISSES, HELD_OUT_FALSE)


HELD_OUT_MISSES, HELD_OUT_FALSE = 2, 0


def test_every_language_that_stories_are_told_in_has_rules_for_every_topic() -> None:
    assert {tag: ruled_topics(tag) for tag in languages.supported()} == dict.fromkeys(
        languages.supported(), frozenset(TOPICS)
    )


@pytest.mark.parametrize(
    "text",
    [
        "SUICIDE",
        "s u i c i d e",
        "s.u.i.c.i.d.e",
        "sui-cide",
        "su1c1de",
        "suic\u200bide",
        "su\u00adicide",
        "ｓｕｉｃｉｄｅ",
        "suïcíde",
        "ѕuісіdе",
        "suiiiicide",
        "he wants to k!ll himself",
        "he wants to kill, himself",
    ],
)
def test_a_disguise_hides_nothing(text: str) -> None:
    assert "self_harm" in find_topics(text)


@pytest.mark.parametrize(
    ("language", "text"),
    [("pl", "Droga mamo"), ("sv", "Han är sex år"), ("nb", "Hun er seks år"), ("es", "Le molesta el ruido")],
)
def test_what_is_an_ordinary_word_in_another_language_is_nothing_there(language: str, text: str) -> None:
    assert find_topics(text, language) == ()


def test_a_brief_in_another_language_than_it_says_is_read_all_the_same() -> None:
    assert find_topics("Ein Junge will sich umbringen", "en") == ("self_harm",)


def test_the_field_is_named_and_the_gravest_topic_comes_first() -> None:
    brief = Brief.asked(
        {
            "storyType": "birthday",
            "characters": [{"name": "Ada"}, {"name": "Bo", "features": ["glasses", "smokes weed"]}],
            "typeDetails": {"to": "Ada", "from": "Bo", "age_turning": 5, "message": "kill yourself"},
            "setting": "a fair",
            "premise": "an erotic cake",
            "metadata": {"note": "cocaine"},
        }
    )
    assert refused_fields(brief) == (
        RefusedField("/typeDetails/message", "self_harm"),
        RefusedField("/premise", "sexual"),
        RefusedField("/characters/1/features/1", "drugs"),
    )


def test_what_a_client_calls_a_detail_is_not_repeated_by_the_pointer() -> None:
    brief = Brief.asked({"storyType": "adventure", "characterName": "Ada", "typeDetails": {"cocaine": "yes"}})
    assert refused_fields(brief) == (RefusedField("/typeDetails", "drugs"),)


def test_a_names_own_letters_are_no_topic() -> None:
    for name in ("Dick Sexton", "Essex", "Scunthorpe", "Crystal", "Mary Jane", "Gunnar", "Kostya"):
        assert find_topics(name) == ()
