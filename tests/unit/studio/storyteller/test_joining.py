"""Who reads much is told longer sentences, which are good English, and no longer than one breath."""

from itertools import product
from random import Random

import pytest

from studio.storyteller.language.grammar import count_words, split_sentences
from studio.storyteller.language.joining import Told, join
from studio.storyteller.language.phrasing import Person, Phrasing
from studio.storyteller.language.pronouns import SHE
from studio.storyteller.language.rhythm import Weight
from studio.storyteller.synonyms import enrich, vary
from tests.unit.studio.storyteller.briefs import DETAILS, brief, outline_of, scene_of

_BEES = Told(Weight.ORNAMENT, "Bees hummed in the clover.", meanwhile=True)
_WEEDS = Told(Weight.ORNAMENT, "The walls were smooth.", meanwhile=True)


def must(line: str) -> Told:
    return Told(Weight.MUST, line)


def joined(*told: Told, sentence: float = 30.0) -> set[str]:
    """What the lines may become, told of Mira and of Fig the fox."""
    found = set()
    for seed in range(8):
        teller = Phrasing([Person("Mira", SHE)], {"C": "Fig", "ck": "fox"}, rivals=frozenset({"C"}))
        words = sum(count_words(one.line) for one in told)
        lines = join(told, words, sentence, Random(seed), alone=True)
        found.add(" ".join(teller.say(one.line) for one in lines))
    return found


@pytest.mark.parametrize(
    ("first", "second", "told"),
    [
        ("{names} sat down.", "{h} ate a pear.", "Mira sat down and ate a pear."),
        ("“It is late,” said {C}.", "{C} yawned.", "“It is late,” said Fig, who yawned."),
        ("{names} opened the box.", "It hummed a tune.", "Mira opened the box, and it hummed a tune."),
        ("{names} went on.", "But {C} did not move.", "Mira went on, but Fig did not move."),
        ("{names} went on.", "But {h} looked back.", "Mira went on, but looked back."),
        ("“Nothing is happening,” said {C}.", "And {C} sighed.", "“Nothing is happening,” said Fig, and sighed."),
        ("{names} went on.", "Then the bell rang.", "Mira went on, and then the bell rang."),
    ],
)
def test_two_sentences_become_one_where_english_has_a_way(first: str, second: str, told: str) -> None:
    assert joined(must(first), must(second)) == {told}


def test_what_goes_on_around_is_told_with_what_somebody_does() -> None:
    ways = {
        "While bees hummed in the clover, Mira ate a pear.",
        "As bees hummed in the clover, Mira ate a pear.",
        "Mira ate a pear, while bees hummed in the clover.",
        "Mira ate a pear, as bees hummed in the clover.",
    }
    assert joined(must("{names} ate a pear."), _BEES) <= ways
    assert joined(_BEES, must("{names} ate a pear.")) <= ways


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (must("{names} sat down."), must("“Hush,” said {C}.")),
        (must("“Hush,” said {C}."), must("{C} was quiet for once.")),
        (must("{names} looked up, and it was gone."), must("{h} ate a pear.")),
        (must("{names} had one sock on."), _BEES),
        (must("{names} ate a pear."), _WEEDS),
        (must("Who had been there?"), must("{names} ate a pear.")),
        (must("A clock ticked very quietly in the hall that day."), must("Nobody came, and nobody went out again.")),
    ],
)
def test_what_does_not_go_together_stays_apart(first: Told, second: Told) -> None:
    assert all(len(split_sentences(told)) == 2 for told in joined(first, second))


def test_no_more_is_joined_than_is_asked_for() -> None:
    lines = [must("{names} sat down."), must("{h} ate a pear."), must("{C} yawned."), must("But nobody slept.")]
    assert len(join(lines, 13, 3.0, Random(1), alone=True)) == 4
    assert len(join(lines, 13, 4.3, Random(1), alone=True)) == 3
    assert len(join(lines, 13, 30.0, Random(1), alone=True)) == 2


def test_heroes_who_take_turns_are_not_one_person() -> None:
    lines = [must("{one} sat down in the tall grass by the well."), must("{one} ate a pear.")]
    assert len(join(lines, 14, 30.0, Random(1), alone=False)) == 2
    assert len(join(lines, 14, 30.0, Random(1), alone=True)) == 1


def test_sentences_for_nine_are_longer_than_for_eight_and_none_is_longer_than_a_breath() -> None:
    lengths: dict[int, list[int]] = {8: [], 9: []}
    for age, story_type in product(lengths, DETAILS):
        asked = brief(story_type, age=age)
        plan = outline_of(asked, 3)
        targets = {"words": 120, "sentenceWords": 12, "grade": 4.0}
        for scene in (1, 2, 3, 4):
            told = scene_of(asked, plan, scene, 3, targets=targets)["paragraphs"]
            lengths[age] += [count_words(one) for text in told for one in split_sentences(text)]
    assert max(lengths[9]) <= 30
    assert sum(lengths[9]) / len(lengths[9]) >= sum(lengths[8]) / len(lengths[8]) + 0.8


def test_words_for_whoever_reads_much_are_richer_and_speech_stays_plain() -> None:
    told = {enrich("A few bees seemed to say: “A few bees are a very small band.”", Random(seed)) for seed in range(20)}
    assert "Several bees appeared to say: “A few bees are a very small band.”" in told
    said = {enrich("“It is a very small band,” said {C}.", Random(seed)) for seed in range(40)}
    assert {one.split("” ")[1] for one in said} == {
        f"{verb} {{C}}." for verb in ("said", "remarked", "observed", "declared", "announced")
    }
    assert {enrich("“Hush, all of you!” said {C}.", Random(seed)) for seed in range(20)} == {
        "“Hush, all of you!” said {C}."
    }


def test_as_though_is_never_as_although() -> None:
    told = {
        vary("It hummed as though it knew, though softly, and did not stop, though.", Random(at)) for at in range(40)
    }
    assert any("as though" in one for one in told)
    assert not any("as although" in one or "although." in one for one in told)
