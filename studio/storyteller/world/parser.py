"""Reads the world: places, creatures, things, ornaments."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_HERE = Path(__file__).parent
INDOORS = {
    "house",
    "clinic",
    "school",
    "space",
    "underwater",
    "cave",
    "library",
}  # places that have no weather of their own


@dataclass(frozen=True)
class Place:
    """Somewhere: `names` and `spots` begin with their preposition; spots lead away and home again."""

    name: str
    words: frozenset[str]
    names: tuple[str, ...]
    spots: tuple[str, ...]
    colours: tuple[str, ...]
    lines: tuple[str, ...]
    drawn: tuple[str, ...] = ()
    """What the painter draws at each spot, in its own words."""


@dataclass(frozen=True)
class Creature:
    """A kind of companion or helper."""

    kind: str
    look: str
    sound: str
    move: str
    habit: str


@cache
def read_places() -> tuple[Place, ...]:
    """All places, in the order in which their words are tried."""
    return tuple(_place(part) for part in (_HERE / "places.txt").read_text("utf-8").split("\n# ")[1:])


def _place(part: str) -> Place:
    name, *rows = part.strip().splitlines()
    keys = dict(row.split(": ", 1) for row in rows if not row.startswith("- ") and ": " in row)
    return Place(
        name=name.strip(),
        words=frozenset(keys["words"].split()),
        names=tuple(keys["name"].split(" / ")),
        spots=tuple(keys["spots"].split(" / ")),
        colours=tuple(keys["colours"].split()),
        lines=tuple(row[2:] for row in rows if row.startswith("- ")),
        drawn=_drawn(keys["drawn"]),
    )


def _drawn(row: str) -> tuple[str, ...]:
    """The painter's four places; a single one stands for all, and a name may be of two words."""
    names = re.findall("dinosaur valley|[a-z]+", row)
    return tuple(names) if len(names) == 4 else (names[0],) * 4


@cache
def read_creatures() -> Mapping[str, Creature]:
    """By kind."""
    rows = (_HERE / "creatures.txt").read_text("utf-8").splitlines()[1:]
    parts = ([part.strip() for part in row.split(" | ", 4)] for row in rows if row)
    return {kind: Creature(kind, look, sound, move, habit) for kind, look, sound, move, habit in parts}


@cache
def read_things() -> Mapping[str, str]:
    """What each known thing did, by its name."""
    rows = (_HERE / "things.txt").read_text("utf-8").splitlines()[1:]
    return dict(row.split(" | ", 1) for row in rows if row)


@cache
def read_ornaments() -> Mapping[str, tuple[str, ...]]:
    """Lines by the name of their section."""
    return _read_sections("ornaments.txt")


@cache
def read_lore() -> Mapping[str, tuple[str, ...]]:
    """What is known of subjects, concepts and languages, by the name of the section."""
    return _read_sections("lore.txt")


def _read_sections(name: str) -> Mapping[str, tuple[str, ...]]:
    """A file of `[section]` rows, each with `- line` rows below it; other rows are comments."""
    sections: dict[str, list[str]] = {}
    lines: list[str] = []
    for row in (_HERE / name).read_text("utf-8").splitlines():
        if row.startswith("["):
            lines = sections.setdefault(row.strip("[]"), [])
        elif row.startswith("- "):
            lines.append(row[2:])
    return {name: tuple(found) for name, found in sections.items()}
