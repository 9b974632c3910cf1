"""Companions and helpers that are no people: who is meant by the words, and drawing them at about 150 high."""

# Path data and word lists read better whole than broken.
# ruff: noqa: E501

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from studio.painting import beasts, beings
from studio.painting.colours import PLAIN, hex_in, word_in
from studio.painting.ink import Sheet

Pen = Callable[[Sheet, str, str], None]


@dataclass(frozen=True)
class Kind:
    """A kind of creature: the words that mean it, its own colour, its drawing, and whether it flies."""

    pattern: str
    colour: str
    draw: Pen
    flies: bool = False
    wide: float = 140


@dataclass(frozen=True)
class Creature:
    """A creature on stage."""

    name: str
    colour: str

    @property
    def kind(self) -> Kind:
        return KINDS[self.name]

    @property
    def wide(self) -> float:
        """The room it takes."""
        return self.kind.wide


KINDS: Mapping[str, Kind] = MappingProxyType({
    "fox": Kind(r"fox", "#e8803a", beasts.sitting, wide=170),
    "owl": Kind(r"owl", "#a5805c", beings.owl, flies=True),
    "cat": Kind(r"cat\b|kitten|lynx|panther", "#9a93a3", beasts.sitting, wide=160),
    "dog": Kind(r"dog|puppy|wolf|hound", "#c08a55", beasts.sitting, wide=160),
    "rabbit": Kind(r"rabbit|bunny|hare", "#cdbba6", beasts.sitting),
    "bear": Kind(r"bear|panda|badger|raccoon|otter|beaver", "#9a6a45", beasts.sitting),
    "mouse": Kind(r"mouse|rat\b|hamster|mole", "#aaa2ac", beasts.sitting),
    "squirrel": Kind(r"squirrel|chipmunk", "#b9663a", beasts.sitting, wide=170),
    "hedgehog": Kind(r"hedgehog|porcupine", "#b39066", beings.hedgehog, wide=150),
    "deer": Kind(r"deer|fawn|stag|horse|pony|unicorn|lamb|goat|sheep|donkey|moose", "#b98452", beasts.sitting),
    "lion": Kind(r"lion|tiger|leopard|monkey|ape\b", "#e0aa50", beasts.sitting, wide=170),
    "elephant": Kind(r"elephant|hippo|rhino", "#9aa5b5", beings.elephant, wide=170),
    "butterfly": Kind(r"butterfly|moth\b|bee\b|ladybird|dragonfly|fairy|pixie", "#e58fb1", beings.butterfly, flies=True),
    "bird": Kind(r"bird|sparrow|robin\b|crow|raven|parrot|eagle|gull|duck|goose|swan|penguin|chick|hen\b|heron", "#5aa3d0", beings.bird, flies=True),
    "bat": Kind(r"\bbat\b", "#6a5a7a", beings.bird, flies=True),
    "dragon": Kind(r"dragon|dinosaur|lizard|gecko", "#5fae8a", beings.dragon, wide=190),
    "turtle": Kind(r"turtle|tortoise|snail|crab", "#7cae5a", beings.turtle, wide=170),
    "frog": Kind(r"frog|toad|newt", "#6fb552", beings.frog, wide=150),
    "whale": Kind(r"whale|dolphin|narwhal|orca", "#5f93c4", beings.whale, flies=True, wide=210),
    "fish": Kind(r"fish|seahorse|octopus|squid", "#f08a4a", beings.fish, flies=True, wide=150),
    "robot": Kind(r"robot|android|drone|machine", "#8fb0c8", beings.robot),
    "firefly": Kind(r"firefly|fireflies|glow ?worm|lightning bug|spark", "#f4d35e", beings.firefly, flies=True),
    "star": Kind(r"star|moonbeam|comet", "#f7d05c", beings.star, flies=True),
    "cloud": Kind(r"cloud|ghost|spirit|wind\b", "#e8eef6", beings.cloud, flies=True, wide=160),
    "tree": Kind(r"\btree|oak|willow", "#6fa854", beings.tree, wide=190),
    "soft creature": Kind(r"^$", "#b08fd0", beings.soft),
})  # fmt: skip
_PEOPLE = (
    r"grand|granny|nana|nurse|doctor|teacher|mother|father|mum|mom\b|dad|uncle|aunt|woman|\bman\b|lady|girl|boy|child|"
    r"sister|brother|captain|wizard|witch|neighbou?r|keeper|gardener|baker|librarian|human|person|king|queen|princess|"
    r"sailor|driver|surgeon|astronaut|friend\b|coach|farmer|fisher|elder|astronomer|scientist"
)


def creature_in(words: str) -> Creature | None:
    """The creature that the words mean, by what they name first; None if they mean a person."""
    low = words.lower()
    places = [
        (found.start(), name) for name, kind in KINDS.items() if (found := re.search(rf"\b(?:{kind.pattern})", low))
    ]
    person = re.search(rf"\b(?:{_PEOPLE})", low)
    if person and (not places or person.start() < min(places)[0]):
        return None
    name = min(places)[1] if places else "soft creature"
    word = word_in(low)
    return Creature(name, hex_in(low) or (PLAIN[word] if word else KINDS[name].colour))


def draw(sheet: Sheet, creature: Creature) -> None:
    """The creature with its feet (or, in the air, its lower edge) at (0, 0)."""
    kind = creature.kind
    if not kind.flies:
        sheet.shadow(0, 3, kind.wide * 0.5)
    kind.draw(sheet, creature.colour, creature.name)
