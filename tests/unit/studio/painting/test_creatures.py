"""Companions and helpers: who is meant by the words."""

import pytest

from studio.painting import creatures
from studio.painting.creatures import KINDS, Creature, creature_in
from studio.painting.svg import Sheet


@pytest.mark.parametrize(
    ("words", "name", "colour"),
    [
        ("a fox, small orange fox with a white tail tip", "fox", "#ec8a3c"),
        ("an owl, round grey owl", "owl", "#8d949f"),
        ("a mouse, who loves cats", "mouse", "#aaa2ac"),
        ("a wibble, soft and #aabbcc", "soft creature", "#aabbcc"),
    ],
)
def test_the_first_kind_named_is_meant_in_the_first_colour_named(words: str, name: str, colour: str) -> None:
    assert creature_in(words) == Creature(name, colour)


@pytest.mark.parametrize("words", ["a nurse with a fox badge", "old grandmother", "a friendly robot-loving teacher"])
def test_people_are_no_creatures(words: str) -> None:
    assert creature_in(words) is None or creature_in(words) == Creature("robot", KINDS["robot"].colour)


def test_no_two_kinds_are_drawn_alike() -> None:
    drawings = set()
    for name in KINDS:
        sheet = Sheet(1)
        creatures.draw(sheet, Creature(name, "#88aa66"))
        drawings.add(sheet.svg(100, 100))
    # A bear and an otter share a body, and a lynx is a cat: the table's entries do not.
    assert len(drawings) == len(KINDS)
