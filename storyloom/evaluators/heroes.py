"""Where a hero stands in a picture: hair above a face above clothes, wherever two of the three have their colours.

So it is noticed that the third one has another colour there, and no tree or house with that colour stands in for it.
"""

from collections.abc import Iterator, Mapping
from itertools import product

import numpy as np
from numpy.typing import NDArray

Distances = NDArray[np.float64]
"""How far each pixel of a small picture is from a wanted colour, in ΔE."""

BOXES: Mapping[str, tuple[float, float, float]] = {
    "hair": (0.0, 0.35, 1.0),
    "skin": (0.4, 0.85, 0.7),
    "clothing": (1.05, 1.5, 0.6),
}
"""Of each part: from where to where it goes down, and how broad it is, in breadths of the head."""
BREADTHS = (0.1, 0.14, 0.19, 0.25, 0.33, 0.42)
"""Of heads that are looked for, as shares of the picture's width."""
FOUND: Mapping[str, float] = {"hair": 0.15, "skin": 0.35, "clothing": 0.2}
"""The share of its box that a part has at least, to tell where a hero stands."""
SHOWN: Mapping[str, float] = {"hair": 0.1, "skin": 0.2, "clothing": 0.15}
"""The share of its box that a part has at least, where a hero stands."""
NEARLY = 0.65
"""A place is as good as the best one if it tells so much of what that one does."""
STEP = 3
"""Pixels between two places that are looked at."""
MOST = 120.0
"""ΔE. Nothing is farther."""


def measure_part(part: str, distances: Mapping[str, Distances], limits: Mapping[str, float]) -> float | None:
    """How far a part of a hero is from its colour, in ΔE, where the other parts tell that the hero stands.

    ``distances`` are those of the parts that have a colour, ``limits`` how far each may be. None where the others tell
    of no place.
    """
    others = [name for name in distances if name != part]
    sums = {name: _sums(distances[name] <= limits[name]) for name in others}
    places = [(breadth, told) for breadth in _breadths(distances[part]) if (told := _tell(sums, breadth)) is not None]
    best = max((float(told.max()) for _, told in places), default=0.0)
    if best < 1:
        return None
    standing = [(breadth, told >= max(1.0, NEARLY * best)) for breadth, told in places]
    nearest, farthest = 0.0, MOST
    while farthest - nearest > 1:
        middle = (nearest + farthest) / 2
        sum_ = _sums(distances[part] <= middle)
        shown = any((_share(sum_, part, breadth)[here] >= SHOWN[part]).any() for breadth, here in standing)
        nearest, farthest = (nearest, middle) if shown else (middle, farthest)
    return farthest


def _breadths(picture: Distances) -> Iterator[int]:
    height, width = picture.shape
    yield from (breadth for share in BREADTHS if _bottom(breadth := round(share * width)) < height and breadth < width)


def _bottom(breadth: int) -> int:
    return round(max(end for _, end, _ in BOXES.values()) * breadth)


def _tell(sums: Mapping[str, Distances], breadth: int) -> Distances | None:
    """How well each place tells of a hero with such a head: 1 where every part is just found."""
    told = [_share(one, part, breadth) / FOUND[part] for part, one in sums.items()]
    return np.minimum.reduce(told) if told else None


def _sums(mask: NDArray[np.bool_]) -> Distances:
    """How many pixels of a mask are above and left of each, by which boxes are counted at once."""
    return np.pad(mask.astype(np.float64).cumsum(0).cumsum(1), ((1, 0), (1, 0)))


def _share(sums: Distances, part: str, breadth: int) -> Distances:
    """The share of a part's box that a mask has, for each place of a head's upper left corner."""
    begin, end, broad = BOXES[part]
    height, width = (side - 1 for side in sums.shape)
    rows, columns = np.arange(0, height - _bottom(breadth), STEP), np.arange(0, width - breadth, STEP)
    top, bottom = round(begin * breadth), round(end * breadth)
    left = round((1 - broad) / 2 * breadth)
    right = left + max(1, round(broad * breadth))
    corner = {
        (down, along): sums[np.ix_(rows + down, columns + along)]
        for down, along in product((top, bottom), (left, right))
    }
    inside: Distances = corner[bottom, right] - corner[top, right] - corner[bottom, left] + corner[top, left]
    return np.asarray(inside / ((bottom - top) * (right - left)))
