"""The small rules of English hold, and premises are read word by word."""

import pytest

from studio.storyteller.brief import read_brief
from studio.storyteller.language.grammar import (
    count_sentences,
    count_words,
    join_names,
    mend_articles,
    past,
    possessive,
    split_sentences,
    with_article,
)
from studio.storyteller.language.phrasing import Person, Phrasing, grow
from studio.storyteller.language.pronouns import HE, IT, SHE, TOGETHER, Pronouns, read_pronouns
from studio.storyteller.language.rhythm import Choice, Target, Weight, fit
from studio.storyteller.premise import Wishes, read_wishes


@pytest.mark.parametrize(
    ("noun", "told"),
    [("lantern", "a lantern"), ("umbrella", "an umbrella"), ("unicorn", "a unicorn"), ("hour", "an hour"),
     ("mittens", "some mittens"), ("compass", "a compass"), ("MRI scan", "an MRI scan"), ("the moon", "the moon")],
)  # fmt: skip
def test_a_noun_gets_its_article(noun: str, told: str) -> None:
    assert with_article(noun) == told


def test_articles_are_mended_behind_slots() -> None:
    assert mend_articles("Half a oat biscuit, an bear and A owl") == "Half an oat biscuit, a bear and An owl"


def test_names_are_joined_and_owned() -> None:
    assert join_names(["Mira", "Tom", "Ana"]) == "Mira, Tom and Ana"
    assert [possessive("James"), possessive("Mira")] == ["James'", "Mira's"]


def test_words_and_sentences_are_counted_as_read() -> None:
    text = "“Don't go,” said Mira. The half-eaten bun fell! “Who is it?”"
    assert count_words(text) == 11
    assert count_sentences(text) == 3
    assert split_sentences(text) == ["“Don't go,” said Mira.", "The half-eaten bun fell!", "“Who is it?”"]


def test_the_present_is_told_as_past() -> None:
    assert past("Juno finds a bell and wants to ring it") == "Juno found a bell and wanted to ring it"
    assert past("The birds carry Juno to the tower") == "The birds carried Juno to the tower"


@pytest.mark.parametrize(
    ("written", "read"),
    [("she/her", SHE), ("He/Him/His", HE), ("it/its", IT), ("", read_pronouns("they/them")),
     ("xe/xem", Pronouns("xe", "xem", "xyr", "xemself")), ("ne/nem/nir", Pronouns("ne", "nem", "nir", "nemself"))],
)  # fmt: skip
def test_pronouns_are_read(written: str, read: Pronouns) -> None:
    assert read_pronouns(written) == read


def test_a_line_grows_bar_by_bar_and_never_leaves_a_quote_open() -> None:
    assert grow("Mira ran| up the [long ]hill|, and sang!") == (
        "Mira ran!",
        "Mira ran up the long hill!",
        "Mira ran up the long hill, and sang!",
    )
    assert grow("“Yes,” said Mira,| “and| no.”") == ("“Yes,” said Mira.", "“Yes,” said Mira, “and no.”")


def test_a_pronoun_is_never_a_riddle() -> None:
    words = {"C": "Ember", "ck": "fox"}
    teller = Phrasing([Person("Mira", SHE)], words, rivals=frozenset({"C"}))
    told = [
        teller.say(line) for line in ("{h} woke.", "{h} sang.", "{C} sneezed.", "{h} laughed.", "“Hush,” said {h}.")
    ]
    assert told == ["Mira woke.", "She sang.", "Ember sneezed.", "Mira laughed.", "“Hush,” said Mira."]
    pair = Phrasing([Person("Mira", SHE), Person("Tom", HE)], words)
    assert pair.group == TOGETHER
    assert pair.say("{one} dug, and {they} {was} glad.") == "Mira dug, and she was glad."
    assert pair.say("{one} dug.") == "Tom dug."


def test_a_quoted_message_keeps_one_end_mark() -> None:
    teller = Phrasing([Person("Mira", SHE)], {"message": "Hooray!", "plain": "Hooray"})
    assert teller.say("It said, “{message}”.") == "It said, “Hooray!”"
    assert teller.say("It said, “{plain}”.") == "It said, “Hooray.”"


def test_what_is_pinned_is_told_and_the_rest_fits_the_length() -> None:
    choices = [
        Choice(Weight.PINNED, ("One two three.", "One two three four five six.")),
        Choice(Weight.SHOULD, ("One two three four.", "One two three four five six seven.")),
        Choice(Weight.ORNAMENT, ("One two.",)),
    ]
    assert fit(choices, Target(3, 3)) == [0, None, None]
    assert fit(choices, Target(13, 6)) == [1, 1, None]


@pytest.mark.parametrize(
    ("premise", "setting", "wished"),
    [
        ("a fox who has lost her lantern", "a foggy forest",
         {"kind": "fox", "she": True, "thing": "lantern", "lost": True, "weather": "fog"}),
        ("a dragon named Smokey who cannot sleep", "a castle at night", {"kind": "dragon", "name": "Smokey",
                                                                        "sleepless": True, "time": "night"}),
        ("helping a lost puppy find its home", "my grandma's kitchen", {"kind": "dog", "thing": "",
                                                                      "place_phrase": "in grandma's kitchen"}),
        ("Mira loves trains", "Mars", {"kind": "", "place_phrase": "on Mars"}),
        ("Mira and her little brother build a treehouse", "by the lake", {"thing": "", "place_phrase": "by the lake"}),
        ("two penguins who want to fly", "", {"kind": "penguin", "place_phrase": ""}),
    ],
)  # fmt: skip
def test_a_premise_is_read(premise: str, setting: str, wished: dict[str, object]) -> None:
    wishes = read_wishes(read_brief({"characters": [{"name": "Mira"}], "premise": premise, "setting": setting}))
    assert isinstance(wishes, Wishes)
    assert {key: getattr(wishes, key) for key in wished} == wished
