"""Two stories are two stories: of two hundred, hardly any two share more than a few of their sentences."""

from itertools import combinations

from studio.storyteller.language.grammar import split_sentences
from tests.unit.studio.storyteller.briefs import DETAILS, brief, character, story_of

_NAMES = (
    "Mira", "Tom", "Ana", "Leo", "Zoe", "Sam", "Ines", "Kofi", "Lin", "Omar", "Ruth", "Juri", "Noor", "Pablo", "Edda",
    "Finn", "Aiko", "Tariq", "Wanja", "Bela",
)  # fmt: skip
_PRONOUNS = ("she/her", "he/him", "they/them")
_FEW, _SELDOM, _NEVER = 0.15, 0.0015, 0.33
"""More than a few shared sentences, the share of pairs that may have them (same plot, same age; 20 of 19,900 do), and
what none may."""


def _sentences(at: int) -> set[str]:
    story_type = sorted(DETAILS)[at % len(DETAILS)]
    details = dict(DETAILS[story_type])
    if story_type == "birthday" and at % 2:
        details["to"] = _NAMES[at % len(_NAMES)]
    hero = character(_NAMES[at % len(_NAMES)], _PRONOUNS[at % len(_PRONOUNS)])
    asked = brief(story_type, age=3 + (at // len(DETAILS)) % 7, typeDetails=details, characters=[hero])
    return {sentence.casefold() for text in story_of(asked, seed=at).texts for sentence in _split(text)}


def _split(text: str) -> list[str]:
    """The sentences; a question is one with who asks it."""
    found: list[str] = []
    for sentence in split_sentences(text):
        if found and sentence[0].islower():
            found[-1] += f" {sentence}"
        else:
            found.append(sentence)
    return found


def test_hardly_any_two_of_two_hundred_stories_share_more_than_a_few_sentences() -> None:
    stories = [_sentences(at) for at in range(200)]
    shared = [len(one & other) / min(len(one), len(other)) for one, other in combinations(stories, 2)]
    assert sum(share > _FEW for share in shared) <= _SELDOM * len(shared)
    assert max(shared) <= _NEVER
