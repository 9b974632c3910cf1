"""Who comes along: the companion, the helper, their names, looks and pronouns."""

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from random import Random

from studio.storyteller.language.grammar import spell
from studio.storyteller.language.pronouns import HE, SHE, Pronouns
from studio.storyteller.world.parser import Creature, read_creatures

_SHE = spell(
    "Ember Hazel Clover Willow Juniper Poppy Maple Nutmeg Saffron Tansy Pippa Marigold Olive Fern Tilly Plum Wren "
    "Dot Minnow Sorrel Honey Pebble Dapple Velvet Cricket Posy Mabel Twill Lark Dumpling Ginger Sukie "
    "Bluebell Clementine Fennel Bonnie Cleo Daisy Etta Flora Greta Hattie Ivy Kiki Luna Mimi Nell Opal Pearl Rosie "
    "Sage Una Violet Zinnia Biddy Cinder Dilly Elsie Tuppence Peony Odette Trixie Lottie Myrtle"
)
_HE = spell(
    "Bramble Rusty Fig Otto Pip Quill Bracken Thistle Basil Cobble Barnaby Tumble Button Pickle Acorn Finch Jasper "
    "Toggle Crumpet Rollo Mungo Humphrey Dill Teasel Pocket Oats Puddle Gus Biscuit Sprout Waffle Ferdie "
    "Alder Caspar Felix Gilbert Hugo Jonty Kip Linus Monty Ned Oscar Percy Rufus Umber Wilbur Ziggy Alfie Bertie "
    "Dougal Ernest Fitz Gulliver Horace Ludo Milo Noodle Parsley Conker Marlow Tuck Bertram Pumpkin"
)
_HELPERS_SHE = (
    "Grandmother Reed",
    "Auntie Birch",
    "Madam Plume",
    "Nana Brook",
    "Old Maud",
    "Lady Thimble",
    "Primrose",
    "Petunia",
    "Mathilda",
    "Winnie",
)
_HELPERS_HE = (
    "Old Moss",
    "Uncle Barley",
    "Captain Tuft",
    "Mister Ruffle",
    "Old Tobias",
    "Professor Crumb",
    "Percival",
    "Peregrine",
    "Tobias",
    "Barley",
)
_HELPER_KINDS = ("owl", "tortoise", "badger", "goose", "goat", "mole", "bear", "frog", "sheep", "hedgehog")
_COMPANION_KINDS = (
    "fox", "owl", "bear", "rabbit", "mouse", "hedgehog", "cat", "dog", "otter", "squirrel", "badger", "frog", "duck",
    "turtle", "penguin", "dragon", "deer", "pony", "elephant", "robin", "goose", "snail", "bee", "mole", "sheep",
    "goat", "panda", "bat", "monkey", "cloud", "star", "robot", "koala", "lion", "seal", "tiger", "raccoon", "hen",
    "unicorn", "dinosaur", "kangaroo", "wolf", "ladybird", "octopus",
)  # fmt: skip
# Those who would be out of their element: a bee at the bottom of the sea is a different story.
_AT_HOME = {
    "underwater": ("turtle", "crab", "seal", "dolphin", "whale", "octopus", "otter"),
    "space": ("robot", "star", "alien", "cat", "mouse", "penguin"),
    "snow": ("fox", "penguin", "seal", "bear", "rabbit", "owl", "wolf"),
    "seaside": ("crab", "seal", "dog", "otter", "turtle", "goose", "mouse"),
    "clinic": ("mouse", "cat", "bear", "robin", "duck", "rabbit", "robot"),
}
_HELPERS_AT_HOME = {"underwater": ("whale", "octopus", "turtle"), "space": ("robot", "alien", "owl")}
KINDS_CAST = frozenset(
    (*_COMPANION_KINDS, *_HELPER_KINDS, *(kind for group in _AT_HOME.values() for kind in group),
     *(kind for group in _HELPERS_AT_HOME.values() for kind in group))
)  # fmt: skip
"""Every kind that is ever cast unasked; the painter draws each of them as what it is."""


@dataclass(frozen=True)
class Friend:
    """A companion or helper: who it is, how it moves and sounds."""

    name: str
    creature: Creature
    pronouns: Pronouns

    @property
    def kind(self) -> str:
        """Such as "fox"."""
        return self.creature.kind


def find_creature(kind: str) -> Creature:
    """A known creature, or a plain one for a kind that nobody has described."""
    known = read_creatures().get(kind) or read_creatures().get(kind.rsplit(maxsplit=1)[-1] if kind.split() else "")
    if known and known.kind == kind:
        return known
    habit = "{C} was full of surprises,| and the biggest| was how well {che} could whistle."
    base = known or Creature(kind, f"small friendly {kind}", "called", "hurried", habit)
    return Creature(kind, base.look if known else f"small friendly {kind}", base.sound, base.move, base.habit)


def cast_companion(
    rng: Random, *, kind: str, she: bool | None, place: str, heroes: Pronouns, taken: Collection[str]
) -> Friend:
    """A friend of the kind asked for, else one at home in the place; told apart by its pronoun where that is free."""
    chosen = kind or rng.choice(_AT_HOME.get(place, _COMPANION_KINDS))
    if she is None:
        she = heroes.subject != "she" if heroes.subject in {"she", "he"} else rng.random() < 0.5
    return _friend(rng, chosen, _SHE if she else _HE, SHE if she else HE, taken)


def cast_helper(
    rng: Random, *, place: str, besides: Friend, taken: Collection[str], letter: str = "", short: bool = False
) -> Friend:
    """Somebody older, of another kind than the companion; `letter`: how the name begins; `short`: one word."""
    kinds = [kind for kind in _HELPERS_AT_HOME.get(place, _HELPER_KINDS) if kind != besides.kind]
    she = besides.pronouns is HE
    names = [
        name
        for name in (_HELPERS_SHE if she else _HELPERS_HE)
        if name.startswith(letter) and not (short and " " in name)
    ]
    return _friend(rng, rng.choice(kinds), names, SHE if she else HE, taken)


def recast(name: str, kind: str, *, she: bool | None, heroes: Pronouns) -> Friend:
    """Somebody out of an outline. Outlines tell no pronouns: ours go by the name, others by premise or by chance."""
    if name in _SHE or name in _HELPERS_SHE:
        pronouns = SHE
    elif name in _HE or name in _HELPERS_HE:
        pronouns = HE
    elif she is not None:
        pronouns = SHE if she else HE
    elif heroes.subject in {"she", "he"}:
        pronouns = HE if heroes.subject == "she" else SHE
    else:
        pronouns = SHE if hashlib.sha256(name.encode()).digest()[0] % 2 else HE
    return Friend(name, find_creature(kind.lower()), pronouns)


def _friend(rng: Random, kind: str, names: Collection[str], pronouns: Pronouns, taken: Collection[str]) -> Friend:
    used = {word.lower() for name in taken for word in name.split()}
    free = [name for name in names if not used & {word.lower() for word in name.split()}]
    return Friend(rng.choice(free or list(names)), find_creature(kind), pronouns)
