"""Companions and helpers that are no people: who is meant by the words, and drawing them at about 150 high."""

# Path data and word lists read better whole than broken.
# ruff: noqa: E501

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from studio.painting import creature_bodies, quadrupeds
from studio.painting.colours import PLAIN, hex_in, word_in
from studio.painting.svg import Sheet

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
    "fox": Kind(r"fox", "#e8803a", quadrupeds.sitting, wide=170),
    "owl": Kind(r"owl", "#a5805c", creature_bodies.owl, flies=True),
    "cat": Kind(r"cat\b|kitten|lynx|panther", "#9a93a3", quadrupeds.sitting, wide=160),
    "dog": Kind(r"dog|puppy|wolf|hound", "#c08a55", quadrupeds.sitting, wide=160),
    "rabbit": Kind(r"rabbit|bunny|hare", "#cdbba6", quadrupeds.sitting),
    "bear": Kind(r"bear|panda|badger|raccoon|otter|beaver", "#9a6a45", quadrupeds.sitting),
    "mouse": Kind(r"mouse|rat\b|hamster|mole", "#aaa2ac", quadrupeds.sitting),
    "squirrel": Kind(r"squirrel|chipmunk", "#b9663a", quadrupeds.sitting, wide=170),
    "hedgehog": Kind(r"hedgehog|porcupine", "#b39066", creature_bodies.hedgehog, wide=150),
    "deer": Kind(r"deer|fawn|stag|horse|pony|unicorn|lamb|goat|sheep|donkey|moose", "#b98452", quadrupeds.sitting),
    "lion": Kind(r"lion|tiger|leopard|monkey|ape\b", "#e0aa50", quadrupeds.sitting, wide=170),
    "elephant": Kind(r"elephant|hippo|rhino", "#9aa5b5", creature_bodies.elephant, wide=170),
    "butterfly": Kind(r"butterfly|moth\b|bee\b|ladybird|dragonfly|fairy|pixie", "#e58fb1", creature_bodies.butterfly, flies=True),
    "bird": Kind(r"bird|sparrow|robin\b|crow|raven|parrot|eagle|gull|duck|goose|swan|penguin|chick|hen\b|heron", "#5aa3d0", creature_bodies.bird, flies=True),
    "bat": Kind(r"\bbat\b", "#6a5a7a", creature_bodies.bird, flies=True),
    "dragon": Kind(r"dragon|dinosaur|lizard|gecko", "#5fae8a", creature_bodies.dragon, wide=190),
    "turtle": Kind(r"turtle|tortoise|snail|crab", "#7cae5a", creature_bodies.turtle, wide=170),
    "frog": Kind(r"frog|toad|newt", "#6fb552", creature_bodies.frog, wide=150),
    "whale": Kind(r"whale|dolphin|narwhal|orca", "#5f93c4", creature_bodies.whale, flies=True, wide=210),
    "fish": Kind(r"fish|seahorse|octopus|squid", "#f08a4a", creature_bodies.fish, flies=True, wide=150),
    "robot": Kind(r"robot|android|drone|machine", "#8fb0c8", creature_bodies.robot),
    "firefly": Kind(r"firefly|fireflies|glow ?worm|lightning bug|spark", "#f4d35e", creature_bodies.firefly, flies=True),
    "star": Kind(r"star|moonbeam|comet", "#f7d05c", creature_bodies.star, flies=True),
    "cloud": Kind(r"cloud|ghost|spirit|wind\b", "#e8eef6", creature_bodies.cloud, flies=True, wide=160),
    "tree": Kind(r"\btree|oak|willow", "#6fa854", creature_bodies.tree, wide=190),
    "soft creature": Kind(r"^$", "#b08fd0", creature_bodies.soft),
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
