"""Reads the plot files.

A plot is a head of `key: value` lines after `# name`, and four scenes. A scene opens with
`@ emotion | action | props | what the picture shows`; its lines follow in order of telling, each marked `*` must,
`+` should, `-` may, and `~ name` where an ornament of that name may stand. `//` parts phrasings to choose from,
`/` parts the values of a key. How lines grow and which slots they know is in language/phrasing.py.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from studio.storyteller.language.rhythm import Weight

_HERE = Path(__file__).parent
_WEIGHTS = {"*": Weight.MUST, "+": Weight.SHOULD, "-": Weight.MAY}


@dataclass(frozen=True)
class Line:
    """One thing that may be told, in phrasings to choose from; or the name of an ornament."""

    weight: Weight
    phrasings: tuple[str, ...] = ()
    ornament: str = ""


@dataclass(frozen=True)
class Beat:
    """One scene of a plot: what its picture shows, and its lines in order."""

    emotion: str
    action: str
    props: tuple[str, ...]
    shows: str
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Plot:
    """A story before it has a hero. `head` keeps the single values, all with slots."""

    name: str
    story_type: str
    head: Mapping[str, tuple[str, ...]]
    beats: tuple[Beat, ...]

    def one(self, key: str) -> str:
        """The value of a key that has only one."""
        return self.head[key][0]

    def spot(self, scene: int) -> str:
        """Where scene 1 to 4 stands when the plot insists ("in a warm bed"), else empty."""
        return self.head.get(f"spot{scene}", ("",))[0]

    @property
    def found(self) -> int:
        """The scene in which the thing that is looked for is seen at last; 0 if nothing is."""
        return int(self.one("found")) if "found" in self.head else 0

    @property
    def youngest(self) -> int:
        """The age in years from which it can be told as shortly as is asked for."""
        return int(self.head.get("from", ("0",))[0])

    @property
    def helper_scenes(self) -> frozenset[int]:
        """1 to 4; empty if the plot needs no helper."""
        return frozenset(int(digit) for digit in " ".join(self.head.get("helper", ())).split())


@dataclass
class _Open:
    name: str
    head: dict[str, tuple[str, ...]] = field(default_factory=dict)
    beats: list[tuple[list[str], list[Line]]] = field(default_factory=list)


@cache
def read_plots() -> tuple[Plot, ...]:
    """Every plot of every file, in the order of their names; what follows a hyphen is no part of the type."""
    return tuple(
        plot
        for path in sorted(_HERE.glob("*.txt"))
        for plot in _read(path.stem.partition("-")[0], path.read_text("utf-8"))
    )


def plots_for(story_type: str) -> tuple[Plot, ...]:
    """Those of one story type; an unknown type is an adventure."""
    found = tuple(plot for plot in read_plots() if plot.story_type == story_type)
    return found or plots_for("adventure")


def _read(story_type: str, text: str) -> Iterator[Plot]:
    plot: _Open | None = None
    for row in (line.strip() for line in text.splitlines()):
        if row.startswith("# "):
            if plot:
                yield _close(story_type, plot)
            plot = _Open(row[2:])
        elif plot and row:
            _take(plot, row)
    if plot:
        yield _close(story_type, plot)


def _take(plot: _Open, row: str) -> None:
    mark, _, rest = row.partition(" ")
    if mark == "@":
        plot.beats.append(([part.strip() for part in rest.split("|")], []))
    elif mark == "~":
        plot.beats[-1][1].append(Line(Weight.MAY, ornament=rest))
    elif mark in _WEIGHTS:
        phrasings = tuple(_breathe(part.strip()) for part in rest.split(" // "))
        plot.beats[-1][1].append(Line(_WEIGHTS[mark], phrasings))
    else:
        key, _, value = row.partition(": ")
        plot.head[key] = tuple(part.strip() for part in value.split(" / "))


def _breathe(phrasing: str) -> str:
    """A bar before a clause that may be left out, where the line has none: for whoever reads in short breaths."""
    return phrasing if "|" in phrasing else _CLAUSE.sub(r",|", phrasing, count=1)


# Nothing that a story insists on may stand behind the bar, and no quote may be cut open.
_CLAUSE = re.compile(
    r",(?= (?:and|so|but|for|with|which|who|since|because|until|just|right|as)\b[^{}“”]*[.!?]?$)|,(?= “[^{}“”]*”\.?$)"
)


def _close(story_type: str, plot: _Open) -> Plot:
    beats = tuple(
        Beat(emotion, action, tuple(prop.strip() for prop in props.split(",") if prop.strip()), shows, tuple(lines))
        for (emotion, action, props, shows), lines in plot.beats
    )
    if len(beats) != 4:
        raise ValueError(f"plot {plot.name} of {story_type} has {len(beats)} scenes")
    return Plot(plot.name, story_type, plot.head, beats)
