"""A picture's bytes decoded and checked, and its colours for the child's lamp (Philips Hue)."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from math import prod

from PIL import Image

from storyloom.runtime.executors import run_in_thread
from storyloom.story.results import HexColour

MAX_BYTES = 32 * 1024 * 1024
# What Pillow raises for damaged files; the last two for a header that claims to be huge.
_DECODE_ERRORS = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,
)

MIN_COLOUR_DISTANCE = 80.0
"""RGB distance that two colours of a palette have at least, where the picture has such colours."""
_THUMBNAIL_SIZE = 160
_MAX_COLOURS = 8
_MIN_SHARE = 0.004

Rgb = tuple[int, int, int]


class NotAPictureError(Exception):
    """The bytes are no PNG of the size that was ordered. The message says why, in a few words."""


@dataclass(frozen=True, slots=True)
class DecodedImage:
    """A whole PNG, its size in pixels and its three colours."""

    png: bytes
    width: int
    height: int
    hue_colours: tuple[HexColour, ...]


async def decode(png: bytes, size: tuple[int, int]) -> DecodedImage:
    """Decode the bytes in a thread. Raises NotAPictureError."""
    return await run_in_thread(_decode, png, size)


def _decode(png: bytes, size: tuple[int, int]) -> DecodedImage:
    try:
        with Image.open(io.BytesIO(png), formats=("PNG",)) as picture:
            _check(picture, png, size)
            picture.load()
            return DecodedImage(png, *picture.size, read_palette(picture))
    except _DECODE_ERRORS as error:
        raise NotAPictureError("it cannot be decoded") from error


def _check(picture: Image.Image, png: bytes, size: tuple[int, int]) -> None:
    """By the header, before a pixel is decoded: a bomb is never unpacked."""
    if len(png) > MAX_BYTES:
        raise NotAPictureError("it is too large")
    if picture.size != size:
        raise NotAPictureError(f"it is {picture.width}x{picture.height}, not {size[0]}x{size[1]}")


def read_palette(picture: Image.Image) -> tuple[HexColour, HexColour, HexColour]:
    """Three colours, the same for the same pixels. CPU work (50 ms): keep it out of the event loop.

    Method: Pillow's median cut with two k-means rounds on a thumbnail; of all triples the deepest whose colours stand
    apart, else the one that stands furthest apart. A picture of fewer than three colours is filled up with shades.
    """
    shares = _quantise(picture)
    chosen = _choose(shares) if len(shares) >= 3 else list(shares)
    chosen.sort(key=lambda colour: (-shares[colour], colour))
    one, two, three = [*chosen, *_shades(chosen[0])][:3]
    return _hex(one), _hex(two), _hex(three)


def _quantise(picture: Image.Image) -> dict[Rgb, float]:
    """The main colours and what share of the picture each has, 0 to 1."""
    small = picture.convert("RGB")
    small.thumbnail((_THUMBNAIL_SIZE, _THUMBNAIL_SIZE))
    quantised = small.quantize(_MAX_COLOURS, Image.Quantize.MEDIANCUT, kmeans=2)
    table = quantised.getpalette() or []
    counts: dict[Rgb, int] = {}
    for count, index in quantised.getcolors() or []:
        assert isinstance(index, int), "a quantised picture holds indices"
        colour = (table[3 * index], table[3 * index + 1], table[3 * index + 2])
        counts[colour] = counts.get(colour, 0) + count
    whole = small.width * small.height
    seen = {colour: count / whole for colour, count in counts.items() if count / whole >= _MIN_SHARE}
    return seen or {max(counts, key=lambda colour: counts[colour]): 1.0}


def _choose(shares: dict[Rgb, float]) -> list[Rgb]:
    # The product, not the sum: one strong colour must not carry two dull ones.
    weights = {colour: share**0.5 * _depth(colour) for colour, share in shares.items()}
    triples = [*combinations(sorted(shares), 3)]
    apart = [triple for triple in triples if _closest(triple) >= MIN_COLOUR_DISTANCE]
    if apart:
        return list(max(apart, key=lambda triple: (prod(weights[colour] for colour in triple), triple)))
    furthest = max(triples, key=lambda triple: (_closest(triple), triple))
    return list(furthest)


def _depth(colour: Rgb) -> float:
    """How much a lamp can make of it: chroma counts, paper white and pitch black do not."""
    chroma = (max(colour) - min(colour)) / 255
    return 0.05 + chroma if max(colour) >= 40 else 0.02


def _closest(colours: Sequence[Rgb]) -> float:
    return min(distance(one, other) for one, other in combinations(colours, 2))


def distance(one: Rgb, other: Rgb) -> float:
    """Euclidean, 0 to 441."""
    return float(sum((a - b) ** 2 for a, b in zip(one, other, strict=True)) ** 0.5)


def _shades(colour: Rgb) -> tuple[Rgb, Rgb]:
    """Two shades of a colour, darker or lighter, whichever there is room for."""
    bright = sum(colour) > 3 * 127
    red, green, blue = ([c // 2, c // 4] if bright else [c + (255 - c) // 2, c + (255 - c) * 3 // 4] for c in colour)
    return (red[0], green[0], blue[0]), (red[1], green[1], blue[1])


def _hex(colour: Rgb) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)
