"""Companions and helpers that are no people: who is meant by the words, and drawing them at about 150 high."""

# Path data and word lists read better whole than broken.
# ruff: noqa: E501

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from studio.painting import birds, creature_bodies, quadrupeds, sea_creatures, small_creatures
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
    "dog": Kind(r"dog|puppy|hound", "#c08a55", quadrupeds.sitting, wide=160),
    "wolf": Kind(r"wolf|wolves", "#8d949f", quadrupeds.sitting, wide=170),
    "rabbit": Kind(r"rabbit|bunny|hare", "#cdbba6", quadrupeds.sitting),
    "bear": Kind(r"bear", "#9a6a45", quadrupeds.sitting),
    "panda": Kind(r"panda", "#f5f0e6", quadrupeds.sitting),
    "badger": Kind(r"badger", "#8d949f", quadrupeds.sitting),
    "raccoon": Kind(r"raccoon", "#9aa3ad", quadrupeds.sitting, wide=170),
    "otter": Kind(r"otter|beaver", "#8a6244", quadrupeds.sitting, wide=160),
    "koala": Kind(r"koala", "#9aa3ad", quadrupeds.sitting, wide=160),
    "mouse": Kind(r"mouse|mice|rat\b|hamster", "#aaa2ac", quadrupeds.sitting),
    "mole": Kind(r"mole\b", "#5a525e", quadrupeds.sitting),
    "squirrel": Kind(r"squirrel|chipmunk", "#b9663a", quadrupeds.sitting, wide=170),
    "kangaroo": Kind(r"kangaroo|wallaby", "#b98452", quadrupeds.sitting, wide=170),
    "hedgehog": Kind(r"hedgehog|porcupine", "#b39066", creature_bodies.hedgehog, wide=150),
    "deer": Kind(r"deer|fawn|stag\b|moose|reindeer", "#b98452", quadrupeds.sitting),
    "pony": Kind(r"pony|ponies|horse|foal|donkey", "#a9713f", quadrupeds.sitting, wide=160),
    "zebra": Kind(r"zebra", "#f5f0e6", quadrupeds.sitting, wide=160),
    "unicorn": Kind(r"unicorn", "#f5f0e6", quadrupeds.sitting, wide=160),
    "sheep": Kind(r"sheep|lamb\b", "#f5f0e6", quadrupeds.sitting, wide=150),
    "goat": Kind(r"goat", "#e8e0d4", quadrupeds.sitting),
    "cow": Kind(r"cow\b|calf\b", "#f5f0e6", quadrupeds.sitting, wide=160),
    "pig": Kind(r"pig\b|piglet", "#f0a8b4", quadrupeds.sitting, wide=150),
    "lion": Kind(r"lion", "#e0aa50", quadrupeds.sitting, wide=170),
    "tiger": Kind(r"tiger", "#ec8a3c", quadrupeds.sitting, wide=160),
    "leopard": Kind(r"leopard|cheetah|jaguar", "#e6bd62", quadrupeds.sitting, wide=160),
    "monkey": Kind(r"monkey|ape\b|gorilla|chimpanzee", "#8a5a3a", quadrupeds.sitting, wide=170),
    "elephant": Kind(r"elephant", "#9aa5b5", creature_bodies.elephant, wide=170),
    "butterfly": Kind(r"butterfl|moth\b|dragonfly", "#e58fb1", creature_bodies.butterfly, flies=True),
    "bee": Kind(r"bees?\b|bumblebee", "#f4c237", small_creatures.bee, flies=True),
    "ladybird": Kind(r"ladybird|ladybug", "#d8433b", small_creatures.ladybird),
    "caterpillar": Kind(r"caterpillar", "#7cae5a", small_creatures.caterpillar, wide=180),
    "snail": Kind(r"snail", "#c99a5b", small_creatures.snail, wide=160),
    "fairy": Kind(r"fairy|pixie", "#8fcf9b", small_creatures.fairy, flies=True),
    "robin": Kind(r"robin\b", "#8a6a4c", birds.small, flies=True),
    "bird": Kind(r"bird|sparrow|crow|raven|parrot|eagle|gull|blackbird|wren", "#5aa3d0", birds.small, flies=True),
    "duck": Kind(r"duck", "#f4c237", birds.wading, wide=150),
    "goose": Kind(r"goose|geese|swan", "#f5f0e6", birds.wading, wide=160),
    "hen": Kind(r"hens?\b|chicken|chick\b|rooster", "#c8743a", birds.wading, wide=150),
    "penguin": Kind(r"penguin", "#34405a", birds.penguin),
    "bat": Kind(r"bat\b", "#6a5a7a", creature_bodies.bird, flies=True),
    "dragon": Kind(r"dragon\b", "#5fae8a", creature_bodies.dragon, wide=190),
    "dinosaur": Kind(r"dinosaur|t-?rex|triceratops", "#5f93c4", creature_bodies.dragon, wide=190),
    "turtle": Kind(r"turtle|tortoise", "#7cae5a", creature_bodies.turtle, wide=170),
    "crab": Kind(r"crab", "#d8433b", sea_creatures.crab, wide=180),
    "seal": Kind(r"seals?\b|walrus|sea lion", "#8d949f", sea_creatures.seal, wide=180),
    "octopus": Kind(r"octopus|squid", "#8a5bb5", sea_creatures.octopus, wide=170),
    "frog": Kind(r"frog|toad|newt", "#6fb552", creature_bodies.frog, wide=150),
    "dolphin": Kind(r"dolphin", "#6f9fc4", sea_creatures.dolphin, flies=True, wide=200),
    "whale": Kind(r"whale|narwhal|orca", "#5f93c4", creature_bodies.whale, flies=True, wide=210),
    "fish": Kind(r"(?:gold)?fish\b|seahorse", "#f08a4a", creature_bodies.fish, flies=True, wide=150),
    "robot": Kind(r"robot|android|drone|machine", "#8fb0c8", creature_bodies.robot),
    "alien": Kind(r"alien", "#7fc46a", small_creatures.alien),
    "monster": Kind(r"monster", "#8a5bb5", small_creatures.monster),
    "firefly": Kind(r"firefly|fireflies|glow ?worm|lightning bug|spark", "#f4d35e", creature_bodies.firefly, flies=True),
    "star": Kind(r"star|moonbeam|comet", "#f7d05c", creature_bodies.star, flies=True),
    "ghost": Kind(r"ghost|spirit", "#eef2f8", small_creatures.ghost, flies=True),
    "cloud": Kind(r"cloud|wind\b", "#e8eef6", creature_bodies.cloud, flies=True, wide=160),
    "tree": Kind(r"\btree|oak|willow", "#6fa854", creature_bodies.tree, wide=190),
    "soft creature": Kind(r"^$", "#b08fd0", creature_bodies.soft),
})  # fmt: skip
_PEOPLE = (
    r"grand|granny|nana|nurse|doctor|teacher|mother|father|mum|mom\b|dad|uncle|aunt|woman|\bman\b|lady|girl|boy|child|"
    r"sister|brother|captain|wizard|witch|neighbou?r|keeper|gardener|baker|librarian|human|person|king|queen|princess|"
    r"sailor|driver|surgeon|astronaut|friend\b|coach|farmer|fisher|elder|astronomer|scientist"
)


_COATS = re.compile(r"\b(?:fur|coat|scales|feathers|skin|wool)\b")


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
    # What it has is not what it is: a deer with white spots is no white deer, though one with green scales is green.
    own = re.split(r"\bwith\b", low)[0]
    word = word_in(low if re.search(_COATS, low) else own)
    return Creature(name, hex_in(low) or (PLAIN[word] if word else KINDS[name].colour))


def draw(sheet: Sheet, creature: Creature) -> None:
    """The creature with its feet (or, in the air, its lower edge) at (0, 0)."""
    kind = creature.kind
    if not kind.flies:
        sheet.shadow(0, 3, kind.wide * 0.5)
    kind.draw(sheet, creature.colour, creature.name)
